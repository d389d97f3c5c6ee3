// A length of time as people say it: a number and its unit.
import { el, freshId, on, set } from "./dom.js";
import { say } from "./words.js";

const SECONDS = ["seconds", 1]; // offered only where the length is no whole number of minutes
const UNITS = [["minutes", 60], ["hours", 3_600], ["days", 86_400], ["weeks", 604_800]];
const unitsFor = (seconds) => (seconds % 60 ? [SECONDS, ...UNITS] : UNITS);

/** The largest unit that divides it without a rest: 5400 s are 90 minutes, 7200 s are 2 hours. */
function split(seconds) {
  const [unit, size] = [...unitsFor(seconds)].reverse().find(([, each]) => seconds >= each && seconds % each === 0) ?? UNITS[0];
  return { unit, number: Math.round((seconds / size) * 100) / 100 };
}

/**
 * `seconds` (null: empty), bounds in seconds. Gives {node, seconds, set(seconds), input, fault, onChange}: `seconds` is null
 * while it cannot be read, `fault` a sentence then or "".
 */
export function durationInput({ seconds = null, min = 60, max = 31_536_000, label, id = freshId("duration"), required = true }) {
  const input = el("input", "input duration-number");
  input.id = id;
  set(input, { type: "text", inputmode: "decimal", autocomplete: "off", maxlength: 8 });
  const unit = el("select", "input duration-unit");
  let units = [];
  let least = min;
  set(unit, { "aria-label": say("unit_of", { name: label ?? "" }) });
  const node = el("span", "duration", input, unit);
  const listeners = new Set();

  function read() {
    const text = input.value.trim().replace(",", ".");
    if (text === "" || !/^\d+(\.\d+)?$/.test(text)) return null;
    const whole = Math.round(Number(text) * units.find(([name]) => name === unit.value)[1]);
    return whole >= least && whole <= max ? whole : null;
  }

  function fault() {
    if (input.value.trim() === "") return required ? say("needed") : "";
    return read() === null ? say("duration_between", { least: spoken(least), most: spoken(max) }) : "";
  }

  function put(value) {
    // What was chosen elsewhere may be shorter than what is proposed here: it is shown as it is, and may stay.
    least = value > 0 ? Math.min(min, value) : min;
    units = unitsFor(value ?? 0);
    unit.replaceChildren(...units.map(([name]) => new Option(say(name), name)));
    if (value === null || value === undefined) {
      input.value = "";
      unit.value = "hours";
      return;
    }
    const parts = split(value);
    input.value = String(parts.number);
    unit.value = parts.unit;
  }

  for (const each of [input, unit]) on(each, "input", () => listeners.forEach((then) => then(read())));
  put(seconds);
  return {
    node,
    input,
    unit,
    get seconds() { return read(); },
    get fault() { return fault(); },
    set: put,
    onChange: (then) => listeners.add(then),
    disable(off) {
      input.disabled = off;
      unit.disabled = off;
    },
  };
}

/** "2 hours", "7 days": a length in whole words, for sentences and choices. */
export function spoken(seconds) {
  const { unit, number } = split(seconds);
  return say(`n_${unit}`, { n: number });
}
