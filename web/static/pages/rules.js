// Who may become VIP, how many at once, what else makes a VIP, and the lists kept by hand.
import { el } from "../lib/dom.js";
import { duration, group, number, radios, toggle } from "../lib/fields.js";
import { form } from "../lib/form.js";
import { link, panel, skeleton, tabs } from "../lib/parts.js";
import { peopleList } from "../parts/people.js";
import { LENGTHS, makesVips, REFUSALS, ruleFields, rulesOf, rulesRecord, warnings } from "../parts/rules_form.js";
import { sentencesOf, theyRead } from "../parts/sentences.js";
import { arrangeTime, timeExample, timeFields, timeOf, timeRecord } from "../parts/times.js";
import words from "../words/en/rules.js";

const CAUSES = { subscription: "tiers", bits: "bits", power_up: "bits" };
const SAMPLE = { tiers: 3, bits: 500 };
const LISTS = ["allow", "block", "protected"];
const HOUR = 3_600;

/** What is sold under the channel's rules, as they stand in the form. What a cause with units gives depends on the viewer. */
function soldUnder(ctx, record, rewards) {
  const rules = rulesOf(record.rules);
  const sold = rewards.filter((reward) => makesVips(reward) && reward.rules === null && !reward.missing_on_twitch).map(({ title, time, cost }) => ({ name: title, time, units: cost, rules }));
  const causes = Object.keys(CAUSES).filter((key) => record.causes[key].on && record.causes[key].time.lasting !== "per_unit");
  return [...sold, ...causes.map((key) => ({ name: ctx.say(`cause_${key}`), time: timeOf(record.causes[key].time), units: 1, rules }))];
}

/** The settings as the form holds them. */
function recordOf(settings) {
  const { cap, when_full: whenFull, longest_wait_seconds: longest } = settings.limits;
  const causes = Object.keys(CAUSES).map((key) => [key, { on: settings.causes[key] !== null, time: timeRecord(settings.causes[key], CAUSES[key]) }]);
  return {
    rules: rulesRecord(settings.rules),
    limits: { capped: cap > 0, cap: cap || 10, when_full: whenFull, longest_wait_seconds: longest },
    causes: Object.fromEntries(causes),
  };
}

/** What is sent: whole parts of the settings, and only those of which something differs. */
function bodyOf(record, changes) {
  const body = {};
  if (changes.rules) body.rules = rulesOf(record.rules);
  if (changes.limits) {
    const { capped, cap, when_full: whenFull, longest_wait_seconds: longest } = record.limits;
    body.limits = { cap: capped ? cap : 0, when_full: whenFull, longest_wait_seconds: longest };
  }
  if (changes.causes) {
    body.causes = Object.fromEntries(Object.keys(changes.causes).map((key) => [key, record.causes[key].on ? timeOf(record.causes[key].time) : null]));
  }
  return body;
}

function causeFields(ctx, key) {
  const inner = (record) => record.causes[key].time;
  const when = (record) => record.causes[key].on;
  return [toggle({ name: `causes.${key}.on`, label: ctx.say(`cause_${key}`), hint: ctx.say(`cause_${key}_hint`) }), ...timeFields(`causes.${key}.time`, CAUSES[key], inner, when)];
}

function fieldsOf(ctx) {
  const rules = ruleFields("rules", (record) => record.rules);
  const options = ["refund", "oldest_out", "wait"].map((value) => ({ value, words: ctx.say(`full_${value}`), hint: ctx.say(`full_${value}_hint`) }));
  return [
    group({ heading: ctx.say("who"), hint: ctx.say("who_hint"), fields: rules.who }),
    group({ heading: ctx.say("often"), hint: ctx.say("often_hint"), fields: rules.often }),
    group({
      heading: ctx.say("slots"),
      hint: ctx.say("slots_hint"),
      fields: [
        toggle({ name: "limits.capped", label: ctx.say("capped"), hint: ctx.say("capped_hint") }),
        number({ name: "limits.cap", label: ctx.say("cap"), unit: ctx.say("cap_unit"), min: 1, max: 1_000, when: ({ limits }) => limits.capped }),
        radios({ name: "limits.when_full", label: ctx.say("full"), options }),
        duration({ name: "limits.longest_wait_seconds", label: ctx.say("longest_wait"), hint: ctx.say("longest_wait_hint"), min: 60, max: 7 * 24 * HOUR, when: ({ limits }) => limits.when_full === "wait" }),
      ],
    }),
    group({ heading: ctx.say("causes"), hint: ctx.say("causes_hint"), fields: Object.keys(CAUSES).flatMap((key) => causeFields(ctx, key)) }),
  ];
}

/** Below each rule what the viewer reads when it refuses; it is there while the rule is on. */
function tellSentences(ctx, fields, { settings, sentences }) {
  const who = ctx.channel.name || ctx.channel.login;
  const told = [];
  const add = (name, event, when) => {
    const node = theyRead(event, sentences, settings.messages, who);
    if (!node) return;
    fields.field(name).node.append(node);
    told.push(() => { node.hidden = !when(fields.values); });
  };
  for (const [key, event] of Object.entries(REFUSALS)) {
    const length = key.replace(/_on$/, "_seconds");
    add(`rules.${key.endsWith("_on") ? length : key}`, event, ({ rules }) => rules[key]);
  }
  add("limits.when_full", "refunded.slots_full", ({ limits }) => limits.when_full === "refund");
  add("limits.when_full", "waiting", ({ limits }) => limits.when_full === "wait");
  return () => told.forEach((show) => show());
}

function lists(ctx) {
  let shown = null;
  const place = el("div", "panel-pad");
  const choose = (list) => {
    shown?.leave();
    shown = peopleList(ctx, { list });
    place.replaceChildren(shown.node);
    shown.refresh();
  };
  const pick = tabs({ label: ctx.say("lists"), items: LISTS.map((id) => ({ id, words: ctx.say(`list_${id}`) })), chosen: LISTS[0], choose });
  choose(LISTS[0]);
  const node = panel({ heading: ctx.say("lists"), note: ctx.say("lists_note"), tools: [pick], body: place });
  node.id = "lists";
  return { node, refresh: () => shown.refresh(), leave: () => shown.leave() };
}

export default {
  words,
  styles: ["manage", "rules"],
  heading: (ctx) => ctx.say("heading"),
  intro: (ctx) => ctx.say("intro"),
  skeleton: () => skeleton("form", 4),
  tools: (ctx) => [link({ words: ctx.say("to_messages"), href: ctx.url("/settings") + "#messages", icon: "chat" })],

  async load(ctx) {
    const [settings, { rewards }] = await Promise.all([
      ctx.api("GET", "/api/settings", { signal: ctx.signal }),
      ctx.api("GET", "/api/channel-points", { signal: ctx.signal }).catch(() => ({ rewards: [] })), // only to warn
    ]);
    return { settings, rewards, sentences: await sentencesOf(ctx, settings.language) };
  },

  show(ctx, data) {
    const examples = Object.fromEntries(Object.entries(CAUSES).map(([key, unit]) => [key, timeExample(unit)]));
    const showExamples = (record) => {
      for (const [key, unit] of Object.entries(CAUSES)) {
        examples[key].update(record.causes[key].time, SAMPLE[unit]);
        if (!record.causes[key].on) examples[key].node.hidden = true;
      }
    };
    let tell = () => {};
    const refused = warnings();
    const changed = (record) => {
      showExamples(record);
      refused.update(soldUnder(ctx, record, data.rewards));
      tell();
    };
    const fields = form(ctx, {
      fields: fieldsOf(ctx),
      values: recordOf(data.settings),
      readOnly: ctx.owner ? "" : ctx.say("read_only", { channel: ctx.channel.name || ctx.channel.login }),
      changed,
      async save(changes, record) {
        return recordOf(await ctx.api("PATCH", "/api/settings", { body: bodyOf(record, changes) }));
      },
      saved: () => ctx.toast({ words: ctx.say("saved"), tone: "go" }),
    });
    for (const [key, example] of Object.entries(examples)) {
      example.node.classList.add("sub");
      arrangeTime(fields, `causes.${key}.time`).after(example.node);
    }
    for (const name of [...LENGTHS.map((key) => `rules.${key}_seconds`), "limits.cap", "limits.longest_wait_seconds"]) fields.field(name).node.classList.add("sub");
    fields.field("rules.most_seconds").node.after(refused.node);
    tell = tellSentences(ctx, fields, data);
    changed(fields.values);
    const people = lists(ctx);
    ctx.live.on("settings", async ({ parts }) => {
      if (parts.includes("viewers")) people.refresh();
      if (!parts.some((part) => ["rules", "settings", "messages"].includes(part))) return;
      try {
        fields.update(recordOf(await ctx.api("GET", "/api/settings")));
        changed(fields.values);
      } catch (error) {
        ctx.failed(error, ctx.say("not_fetched"));
      }
    });
    return { node: el("div", "stack narrow", fields.node, people.node), leave: () => people.leave(), mayLeave: fields.mayLeave };
  },
};
