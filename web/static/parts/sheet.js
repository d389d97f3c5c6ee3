// A sheet at the side of the page, for one thing that is made or changed. On a phone it fills the screen.
import { el, freshId, on, set } from "../lib/dom.js";
import { button } from "../lib/parts.js";
import { say } from "../lib/words.js";

const open = new Set();

/** Whether the page below may be left: each sheet that is open is asked. */
export async function sheetsMayLeave() {
  for (const ask of open) if (!(await ask())) return false;
  return true;
}

/**
 * Open a sheet. It closes when `signal` (the page's) aborts. `mayLeave()` answers (or promises) whether it may be closed,
 * `onClose` hears its end. Gives {node, close}; `close` asks nobody. The focus goes back to where it was.
 */
export function openSheet({ heading, body, signal, mayLeave = () => true, onClose = () => {}, classes = "" }) {
  const before = document.activeElement;
  const title = el("h2", "", heading);
  title.id = freshId("sheet");
  const place = el("div", "slide-body", body);
  const shut = button({ words: say("close"), icon: "close", kind: "icon", press: () => ask() });
  const node = set(el("dialog", `slide ${classes}`.trim(), el("header", "slide-head", title, shut), place), { "aria-labelledby": title.id });

  function close() {
    if (!node.isConnected) return;
    open.delete(mayLeave);
    node.close();
    node.remove();
    if (before?.isConnected) before.focus({ preventScroll: true });
    onClose();
  }

  let asking = false;
  async function ask() {
    if (asking) return;
    asking = true;
    try {
      if (await mayLeave()) close();
    } finally {
      asking = false;
    }
  }

  on(node, "cancel", (event) => {
    if (event.target !== node) return;
    event.preventDefault();
    ask();
  });
  // Some browsers let a second Escape through whatever is said; Escape is taken before it gets there.
  on(node, "keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    ask();
  });
  let beganOutside = false;
  on(node, "pointerdown", (event) => { beganOutside = event.target === node; });
  on(node, "click", (event) => event.target === node && beganOutside && ask());
  open.add(mayLeave);
  signal.addEventListener("abort", close, { once: true }); // the page is left
  document.body.append(node);
  node.showModal();
  return { node, close };
}
