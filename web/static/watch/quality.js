// How well this player keeps to the others: the bound of the clock, the drift of the last minute, and for the host how
// the whole room does. What nobody can measure from here (screens, speakers) is said, and a hand can set it.
import { el, on, set, setText, svg } from "../lib/dom.js";
import { button, panel, signal } from "../lib/parts.js";
import { figure, locale } from "../lib/words.js";

const KEPT_MS = 60_000;
const EACH_MS = 500;
const MOST_OFFSET = 1_000;
const WIDTH = 300;
const HEIGHT = 72;

const tenth = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

/** Milliseconds as people read them: "0.8 ms", "12 ms", "1.4 s". */
export function milliseconds(ms) {
  const size = Math.abs(ms);
  if (size >= 1000) return `${tenth.format(ms / 1000)} s`;
  return `${size < 10 ? tenth.format(ms) : figure(Math.round(ms))} ms`;
}

const TONES = { in_sync: "go", correcting: "standby", seeking: "standby", waiting: "standby", paused: "info", off: "info" };

/** The state of this player as {tone, words}. */
export function syncWords(party, say) {
  const { connection, sync, clock, room } = party;
  if (connection.state !== "open") return { tone: connection.state === "closed" ? "stop" : "standby", words: say(`line_${connection.state}`) };
  if (!room?.state?.item) return { tone: "info", words: say("sync_nothing") };
  if (sync?.tapNeeded) return { tone: "standby", words: say("sync_tap") };
  if (room.state.barrier) return { tone: "standby", words: say("sync_barrier") };
  const state = Object.hasOwn(TONES, sync?.state) ? sync.state : "off";
  const bound = sync?.boundMs ?? clock?.boundMs;
  const known = state === "in_sync" && Number.isFinite(bound);
  return { tone: TONES[state], words: known ? say("sync_in_sync_bound", { bound: milliseconds(Math.max(1, Math.ceil(bound))) }) : say(`sync_${state}`) };
}

/** Bars of how far the players of the room are from the film; `table` has the same numbers. */
function histogram(say) {
  const plot = set(svg("svg", { class: "hist", viewBox: `0 0 ${WIDTH} ${HEIGHT + 20}`, preserveAspectRatio: "none" }), { "aria-hidden": "true" });
  const caption = el("caption", "for-ears", say("hist_heading"));
  const rows = el("tbody");
  const table = el("table", "table hist-table", caption, el("thead", "", el("tr", "", el("th", "", say("hist_upto")), el("th", "align-end", say("hist_players")))), rows);
  const labels = el("div", "hist-labels");
  set(labels, { "aria-hidden": "true" });
  const details = el("details", "more", el("summary", "", say("as_table")), table);
  return {
    node: el("div", "hist-box", plot, labels, details),
    show(buckets) {
      const most = Math.max(1, ...buckets.map(([, n]) => n));
      const step = WIDTH / Math.max(1, buckets.length);
      plot.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
      plot.replaceChildren(...buckets.map(([upTo, n], index) => {
        const height = n > 0 ? Math.max(2, (n / most) * (HEIGHT - 4)) : 1;
        return svg("rect", { class: n > 0 ? "hist-bar" : "hist-none", x: index * step + 1, y: HEIGHT - height, width: Math.max(1, step - 2), height });
      }));
      const words = ([upTo]) => (upTo === null || upTo === undefined || !Number.isFinite(upTo) ? say("hist_more") : milliseconds(upTo));
      labels.replaceChildren(...buckets.map((each, index) => el("span", "", index % 2 === 1 && index < buckets.length - 1 ? figure(each[0]) : "")));
      rows.replaceChildren(...buckets.map((each) => el("tr", "", el("td", "number", words(each)), el("td", "align-end number", figure(each[1])))));
    },
  };
}

/** @param ctx see room.js. Gives {node, show(room), beat(now)}. */
export function qualityPanel(ctx) {
  const { say, party } = ctx;
  const now = el("p", "sync-now");
  const told = el("p", "quiet sync-told");
  const line = svg("polyline", { class: "spark-line", points: "" });
  const zero = svg("line", { class: "spark-zero", x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 });
  const spark = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, zero, line);
  const top = el("span", "spark-top faint number");
  const facts = el("dl", "sync-facts");
  const fact = (key) => {
    const value = el("dd", "number", "–");
    facts.append(el("dt", "", say(key)), value);
    return value;
  };
  const drift = fact("sync_drift");
  const bound = fact("sync_bound");
  const rtt = fact("sync_rtt");
  const rate = fact("sync_rate");

  const offset = set(el("input", "offset"), { type: "range", min: -MOST_OFFSET, max: MOST_OFFSET, step: 10, value: 0, id: "sync-offset", "aria-describedby": "sync-offset-hint" });
  const offsetTold = set(el("output", "number"), { for: "sync-offset" });
  const reset = button({ words: say("offset_reset"), press: () => setOffset(0) });
  const offsetLabel = set(el("label", "label", say("offset")), { for: "sync-offset" });
  const hint = set(el("p", "field-hint", say("offset_hint")), { id: "sync-offset-hint" });
  const own = panel({
    heading: say("sync_you"),
    body: el("div", "panel-pad stack", now, told, el("div", "spark-box", spark, top), facts),
  });
  const hand = panel({
    heading: say("offset_heading"),
    body: el("div", "panel-pad stack", el("p", "quiet", say("offset_text")), el("div", "field", el("div", "row offset-head", offsetLabel, offsetTold), offset, hint), el("div", "", reset)),
  });
  const all = histogram(say);
  const players = el("p", "sync-players");
  const room = panel({ heading: say("sync_room"), note: say("sync_room_note"), body: el("div", "panel-pad stack", players, all.node) });
  room.hidden = true;
  const node = el("div", "quality", own, room, hand);

  const samples = [];
  let last = 0;

  function setOffset(ms) {
    if (party.sync) party.sync.offsetMs = ms;
    offset.value = String(ms);
    tellOffset();
  }
  function tellOffset() {
    const ms = Number(offset.value);
    const words = ms === 0 ? say("offset_none") : say(ms > 0 ? "offset_later" : "offset_earlier", { time: milliseconds(Math.abs(ms)) });
    setText(offsetTold, words);
    set(offset, { "aria-valuetext": words });
    reset.disabled = ms === 0;
  }
  on(offset, "input", () => setOffset(Number(offset.value)));
  offset.value = String(party.sync?.offsetMs ?? 0);
  tellOffset();

  function draw() {
    const most = Math.max(20, ...samples.map(({ ms }) => Math.abs(ms)));
    const from = Date.now() - KEPT_MS;
    const points = samples.map(({ at, ms }) => {
      const x = ((at - from) / KEPT_MS) * WIDTH;
      const y = HEIGHT / 2 - (ms / most) * (HEIGHT / 2 - 3);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    });
    line.setAttribute("points", points.join(" "));
    setText(top, `± ${milliseconds(most)}`);
  }

  return {
    node,
    show(model) {
      const { stats } = model;
      room.hidden = !model.isHost;
      if (!model.isHost) return;
      const has = stats && stats.players > 0;
      setText(players, has ? say("sync_players", { n: stats.players, p50: milliseconds(stats.p50), p95: milliseconds(stats.p95) }) : say("sync_players_none"));
      all.node.hidden = !has;
      if (has) all.show(stats.buckets ?? []);
    },
    /** Keep the drift, twice a second; `seen` says whether it has to be drawn, too. */
    beat(seen) {
      const at = Date.now();
      if (at - last < EACH_MS) return;
      last = at;
      const { sync, clock } = party;
      const measured = Number.isFinite(sync?.driftMs) && ["in_sync", "correcting"].includes(sync.state);
      if (measured) samples.push({ at, ms: sync.driftMs });
      while (samples.length > 0 && samples[0].at < at - KEPT_MS) samples.shift();
      if (!seen) return;
      const { tone, words } = syncWords(party, say);
      if (now.dataset.words !== words) {
        now.dataset.words = words;
        now.replaceChildren(signal(tone, words));
      }
      setText(told, measured ? say(Math.abs(sync.driftMs) < 0.5 ? "drift_none" : sync.driftMs > 0 ? "drift_ahead" : "drift_behind", { time: milliseconds(Math.abs(sync.driftMs)) }) : say("drift_unknown"));
      setText(drift, measured ? milliseconds(sync.driftMs) : "–");
      setText(bound, Number.isFinite(clock?.boundMs) ? `± ${milliseconds(clock.boundMs)}` : "–");
      setText(rtt, Number.isFinite(clock?.rttMs) ? milliseconds(clock.rttMs) : "–");
      setText(rate, Number.isFinite(sync?.rate) ? `${sync.rate.toFixed(3)} ×` : "–");
      draw();
    },
  };
}
