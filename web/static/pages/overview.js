// Who is VIP now: counted down, with what can be done about each; who waits; what happened last.
import { now } from "../lib/clock.js";
import { el, on, own, set, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { animate } from "../lib/motion.js";
import { button, empty, link, nameOf, panel, skeleton, stat } from "../lib/parts.js";
import { clockTime, figure, left } from "../lib/words.js";
import { deedLine } from "../parts/deeds.js";
import { grantDialog, grantWords } from "../parts/grant.js";
import { vipDeeds } from "../parts/vip_deeds.js";
import { vipList } from "../parts/vip_list.js";
import { isByHand, viewerOf } from "../parts/vip_row.js";
import { waitingPanel } from "../parts/waiting.js";
import words from "../words/en/overview.js";

const KEPT_DEEDS = 20;
const COUNTED = { "vip.granted": "granted", "vip.refunded": "refunded", "vip.ended": "ended" };

/** What may be missing is not worth a broken page: null, then. */
async function optional(asked) {
  try {
    return await asked;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return null;
  }
}

/** Today's numbers, from the server where it has them; then counted on as things happen. */
function numbers(ctx, analytics) {
  const today = analytics?.days?.at(-1) ?? null;
  const from = analytics?.now ?? now();
  const counts = { granted: today?.granted ?? 0, refunded: today?.refunded ?? 0, ended: today?.ended ?? 0 };
  const since = ctx.say(today ? "today" : "since_open");
  const nodes = {
    now: stat({ label: ctx.say("number_now"), id: "count-now", value: "0" }),
    next: stat({ label: ctx.say("number_next"), id: "count-next", value: "–" }),
    waiting: stat({ label: ctx.say("number_waiting"), id: "count-waiting", value: "0" }),
    granted: stat({ label: ctx.say("number_granted"), id: "count-granted", note: since }),
    refunded: stat({ label: ctx.say("number_refunded"), id: "count-refunded", note: since }),
    ended: stat({ label: ctx.say("number_ended"), id: "count-ended", note: since }),
  };
  for (const [kind, n] of Object.entries(counts)) nodes[kind].set(figure(n));
  const node = set(el("dl", "stats overview-stats", ...Object.values(nodes)), { "aria-label": ctx.say("numbers") });
  const counted = new Set();
  return {
    node,
    nodes,
    count(deed) {
      const kind = own(COUNTED, deed.action);
      if (!kind || deed.at < from || counted.has(deed.id)) return;
      counted.add(deed.id);
      counts[kind] += 1;
      nodes[kind].set(figure(counts[kind]));
    },
  };
}

function nothingYet(ctx, { rewards, settings }) {
  if (settings && settings.wizard_done === false && ctx.owner) {
    return empty({
      heading: ctx.say("not_set_up"), text: ctx.say("not_set_up_text"), level: 3,
      actions: [link({ words: ctx.say("not_set_up_button"), href: ctx.url("/welcome"), kind: "" })],
    });
  }
  if (rewards && rewards.rewards.length === 0 && ctx.owner) {
    return empty({
      heading: ctx.say("no_reward"), text: ctx.say("no_reward_text"), level: 3,
      actions: [link({ words: ctx.say("no_reward_button"), href: ctx.url("/rewards"), icon: "plus", kind: "" })],
    });
  }
  return empty({ heading: ctx.say("vips_empty"), steps: [1, 2, 3].map((n) => ctx.say(`vips_empty_${n}`)), level: 3 });
}

/** The newest lines; the rest is in the activity log. */
function deedFeed(ctx) {
  const rows = set(el("ol", "rows deed-rows"), { id: "deed-rows" });
  const none = empty({ heading: ctx.say("deeds_empty"), text: ctx.say("deeds_empty_text"), level: 3 });
  none.id = "deeds-empty";
  const lines = []; // newest first
  const node = panel({
    heading: ctx.say("deeds"), body: [rows, none], classes: "panel-deeds",
    tools: [link({ words: ctx.say("deeds_all"), href: ctx.url("/activity"), kind: "text" })],
  });

  function add(deed, arriving) {
    if (lines.some(({ id }) => id === deed.id)) return;
    const line = { id: deed.id, at: deed.at, node: deedLine(deed) };
    if (arriving) animate(line.node, "arrives");
    const place = lines.findIndex((each) => each.at <= deed.at);
    const index = place === -1 ? lines.length : place;
    if (index >= KEPT_DEEDS) return;
    rows.insertBefore(line.node, lines[index]?.node ?? null);
    lines.splice(index, 0, line);
    if (lines.length > KEPT_DEEDS) lines.pop().node.remove();
    none.hidden = true;
  }

  return {
    node,
    add: (deed) => add(deed, true),
    reset(deeds) {
      lines.length = 0;
      rows.replaceChildren();
      for (const deed of deeds.slice(0, KEPT_DEEDS).reverse()) add(deed, false);
      none.hidden = lines.length > 0;
    },
  };
}

function show(ctx, { settings, rewards, analytics }) {
  let list = null;
  const told = numbers(ctx, analytics);
  const feed = deedFeed(ctx);
  const waiting = waitingPanel(ctx);
  const keeps = settings?.limits?.when_full === "wait";

  const filter = set(el("input", "input"), {
    type: "search", id: "filter", autocomplete: "off", spellcheck: "false", dir: "auto", maxlength: 40,
    "aria-label": ctx.say("filter"), placeholder: ctx.say("filter"), "data-search": true,
  });
  const tally = set(el("span", "tally number"), { id: "vips-tally" });
  const none = nothingYet(ctx, { rewards, settings });
  none.id = "vips-empty";
  const noneFound = el("p", "", "");
  const clear = button({ words: ctx.say("filter_clear"), press: () => { filter.value = ""; list.filter(""); filter.focus(); } });
  const filterEmpty = set(el("div", "face", noneFound, clear), { id: "filter-empty" });

  const deeds = vipDeeds(ctx, { list: () => list, usual: () => settings?.default_seconds ?? 0, removes: () => settings?.removes ?? true });
  const bones = skeleton("rows", 6);
  let known = false;

  function tellCounts(shown) {
    const { size } = list;
    bones.hidden = known;
    none.hidden = !known || size > 0;
    filterEmpty.hidden = size === 0 || shown > 0;
    setText(noneFound, ctx.say("filter_none", { text: filter.value.trim() }));
    setText(tally, filter.value.trim() ? ctx.say("filtered", { shown, all: size }) : figure(size));
    numbersNow();
  }

  function numbersNow() {
    let [ours, hand] = [0, 0];
    for (const vip of list.order()) isByHand(vip) ? hand += 1 : ours += 1;
    const state = ctx.live.picture?.waiting ?? null;
    const cap = state?.cap ?? settings?.limits?.cap ?? 0;
    const note = [cap > 0 ? ctx.say("number_of", { n: cap }) : "", hand > 0 ? ctx.say("number_hand", { n: hand }) : ""].filter(Boolean).join(" · ");
    told.nodes.now.set(figure(ours), note);
    told.nodes.waiting.set(figure(state?.entries.length ?? 0));
    ctx.title(ctx.say("title", { n: ours + hand }));
    nextNow(now());
  }

  function nextNow(at) {
    let next = null;
    for (const vip of list.order()) {
      if (vip.expires_at === null || vip.protected || vip.expires_at <= at) continue;
      next = vip;
      break;
    }
    const name = next ? nameOf(viewerOf(next)) : "–";
    told.nodes.next.set(name, next ? left(next.expires_at - at) : ctx.say("number_nobody"));
    told.nodes.next.title = next ? `${name} · ${clockTime(next.expires_at, at)}` : "";
  }

  list = vipList({ ctx, deeds, onCount: (shown) => list && tellCounts(shown) });
  on(filter, "input", () => list.filter(filter.value));
  on(filter, "keydown", (event) => {
    if (event.key !== "Escape") return;
    if (filter.value === "") filter.blur();
    filter.value = "";
    list.filter("");
  });

  const search = el("div", "search", icon("search"), filter, set(el("kbd", "", "/"), { "aria-hidden": "true" }));
  const vips = panel({ heading: ctx.say("vips"), tools: [tally, search], body: [bones, list.node, none, filterEmpty], classes: "panel-vips" });
  vips.id = "vips";

  function reset(body) {
    known = true;
    list.reset([...body.vips.values()]);
    feed.reset(body.activity);
    for (const deed of body.activity) told.count(deed);
    waiting.show(body.waiting && { ...body.waiting, keeps });
    tellCounts(list.size);
  }

  ctx.live.on("reset", () => reset(ctx.live.picture));
  ctx.live.on("vip", (vip) => list.upsert(vip));
  ctx.live.on("activity", (deed) => { feed.add(deed); told.count(deed); });
  ctx.live.on("waiting", (body) => { waiting.show({ ...body, keeps }); numbersNow(); });
  ctx.live.on("settings", async ({ parts }) => {
    if (!parts.includes("settings")) return;
    settings = (await optional(ctx.api("GET", "/api/settings")).catch(() => null)) ?? settings;
    list.again();
    numbersNow();
  });
  let second = 0;
  ctx.onBeat((at) => {
    list.beat(at);
    if (Math.floor(at / 1000) !== second) nextNow(at);
    second = Math.floor(at / 1000);
  });
  waiting.show(keeps ? { entries: [], keeps } : null);
  tellCounts(0);
  if (ctx.live.picture) reset(ctx.live.picture);

  ctx.grant = () => grantDialog(ctx, {
    settings,
    done(answer, viewer, what) {
      if (answer?.vip) list.upsert(answer.vip);
      ctx.toast({ tone: answer?.result === "pending" ? "standby" : "go", words: grantWords(ctx, answer, viewer, what) });
      ctx.finished(answer).catch((error) => ctx.failed(error, ctx.say("not_done", { name: nameOf(viewer) })));
    },
  });

  const side = el("div", "overview-side", waiting.node, feed.node);
  return el("div", "stack", told.node, el("div", "overview", vips, side));
}

export default {
  words,
  styles: ["deeds", "overview"],
  heading: (ctx) => ctx.say("heading"),
  tools: (ctx) => [button({ words: ctx.say("grant"), icon: "plus", kind: "", press: () => { ctx.grant(); } })],
  skeleton: () => el("div", "stack", skeleton("numbers", 6), el("div", "panel", skeleton("rows", 6))),
  async load(ctx) {
    const [settings, rewards, analytics] = await Promise.all([
      optional(ctx.api("GET", "/api/settings")),
      optional(ctx.api("GET", "/api/channel-points")),
      optional(ctx.api("GET", "/api/analytics", { query: { period: "7d" } })),
    ]);
    return { settings, rewards, analytics };
  },
  show,
};
