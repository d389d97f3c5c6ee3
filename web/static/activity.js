// "What happened": the newest on top, in plain sentences.
import { now } from "./clock.js";
import { el, fill, mark, setText } from "./dom.js";
import { ago, fullTime, pick, say, span } from "./words.js";

/** The page keeps this many lines; older ones are in the audit log. */
const KEPT = 200;

const TONES = {
  "vip.granted": "go",
  "vip.extended": "go",
  "vip.restored": "go",
  "vip.refunded": "stop",
  "redemption.alarm": "stop",
  "vip.shortened": "standby",
  "channel.monitoring": "info",
};
const CONNECTION_TONES = { live: "go", connecting: "standby", needs_login: "stop", stopped: "stop" };

function toneOf(deed) {
  if (deed.action === "channel.monitoring") return CONNECTION_TONES[deed.detail?.state] ?? "info";
  return TONES[deed.action] ?? "info";
}

function sentenceOf(deed) {
  const { action, actor, cause, reason, detail } = deed;
  const found = pick(
    "deed",
    ...(reason ? [`${action} ${reason}`] : []),
    ...(detail?.state ? [`${action} ${detail.state}`] : []),
    ...(actor?.kind === "streamer" ? [`${action} by streamer`] : []),
    ...(cause ? [`${action} ${cause}`] : []),
    action,
  );
  return found ?? pick("deed", "unknown");
}

function valuesOf(deed) {
  const { actor, viewer, detail = {} } = deed;
  const cost = Number(detail.reward_cost);
  const seconds = Number.isFinite(detail.seconds) ? detail.seconds : (detail.expires_at - deed.at) / 1000;
  return {
    action: deed.action,
    actor: actor?.name || say(actor?.kind === "streamer" ? "you_or_moderator" : "someone"),
    viewer: viewer?.name || viewer?.login || say("someone"),
    points: cost > 0 ? say("points", { n: cost }) : say("the_points"),
    reward: detail.reward_title ?? "",
    time: Number.isFinite(seconds) ? span(seconds) : "",
  };
}

/** @param {{rows: HTMLElement, onCount: (kept: number) => void}} parts */
export function activityFeed({ rows, onCount }) {
  let kept = []; // newest first
  const ids = new Set();

  function make(deed) {
    const line = { at: deed.at, id: deed.id, node: el("li", "deed"), age: el("time") };
    const tone = toneOf(deed);
    const sentence = el("p");
    fill(sentence, sentenceOf(deed), valuesOf(deed));
    const word = pick("word", deed.action) ?? deed.action;
    const under = el("div", "deed-word", el("span", `tone-${tone}`, word));
    const reward = deed.detail?.reward_title;
    if (reward) under.append(el("span", "deed-why", " · ", el("bdi", "", reward)));
    line.age.dateTime = new Date(deed.at).toISOString();
    line.age.title = fullTime(deed.at);
    line.node.append(mark(tone), el("div", "", sentence, under), line.age);
    setText(line.age, ago(now() - deed.at));
    return line;
  }

  function insert(deed) {
    if (ids.has(deed.id)) return null;
    ids.add(deed.id);
    const line = make(deed);
    const at = kept.findIndex((each) => each.at <= line.at);
    const place = at === -1 ? kept.length : at;
    rows.insertBefore(line.node, kept[place]?.node ?? null);
    kept.splice(place, 0, line);
    while (kept.length > KEPT) drop(kept[kept.length - 1]);
    return line;
  }

  function drop(line) {
    kept = kept.filter((each) => each !== line);
    ids.delete(line.id);
    line.node.remove();
  }

  return {
    /** One more line; false when it is here already (a resumed stream repeats itself). */
    add(deed) {
      const line = insert(deed);
      line?.node.classList.add("arrives");
      onCount(kept.length);
      return line !== null;
    },
    /** A snapshot replaces everything. Answers the deeds that were not here before. */
    reset(deeds) {
      const fresh = deeds.filter((deed) => !ids.has(deed.id));
      const stay = new Set(deeds.map((deed) => deed.id));
      for (const line of kept.filter((each) => !stay.has(each.id))) drop(line);
      for (const deed of [...deeds].reverse()) insert(deed);
      onCount(kept.length);
      return fresh;
    },
    beat(at) {
      for (const line of kept) setText(line.age, ago(at - line.at));
    },
  };
}
