// A table that becomes a list of cards on a phone. Roles are written out, because a table that is laid out as
// something else loses them in some browsers.
import { el, set } from "./dom.js";

/**
 * columns: {key, words, cell(row) → node or text, align: "end", wide, main}: `main` is the card's heading.
 * `empty`: a node for no rows. Gives {node, set(rows)}.
 */
export function table({ label, columns, rows = [], key = (row) => row.id, empty = null, classes = "" }) {
  const head = el("thead", "", set(el("tr", "", ...columns.map(({ words, align }) => {
    const cell = el("th", align ? `align-${align}` : "", words);
    return set(cell, { role: "columnheader", scope: "col" });
  })), { role: "row" }));
  const body = el("tbody");
  const grid = el("table", `table ${classes}`.trim(), head, body);
  for (const [node, role] of [[grid, "table"], [head, "rowgroup"], [body, "rowgroup"]]) set(node, { role });
  set(grid, { "aria-label": label });
  const node = el("div", "table-holder", grid);
  if (empty) node.append(empty);
  const known = new Map();

  function make(row) {
    const line = el("tr", "", ...columns.map(({ words, cell, align, main, wide }) => {
      const classes = [align ? `align-${align}` : "", main ? "cell-main" : "", wide ? "cell-wide" : ""].filter(Boolean).join(" ");
      const made = el(main ? "th" : "td", classes, el("div", "cell", cell(row)));
      set(made, { role: main ? "rowheader" : "cell", scope: main ? "row" : null });
      made.dataset.label = words;
      return made;
    }));
    return set(line, { role: "row" });
  }

  function put(given) {
    const stay = new Set(given.map((row) => String(key(row))));
    for (const [id, line] of known) if (!stay.has(id)) { line.node.remove(); known.delete(id); }
    given.forEach((row, at) => {
      const id = String(key(row));
      const print = JSON.stringify(row);
      const held = known.get(id);
      if (!held || held.print !== print) {
        const node = make(row);
        held?.node.replaceWith(node);
        known.set(id, { node, print });
      }
      const { node } = known.get(id);
      if (body.children[at] !== node) body.insertBefore(node, body.children[at] ?? null);
    });
    grid.hidden = given.length === 0 && empty !== null;
    if (empty) empty.hidden = given.length > 0;
  }

  put(rows);
  return { node, set: put };
}
