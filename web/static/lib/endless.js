// A list that fetches its next page when its end comes into sight; rows out of sight are not laid out.
import { el, set } from "./dom.js";
import { broken, button, skeleton } from "./parts.js";
import { say } from "./words.js";

const AHEAD = "600px";

/**
 * load(cursor) → {entries, cursor} (cursor null at the end); row(entry) → node. `empty` is a node. Gives {node, reset(),
 * prepend(entry), remove(key), change(key, entry), size}.
 */
export function endless({ load, row, key = (entry) => entry.id, empty, skeletonKind = "rows", classes = "rows", label = "" }) {
  const rows = set(el("ol", classes), { "aria-label": label || null });
  const more = button({ words: say("load_more"), press: () => next() });
  const foot = el("div", "endless-foot", more);
  const end = el("p", "endless-end quiet", say("list_end"));
  const node = el("div", "endless", rows, foot);
  const known = new Map();
  let cursor = null;
  let over = false;
  let busy = null;
  let turn = 0;

  function add(entry, first) {
    const id = String(key(entry));
    if (known.has(id)) return false;
    const made = row(entry);
    known.set(id, made);
    if (first) rows.prepend(made);
    else rows.append(made);
    return true;
  }

  function face() {
    if (known.size === 0 && over) foot.replaceChildren(empty);
    else if (over) foot.replaceChildren(end);
    else foot.replaceChildren(more);
  }

  async function next() {
    if (busy || over) return busy;
    const mine = turn;
    set(node, { "aria-busy": "true" });
    if (known.size === 0) foot.replaceChildren(skeleton(skeletonKind, 8));
    busy = load(cursor);
    try {
      const page = await busy;
      if (mine !== turn) return null;
      for (const entry of page.entries) add(entry, false);
      cursor = page.cursor;
      over = !cursor;
      face();
    } catch (error) {
      if (mine !== turn || error.name === "AbortError") return null;
      foot.replaceChildren(broken({ error, again: () => next() }));
      return null; // only a press tries again
    } finally {
      if (mine === turn) {
        busy = null;
        set(node, { "aria-busy": null });
      }
    }
    if (mine === turn && !over) look();
    return null;
  }

  const watcher = new IntersectionObserver((all) => {
    if (all[all.length - 1].isIntersecting && foot.contains(more)) next();
  }, { rootMargin: AHEAD });

  /** The end may be in sight still, and an observer only tells of changes: begin anew. */
  function look() {
    watcher.unobserve(foot);
    watcher.observe(foot);
  }
  look();

  return {
    node,
    rows,
    get size() { return known.size; },
    /** Forget everything and begin with the first page. */
    reset() {
      turn += 1;
      busy = null;
      cursor = null;
      over = false;
      known.clear();
      rows.replaceChildren();
      return next();
    },
    /** A new one on top; false when it is here already. */
    prepend(entry) {
      const fresh = add(entry, true);
      if (fresh && over) face();
      return fresh;
    },
    remove(id) {
      known.get(String(id))?.remove();
      known.delete(String(id));
      face();
    },
    change(id, entry) {
      const held = known.get(String(id));
      if (!held) return;
      const made = row(entry);
      held.replaceWith(made);
      known.set(String(id), made);
    },
    close: () => watcher.disconnect(),
  };
}
