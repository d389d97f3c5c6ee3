// Windows in front of the page, questions, and lines that pass.
import { byId, el, freshId, mark, on, set, setText } from "./dom.js";
import { button } from "./parts.js";
import { say } from "./words.js";

/**
 * Open a window. `body` is a node; `actions` are buttons at its foot; `onClose` hears its end, by whatever way.
 * Gives {node, close}.
 */
export function openDialog({ heading, body, actions = [], onClose = () => {}, wide = false }) {
  const node = el("dialog", `sheet ${wide ? "sheet-wide" : ""}`.trim());
  const title = el("h2", "", heading);
  title.id = freshId("dialog");
  set(node, { "aria-labelledby": title.id });
  const close = () => node.close();
  const head = el("header", "sheet-head", title, button({ words: say("close"), icon: "close", kind: "icon", press: close }));
  node.append(head, el("div", "sheet-body", body), actions.length > 0 ? el("footer", "sheet-foot", ...actions) : "");
  // A press that began inside (a text being marked) and ends outside does not close it.
  let beganOutside = false;
  on(node, "pointerdown", (event) => { beganOutside = event.target === node; });
  on(node, "click", (event) => event.target === node && beganOutside && close());
  on(node, "close", () => {
    node.remove();
    onClose();
  });
  document.body.append(node);
  node.showModal();
  return { node, close };
}

/** Ask once. `heading` names the object; `type` is a word to be typed first. Resolves true for yes. */
export function confirm({ heading, text = "", yes, no = say("cancel"), danger = false, type = "" }) {
  return new Promise((resolve) => {
    let answer = false;
    const agree = button({ words: yes, kind: danger ? "danger" : "", press: () => { answer = true; shown.close(); } });
    const body = el("div", "stack", text instanceof Node ? text : el("p", "measure", text));
    if (type) {
      const input = el("input", "input");
      input.id = freshId("type");
      set(input, { autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
      const words = el("label", "label", say("type_to_confirm", { word: type }));
      words.htmlFor = input.id;
      agree.disabled = true;
      on(input, "input", () => { agree.disabled = input.value.trim().toLowerCase() !== type.toLowerCase(); });
      body.append(el("div", "field", words, input));
    }
    const shown = openDialog({
      heading, body, onClose: () => resolve(answer), actions: [button({ words: no, press: () => shown.close() }), agree],
    });
    if (!type) shown.node.querySelector(".sheet-foot .button").focus(); // the harmless one
  });
}

const MOST_TOASTS = 3;
const endings = new WeakMap();

/**
 * A line at the foot of the page, spoken too. `action` {words, press} is a button in it; without one it goes after
 * `seconds`, with one after 8. Gives a function that takes it away.
 */
export function toast({ words, tone = "info", action = null, seconds = 0, onGone = () => {} }) {
  const node = el("div", `toast toast-${tone}`, mark(tone), el("p", "", words));
  set(node, { role: tone === "stop" ? "alert" : "status" });
  let timer = null;
  let left = (seconds || (action || tone === "stop" ? 8 : 4)) * 1000;
  let began = 0;
  const gone = () => {
    if (!node.isConnected) return;
    clearTimeout(timer);
    node.remove();
    onGone();
  };
  const run = () => {
    began = Date.now();
    timer = setTimeout(gone, left);
  };
  if (action) {
    node.append(button({ words: action.words, kind: "quiet", press: () => { action.press(); gone(); } }));
  }
  node.append(button({ words: say("close"), icon: "close", kind: "icon", press: gone }));
  // Whoever reads or reaches for the button has the time for it.
  on(node, "pointerenter", () => { clearTimeout(timer); left -= Date.now() - began; });
  on(node, "pointerleave", () => { left = Math.max(left, 1500); run(); });
  const place = byId("toasts");
  while (place.children.length >= MOST_TOASTS) endings.get(place.firstElementChild)();
  endings.set(node, gone);
  place.append(node);
  run();
  return gone;
}

/** What an ApiError says, in one sentence or two. */
export const sentenceOf = (error) => [error?.detail || say("broken_text"), error?.advice].filter(Boolean).join(" ");

const PAUSE_MS = 100;
/** What a screen reader hears. The same words twice are spoken twice. */
export function heard(words) {
  const region = byId("ears");
  setText(region, "");
  setTimeout(() => setText(region, words), PAUSE_MS);
}
