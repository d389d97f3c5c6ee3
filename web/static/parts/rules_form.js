// Who may become VIP: the same fields for the whole channel and for one reward with rules of its own.
import { duration, toggle } from "../lib/fields.js";
import { scope } from "../lib/words.js";
import words from "../words/en/rules_form.js";

const { say } = scope("rules_form", words);
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
