// "Who is VIP now": one row for each, the next to leave on top. Only rows in sight are counted down and laid out.
import { now } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { animate } from "../lib/motion.js";
import { endOf, vipRow } from "./vip_row.js";

/** How long an ended row stays to be read before it leaves. */
const FAREWELL_MS = 1_200;
const LEAVE_MS = 400;

/**
 * @param {{ctx: object, deeds: object, onCount: (shown: number) => void}} parts `deeds`: menus of a row
 * Gives {node, upsert(vip), reset(vips), beat(at), filter(text), hide(id), unhide(id), size, order}.
 */
export function vipList({ ctx, deeds, onCount }) {
  const rows = el("ol", "rows");
  rows.id = "vip-rows";
  const known = new Map(); // id → row
  const removing = new Set(); // ids of those that somebody here is removing
  let order = []; // soonest end first
  let wanted = "";
  let shown = 0; // how many of them are not filtered away
  let telling = false;
  const inSight = new Set(); // rows that the browser has not said to be skipping

  const before = (a, b) => (endOf(a.vip) === endOf(b.vip) ? (a.vip.id < b.vip.id ? -1 : 1) : endOf(a.vip) - endOf(b.vip));

  function placeOf(row) {
    let [low, high] = [0, order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before(row, order[middle]) < 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  function takeOut(row) {
    const at = order.indexOf(row);
    if (at === -1) return;
    order.splice(at, 1);
    shown -= row.node.hidden ? 0 : 1;
  }

  function place(row) {
    takeOut(row);
    row.node.hidden = !row.found.includes(wanted);
    shown += row.node.hidden ? 0 : 1;
    const at = placeOf(row);
    const next = order[at]?.node ?? null;
    order.splice(at, 0, row);
    const stays = row.node.isConnected && (row.node.nextElementSibling === next || row.node.contains(document.activeElement));
    if (!stays) rows.insertBefore(row.node, next);
  }

  function forget(row) {
    inSight.delete(row);
    row.node.remove();
  }

  function leave(row) {
    known.delete(row.vip.id);
    takeOut(row);
    row.farewell(ctx.say("over"));
    setTimeout(() => {
      row.node.addEventListener("animationend", () => forget(row));
      row.node.classList.add("leaves");
      setTimeout(() => forget(row), LEAVE_MS); // where nothing is animated, nothing ends
    }, FAREWELL_MS);
  }

  function tell() {
    telling = false;
    onCount(shown);
  }

  /** Entries come by the frame: the numbers are told once after all of them, and before the frame is drawn. */
  function tellSoon() {
    if (telling) return;
    telling = true;
    queueMicrotask(tell);
  }

  function take(vip, arriving) {
    const held = known.get(vip.id);
    if (vip.status !== "active") {
      removing.delete(vip.id);
      if (held) leave(held);
      return;
    }
    if (held) {
      const grew = endOf(vip) > endOf(held.vip);
      held.vip = vip;
      place(held);
      if (!removing.has(vip.id)) held.show(vip);
      if (arriving && grew) animate(held.node, "grows");
      return;
    }
    const row = vipRow(ctx, vip, deeds);
    inSight.add(row);
    row.node.addEventListener("contentvisibilityautostatechange", ({ skipped }) => {
      if (skipped) inSight.delete(row);
      else if (row.node.isConnected) {
        inSight.add(row);
        row.count(now());
      }
    });
    known.set(vip.id, row);
    place(row);
    if (arriving) animate(row.node, "arrives");
  }

  /** Count down what is in sight; only texts that differ are written. */
  function beat(at) {
    for (const row of inSight) row.count(at);
  }

  return {
    node: rows,
    get size() { return order.length; },
    /** The VIPs with an end, soonest first. */
    *order() { for (const row of order) if (!row.leaving) yield row.vip; },
    upsert(vip) {
      take(vip, true);
      tellSoon();
    },
    /** A snapshot replaces everything; rows that stay are kept as they are. */
    reset(vips) {
      const ids = new Set(vips.filter((vip) => vip.status === "active").map((vip) => vip.id));
      for (const [id, row] of known) if (!ids.has(id)) { known.delete(id); takeOut(row); forget(row); }
      for (const vip of vips) take(vip, false);
      tell();
    },
    beat,
    /** The settings are others now: each row is told anew. */
    again: () => order.forEach((row) => row.leaving || row.show(row.vip)),
    /** Show only those with `text` in name or login. */
    filter(text) {
      wanted = text.trim().toLocaleLowerCase();
      shown = 0;
      for (const row of order) {
        row.node.hidden = !row.found.includes(wanted);
        shown += row.node.hidden ? 0 : 1;
      }
      tell();
      beat(now());
    },
    /** Somebody here removes it: it says so, and may come back. */
    fade(id, words) {
      removing.add(id);
      known.get(id)?.farewell(words);
    },
    unfade(id) {
      removing.delete(id);
      known.get(id)?.stay();
    },
  };
}
