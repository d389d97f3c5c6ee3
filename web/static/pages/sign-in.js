// Signing in: with Twitch, with a code, or into the demo; and what became of a sign-in that failed.
import { ApiError } from "../lib/api.js";
import { sentenceOf } from "../lib/dialogs.js";
import { el, filled, lamp, set, setText } from "../lib/dom.js";
import { button, link, nameOf, notice, signal } from "../lib/parts.js";
import { developmentLogin, getSession } from "../lib/session.js";
import { span } from "../lib/words.js";
import words from "../words/en/sign-in.js";

const KNOWN = new Set(Object.keys(words).filter((key) => /^error \w+$/.test(key)).map((key) => key.slice(6)));

/** Where to go afterwards: a path of ours and nothing else ("//evil" and "/\evil" lead elsewhere). */
function returnTo(query) {
  const asked = query.get("return_to") ?? "";
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(asked) && !asked.startsWith("/sign-in") ? asked : "/";
}

function withReturn(url, query, more = {}) {
  const full = new URL(url || "/api/auth/sign-in", location.origin);
  if (returnTo(query) !== "/") full.searchParams.set("return_to", returnTo(query));
  for (const [name, value] of Object.entries(more)) full.searchParams.set(name, value);
  return full.pathname + full.search;
}

/** Who is on the way to a watch party is asked for nothing but who he is, and needs no channel. */
const watches = (ctx) => /^\/party([/?#]|$)/.test(returnTo(ctx.query));

const enter = (ctx) => location.replace(returnTo(ctx.query));

function trouble(ctx) {
  const code = ctx.query.get("error");
  if (!code) return ctx.query.get("left") ? notice({ tone: "info", text: ctx.say(ctx.query.get("left") === "channel" ? "left_channel" : "left") }) : null;
  const known = KNOWN.has(code) ? code : "other";
  const tone = known === "session" || known === "access_denied" ? "standby" : "stop";
  const node = notice({ tone, heading: ctx.say(`error ${known}`), text: ctx.say(`error ${known} text`) });
  node.id = "sign-in-trouble";
  return set(node, { role: "alert" });
}

/** A code to be typed at Twitch, on any device; asks how it stands until it is decided. */
function deviceFace(ctx, { back }) {
  const node = el("div", "stack device");
  let timer = null;
  ctx.onEnd(() => clearTimeout(timer));

  function fail(sentence) {
    clearTimeout(timer);
    const again = button({ words: ctx.say("device_again"), icon: "refresh", kind: "", press: begin });
    node.replaceChildren(set(el("p", "form-trouble", sentence), { role: "alert" }), el("div", "actions", again, button({ words: ctx.say("device_back"), press: back })));
  }

  async function poll(told, until) {
    try {
      const { state } = await ctx.api("POST", "/api/auth/device/poll", { body: { handle: told.handle }, anonymous: true, signal: ctx.signal });
      if (state === "signed_in") return enter(ctx);
      if (state === "denied" || state === "expired") return fail(ctx.say(`device_${state}`));
    } catch (error) {
      if (error.name === "AbortError") return null;
      // Asked too often, or nobody there for a moment: the next time will do.
      if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) return fail(sentenceOf(error));
    }
    if (Date.now() > until) return fail(ctx.say("device_expired"));
    timer = setTimeout(() => poll(told, until), told.interval_seconds * 1000);
    return null;
  }

  async function begin() {
    try {
      const told = await ctx.api("POST", "/api/auth/device", { body: {}, anonymous: true, signal: ctx.signal });
      const until = told.expires_at;
      const there = link({ words: told.verification_uri.replace(/^https?:\/\/(www\.)?/, "").split("?")[0], href: told.verification_uri, kind: "text", external: true });
      const left = el("p", "hint number");
      const tick = () => setText(left, ctx.say("device_left", { time: span(Math.max(0, (until - Date.now()) / 1000)) }));
      tick();
      ctx.onBeat(tick);
      const code = set(el("p", "device-code", told.user_code), { "aria-label": [...told.user_code].join(" ") });
      const copy = button({ words: ctx.say("device_copy"), icon: "copy", press: () => navigator.clipboard.writeText(told.user_code).then(() => ctx.toast({ tone: "go", words: ctx.say("copied") })) });
      const step = (n, ...content) => el("li", "", el("b", "", String(n)), el("span", "", ...content));
      node.replaceChildren(
        el("ol", "steps", step(1, ...filled(ctx.pick("device_1"), { link: there })), step(2, ctx.say("device_2")), step(3, ctx.say("device_3"))),
        code, copy, set(signal("standby", ctx.say("device_waiting")), { role: "status" }), left,
        el("div", "actions", button({ words: ctx.say("device_back"), press: back })),
      );
      timer = setTimeout(() => poll(told, until), told.interval_seconds * 1000);
    } catch (error) {
      if (error.name !== "AbortError") fail(error instanceof ApiError ? sentenceOf(error) : ctx.say("unreachable"));
    }
  }

  begin();
  return node;
}

/** Somebody who is signed in already came by himself: going on is the main way, then. */
const isIn = (ctx, session) => session.signed_in && !ctx.query.get("error");

function ways(ctx, session, toDevice) {
  const error = set(el("p", "form-trouble"), { role: "alert" });
  const list = [];
  if (session.sign_in_url) {
    const choose = { ...(ctx.query.get("error") === "mismatch" ? { choose: "1" } : {}), ...(watches(ctx) ? { role: "viewer" } : {}) };
    const main = link({ words: ctx.say(choose.choose ? "error mismatch go" : "twitch"), href: withReturn(session.sign_in_url, ctx.query, choose), icon: "twitch", kind: isIn(ctx, session) ? "quiet" : "" });
    main.id = "sign-in-twitch";
    list.push(main, el("p", "hint", ctx.say(watches(ctx) ? "viewer_note" : "twitch_note")));
    if (!watches(ctx)) list.push(el(
      "div", "sign-in-more",
      link({ words: ctx.say("moderator"), href: withReturn(session.sign_in_url, ctx.query, { role: "moderator" }) }),
      button({ words: ctx.say("device"), icon: "device", press: toDevice }),
    ));
  }
  if (session.development_login) {
    const press = async () => {
      setText(error, "");
      const code = await developmentLogin();
      if (code >= 200 && code < 300) enter(ctx);
      else setText(error, code === 0 ? ctx.say("unreachable") : ctx.say("failed", { status: code }));
    };
    list.push(button({ words: ctx.say("dev"), icon: "play", kind: session.sign_in_url || isIn(ctx, session) ? "quiet" : "", press }), el("p", "hint", ctx.say("dev_note")));
  }
  if (list.length === 0) list.push(el("p", "quiet", ctx.say("none")));
  return el("div", "stack sign-in-ways", ...list, error);
}

export default {
  words,
  heading: (ctx) => ctx.say(watches(ctx) ? "viewer_heading" : "heading"),
  styles: ["sign-in"],
  skeleton: () => el("div"),
  load: () => getSession(),
  show(ctx, session) {
    const body = el("div", "sign-in-body");
    const told = trouble(ctx);
    const tone = ["stop", "standby"].find((each) => told?.classList.contains(`notice-${each}`)) ?? "go";
    const card = el("div", "sign-in-card", lamp(tone), el("p", "sign-in-text", ctx.say(watches(ctx) ? "viewer_text" : "text")), told, body);
    const back = () => body.replaceChildren(ways(ctx, session, toDevice));
    const toDevice = () => body.replaceChildren(el("h2", "", ctx.say("device_heading")), deviceFace(ctx, { back }));
    back();
    if (isIn(ctx, session)) {
      const name = nameOf(session.user ?? { name: session.name });
      body.prepend(el("div", "stack sign-in-ways", el("p", "", ...filled(ctx.pick("already"), { name })), link({ words: ctx.say("already_go"), href: returnTo(ctx.query), kind: "" })));
    } else if (session.needs_setup) body.prepend(notice({ tone: "info", text: ctx.say("first") }));
    return card;
  },
};
