// The channel-point rewards that make viewers VIP: how they stand, and making, changing, pausing and deleting them.
import { bdi, el, set } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { menu } from "../lib/menu.js";
import { badge, button, empty, link, notice, signal, skeleton } from "../lib/parts.js";
import { figure } from "../lib/words.js";
import { adoptReward, editReward, newReward } from "../parts/reward_editor.js";
import { tileMark } from "../parts/reward_tile.js";
import { isBusy, keepFocus } from "../parts/focus.js";
import { makesVips, NO_RULES, refusesAll, refusesAllNotice, rulesFor, rulesInWords } from "../parts/rules_form.js";
import { sheetsMayLeave } from "../parts/sheet.js";
import { inWords, timeInWords } from "../parts/times.js";
import words from "../words/en/rewards.js";

const CALM_MS = 3_000;

/** The state of a reward as its signal: what keeps viewers from redeeming it comes first. */
function stateOf(reward) {
  if (reward.missing_on_twitch) return ["stop", "state_missing"];
  if (!reward.enabled) return ["info", "state_off"];
  if (reward.paused_by_us) return ["standby", "state_full"];
  if (reward.paused) return ["standby", "state_paused"];
  if (reward.in_stock === false) return ["standby", "state_sold"];
  return ["go", "state_on"];
}

function limitsOf(ctx, reward) {
  const told = [];
  if (reward.cooldown_seconds > 0) told.push(ctx.say("limit_cooldown", { time: inWords(reward.cooldown_seconds) }));
  if (reward.max_per_stream > 0) told.push(ctx.say("limit_stream", { n: reward.max_per_stream }));
  if (reward.max_per_viewer_per_stream > 0) told.push(ctx.say("limit_viewer", { n: reward.max_per_viewer_per_stream }));
  if (reward.pauses_when_full) told.push(ctx.say("limit_full"));
  if (reward.rules) told.push(ctx.say("limit_rules", { rules: rulesInWords(reward.rules).join(", ") || ctx.say("limit_no_rules") }));
  return told;
}

const fact = (name, ...words) => el("span", "reward-fact", icon(name), el("span", "", ...words));

function card(ctx, reward, shared) {
  const [tone, state] = stateOf(reward);
  const title = el("h2", "reward-title", bdi(reward.title));
  title.title = reward.title;
  const cost = fact("rewards", ctx.say("cost", { n: reward.cost }));
  const time = makesVips(reward) ? fact("clock", timeInWords(reward.time)) : fact(reward.action === "party_open" ? "party" : "queue", ctx.say(`does_${reward.action}`));
  const limits = limitsOf(ctx, reward).map((words) => badge(words));
  const count = (n, key) => el("div", "reward-count", el("dt", "", ctx.say(key)), el("dd", "number", n === null ? "–" : figure(n)));
  const numbers = el("dl", "reward-numbers", count(reward.redeemed_now, "redeemed_now"), count(reward.pending, "pending"));
  const edit = button({ words: ctx.say("edit"), icon: "edit", press: () => editReward(ctx, reward, shared) });
  set(edit, { "aria-label": ctx.say("edit_one", { title: reward.title }) });
  const more = menu({ words: ctx.say("more", { title: reward.title }), items: () => deeds(ctx, reward, shared) });
  if (!ctx.owner) edit.hidden = more.hidden = true;
  if (reward.missing_on_twitch) edit.hidden = true;
  const rules = rulesFor(reward, shared.rules);
  const refused = makesVips(reward) && !reward.missing_on_twitch && refusesAll(reward.time, reward.cost, rules);
  const node = el(
    "li", "panel reward",
    tileMark(reward.color),
    el("div", "reward-words", title, el("p", "reward-facts", cost, time)),
    el("div", "reward-state", signal(tone, ctx.say(state))),
    el("div", "reward-actions", edit, more),
    reward.missing_on_twitch ? el("p", "reward-note", reward.advice || ctx.say("missing_text")) : null,
    refused ? el("div", "reward-note", refusesAllNotice(reward.title, reward.time, reward.cost, rules)) : null,
    el("div", "reward-foot", el("div", "reward-limits", ...(limits.length > 0 ? limits : [el("span", "faint", ctx.say("no_limits"))])), numbers),
  );
  node.dataset.id = reward.id;
  set(node, { "data-off": tone === "go" ? null : "" });
  return node;
}

function deeds(ctx, reward, shared) {
  const gone = reward.missing_on_twitch;
  const running = reward.enabled && !reward.paused;
  const change = (changes, words) => () => patch(ctx, reward, changes, ctx.say(words, { title: reward.title }));
  const items = [];
  if (!gone && reward.enabled) {
    items.push(running ? { words: ctx.say("pause"), icon: "pause", press: change({ paused: true }, "paused") } : { words: ctx.say("resume"), icon: "play", press: change({ paused: false }, "resumed") });
  }
  if (!gone) items.push({ words: ctx.say(reward.enabled ? "hide" : "show"), icon: reward.enabled ? "minus" : "check", press: change({ enabled: !reward.enabled }, reward.enabled ? "hidden" : "shown") });
  if (gone) items.push({ words: ctx.say("again"), icon: "plus", press: () => newReward(ctx, shared, reward) });
  else items.push({ words: ctx.say("copy"), icon: "copy", press: () => newReward(ctx, shared, reward), why: shared.can_create ? "" : shared.why_not });
  items.push(null, { words: ctx.say(gone ? "forget" : "delete"), icon: "trash", danger: true, press: () => remove(ctx, reward) });
  return items;
}

async function patch(ctx, reward, body, happened) {
  try {
    await ctx.api("PATCH", `/api/channel-points/${encodeURIComponent(reward.id)}`, { body });
    ctx.toast({ words: happened, tone: "go" });
    await ctx.reload();
  } catch (error) {
    ctx.failed(error, ctx.say("not_changed", { title: reward.title }));
  }
}

async function remove(ctx, reward) {
  const text = reward.pending > 0 ? ctx.say("delete_pending", { n: reward.pending }) : ctx.say("delete_text");
  const heading = ctx.say(reward.missing_on_twitch ? "forget_heading" : "delete_heading", { title: reward.title });
  const sure = await ctx.confirm({ heading, text, yes: ctx.say(reward.missing_on_twitch ? "forget" : "delete"), danger: true });
  if (!sure) return;
  try {
    const told = await ctx.settle(await ctx.api("DELETE", `/api/channel-points/${encodeURIComponent(reward.id)}`));
    if (told?.state === "failed") ctx.toast({ words: ctx.say("delete_failed", { title: reward.title }), tone: "stop" });
    else ctx.toast({ words: ctx.say("deleted", { title: reward.title }), tone: "go" });
    await ctx.reload();
  } catch (error) {
    ctx.failed(error, ctx.say("delete_failed", { title: reward.title }));
  }
}

/** What else stands on the channel, and why it cannot be used; what can be adopted has a button. */
function others(ctx, data) {
  if (data.others.length === 0) return null;
  const row = (other) => {
    const may = other.why === "";
    const adopt = button({ words: ctx.say("adopt"), press: () => adoptReward(ctx, data, other) });
    return el(
      "li", "line-row other",
      el("span", "line-words", el("strong", "", bdi(other.title)), el("span", "quiet", may ? ctx.say("adopt_text") : other.why)),
      el("span", "faint number", ctx.say("cost", { n: other.cost })),
      may ? ctx.ownerOnly(adopt) : null,
    );
  };
  const box = el("details", "others", el("summary", "", icon("down"), el("span", "", ctx.say("others", { n: data.others.length }))), el("p", "quiet measure", ctx.say("others_text")), el("ul", "lines", ...data.others.map(row)));
  box.open = data.others.some((other) => other.why === "");
  return el("section", "panel", box);
}

function first(ctx, data) {
  const suggestion = { title: ctx.say("first_title"), cost: 50_000, prompt: ctx.say("first_prompt") };
  const make = button({ words: ctx.say("first_action", { title: suggestion.title }), icon: "plus", kind: "", press: () => newReward(ctx, data, suggestion) });
  if (!data.can_create) return empty({ heading: ctx.say("empty"), text: data.why_not });
  if (!ctx.owner) return empty({ heading: ctx.say("empty"), text: ctx.say("empty_moderator") });
  return empty({ heading: ctx.say("empty"), steps: [ctx.say("empty_1"), ctx.say("empty_2"), ctx.say("empty_3")], actions: [make, link({ words: ctx.say("guide"), href: ctx.url("/welcome") })] });
}

export default {
  words,
  styles: ["manage", "rewards"],
  heading: (ctx) => ctx.say("heading"),
  intro: (ctx) => ctx.say("intro"),
  skeleton: () => skeleton("cards", 3),
  async load(ctx) {
    const [told, settings] = await Promise.all([
      ctx.api("GET", "/api/channel-points", { signal: ctx.signal }),
      ctx.api("GET", "/api/settings", { signal: ctx.signal }).catch(() => null), // only to warn
    ]);
    return { ...told, rules: settings?.rules ?? NO_RULES };
  },

  tools(ctx, data) {
    const used = el("span", "reward-used quiet number", ctx.say("used", { used: figure(data.limits.used), most: figure(data.limits.rewards) }));
    if (!ctx.owner) return [used];
    const make = button({ words: ctx.say("new"), icon: "plus", kind: "", press: () => newReward(ctx, data), title: data.can_create ? "" : data.why_not });
    make.disabled = !data.can_create;
    return data.rewards.length > 0 ? [used, make] : [used];
  },

  show(ctx, data) {
    keepFocus();
    ctx.live.on("settings", ({ parts }) => (parts.includes("rewards") || parts.includes("rules")) && ctx.reload());
    // "Redeemed this stream" and "waiting" change with each redemption: ask again once they have calmed down.
    let timer = null;
    const again = () => {
      if (isBusy()) timer = setTimeout(again, CALM_MS);
      else ctx.reload();
    };
    ctx.live.on("activity", ({ cause }) => {
      if (cause === "redemption") timer ??= setTimeout(again, CALM_MS);
    });
    const blocked = !data.can_create && data.rewards.length > 0 && ctx.owner;
    const list = el("ul", "reward-list", ...data.rewards.map((reward) => card(ctx, reward, data)));
    const node = el(
      "div", "stack rewards",
      ctx.owner ? null : notice({ text: ctx.say("read_only", { channel: ctx.channel.name || ctx.channel.login }) }),
      blocked ? notice({ tone: "standby", text: data.why_not }) : null,
      data.rewards.length > 0 ? list : first(ctx, data),
      others(ctx, data),
    );
    return { node, leave: () => clearTimeout(timer), mayLeave: sheetsMayLeave };
  },
};
