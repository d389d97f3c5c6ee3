// A line of what happened, in a plain sentence; the same words on the overview and in the activity log.
import { bdi, el, filled, mark, own } from "../lib/dom.js";
import { nameOf, timeAgo } from "../lib/parts.js";
import { clockTime, figure, fullTime, scope, span } from "../lib/words.js";
import { now } from "../lib/clock.js";
import words from "../words/en/deeds.js";

const deeds = scope("deeds", words);

export const ACTIONS = Object.keys(words).filter((key) => key.startsWith("word ")).map((key) => key.slice(5));
export const CAUSES = Object.keys(words).filter((key) => key.startsWith("cause ")).map((key) => key.slice(6));

const TONES = {
  "vip.granted": "go",
  "vip.extended": "go",
  "vip.restored": "go",
  "party.opened": "go",
  "party.queued": "go",
  "vip.protected": "go",
  "vip.refunded": "stop",
  "vip.refused": "stop",
  "redemption.alarm": "stop",
  "vip.shortened": "standby",
  "redemption.waiting": "standby",
};
/** Who is a person and not a machine or the viewer. */
const PEOPLE = new Set(["streamer", "moderator", "api"]);

export const toneOf = (deed) => own(TONES, deed.action, "info");
export const wordOf = (action) => deeds.pick(`word ${action}`) ?? action;
export const causeOf = (cause) => deeds.pick(`cause ${cause}`) ?? cause;

function actorName({ actor }) {
  if (actor?.name) return actor.name;
  if (actor?.kind === "streamer") return deeds.say("you_or_moderator");
  return actor?.kind === "api" ? deeds.say("a_program") : deeds.say("someone");
}

function template({ action, actor, cause, reason }) {
  const found = deeds.pick(
    ...(reason ? [`${action} ${reason}`] : []),
    ...(PEOPLE.has(actor?.kind) ? [`${action} by person`] : []),
    ...(cause ? [`${action} ${cause}`] : []),
    action,
  ) ?? deeds.pick("unknown");
  return found.replace("{why}", deeds.pick(`why ${reason ?? ""}`, "why ") ?? "");
}

function values(deed) {
  const detail = deed.detail ?? {};
  const cost = Number(detail.reward_cost);
  const seconds = Number.isFinite(detail.seconds) ? detail.seconds : (detail.expires_at - deed.at) / 1000;
  return {
    action: deed.action,
    actor: actorName(deed),
    viewer: nameOf(deed.viewer),
    points: cost > 0 ? deeds.say("points", { n: cost }) : deeds.say("the_points"),
    reward: detail.reward_title ?? detail.title ?? "",
    time: Number.isFinite(seconds) ? span(seconds) : "",
  };
}

/** The sentence as nodes. */
export const sentenceOf = (deed) => filled(template(deed), values(deed));

/** One line: mark, sentence, word and reward under it, how long ago. */
export function deedLine(deed, { tag = "li", more = null } = {}) {
  const under = el("div", "deed-word", el("span", `tone-${toneOf(deed)}`, wordOf(deed.action)));
  const reward = deed.detail?.reward_title;
  if (reward) under.append(el("span", "deed-why", " · ", bdi(String(reward))));
  return el(tag, "deed", mark(toneOf(deed)), el("div", "deed-main", el("p", "", ...sentenceOf(deed)), under), timeAgo(deed.at), more);
}

const FIRST = ["reward_title", "reward_cost", "user_input", "redeemed_at", "seconds", "expires_at", "note", "redemption_id", "reward_id"];

function valueOf(key, value) {
  if (value === null || value === undefined || value === "") return null;
  if (key === "reward_cost") return deeds.say("points", { n: Number(value) || 0 });
  if (key === "seconds") return span(Number(value));
  if (key.endsWith("_at") || key === "at") {
    return Number.isFinite(Number(value)) ? el("time", "", `${clockTime(Number(value), now())}`) : bdi(String(value));
  }
  if (typeof value === "number") return figure(value);
  if (typeof value === "object") return el("code", "", JSON.stringify(value));
  return key.endsWith("_id") || key === "id" ? el("code", "", String(value)) : bdi(String(value));
}

/** All that is known of a line, as a list of terms. */
export function deedDetails(deed) {
  const detail = deed.detail ?? {};
  const rest = Object.keys(detail).filter((key) => !FIRST.includes(key));
  const rows = [
    ["at", fullTime(deed.at)],
    ["actor", bdi(actorName(deed))],
    ["cause", deed.cause ? causeOf(deed.cause) : null],
    ["reason", deed.reason || null],
    ...[...FIRST, ...rest].map((key) => [key, valueOf(key, detail[key])]),
    ["viewer_id", deed.viewer?.id ? el("code", "", deed.viewer.id) : null],
    ["id", el("code", "", deed.id)],
  ].filter(([, value]) => value !== null);
  return el("dl", "facts", ...rows.flatMap(([key, value]) => [el("dt", "", deeds.pick(`field ${key}`) ?? key), el("dd", "", value)]));
}
