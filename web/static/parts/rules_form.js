// Who may become VIP: the same fields for the whole channel and for one reward with rules of its own.
import { el } from "../lib/dom.js";
import { duration, toggle } from "../lib/fields.js";
import { notice } from "../lib/parts.js";
import { scope } from "../lib/words.js";
import words from "../words/en/rules_form.js";
import { inWords, secondsFor } from "./times.js";

const { say, nodes } = scope("rules_form", words);
const DAY = 86_400;
const LONGEST_SECONDS = 366 * DAY;
const FIRST = { min_follow: 7 * DAY, cooldown: DAY, most: 30 * DAY };
/** The rules that are lengths. */
export const LENGTHS = Object.keys(FIRST);

export const NO_RULES = { subscribers_only: false, min_follow_seconds: 0, allow_only: false, cooldown_seconds: 0, most_seconds: 0 };
/** Each field that can refuse, and the event whose sentence the viewer gets then. */
export const REFUSALS = {
  subscribers_only: "refunded.not_subscribed",
  min_follow_on: "refunded.follows_too_short",
  allow_only: "refunded.not_on_list",
  cooldown_on: "refunded.cooldown",
  most_on: "refunded.enough",
};

/** Rules as the fields hold them: a length is a switch and a length. */
export function rulesRecord(rules) {
  const record = { subscribers_only: rules.subscribers_only, allow_only: rules.allow_only };
  for (const [key, first] of Object.entries(FIRST)) {
    record[`${key}_on`] = rules[`${key}_seconds`] > 0;
    record[`${key}_seconds`] = rules[`${key}_seconds`] || first;
  }
  return record;
}

/** The rules that such a record means. */
export function rulesOf(record) {
  const rules = { subscribers_only: record.subscribers_only, allow_only: record.allow_only };
  for (const key of LENGTHS) rules[`${key}_seconds`] = record[`${key}_on`] ? record[`${key}_seconds`] : 0;
  return rules;
}

/** Specs of the fields under `name`, in two lists: who, and how often. `inner(record)`: the rules in the whole record. */
export function ruleFields(name, inner, when = () => true) {
  const plain = (key) => toggle({ name: `${name}.${key}`, label: say(key), hint: say(`${key}_hint`), when });
  const length = (key) => [
    toggle({ name: `${name}.${key}_on`, label: say(key), hint: say(`${key}_hint`), when }),
    duration({ name: `${name}.${key}_seconds`, label: say(`${key}_inside`), min: 60, max: LONGEST_SECONDS, when: (record) => when(record) && inner(record)[`${key}_on`] }),
  ];
  return {
    who: [plain("subscribers_only"), ...length("min_follow"), plain("allow_only")],
    often: [...length("cooldown"), ...length("most")],
  };
}

/** What the rules ask for, in a few words each. */
export function rulesInWords(rules) {
  return Object.keys(NO_RULES).filter((key) => rules[key]).map((key) => say(`short_${key}`));
}

/** Whether a reward makes VIPs; others have to do with the watch party. */
export const makesVips = (reward) => (reward.action ?? "vip") === "vip";

/** The rules that hold for a reward: its own, or the channel's. */
export const rulesFor = (reward, channelRules) => reward.rules ?? channelRules;

/** Whether the limit to the time ahead lies below what one purchase gives: then it refuses everybody. */
export const refusesAll = (time, units, rules) => rules.most_seconds > 0 && secondsFor(time, units) > rules.most_seconds;

/** What says so: `name` of the reward or cause, its `time`, what is paid (`units`), and the rules. */
export function refusesAllNotice(name, time, units, rules) {
  const told = notice({ tone: "standby", text: " " });
  const values = { name, time: inWords(secondsFor(time, units)), most: inWords(rules.most_seconds) };
  told.querySelector("p").replaceChildren(...nodes("refuses_all", values));
  return told;
}

/** A place for such notices: `update([{name, time, units, rules}])` shows those that refuse everybody. */
export function warnings() {
  const node = el("div", "stack warnings");
  node.setAttribute("role", "status");
  return {
    node,
    update(all) {
      const bad = all.filter(({ time, units, rules }) => refusesAll(time, units, rules));
      node.replaceChildren(...bad.map(({ name, time, units, rules }) => refusesAllNotice(name, time, units, rules)));
      node.hidden = bad.length === 0;
    },
  };
}
