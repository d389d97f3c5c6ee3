// The keyboard: "/" goes to the page's search, "?" lists the keys, "g" and a letter goes to a page.
import { el, on } from "./dom.js";
import { openDialog } from "./dialogs.js";
import { say } from "./words.js";

const GO = { o: "/", a: "/activity", n: "/analytics", r: "/rewards", u: "/rules", s: "/settings", c: "/connection" };
const GO_MS = 1_500;

const isTyping = (node) => node.matches?.("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]") ?? false;

/** @param {{go: (path: string) => void}} parts */
export function keyboard({ go }) {
  let open = null;
  let going = 0;

  function help() {
    if (open) return;
    const list = el("dl", "keys");
    const row = (keys, words) => list.append(el("dt", "", ...keys.map((key) => el("kbd", "", key))), el("dd", "", words));
    row(["/"], say("key_search"));
    row(["?"], say("key_help"));
    row(["Esc"], say("key_escape"));
    row(["Tab"], say("key_tab"));
    for (const [key, path] of Object.entries(GO)) row(["g", key], say("key_go", { name: say(`nav_${path.slice(1) || "overview"}`) }));
    open = openDialog({ heading: say("keys_heading"), body: list, onClose: () => { open = null; } });
    open.node.id = "keys";
  }

  on(document, "keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open], [popover]:popover-open")) return;
    const search = document.querySelector("#main [data-search]:not([disabled])");
    if (Date.now() - going < GO_MS && Object.hasOwn(GO, event.key)) {
      going = 0;
      go(GO[event.key]);
    } else if (event.key === "g") going = Date.now();
    else if (event.key === "?") help();
    else if (event.key === "/" && search) {
      search.focus();
      search.select?.();
    } else return;
    event.preventDefault();
  });
  return { help };
}
