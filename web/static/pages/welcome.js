// The first run: permissions, a first reward, and a test by the streamer. Where one stands follows from what is there,
// so that it can be left and taken up again.
import { el, lamp, set } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { button, empty, link, skeleton } from "../lib/parts.js";
import { permissionsStep } from "../parts/welcome_permissions.js";
import { rewardStep } from "../parts/welcome_reward.js";
import { testStep } from "../parts/welcome_test.js";
import words from "../words/en/welcome.js";

const STEPS = ["permissions", "reward", "test"];
const MAKERS = { permissions: permissionsStep, reward: rewardStep, test: testStep };

/** Which steps are behind us. A test counts when the log of the last days has one. */
function doneOf({ scopes, points, tested }) {
  return { permissions: scopes.missing.length === 0, reward: points.rewards.some((reward) => !reward.missing_on_twitch), test: tested };
}

function stepper(ctx, done, at, choose) {
  const items = STEPS.map((step, n) => {
    const state = done[step] ? "done" : step === at ? "now" : "next";
    const mark = el("span", "step-mark number", done[step] ? icon("check") : String(n + 1));
    const name = button({ words: ctx.say(`step_${step}`), press: () => choose(step) });
    name.className = "step-name";
    name.prepend(mark);
    if (done[step]) name.append(el("span", "for-ears", ctx.say("step_done")));
    set(name, { "aria-current": step === at ? "step" : null });
    return set(el("li", "step", name), { "data-state": state, "data-at": step === at ? "" : null });
  });
  return set(el("ol", "stepper", ...items), { "aria-label": ctx.say("progress") });
}

async function finish(ctx) {
  try {
    await ctx.api("PATCH", "/api/settings", { body: { wizard_done: true } });
    ctx.go("/");
  } catch (error) {
    ctx.failed(error, ctx.say("not_finished"));
  }
}

function ready(ctx, again) {
  return el(
    "div", "panel welcome-step welcome-ready",
    lamp("go", "lamp-big"),
    el("h2", "", ctx.say("ready")),
    el("p", "quiet measure", ctx.say("ready_text")),
    el("div", "actions", link({ words: ctx.say("to_overview"), href: ctx.url("/"), kind: "" }), button({ words: ctx.say("test_again"), press: again })),
  );
}

export default {
  words,
  styles: ["manage", "welcome"],
  heading: (ctx) => ctx.say("heading"),
  intro: (ctx) => ctx.say("intro"),
  skeleton: () => skeleton("form", 3),
  tools: (ctx, data) => (ctx.owner && !data.settings.wizard_done ? [button({ words: ctx.say("skip_all"), press: () => finish(ctx) })] : []),

  async load(ctx) {
    const get = (path, query) => ctx.api("GET", path, { query, signal: ctx.signal });
    if (!ctx.owner) return { settings: { wizard_done: true } };
    const [settings, scopes, points, log] = await Promise.all([
      get("/api/settings"), get("/api/settings/scopes"), get("/api/channel-points"), get("/api/audit-log", { action: "vip.refunded", limit: 50 }).catch(() => ({ entries: [] })),
    ]);
    return { settings, scopes, points, tested: log.entries.some(({ reason }) => reason === "broadcaster") };
  },

  show(ctx, data) {
    if (!ctx.owner) return empty({ heading: ctx.say("moderator"), text: ctx.say("moderator_text"), actions: [link({ words: ctx.say("to_overview"), href: ctx.url("/") })] });
    const done = doneOf(data);
    const wanted = ctx.query.get("step");
    let at = STEPS.includes(wanted) ? wanted : (STEPS.find((step) => !done[step]) ?? "test");
    let step = null;
    const place = el("div");
    const head = el("div");
    const node = el("div", "welcome", head, place);

    function show(focus = true) {
      step?.leave?.();
      step = MAKERS[at](ctx, { ...data, done, next, finish: () => finish(ctx), tell });
      head.replaceChildren(stepper(ctx, done, at, choose));
      place.replaceChildren(step.node);
      if (focus) place.querySelector("h2")?.focus?.({ preventScroll: true });
    }

    function choose(to) {
      at = to;
      ctx.setQuery({ step: to });
      show();
    }

    /** The step is done, or skipped: on to the one after it. */
    function next() {
      const after = STEPS[STEPS.indexOf(at) + 1];
      if (after) choose(after);
      else finish(ctx);
    }

    /** What a step found out changes the progress above it. */
    function tell(changes) {
      Object.assign(done, changes);
      head.replaceChildren(stepper(ctx, done, at, choose));
    }

    // Consent given in another tab, a reward made there: take it up, but not under somebody's hands.
    ctx.live.on("settings", ({ parts }) => {
      if (at === "permissions" && parts.includes("account")) ctx.reload();
    });
    if (data.settings.wizard_done && !wanted) {
      place.replaceChildren(ready(ctx, () => choose("test")));
      return node;
    }
    show(false);
    return { node, leave: () => step?.leave?.() };
  },
};
