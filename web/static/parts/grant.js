// "Make someone VIP": who (looked up on Twitch), for how long, and a note.
import { ApiError } from "../lib/api.js";
import { openDialog, sentenceOf } from "../lib/dialogs.js";
import { el, freshId, on, set } from "../lib/dom.js";
import { durationInput } from "../lib/duration.js";
import { now } from "../lib/clock.js";
import { button, nameOf, person } from "../lib/parts.js";
import { span } from "../lib/words.js";
import { isByHand } from "./vip_row.js";

const HOUR = 3_600;
const DAY = 86_400;
const TYPING_MS = 350;
const LOGIN = /^@?[a-z0-9_]{1,25}$/i;

/** @param settings of the channel, or null: default_seconds and whether the stream's end is known. */
export function grantDialog(ctx, { settings, done }) {
  let found = null; // {id, login, name}
  let timer = null;
  let asked = 0;

  const input = set(el("input", "input"), { type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "off", maxlength: 26, enterkeyhint: "next" });
  input.id = freshId("viewer");
  const label = el("label", "label", ctx.say("grant_viewer"));
  label.htmlFor = input.id;
  const hint = el("p", "field-hint", ctx.say("grant_viewer_hint"));
  hint.id = freshId("hint");
  const error = set(el("p", "field-error"), { role: "alert" });
  error.id = freshId("error");
  set(input, { "aria-describedby": `${hint.id} ${error.id}` });
  const match = set(el("div", "grant-found"), { role: "status" });

  const usual = settings?.default_seconds ?? 0;
  const times = el("div", "grant-times");
  set(times, { role: "radiogroup", "aria-label": ctx.say("grant_time") });
  const group = freshId("time");
  const own = durationInput({ seconds: usual || DAY, label: ctx.say("grant_own") });
  const ownBox = el("div", "grant-own", own.node);
  ownBox.hidden = true;
  const choices = [
    ...(usual ? [[usual, ctx.say("grant_usual", { time: span(usual) })]] : []),
    ...[HOUR, DAY, 7 * DAY, 30 * DAY].filter((each) => each !== usual).map((each) => [each, span(each)]),
    ["own", ctx.say("grant_own")],
    ["stream", ctx.say("grant_stream")],
  ];
  choices.forEach(([value, words], at) => {
    const radio = set(el("input", "for-ears"), { type: "radio", name: group, value: String(value) });
    radio.checked = at === 0;
    times.append(el("label", "chip", radio, el("span", "", words)));
  });
  const chosen = () => times.querySelector("input:checked").value;
  on(times, "change", () => {
    ownBox.hidden = chosen() !== "own";
    if (chosen() === "own") own.input.focus();
  });

  const note = set(el("input", "input"), { type: "text", maxlength: 200, autocomplete: "off", dir: "auto" });
  note.id = freshId("note");
  const noteLabel = el("label", "label", ctx.say("grant_note"));
  noteLabel.htmlFor = note.id;
  const trouble = set(el("p", "form-trouble"), { role: "alert" });
  const yes = button({ words: ctx.say("grant_yes"), kind: "", type: "submit" });
  const form = el(
    "form", "stack grant",
    el("div", "field", el("div", "field-words", label, hint), input, error, match),
    el("div", "field", el("span", "label", ctx.say("grant_time")), times, ownBox),
    el("div", "field", el("div", "field-words", noteLabel, el("p", "field-hint", ctx.say("grant_note_hint"))), note),
    trouble,
    el("div", "form-foot", button({ words: ctx.say("cancel"), press: () => shown.close() }), yes),
  );
  form.noValidate = true;

  const vipOf = (viewer) => [...(ctx.live.picture?.vips.values() ?? [])].find((vip) => vip.viewer_id === viewer.id) ?? null;

  function showMatch() {
    const vip = found && vipOf(found);
    const under = !found ? "" : !vip ? ctx.say("grant_found") : vip.expires_at === null ? ctx.say("grant_is_hand") : ctx.say("grant_is_vip", { time: span((vip.expires_at - now()) / 1000) });
    match.replaceChildren(...(found ? [person(found, under)] : []));
    yes.lastElementChild.textContent = ctx.say(!vip ? "grant_yes" : vip.expires_at === null ? "grant_adopt" : "grant_extend");
  }

  async function look() {
    const login = input.value.trim().replace(/^@/, "");
    const mine = ++asked;
    found = null;
    error.textContent = "";
    match.replaceChildren();
    showMatch();
    if (!LOGIN.test(login)) return;
    match.replaceChildren(el("p", "hint", ctx.say("grant_searching")));
    try {
      const viewer = await ctx.api("GET", "/api/viewers/find", { query: { login } });
      if (mine !== asked) return;
      found = viewer;
    } catch (failure) {
      if (mine !== asked || !(failure instanceof ApiError)) return;
      // Where it cannot be looked up now, the name alone will do: the server looks again.
      error.textContent = failure.status === 404 ? sentenceOf(failure) : "";
    }
    showMatch();
  }

  on(input, "input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, TYPING_MS);
  });

  function seconds() {
    if (chosen() === "stream") return undefined;
    return chosen() === "own" ? own.seconds : Number(chosen());
  }

  async function submit() {
    const login = input.value.trim().replace(/^@/, "");
    trouble.textContent = "";
    if (!LOGIN.test(login)) {
      error.textContent = ctx.say("needed");
      input.focus();
      return;
    }
    if (chosen() === "own" && own.fault) {
      trouble.textContent = own.fault;
      own.input.focus();
      return;
    }
    const viewer = found?.id ?? login;
    const vip = found && vipOf(found);
    const length = seconds();
    const body = { viewer, ...(length ? { seconds: length } : { until_stream_end: true }), ...(note.value.trim() ? { note: note.value.trim() } : {}) };
    yes.disabled = true;
    try {
      const extend = vip && !isByHand(vip) && vip.expires_at !== null && length;
      const answer = extend
        ? await ctx.api("POST", "/api/vip/extend", { body: { viewer, seconds: length } })
        : await ctx.api("POST", "/api/vip", { body: vip && isByHand(vip) ? { ...body, adopt: true } : body });
      done(answer, found ?? { id: "", login, name: login }, { seconds: length, extended: Boolean(extend) });
      shown.close();
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      if (failure.fields.viewer || failure.code === "vip.no_viewer") {
        error.textContent = failure.fields.viewer ?? sentenceOf(failure);
        input.focus();
      } else trouble.textContent = sentenceOf(failure);
    } finally {
      yes.disabled = false;
    }
  }

  on(form, "submit", (event) => {
    event.preventDefault();
    submit();
  });
  const shown = openDialog({ heading: ctx.say("grant_heading"), body: form, onClose: () => clearTimeout(timer) });
  input.focus();
  return shown;
}

/** What to say of an answer of POST /api/vip. */
export function grantWords(ctx, answer, viewer, { seconds, extended }) {
  const name = nameOf(answer?.vip ? { login: answer.vip.viewer_login, name: answer.vip.viewer_name } : viewer);
  if (answer?.result === "pending") return ctx.say("pending_done", { name });
  if (!seconds) return ctx.say("granted_stream_done", { name });
  return ctx.say(extended ? "extended_done" : answer?.result === "adopted" ? "adopted_done" : "granted_done", { name, time: span(seconds) });
}
