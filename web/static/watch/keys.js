// The keyboard of a room. What is typed into a field, and what a button or a slider wants for itself, stays theirs.
import { openDialog } from "../lib/dialogs.js";
import { el, on } from "../lib/dom.js";

const KEYS = [
  [["Space", "K"], "key_play"],
  [["←", "→"], "key_step"],
  [["↑", "↓"], "key_volume"],
  [["M"], "key_mute"],
  [["F"], "key_full"],
  [["T"], "key_theatre"],
  [["C"], "key_chat"],
  [["1", "2", "3", "4"], "key_tabs"],
  [["?"], "key_help"],
];

const typing = (node) => node.matches?.("input:not([type=range], [type=checkbox], [type=radio]), select, textarea, [contenteditable]") ?? false;
const pressing = (node) => node.matches?.("button, a[href], summary, [role=tab], [role=menuitem], video[controls]") ?? false;
const sliding = (node) => node.matches?.("input[type=range], [role=tab], [role=log]") ?? false;

export function keysHelp(say) {
  const list = el("dl", "keys");
  for (const [keys, words] of KEYS) list.append(el("dt", "", ...keys.map((key) => el("kbd", "", key))), el("dd", "", say(words)));
  openDialog({ heading: say("keys_heading"), body: list }).node.id = "keys";
}

/** @param deeds {toggle, step, louder, mute, full, theatre, chat, tab(index), help}. Gives the function that ends it. */
export function roomKeys(deeds) {
  const does = {
    " ": deeds.toggle, k: deeds.toggle,
    arrowleft: () => deeds.step(-1), arrowright: () => deeds.step(1),
    arrowup: () => deeds.louder(0.05), arrowdown: () => deeds.louder(-0.05),
    m: deeds.mute, f: deeds.full, t: deeds.theatre, c: deeds.chat, "?": deeds.help,
    1: () => deeds.tab(0), 2: () => deeds.tab(1), 3: () => deeds.tab(2), 4: () => deeds.tab(3),
  };
  const hear = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog[open], [popover]:popover-open")) return;
    const key = event.key.toLowerCase();
    if (!Object.hasOwn(does, key)) return;
    if (key === " " && (pressing(event.target) || event.target.matches?.("[type=checkbox], [type=radio]"))) return;
    if (key.startsWith("arrow") && sliding(event.target)) return;
    event.preventDefault();
    does[key]();
  };
  on(document, "keydown", hear);
  return () => document.removeEventListener("keydown", hear);
}
