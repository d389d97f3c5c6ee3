// The keyboard: "/" filters, "?" lists the keys, Escape clears.
import { byId } from "./dom.js";

const isTyping = (node) => node.matches?.("input, select, textarea, [contenteditable]") ?? false;

/** @param {{toFilter: () => void}} parts `toFilter` brings the filter into view before it gets the focus. */
export function keyboard({ toFilter }) {
  const dialog = byId("keys");
  const filter = byId("filter");
  const help = () => dialog.open || dialog.showModal();
  byId("keys-button").addEventListener("click", help);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  filter.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (filter.value === "") filter.blur();
    filter.value = "";
    filter.dispatchEvent(new Event("input"));
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open || isTyping(event.target)) return;
    if (event.key === "?") help();
    else if (event.key === "/" && byId("stage").hidden) return;
    else if (event.key === "/") {
      toFilter();
      filter.focus();
      filter.select();
    } else return;
    event.preventDefault();
  });
}
