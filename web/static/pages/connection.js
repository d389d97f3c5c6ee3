// How the line to Twitch is: the session, each subscription, what waits, and two buttons for when one doubts it.
import { now } from "../lib/clock.js";
import { el, own } from "../lib/dom.js";
import { button, empty, link, notice, panel, signal, skeleton, stat, timeAgo } from "../lib/parts.js";
import { table } from "../lib/table.js";
import { ago, clockTime, figure, fullTime } from "../lib/words.js";
import words from "../words/en/connection.js";

const EVERY_MS = 10_000;
const STATES = { live: "go", connecting: "standby", needs_login: "stop", stopped: "stop" };
const STATUS = { enabled: "go", pending: "standby", webhook_callback_verification_pending: "standby", off: "info" };
/** A delay from which a person would notice it. */
const SLOW_MS = 2_000;

/** A long name may be broken after its dots and underscores, and nowhere else. */
const breakable = (name) => name.split(/(?<=[._])/).flatMap((part) => [part, el("wbr")]);

const typeWords = (ctx, type) => ctx.pick(`type ${type}`) ?? type;
const statusTone = (status) => own(STATUS, status, "stop");

function subscriptionTable(ctx) {
  return table({
    label: ctx.say("subscriptions"),
    key: (row) => `${row.type} ${row.version}`,
    empty: empty({ heading: ctx.say("none"), text: ctx.say("none_text"), level: 3 }),
    columns: [
      {
        key: "type", words: ctx.say("subscription"), main: true,
        cell: ({ type, version }) => el("span", "stack-tight", el("span", "sub-name", typeWords(ctx, type)), el("code", "faint", ...breakable(type), ` · ${ctx.say("version", { n: version })}`)),
      },
      { key: "status", words: ctx.say("status"), cell: ({ status }) => signal(statusTone(status), ctx.pick(`status ${status}`) ?? status) },
      { key: "since", words: ctx.say("listens_since"), cell: ({ since }) => (since ? timeAgo(since) : "–") },
      { key: "last", words: ctx.say("heard"), cell: ({ last_event_at: at }) => (at ? timeAgo(at) : ctx.say("none_yet")) },
      { key: "why", words: ctx.say("why"), wide: true, cell: ({ why }) => el("span", "quiet", why || "–") },
    ],
  });
}

function notices(ctx, told) {
  const list = [];
  if (told.state !== "live" && told.detail) {
    const actions = told.state === "needs_login" ? [link({ words: ctx.say("sign_in_again"), href: ctx.session.sign_in_url || "/sign-in", kind: "" })] : [];
    list.push(notice({ tone: own(STATES, told.state, "stop"), heading: ctx.pick(`state ${told.state}`) ?? told.state, text: told.detail, actions }));
  }
  if (told.backlog.dead > 0) list.push(notice({ tone: "stop", heading: ctx.say("dead", { n: told.backlog.dead }), text: ctx.say("dead_text") }));
  if ((told.backlog.over_quota ?? 0) > 0) list.push(notice({ tone: "standby", heading: ctx.say("over_quota_heading"), text: ctx.say("over_quota_text") }));
  const drop = told.chat.last_drop;
  if (drop) list.push(notice({ tone: "standby", heading: ctx.say("last_drop"), text: ctx.say("last_drop_text", { time: ago(now() - drop.at), reason: drop.reason }) }));
  return list;
}

function show(ctx, first) {
  const numbers = {
    line: stat({ label: ctx.say("line"), id: "line-state" }),
    last: stat({ label: ctx.say("last_event"), id: "line-last" }),
    lag: stat({ label: ctx.say("lag"), id: "line-lag", note: ctx.say("lag_note") }),
    backlog: stat({ label: ctx.say("backlog"), id: "line-backlog" }),
    chat: stat({ label: ctx.say("chat"), id: "line-chat", note: ctx.say("chat_sent") }),
  };
  const subscriptions = subscriptionTable(ctx);
  const messages = el("div", "stack");
  let told = first;

  function draw() {
    const state = ctx.pick(`state ${told.state}`) ?? told.state;
    const transport = ctx.pick(`transport ${told.transport}`) ?? told.transport;
    const tone = own(STATES, told.state, "stop");
    numbers.line.set("", told.since ? `${transport} · ${ctx.say("since", { time: clockTime(told.since, now()) })}` : transport);
    numbers.line.querySelector(".stat-value").replaceChildren(signal(tone, state));
    numbers.line.title = told.since ? fullTime(told.since) : "";
    beat(now());
    numbers.lag.set(told.lag_ms === null ? "–" : ctx.say("ms", { n: told.lag_ms }));
    numbers.lag.classList.toggle("slow", (told.lag_ms ?? 0) > SLOW_MS);
    const { waiting, oldest_at: oldest, parked, over_quota: over = 0 } = told.backlog;
    const more = [oldest ? ctx.say("backlog_oldest", { time: ago(now() - oldest) }) : ctx.say("backlog_none"), parked > 0 ? ctx.say("parked", { n: parked }) : "", over > 0 ? ctx.say("over_quota", { n: over }) : ""];
    numbers.backlog.set(figure(waiting), more.filter(Boolean).join(" · "));
    const { sent, dropped } = told.chat;
    numbers.chat.set(figure(sent), [ctx.say("chat_sent"), dropped > 0 ? ctx.say("dropped", { n: dropped }) : ""].filter(Boolean).join(" · "));
    messages.replaceChildren(...notices(ctx, told));
    messages.hidden = messages.childElementCount === 0;
    subscriptions.set(told.subscriptions);
  }

  function beat(at) {
    const last = Math.max(told.last_event_at ?? 0, seen);
    numbers.last.set(last ? ago(at - last) : ctx.say("none_yet"), last ? clockTime(last, at) : "");
  }

  let seen = 0;
  let busy = false;
  async function refresh() {
    if (busy || document.hidden) return;
    busy = true;
    try {
      told = await ctx.api("GET", "/api/connection");
      draw();
    } catch (error) {
      if (error.name !== "AbortError" && error.status !== 0 && error.status !== 503) ctx.failed(error);
    } finally {
      busy = false;
    }
  }

  ctx.live.on("channel", refresh);
  ctx.live.on(["vip", "activity"], () => { seen = now(); });
  const timer = setInterval(refresh, EVERY_MS);
  ctx.onEnd(() => clearInterval(timer));
  let second = 0;
  ctx.onBeat((at) => {
    if (Math.floor(at / 1000) === second) return;
    second = Math.floor(at / 1000);
    beat(at);
  });
  ctx.refresh = refresh;
  draw();

  const stats = el("dl", "stats connection-stats", ...Object.values(numbers));
  const list = panel({ heading: ctx.say("subscriptions"), note: ctx.say("subscriptions_note"), body: [subscriptions.node] });
  return el("div", "stack", messages, stats, list);
}

/** A button that asks for something long and tells what came of it. */
function deed(ctx, { words: name, icon, path, going, done }) {
  return button({
    words: ctx.say(name), icon,
    async press() {
      try {
        const answer = await ctx.api("POST", path);
        ctx.toast({ tone: "standby", words: ctx.say(going) });
        const told = await ctx.settle(answer ?? {}, { signal: ctx.signal });
        if (told.state === "failed") ctx.toast({ tone: "stop", words: told.detail || ctx.say("failed_restart") });
        else if (done) ctx.toast({ tone: "go", words: told.detail || ctx.say(done) });
        await ctx.refresh?.();
      } catch (error) {
        ctx.failed(error);
      }
    },
  });
}

export default {
  words,
  heading: (ctx) => ctx.say("heading"),
  intro: (ctx) => ctx.say("intro"),
  tools: (ctx) => [
    deed(ctx, { words: "reconcile", icon: "check", path: "/api/connection/reconcile", going: "reconcile_going", done: "reconcile_done" }),
    deed(ctx, { words: "restart", icon: "refresh", path: "/api/connection/restart", going: "restart_done", done: "" }),
  ],
  skeleton: () => el("div", "stack", skeleton("numbers", 5), el("div", "panel", skeleton("rows", 6))),
  load: (ctx) => ctx.api("GET", "/api/connection"),
  show,
};
