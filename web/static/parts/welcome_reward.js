// Second step: a first reward, with three fields; the rest can be changed later.
import { el, set } from "../lib/dom.js";
import { duration, number, text } from "../lib/fields.js";
import { form } from "../lib/form.js";
import { button, link, notice, signal } from "../lib/parts.js";
import { rewardTile, tileMark } from "./reward_tile.js";
import { makesVips } from "./rules_form.js";
import { LONGEST_SECONDS, timeInWords } from "./times.js";

const WEEK = 7 * 86_400;
const COLOUR = "#9147FF";

const heading = (words) => set(el("h2", "", words), { tabindex: "-1" });

function there(ctx, rewards, next) {
  const rows = rewards.map((reward) =>
    el("li", "line-row", tileMark(reward.color), el("span", "line-words", el("strong", "", el("bdi", "", reward.title)), el("span", "quiet", `${ctx.say("points", { n: reward.cost })} · ${timeInWords(reward.time)}`)), signal("go", ctx.say("on_twitch"))),
  );
  return el(
    "section", "panel welcome-step",
    el("div", "panel-pad stack-tight", heading(ctx.say("reward_there", { n: rewards.length })), el("p", "quiet measure", ctx.say("reward_there_text"))),
    el("ul", "lines", ...rows),
    el("div", "panel-pad actions-left", button({ words: ctx.say("go_on"), kind: "", press: next }), link({ words: ctx.say("to_rewards"), href: ctx.url("/rewards") })),
  );
}

export function rewardStep(ctx, { points, next, done }) {
  const rewards = points.rewards.filter((reward) => makesVips(reward) && !reward.missing_on_twitch);
  if (rewards.length > 0) return { node: there(ctx, rewards, next) };
  if (!points.can_create) {
    const again = button({ words: ctx.say("look_again"), press: ctx.reload });
    return { node: el("section", "panel welcome-step", el("div", "panel-pad stack", heading(ctx.say("reward_cannot")), notice({ tone: "stop", text: points.why_not, actions: [again] }), el("div", "actions-left", button({ words: ctx.say("later"), press: next })))) };
  }
  const tile = rewardTile();
  const taken = new Set(points.others.map((each) => each.title.trim().toLocaleLowerCase()));
  const values = { title: ctx.say("reward_title"), cost: 50_000, seconds: WEEK };
  const changed = ({ title, cost }) => tile.update({ title: title.trim() || ctx.say("reward_title"), cost, color: COLOUR });
  const fields = form(ctx, {
    fields: [
      text({ name: "title", label: ctx.say("title"), max: points.limits.title_characters, required: true, check: (title) => (taken.has(title.trim().toLocaleLowerCase()) ? ctx.say("title_taken") : "") }),
      number({ name: "cost", label: ctx.say("cost"), hint: ctx.say("cost_hint"), unit: ctx.say("points_unit"), min: 1, max: 2_000_000_000 }),
      duration({ name: "seconds", label: ctx.say("lasts"), min: 60, max: LONGEST_SECONDS }),
    ],
    values,
    inDialog: true,
    words: ctx.say("create"),
    changed,
    async save(_, record) {
      const body = { title: record.title.trim(), cost: record.cost, prompt: "", color: COLOUR, time: { lasting: "fixed", seconds: record.seconds, per: 1 } };
      const made = await ctx.api("POST", "/api/channel-points", { body });
      points.rewards.push(made);
      done.reward = true;
    },
    saved() {
      ctx.toast({ words: ctx.say("created", { title: points.rewards.at(-1).title }), tone: "go" });
      next();
    },
  });
  changed(values);
  const text_ = el("p", "quiet measure", ctx.say("reward_new_text"));
  const skip = button({ words: ctx.say("later"), press: next });
  fields.node.querySelector(".form-foot").prepend(skip);
  const preview = el("aside", "reward-preview", el("p", "preview-name", ctx.say("preview")), el("div", "tw", tile.node));
  return { node: el("section", "panel welcome-step", el("div", "panel-pad stack-tight", heading(ctx.say("reward_new")), text_), el("div", "panel-pad welcome-reward", fields.node, preview)) };
}
