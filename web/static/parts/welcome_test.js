// Third step: the streamer redeems the reward. We see it, know that it is a test, and give the points back.
import { el, lamp, set } from "../lib/dom.js";
import { badge, button, link, notice, signal } from "../lib/parts.js";
import { clockTime } from "../lib/words.js";
import { now } from "../lib/clock.js";

const HELP_MS = 60_000;

export function testStep(ctx, { points, finish, tell }) {
  const reward = points.rewards.find((each) => !each.missing_on_twitch && each.enabled && !each.paused) ?? points.rewards[0];
  const began = now();
  const title = set(el("h2", "", ""), { tabindex: "-1" });
  const place = el("div", "panel-pad stack");
  const node = el("section", "panel welcome-step", el("div", "panel-pad stack-tight", title), place);
  let timer = null;

  function wait() {
    title.textContent = ctx.say("test");
    if (!reward) {
      place.replaceChildren(notice({ tone: "standby", text: ctx.say("test_no_reward") }), el("div", "actions-left", button({ words: ctx.say("finish"), press: finish })));
      return;
    }
    const url = `https://www.twitch.tv/${encodeURIComponent(ctx.channel.login)}`;
    const step = (n, ...content) => el("li", "", el("b", "", String(n)), el("span", "", ...content));
    const steps = el(
      "ol", "steps",
      step(1, ...ctx.nodes("test_1", { channel: ctx.channel.name || ctx.channel.login })),
      step(2, ...ctx.nodes("test_2", { reward: reward.title })),
      step(3, ctx.say("test_3")),
    );
    const waiting = set(el("div", "test-wait", lamp("standby", "lamp-big"), el("div", "", el("strong", "", ctx.say("waiting")), el("p", "quiet", ctx.say("waiting_text")))), { role: "status" });
    const help = el("div", "");
    timer = setTimeout(() => help.replaceChildren(notice({ heading: ctx.say("help"), text: ctx.say("help_text") })), HELP_MS);
    const state = ctx.live.picture?.channel?.connection?.state;
    const off = state && state !== "live" ? notice({ tone: "standby", text: ctx.say("not_connected"), actions: [link({ words: ctx.say("to_connection"), href: ctx.url("/connection") })] }) : null;
    place.replaceChildren(
      el("p", "measure", ctx.say("test_text")),
      ...(off ? [off] : []),
      steps, waiting, help,
      el("div", "actions-left", link({ words: ctx.say("open_twitch"), href: url, icon: "external", kind: "", external: true }), button({ words: ctx.say("finish_untested"), press: finish })),
    );
  }

  function worked(deed) {
    clearTimeout(timer);
    title.textContent = ctx.say("works");
    const cost = Number(deed.detail?.reward_cost) || reward?.cost || 0;
    const story = el(
      "ol", "test-story",
      el("li", "", signal("go", ctx.say("story_seen", { time: clockTime(deed.at, now()) }))),
      el("li", "", signal("go", ctx.say("story_known"))),
      el("li", "", signal("go", ctx.say("story_refunded", { n: cost }))),
    );
    place.replaceChildren(
      el("div", "test-wait", lamp("go", "lamp-big"), el("div", "", el("p", "", el("strong", "", ctx.say("works_heading")), " ", badge(ctx.say("a_test"))), el("p", "quiet", ctx.say("works_text")))),
      story,
      el("div", "actions-left", button({ words: ctx.say("finish"), kind: "", press: finish }), button({ words: ctx.say("test_again"), press: wait })),
    );
    tell({ test: true });
    ctx.heard(ctx.say("works_heading"));
  }

  const end = ctx.live.on("activity", (deed) => {
    if (deed.reason === "broadcaster" && deed.action === "vip.refunded" && deed.at >= began - 5_000) worked(deed);
  });
  wait();
  return {
    node,
    leave() {
      end();
      clearTimeout(timer);
    },
  };
}
