// Making and changing a reward, in a sheet, beside a picture of what viewers will see.
import { bdi, el, on, set, setText } from "../lib/dom.js";
import { area, colour, duration, group, number, radios, text, toggle } from "../lib/fields.js";
import { form } from "../lib/form.js";
import { notice } from "../lib/parts.js";
import { figure, scope } from "../lib/words.js";
import words from "../words/en/reward_editor.js";
import { rewardTile } from "./reward_tile.js";
import { LENGTHS, makesVips, NO_RULES, ruleFields, rulesOf, rulesRecord, warnings } from "./rules_form.js";
import { openSheet } from "./sheet.js";
import { arrangeTime, secondsFor, timeExample, timeFields, timeInWords, timeOf, timeRecord } from "./times.js";

const { say, fill } = scope("reward_editor", words);
const COLOURS = ["#9147FF", "#5C16C5", "#1F69FF", "#00A3A3", "#F5A8D0", "#FF6905", "#FFD37A", "#1F1B18"];
const WEEK = 7 * 86_400;
const ACTIONS = ["vip", "party_open", "party_queue"];
const FRESH = {
  action: "vip",
  title: "", cost: 50_000, prompt: "", color: COLOURS[0], enabled: true, pauses_when_full: false, cooldown_seconds: 0, max_per_stream: 0,
  max_per_viewer_per_stream: 0, user_input: false, time: { lasting: "fixed", seconds: WEEK, per: 1 }, rules: null,
};

/** A reward of the server's as the form holds it: what is 0 for "no limit" there is empty here. */
function recordOf(reward) {
  const { title, cost, prompt, color, enabled, pauses_when_full, user_input } = reward;
  return {
    action: reward.action ?? "vip",
    title, cost, prompt, color: (color || COLOURS[0]).toUpperCase(), enabled, pauses_when_full, user_input,
    cooldown_seconds: reward.cooldown_seconds || null,
    max_per_stream: reward.max_per_stream || null,
    max_per_viewer_per_stream: reward.max_per_viewer_per_stream || null,
    time: timeRecord(reward.time.seconds > 0 ? reward.time : null, "points"),
    rules_from: reward.rules ? "own" : "channel",
    rules: rulesRecord(reward.rules ?? NO_RULES),
  };
}

/** What is sent: of a reward that is there only what differs. */
function bodyOf(record, before) {
  const body = {
    action: record.action,
    title: record.title.trim(), cost: record.cost, prompt: record.prompt.trim(), color: record.color, enabled: record.enabled,
    pauses_when_full: record.pauses_when_full, user_input: record.user_input,
    cooldown_seconds: record.cooldown_seconds ?? 0,
    max_per_stream: record.max_per_stream ?? 0,
    max_per_viewer_per_stream: record.max_per_viewer_per_stream ?? 0,
    time: timeOf(record.time),
    rules: record.rules_from === "own" ? rulesOf(record.rules) : null,
  };
  if (!makesVips(record)) for (const key of ["time", "rules", "pauses_when_full"]) delete body[key];
  if (record.action === "party_queue") body.user_input = true;
  if (!before) return body;
  const same = (key) => JSON.stringify(body[key]) === JSON.stringify(before[key]);
  return Object.fromEntries(Object.keys(body).filter((key) => !same(key)).map((key) => [key, body[key]]));
}

function fieldsOf(shared, reward) {
  const titles = new Set([...shared.rewards, ...shared.others].filter((each) => each.id !== reward?.id).map((each) => each.title.trim().toLocaleLowerCase()));
  const unique = (title) => (titles.has(title.trim().toLocaleLowerCase()) ? say("title_taken") : "");
  const own = (record) => makesVips(record) && record.rules_from === "own";
  const rules = ruleFields("rules", (record) => record.rules, own);
  const { title_characters: mostTitle, prompt_characters: mostPrompt } = shared.limits;
  return [
    group({
      heading: say("seen"),
      fields: [
        text({ name: "title", label: say("title"), max: mostTitle, required: true, check: unique, placeholder: say("title_example") }),
        number({ name: "cost", label: say("cost"), unit: say("points"), min: 1, max: 2_000_000_000 }),
        area({ name: "prompt", label: say("prompt"), max: mostPrompt, rows: 2, placeholder: say("prompt_example") }),
        colour({ name: "color", label: say("color") }),
      ],
    }),
    group({ heading: say("does"), fields: [actions()] }),
    group({ heading: say("time"), when: makesVips, fields: timeFields("time", "points", (record) => record.time) }),
    group({
      heading: say("limits"),
      hint: say("limits_hint"),
      fields: [
        number({ name: "max_per_stream", label: say("max_per_stream"), min: 1, max: 1_000_000, optional: say("no_limit") }),
        number({ name: "max_per_viewer_per_stream", label: say("max_per_viewer"), min: 1, max: 1_000_000, optional: say("no_limit") }),
        duration({ name: "cooldown_seconds", label: say("cooldown"), hint: say("cooldown_hint"), min: 60, max: WEEK, optional: say("none") }),
        toggle({ name: "pauses_when_full", label: say("pauses"), hint: say("pauses_hint"), when: makesVips }),
        toggle({ name: "user_input", label: say("user_input"), hint: say("user_input_hint"), when: ({ action }) => action !== "party_queue" }),
        toggle({ name: "enabled", label: say("enabled"), hint: say("enabled_hint") }),
      ],
    }),
    group({
      heading: say("rules"),
      when: makesVips,
      fields: [radios({ name: "rules_from", label: say("rules_from"), options: ["channel", "own"].map((value) => ({ value, words: say(`rules_${value}`), hint: say(`rules_${value}_hint`) })) }), ...rules.who, ...rules.often],
    }),
  ];
}

/** What a redemption does. */
const actions = () => radios({ name: "action", label: say("does"), options: ACTIONS.map((value) => ({ value, words: say(`does_${value}`), hint: say(`does_${value}_hint`) })) });

/** What a viewer sees on Twitch: the tile among the rewards, and the window that opens when it is pressed. */
function preview() {
  const tile = rewardTile();
  const title = bdi("", "tw-title");
  const prompt = set(el("p", "tw-prompt"), { dir: "auto" });
  const cost = el("span", "number");
  const lasts = el("p", "tw-lasts");
  const input = el("span", "tw-input", say("seen_input"));
  const window = el("div", "tw-window", title, prompt, input, el("span", "tw-button", tileCoin(), cost));
  const node = el("aside", "reward-preview", el("p", "preview-name", say("preview")), el("div", "tw", tile.node, window), lasts);
  set(node, { "aria-label": say("preview") });
  return {
    node,
    update(record) {
      const shown = record.title.trim() || say("title_example");
      tile.update({ title: shown, cost: record.cost, color: record.color, off: !record.enabled });
      setText(title, shown);
      setText(prompt, record.prompt.trim());
      prompt.hidden = record.prompt.trim() === "";
      input.hidden = !record.user_input && record.action !== "party_queue";
      setText(cost, record.cost > 0 ? figure(record.cost) : "0");
      const time = timeOf(record.time);
      const known = time.seconds > 0 && record.cost > 0 && time.per > 0;
      const paid = time.lasting === "per_unit" ? { lasting: "fixed", seconds: secondsFor(time, record.cost), per: 1 } : time;
      lasts.hidden = makesVips(record) && !known;
      if (!makesVips(record)) setText(lasts, say(`becomes_${record.action}`));
      else if (known) fill(lasts, time.lasting === "stream" ? "becomes_stream" : "becomes", { time: timeInWords(paid) });
    },
  };
}

const tileCoin = () => {
  const coin = rewardTile().node.querySelector(".tile-cost .tile-point");
  return coin.cloneNode(true);
};

function open(ctx, { shared, reward, values, heading, save, words: saveWords, told = null }) {
  const seen = preview();
  const example = timeExample("points");
  const refused = warnings();
  const changed = (record) => {
    seen.update(record);
    example.update(record.time, record.cost);
    const rules = record.rules_from === "own" ? rulesOf(record.rules) : shared.rules;
    if (!makesVips(record)) example.node.hidden = true;
    refused.update(!makesVips(record) ? [] : [{ name: record.title.trim() || say("title_example"), time: timeOf(record.time), units: record.cost ?? 0, rules }]);
  };
  let sheet = null;
  const fields = form(ctx, {
    fields: fieldsOf(shared, reward),
    values: recordOf(values),
    inDialog: true,
    words: saveWords,
    cancel: async () => (await fields.mayLeave()) && sheet.close(),
    changed,
    save: async (_, record) => {
      await save(record);
    },
    saved: () => {
      sheet.close();
      ctx.reload();
    },
  });
  const chips = COLOURS.map((code) => {
    const chip = set(el("button", "swatch"), { type: "button", "aria-label": say("color_one", { code }), title: code });
    chip.style.backgroundColor = code;
    return on(chip, "click", () => fields.set("color", code));
  });
  fields.field("color").node.append(el("div", "swatches", ...chips));
  arrangeTime(fields, "time", { inner: false }).after(example.node);
  fields.field("time.most").node.after(refused.node);
  for (const key of LENGTHS) fields.field(`rules.${key}_seconds`).node.classList.add("sub");
  changed(fields.values);
  const body = el("div", "editor", el("div", "editor-form", told, fields.node), seen.node);
  sheet = openSheet({ heading, body, classes: "slide-wide", signal: ctx.signal, mayLeave: fields.mayLeave });
  fields.field("title").control.focus();
  return sheet;
}

/** A new reward; `like` proposes its values. */
export function newReward(ctx, shared, like = {}) {
  const known = Object.fromEntries(Object.entries(like).filter(([key, value]) => Object.hasOwn(FRESH, key) && value !== ""));
  return open(ctx, {
    shared,
    reward: like.missing_on_twitch ? like : null,
    values: { ...FRESH, ...known, enabled: true },
    heading: say("new"),
    words: say("create"),
    async save(record) {
      const made = await ctx.api("POST", "/api/channel-points", { body: bodyOf(record, null) });
      ctx.toast({ words: say("created", { title: made?.title ?? record.title }), tone: "go" });
    },
  });
}

/** Change a reward that is ours. */
export function editReward(ctx, reward, shared) {
  return open(ctx, {
    shared,
    reward,
    values: reward,
    heading: say("edit", { title: reward.title }),
    words: say("save"),
    async save(record) {
      const body = bodyOf(record, { ...reward, color: reward.color.toUpperCase() });
      if (Object.keys(body).length > 0) await ctx.api("PATCH", `/api/channel-points/${encodeURIComponent(reward.id)}`, { body });
      ctx.toast({ words: say("saved", { title: record.title.trim() }), tone: "go" });
    },
  });
}

/** Take a reward that our application made, but that we do not know: only how long a VIP lasts is asked. */
export function adoptReward(ctx, shared, other) {
  let sheet = null;
  const example = timeExample("points");
  const fields = form(ctx, {
    fields: [actions(), ...timeFields("time", "points", (record) => record.time, makesVips)],
    values: { action: "vip", time: timeRecord(null, "points") },
    inDialog: true,
    words: say("adopt"),
    cancel: () => sheet.close(),
    changed: (record) => {
      example.update(record.time, other.cost);
      if (!makesVips(record)) example.node.hidden = true;
    },
    async save(_, record) {
      await ctx.api("POST", `/api/channel-points/${encodeURIComponent(other.id)}/adopt`, {
        body: makesVips(record) ? { time: timeOf(record.time) } : { action: record.action },
      });
      ctx.toast({ words: say("adopted", { title: other.title }), tone: "go" });
    },
    saved: () => {
      sheet.close();
      ctx.reload();
    },
  });
  arrangeTime(fields, "time", { inner: false }).after(example.node);
  const told = notice({ text: say("adopt_text") });
  sheet = openSheet({ heading: say("adopt_heading", { title: other.title }), body: el("div", "stack", told, fields.node), signal: ctx.signal, mayLeave: fields.mayLeave });
  return sheet;
}

