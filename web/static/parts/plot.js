// A plot over days: time on x, y from zero, at most three series with their names at the end of the lines, the exact
// values under the pointer, the finger or the arrow keys, and a table behind it.
import { el, freshId, on, set, setText } from "../lib/dom.js";
import { figure, locale, scope } from "../lib/words.js";
import UPlot from "../vendor/uplot/uPlot.esm.js";
import words from "../words/en/plot.js";

const { say } = scope("plot", words);
const DAY = 86_400;
const HEIGHT = 240;
const LABEL_GAP = 17; // px between two names at the right
const LEFT = 44;
const STEPS = [1, 1e3, 1e6, 1e9].flatMap((size) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * size));

const asTable = new Set();

const short = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" });
const monthly = new Intl.DateTimeFormat(locale, { month: "short", timeZone: "UTC" });
const long = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const plain = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });

/** A day of the answer ("2026-11-21", in the channel's time zone) as the plot's x. */
const secondsOf = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;
const dayWords = (seconds, weeks) => (weeks ? say("week_from", { day: plain.format(seconds * 1000) }) : long.format(seconds * 1000));

/** The colour that a token has in the theme of this moment: a canvas knows no variables. */
function colours(host) {
  const probe = el("i");
  probe.hidden = true;
  host.append(probe);
  return (token) => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };
}

/** The upper end of y: a round number that holds the highest value. */
function ceiling(highest) {
  const step = STEPS.find((each) => each * 5 >= highest) ?? highest;
  return Math.max(4, Math.ceil(highest / step) * step);
}

function tableOf({ heading, days, series, weeks }) {
  const head = el("tr", "", el("th", "", say(weeks ? "week" : "day")), ...series.map((each) => el("th", "end", each.words)));
  const rows = days.map((day, n) => el("tr", "", el("th", "", dayWords(secondsOf(day), weeks)), ...series.map((each) => el("td", "end number", figure(each.values[n]))))).reverse();
  for (const cell of head.children) cell.scope = "col";
  for (const row of rows) row.firstChild.scope = "row";
  const table = el("table", "sums", el("caption", "for-ears", heading), el("thead", "", head), el("tbody", "", ...rows));
  const box = el("div", "plot-table", table);
  return set(box, { tabindex: "0", role: "group", "aria-label": heading });
}

/**
 * @param {{heading: string, note?: string, days: string[], series: {words: string, values: number[]}[], key: string, bars?: boolean, weeks?: boolean}} parts
 * `weeks`: each of `days` is the first of a week, whose sum it stands for.
 * Which face was chosen stays, by `key`, while the page is fetched again.
 * Answers {node, leave}; `leave` ends what watches size and theme.
 */
export function plot({ heading, note = "", days, series, key, bars = false, weeks = false }) {
  const stage = el("div", "plot-stage");
  const tip = el("div", "plot-tip");
  const told = el("p", "for-ears");
  told.id = freshId("plot-told");
  told.setAttribute("aria-live", "polite");
  tip.hidden = true;
  const names = series.map((each, n) => el("span", `plot-name plot-tone-${n + 1}`, each.words));
  const view = set(el("div", "plot-view", stage, ...(bars ? [] : names), tip, told), { tabindex: "0", role: "group", "aria-roledescription": say("plot"), "aria-label": say(weeks ? "described_weeks" : "described", { heading, n: days.length }) });
  const table = tableOf({ heading, days, series, weeks });
  table.hidden = !asTable.has(key);
  view.hidden = !table.hidden;
  const swap = on(el("button", "button button-quiet button-small", say(table.hidden ? "as_table" : "as_plot")), "click", () => {
    table.hidden = !table.hidden;
    view.hidden = !table.hidden;
    if (table.hidden) asTable.delete(key);
    else asTable.add(key);
    setText(swap, table.hidden ? say("as_table") : say("as_plot"));
    if (table.hidden) fit();
  });
  swap.type = "button";
  const title = el("h2", "", heading);
  const node = el("section", "panel plot", el("header", "plot-head", el("div", "", title, ...(note ? [el("p", "hint", note)] : [])), swap), view, table);
  title.id = freshId("plot");
  node.setAttribute("aria-labelledby", title.id);

  const colour = colours(node);
  const step = weeks ? 7 * DAY : DAY;
  const xs = days.map(secondsOf);
  const highest = Math.max(0, ...series.flatMap((each) => each.values));
  let drawn = null;

  function right() {
    return bars ? 12 : Math.max(...names.map((name) => name.offsetWidth)) + 14;
  }

  /** The names stand beside the last values; those that would overlap make room. */
  function placeNames(u) {
    if (bars) return;
    const spots = series.map((each, n) => ({ name: names[n], y: u.valToPos(each.values.at(-1), "y") }));
    spots.sort((a, b) => a.y - b.y);
    const lowest = u.over.clientHeight;
    for (let n = spots.length - 1, floor = lowest; n >= 0; n -= 1, floor -= LABEL_GAP) spots[n].y = Math.min(spots[n].y, floor);
    for (let n = 1; n < spots.length; n += 1) spots[n].y = Math.max(spots[n].y, spots[n - 1].y + LABEL_GAP);
    for (const { name, y } of spots) name.style.transform = `translate(${u.over.offsetLeft + u.over.clientWidth + 8}px, ${u.over.offsetTop + y - 9}px)`;
  }

  function point(u) {
    const at = u.cursor.idx;
    tip.hidden = at === null || at === undefined || u.cursor.left < 0;
    if (tip.hidden) return;
    tip.replaceChildren(el("strong", "", dayWords(xs[at], weeks)), ...series.map((each, n) => el("span", `plot-tip-line plot-tone-${n + 1}`, el("i"), el("span", "", each.words), el("b", "number", figure(each.values[at])))));
    const x = u.over.offsetLeft + u.valToPos(xs[at], "x");
    const space = view.clientWidth - tip.offsetWidth - 4;
    const side = x + 14 > space ? x - tip.offsetWidth - 14 : x + 14;
    tip.style.transform = `translate(${Math.max(4, Math.min(space, side))}px, 12px)`;
  }

  function draw(width) {
    const grid = { stroke: () => colour("--line"), width: 1 };
    const ink = () => colour("--faint");
    const text = `12px ${getComputedStyle(node).fontFamily}`;
    const lines = series.map((each, n) => ({
      label: each.words,
      stroke: () => colour(`--plot-${n + 1}`),
      fill: bars ? () => colour(`--plot-${n + 1}`) : undefined,
      width: bars ? 0 : 2,
      paths: bars ? UPlot.paths.bars({ size: [0.72, 28], radius: 0.2 }) : UPlot.paths.linear(),
      points: { show: !bars && days.length <= 60, size: 5, fill: () => colour(`--plot-${n + 1}`), width: 0 },
    }));
    return new UPlot(
      {
        width,
        height: HEIGHT,
        padding: [14, right(), 0, 0],
        tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, focus: { prox: -1 }, points: { size: 9, width: 2 } },
        scales: { x: { time: true, range: (u, from, to) => (bars ? [from - step / 2, to + step / 2] : [from, to]) }, y: { range: () => [0, ceiling(highest)] } },
        axes: [
          { stroke: ink, grid: { show: false }, ticks: { ...grid, size: 5 }, font: text, size: 34, space: 62, incrs: [1, 2, 7, 14, 30, 61, 91].map((n) => n * DAY), values: (u, at) => at.map((x) => (weeks ? monthly : short).format(x * 1000)) },
          { stroke: ink, grid, ticks: { show: false }, font: text, size: (u, told) => Math.max(LEFT, 14 + 7.5 * Math.max(0, ...(told ?? []).map((each) => each.length))), gap: 8, space: 38, incrs: STEPS, values: (u, at) => at.map((y) => compact.format(y)) },
        ],
        series: [{}, ...lines],
        hooks: { draw: [placeNames], setCursor: [point] },
      },
      [xs, ...series.map((each) => each.values)],
      stage,
    );
  }

  function fit() {
    const width = view.clientWidth;
    if (width < 60) return;
    if (drawn === null) {
      drawn = draw(width);
      drawn.over.addEventListener("pointermove", (event) => event.pointerType !== "mouse" && follow(event));
      drawn.over.addEventListener("pointerdown", follow);
    } else if (drawn.width !== width) drawn.setSize({ width, height: HEIGHT });
  }

  function follow(event) {
    const box = drawn.over.getBoundingClientRect();
    drawn.setCursor({ left: event.clientX - box.left, top: event.clientY - box.top });
  }

  function go(to) {
    const at = Math.max(0, Math.min(days.length - 1, to));
    drawn.setCursor({ left: drawn.valToPos(xs[at], "x"), top: 10 });
    setText(told, `${dayWords(xs[at], weeks)}: ${series.map((each) => `${each.words} ${figure(each.values[at])}`).join(", ")}`);
  }

  const away = () => drawn?.setCursor({ left: -10, top: -10 });
  on(view, "keydown", (event) => {
    const now = tip.hidden ? null : drawn.cursor.idx;
    const moves = { ArrowLeft: (now ?? days.length) - 1, ArrowRight: (now ?? -1) + 1, Home: 0, End: days.length - 1 };
    if (Object.hasOwn(moves, event.key)) go(moves[event.key]);
    else if (event.key === "Escape" && !tip.hidden) away();
    else return;
    event.preventDefault();
  });
  on(view, "blur", away);

  const sized = new ResizeObserver(fit);
  sized.observe(view);
  const repaint = () => drawn?.redraw(false, true);
  const themed = new MutationObserver(repaint);
  themed.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", repaint);

  return {
    node,
    leave() {
      sized.disconnect();
      themed.disconnect();
      dark.removeEventListener("change", repaint);
      drawn?.destroy();
    },
  };
}
