// A button that opens a list of deeds. Arrow keys go through it, Escape closes it, a press outside too (popover).
import { el, freshId, on, set } from "./dom.js";
import { icon } from "./icons.js";

const GAP = 6;

/** @param items {words, icon?, press, danger?, why?, current?}; `why` disables an item and says why. A function of items
 * is asked each time the menu opens. `button`: another node than the icon button opens it. */
export function menu({ words, icon: name = "more", items, kind = "icon", caret = false, opener = null }) {
  const id = freshId("menu");
  const list = el("div", "menu");
  list.id = id;
  set(list, { role: "menu", popover: "auto", "aria-label": words });
  const press = opener ?? el("button", `button button-quiet ${kind === "icon" ? "button-icon" : ""}`.trim());
  if (opener === null) {
    press.type = "button";
    if (name) press.append(icon(name));
    if (kind === "icon") set(press, { "aria-label": words, title: words });
    else press.append(el("span", "", words));
    if (caret) press.append(icon("down"));
  }
  set(press, { "aria-haspopup": "menu", "aria-expanded": "false", popovertarget: id });

  function make(item) {
    if (item === null) return set(el("hr"), { role: "separator" });
    const node = el(
      "button", `menu-item ${item.danger ? "menu-danger" : ""}`.trim(),
      item.icon ? icon(item.icon) : null,
      el("span", "menu-words", item.words, item.why ? el("small", "", item.why) : null),
      item.current ? icon("check") : null,
    );
    node.type = "button";
    set(node, {
      role: item.current === undefined ? "menuitem" : "menuitemradio", tabindex: "-1",
      "aria-checked": item.current === undefined ? null : String(item.current), "aria-disabled": item.why ? "true" : null,
    });
    return on(node, "click", () => {
      if (item.why) return;
      list.hidePopover();
      item.press();
    });
  }

  function place() {
    const at = press.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = list;
    const below = at.bottom + GAP + height <= innerHeight || at.top < height + GAP;
    list.style.top = `${Math.max(GAP, below ? at.bottom + GAP : at.top - GAP - height)}px`;
    list.style.left = `${Math.max(GAP, Math.min(at.right - width, innerWidth - width - GAP))}px`;
    if (at.left + width < innerWidth - GAP && at.left < innerWidth / 2) list.style.left = `${Math.max(GAP, at.left)}px`;
  }

  const nodes = () => [...list.querySelectorAll(".menu-item")];
  const away = () => list.hidePopover();
  on(list, "beforetoggle", ({ newState }) => {
    if (newState === "open") list.replaceChildren(...(typeof items === "function" ? items() : items).map(make));
  });
  on(list, "toggle", ({ newState }) => {
    const open = newState === "open";
    set(press, { "aria-expanded": String(open) });
    if (open) {
      place();
      nodes()[0]?.focus();
      addEventListener("resize", away, { once: true });
    } else {
      removeEventListener("resize", away);
      if (list.contains(document.activeElement) || document.activeElement === document.body) press.focus({ preventScroll: true });
    }
  });
  on(list, "keydown", (event) => {
    const all = nodes();
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") list.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  });
  const node = el("span", "menu-holder", press, list);
  node.button = press;
  node.list = list;
  return node;
}
