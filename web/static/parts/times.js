// How long a VIP lasts, in fields and in words: always the same, by what was paid, or until the stream ends.
import { spoken } from "../lib/duration.js";
import { el, set, setText } from "../lib/dom.js";
import { duration, number, radios } from "../lib/fields.js";
import { figure, scope, span } from "../lib/words.js";
import words from "../words/en/times.js";

const { say } = scope("times", words);
const DAY = 86_400;
export const LONGEST_SECONDS = 366 * DAY;
const FIRST = { fixed: 7 * DAY, each: 3_600, most: DAY };
const FIRST_PER = { points: 1_000, bits: 100, tiers: 1 };

/** "1 week", "36 hours"; what is no whole minute in its two largest units. */
export const inWords = (seconds) => (seconds % 60 === 0 && seconds > 0 ? spoken(seconds) : span(seconds));

/** What so many units buy, in seconds, as the server computes it. */
export const secondsFor = (time, units) => Math.min(time.lasting === "per_unit" ? Math.floor((time.seconds * units) / time.per) : time.seconds, LONGEST_SECONDS);

/** "1 week", "1 hour for each 1,000 points", "until the stream ends". */
export function timeInWords(time, unit = "points") {
  if (time.lasting === "stream") return say("until_stream");
  if (time.lasting === "per_unit") return say(`per_${unit}`, { time: inWords(time.seconds), n: time.per });
  return inWords(time.seconds);
}

/** A time as the fields below hold it; `null` as the first one that is proposed. */
export function timeRecord(time, unit) {
  const { lasting, seconds, per } = time ?? { lasting: unit === "points" ? "fixed" : "per_unit", seconds: unit === "points" ? FIRST.fixed : unit === "bits" ? DAY : 7 * DAY, per: FIRST_PER[unit] };
  return {
    lasting,
    fixed: lasting === "fixed" ? seconds : FIRST.fixed,
    each: lasting === "per_unit" ? seconds : FIRST.each,
    per: lasting === "per_unit" ? per : FIRST_PER[unit],
    most: lasting === "stream" ? seconds : FIRST.most,
  };
}

/** The time that such a record means. */
export function timeOf({ lasting, fixed, each, per, most }) {
  if (lasting === "per_unit") return { lasting, seconds: each, per };
  return { lasting, seconds: lasting === "stream" ? most : fixed, per: 1 };
}

/** Specs of the fields for a time record under `name`; `when(record)`: whether they are shown at all. */
export function timeFields(name, unit, inner, when = () => true) {
  const shown = (lasting) => (record) => when(record) && inner(record).lasting === lasting;
  const options = ["fixed", "per_unit", "stream"].map((value) => ({ value, words: say(value === "per_unit" ? `by_${unit}` : value) }));
  return [
    radios({ name: `${name}.lasting`, label: say("lasts"), options, when }),
    duration({ name: `${name}.fixed`, label: say("how_long"), min: 1, max: LONGEST_SECONDS, when: shown("fixed") }),
    duration({ name: `${name}.each`, label: say("each_time"), min: 1, max: LONGEST_SECONDS, when: shown("per_unit") }),
    number({ name: `${name}.per`, label: say(`for_each_${unit}`), unit: say(`unit_${unit}`), min: 1, max: 1_000_000, when: shown("per_unit") }),
    duration({ name: `${name}.most`, label: say("at_most"), hint: say("at_most_hint"), min: 60, max: LONGEST_SECONDS, when: shown("stream") }),
  ];
}

/** Put time and unit of a time record's fields side by side, and mark all of them as belonging to what is above. */
export function arrangeTime(fields, name, { inner = true } = {}) {
  const node = (key) => fields.field(`${name}.${key}`).node;
  const pair = el("div", "pair");
  node("each").replaceWith(pair);
  pair.append(node("each"), node("per"));
  if (inner) for (const each of [node("lasting"), node("fixed"), pair, node("most")]) each.classList.add("sub");
  return pair;
}

/** A line below a time's fields that reckons an example. `update(record, units)`. */
export function timeExample(unit) {
  const node = set(el("p", "example"), { role: "status" });
  return {
    node,
    update(record, units) {
      const time = timeOf(record);
      const known = time.lasting === "per_unit" && time.seconds > 0 && time.per > 0 && units > 0;
      node.hidden = !known;
      if (known) setText(node, say(`example_${unit}`, { n: units, units: figure(units), time: inWords(secondsFor(time, units)) }));
    },
  };
}
