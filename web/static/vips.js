// "Who is VIP now": one row for each VIP, the next to leave on top.
import { now } from "./clock.js";
import { el, mark, setText } from "./dom.js";
import { clockTime, fullTime, left, say } from "./words.js";

/** A VIP is ending in the last tenth of its time, but at least in its last 5 s and at most in its last hour. */
const endingFrom = (total) => Math.min(Math.max(total / 10, 5_000), 3_600_000);
/** How long an ended row stays to be read before it leaves. */
const FAREWELL_MS = 1_200;
const BAR_STEPS = 250;

const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

function initials(name) {
  const parts = name.split(/[\s_.-]+/u).filter(Boolean).slice(0, 2);
  return parts.map((part) => letters.segment(part)[Symbol.iterator]().next().value.segment).join("").toLocaleUpperCase();
}

function tint(id) {
  let sum = 0;
  for (const char of id) sum = (sum * 31 + char.codePointAt(0)) % 997;
  return 1 + (sum % 4);
}

/** @param {{rows: HTMLElement, onCount: (active: number, shown: number) => void}} parts */
export function vipList({ rows, onCount }) {
  const known = new Map(); // id → row, in no order
  let order = []; // the active ones, soonest end first
  let wanted = "";

  const before = (a, b) => a.vip.expires_at - b.vip.expires_at || (a.vip.id < b.vip.id ? -1 : 1);

  function make(vip) {
    const name = vip.viewer_name || vip.viewer_login || say("someone");
    const row = { vip, name, node: el("li", "vip"), phase: "", step: -1 };
    row.face = el("span", `avatar tint-${tint(String(vip.viewer_id))}`, initials(name));
    row.face.setAttribute("aria-hidden", "true");
    const title = el("span", "vip-name", el("bdi", "", name));
    const login = vip.viewer_login ?? "";
    if (login && login.toLowerCase() !== name.toLowerCase()) title.append(" ", el("bdi", "vip-login", login));
    title.title = login && login !== name ? `${name} (${login})` : name;
    row.why = el("span", "vip-why");
    row.left = el("span", "vip-left");
    row.word = el("span");
    row.until = el("span", "vip-until", row.word);
    row.bar = el("i");
    const bar = el("span", "vip-bar", row.bar);
    bar.setAttribute("aria-hidden", "true");
    row.node.append(row.face, el("div", "vip-who", title, row.why), el("div", "vip-when", row.left, row.until), bar);
    row.node.addEventListener("animationend", ({ animationName }) => {
      if (animationName === "lit") row.node.classList.remove("arrives", "grows");
    });
    row.found = `${name}\n${login}`.toLocaleLowerCase();
    return row;
  }

  function show(row) {
    const { vip } = row;
    const reward = vip.method === "redemption" || !vip.method ? vip.reward_title : say("by_hand");
    const more = vip.extensions > 0 ? say("extended", { n: vip.extensions }) : "";
    setText(row.why, [reward || vip.reward_title, more].filter(Boolean).join(" · "));
    row.why.title = vip.reward_title ?? "";
    row.until.title = fullTime(vip.expires_at);
    row.phase = "";
    count(row, now());
  }

  function count(row, at) {
    const remains = row.vip.expires_at - at;
    const total = Math.max(1, row.vip.expires_at - row.vip.granted_at);
    const phase = remains <= 0 ? "up" : remains < endingFrom(total) ? "ending" : "going";
    setText(row.left, phase === "up" ? say("time_up") : left(remains));
    const step = Math.round(BAR_STEPS * Math.min(1, Math.max(0, remains / total)));
    if (step !== row.step) {
      row.step = step;
      row.bar.style.transform = `scaleX(${step / BAR_STEPS})`;
    }
    if (phase === row.phase) return;
    row.phase = phase;
    row.node.dataset.phase = phase;
    const words = { up: say("taking_back"), ending: say("ending"), going: say("until", { time: clockTime(row.vip.expires_at, at) }) };
    setText(row.word, words[phase]);
    row.until.replaceChildren(...(phase === "going" ? [] : [mark("standby")]), row.word);
  }

  function place(row) {
    order = order.filter((each) => each !== row);
    const at = order.findIndex((each) => before(row, each) < 0);
    const next = at === -1 ? null : order[at];
    order.splice(at === -1 ? order.length : at, 0, row);
    const after = next?.node ?? null;
    if (!row.node.isConnected || row.node.nextElementSibling !== after) rows.insertBefore(row.node, after);
  }

  function leave(row) {
    known.delete(row.vip.id);
    order = order.filter((each) => each !== row);
    row.node.dataset.phase = "over";
    setText(row.left, say("vip_over"));
    row.word.textContent = "";
    row.until.replaceChildren(row.word);
    setTimeout(() => {
      row.node.addEventListener("animationend", () => row.node.remove());
      row.node.classList.add("leaves");
      setTimeout(() => row.node.remove(), 400); // where nothing is animated, nothing ends
    }, FAREWELL_MS);
  }

  function tell() {
    let shown = 0;
    for (const row of order) {
      const hit = row.found.includes(wanted);
      row.node.hidden = !hit;
      shown += hit ? 1 : 0;
    }
    onCount(order.length, shown);
  }

  function take(vip, arriving) {
    const held = known.get(vip.id);
    if (vip.status !== "active") {
      if (held) leave(held);
      return;
    }
    const row = held ?? make(vip);
    const grew = held !== undefined && vip.expires_at > held.vip.expires_at;
    row.vip = vip;
    known.set(vip.id, row);
    place(row);
    show(row);
    if (arriving && !held) row.node.classList.add("arrives");
    else if (arriving && grew) row.node.classList.add("grows");
  }

  return {
    /** One full record: arrives, changes or leaves. */
    upsert(vip) {
      take(vip, true);
      tell();
    },
    /** A snapshot replaces everything; rows that stay are kept as they are. */
    reset(vips) {
      const ids = new Set(vips.filter((vip) => vip.status === "active").map((vip) => vip.id));
      for (const [id, row] of known) if (!ids.has(id)) known.delete(id), row.node.remove();
      for (const node of [...rows.children]) if (node.dataset.phase === "over") node.remove();
      order = order.filter((row) => known.has(row.vip.id));
      for (const vip of vips) take(vip, false);
      tell();
    },
    /** Count down; only texts that differ are written. */
    beat(at) {
      for (const row of order) if (!row.node.hidden) count(row, at);
    },
    /** Show only those with `text` in name or login. */
    filter(text) {
      wanted = text.trim().toLocaleLowerCase();
      tell();
      this.beat(now());
    },
  };
}
