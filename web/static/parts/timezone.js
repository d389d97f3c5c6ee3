// A time zone: typed with help, or taken from this computer.
import { el, freshId, on, set, setText } from "../lib/dom.js";
import { button } from "../lib/parts.js";
import { locale } from "../lib/words.js";

const zones = () => ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];

/** The time of day in a zone, or null where there is no such zone. */
function timeIn(zone) {
  try {
    return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone }).format(Date.now());
  } catch {
    return null;
  }
}

/** A control for `custom` of lib/fields.js. */
export function timezoneControl(ctx, { changed, id }) {
  const list = el("datalist", "", ...zones().map((zone) => new Option(zone, zone)));
  list.id = freshId("zones");
  const input = set(el("input", "input"), { id, list: list.id, autocomplete: "off", spellcheck: "false", dir: "ltr" });
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const now = el("p", "field-hint number");
  const mine = button({ words: ctx.say("timezone_here", { zone: here }), press: () => { input.value = here; show(); changed(); } });
  const node = el("div", "stack-tight", input, list, el("div", "zone-line", now, mine));

  function show() {
    const time = timeIn(input.value.trim());
    setText(now, time ? ctx.say("timezone_now", { time }) : "");
    mine.hidden = input.value.trim() === here || mine.disabled;
  }

  on(input, "input", () => { show(); changed(); });
  return {
    node,
    get: () => input.value.trim(),
    set(value) { input.value = value ?? ""; show(); },
    focus: () => input.focus(),
    disable(off) { input.disabled = mine.disabled = off; show(); },
    fault: () => (timeIn(input.value.trim()) === null || input.value.trim() === "" ? ctx.say("timezone_unknown") : ""),
  };
}
