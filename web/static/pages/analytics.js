// How the channel's VIPs went over the last days.
import { bdi, el } from "../lib/dom.js";
import { button, empty, link, notice, panel, person, skeleton, stat, tabs } from "../lib/parts.js";
import { figure, locale, span } from "../lib/words.js";
import { barList } from "../parts/bars.js";
import { keepFocus } from "../parts/focus.js";
import { plot } from "../parts/plot.js";
import words from "../words/en/analytics.js";

const PERIODS = ["7d", "30d", "90d", "365d"];
/** More points than that are a hedge, not a line. */
const MOST_DAYS = 120;
const FRESH_MS = 15_000; // redemptions in a row are counted again once

const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
/** Up to six figures in full; more would not fit, and the exact number is under the pointer and in the table. */
const brief = (n) => (n < 1_000_000 ? figure(n) : compact.format(n));

const periodOf = (ctx) => (PERIODS.includes(ctx.query.get("period")) ? ctx.query.get("period") : "30d");

function periodTabs(ctx) {
  return tabs({
    label: ctx.say("period"),
    items: PERIODS.map((each) => ({ id: each, words: ctx.say(`period_${each}`) })),
    chosen: periodOf(ctx),
    choose(id) {
      ctx.setQuery({ period: id === "30d" ? "" : id });
      ctx.reload();
    },
  });
}

/** The words of a code of the server's, or the code itself where a newer server has one that we do not know. */
const wordsOf = (ctx, group, code) => ctx.pick(`${group}.${code}`) ?? code.replaceAll("_", " ");

/** Whole weeks, the last of which ends with the last day; what is left over in front is dropped from the plots. */
function byWeek(days) {
  const whole = days.slice(days.length % 7);
  return Array.from({ length: whole.length / 7 }, (_, n) => {
    const week = whole.slice(7 * n, 7 * n + 7);
    const sum = (key) => week.reduce((all, each) => all + each[key], 0);
    return { day: week[0].day, ...Object.fromEntries(["granted", "extended", "ended", "points"].map((key) => [key, sum(key)])) };
  });
}

function sums(ctx, totals) {
  const cards = ["granted", "extended", "viewers", "points", "refunded", ...(totals.bits > 0 ? ["bits"] : [])];
  const card = (key) => {
    const node = stat({ label: ctx.say(`total_${key}`), value: brief(totals[key]), note: ctx.say(`total_${key}_note`) });
    node.title = figure(totals[key]);
    return node;
  };
  return el("dl", "stats", ...cards.map(card));
}

function ranking(ctx, key, rows, what) {
  const body = rows.length > 0 ? barList({ label: ctx.say(key), rows, columns: [ctx.say(what), ctx.say("number")] }) : el("p", "none", ctx.say(`${key}_none`));
  return panel({ heading: ctx.say(key), body });
}

function topViewers(ctx, entries) {
  const columns = ["place", "viewer", "vips", "time", "points"];
  const head = el("tr", "", ...columns.map((key) => el("th", ["vips", "time", "points"].includes(key) ? "end" : "", ctx.say(`top_${key}`))));
  for (const cell of head.children) cell.scope = "col";
  const rows = entries.map((entry, n) =>
    el(
      "tr", "",
      el("td", "top-place number", String(n + 1)),
      el("th", "top-who", person(entry.viewer)),
      labelled(ctx.say("top_vips"), figure(entry.vips)),
      labelled(ctx.say("top_time"), span(entry.seconds)),
      labelled(ctx.say("top_points"), figure(entry.points)),
    ),
  );
  const table = el("table", "sums top", el("caption", "for-ears", ctx.say("top")), el("thead", "", head), el("tbody", "", ...rows));
  return panel({ heading: ctx.say("top"), body: entries.length > 0 ? table : el("p", "none", ctx.say("top_none")) });
}

function labelled(label, value) {
  const cell = el("td", "end number", value);
  cell.dataset.label = label;
  return cell;
}

function nothing(ctx) {
  return empty({ heading: ctx.say("empty"), text: ctx.say("empty_text"), actions: [link({ words: ctx.say("empty_action"), href: ctx.url("/rewards") })] });
}

export default {
  words,
  styles: ["manage", "../vendor/uplot/uPlot.min", "analytics"],
  heading: (ctx) => ctx.say("heading"),
  intro: (ctx) => ctx.say("intro"),
  tools: (ctx) => [periodTabs(ctx)],
  skeleton: () => el("div", "stack", skeleton("numbers", 5), skeleton("cards", 2)),
  load: (ctx) => ctx.api("GET", "/api/analytics", { query: { period: periodOf(ctx) }, signal: ctx.signal }),

  show(ctx, data) {
    let timer = null;
    const again = () => {
      if (document.activeElement?.closest(".plot")) timer = setTimeout(again, FRESH_MS); // somebody reads there
      else ctx.reload();
    };
    const later = () => {
      timer ??= setTimeout(again, FRESH_MS);
    };
    keepFocus();
    ctx.live.on("activity", later);
    const leave = () => clearTimeout(timer);
    const { totals } = data;
    if (totals.granted + totals.extended + totals.refunded + totals.ended === 0) return { node: nothing(ctx), leave };

    const weeks = data.days.length > MOST_DAYS;
    const rows = weeks ? byWeek(data.days) : data.days;
    const days = rows.map((each) => each.day);
    const values = (key) => rows.map((each) => each[key]);
    const per = weeks ? "week" : "day";
    const series = ["granted", "extended", "ended"].map((key) => ({ words: ctx.say(`series_${key}`), values: values(key) }));
    const vips = plot({ heading: ctx.say(`per_${per}`), note: ctx.say("per_day_note", { timezone: data.timezone }), days, series, weeks, key: "vips" });
    const points = plot({ heading: ctx.say(`points_per_${per}`), note: ctx.say("points_per_day_note"), days, series: [{ words: ctx.say("series_points"), values: values("points") }], bars: true, weeks, key: "points" });

    const count = (entry) => entry.granted + entry.extended;
    const byCount = (a, b) => b.value - a.value;
    const rewards = data.by_reward.map((each) => ({ name: bdi(each.title), value: count(each), note: ctx.say("points", { n: each.points }) })).sort(byCount);
    const causes = data.by_cause.map((each) => ({ name: wordsOf(ctx, "cause", each.cause), value: count(each) })).sort(byCount);
    const refusals = data.refund_reasons.map((each) => ({ name: wordsOf(ctx, "reason", each.reason), value: each.count })).sort(byCount);
    const node = el(
      "div", "stack analytics",
      data.complete === false ? notice({ text: ctx.say("counting"), actions: [button({ words: ctx.say("count_on"), press: ctx.reload })] }) : null,
      el("p", "for-ears", ctx.say("span", { from: data.from, to: data.to })),
      sums(ctx, totals),
      vips.node,
      points.node,
      el(
        "div", "grid-2",
        el("div", "stack", ranking(ctx, "by_reward", rewards, "reward"), ranking(ctx, "refunds", refusals, "reason")),
        el("div", "stack", ranking(ctx, "by_cause", causes, "cause"), topViewers(ctx, data.top_viewers)),
      ),
    );
    return {
      node,
      leave() {
        leave();
        vips.leave();
        points.leave();
      },
    };
  },
};
