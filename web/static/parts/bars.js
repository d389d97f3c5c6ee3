// A short ranking: what, a bar as long as its share, and the number.
import { el } from "../lib/dom.js";
import { figure } from "../lib/words.js";

/** `rows`: [{name (a node or words), value, note}], the longest first. */
export function barList({ label, rows, columns }) {
  const most = Math.max(1, ...rows.map((row) => row.value));
  const head = el("tr", "for-ears", ...columns.map((words) => el("th", "", words)));
  const lines = rows.map((row) => {
    const bar = el("i");
    bar.style.inlineSize = `${Math.max(0.5, (row.value / most) * 100)}%`;
    const track = el("span", "bar-track", bar);
    track.setAttribute("aria-hidden", "true");
    const name = el("th", "bar-name", el("span", "bar-words", row.name), track);
    name.scope = "row";
    return el("tr", "bar", name, el("td", "bar-value number", figure(row.value), ...(row.note ? [el("span", "bar-note", row.note)] : [])));
  });
  return el("table", "bars", el("caption", "for-ears", label), el("thead", "", head), el("tbody", "", ...lines));
}
