// What the lamp says: the line to Cuelight first, then the channel's line to Twitch.
import { byId, setText } from "./dom.js";
import { ago, clockTime, say, span } from "./words.js";

const STREAM = { connecting: "standby", retrying: "standby", lost: "stop" };
const CHANNEL = { live: "go", connecting: "standby", needs_login: "stop", stopped: "stop" };
/** A line that is back within this is not worth a word across the page. */
const QUIET_MS = 1_500;

/** Light the lamps of the shell and the icon of the tab. */
export function light(signal) {
  for (const node of [...document.querySelectorAll(".lamp-state"), byId("status")]) {
    if (node.dataset.signal !== signal) node.dataset.signal = signal;
  }
  const icon = byId("favicon");
  const wanted = `/static/favicon-${signal}.svg`;
  if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
}

/** @param {{onChange: (words: string) => void}} parts `onChange` hears each new state once, for screen readers. */
export function statusLine({ onChange }) {
  let stream = { name: "connecting", since: Date.now() };
  let channel = null;
  let lastEvent = 0; // server time
  let freshUntil = Date.now(); // this computer's: until when the line was open
  let said = "";

  function words(at) {
    const age = lastEvent ? say("last_event", { time: ago(at - lastEvent) }) : say("no_event");
    if (stream.name !== "open") {
      const wait = stream.retryAt ? Math.max(1, Math.ceil((stream.retryAt - Date.now()) / 1000)) : 0;
      const key = stream.name === "lost" && !wait ? "stream_lost_trying" : `stream_${stream.name}_text`;
      const old = ago(Date.now() - freshUntil);
      const fresh = stream.name === "connecting" ? "" : say("data_from", { time: old });
      return { signal: STREAM[stream.name], state: say(`stream_${stream.name}`), fresh, advice: say(key, { time: old, wait: span(wait) }) };
    }
    if (channel === null) return { signal: "standby", state: say("stream_connecting"), fresh: "", advice: say("stream_connecting_text") };
    const { state, since, detail } = channel.connection;
    const known = Object.hasOwn(CHANNEL, state) ? state : "stopped";
    const text = say(`channel_${known}_text`, { time: clockTime(since, at) });
    const advice = known !== "live" && detail ? `${text} (${detail})` : text;
    return { signal: CHANNEL[known], state: say(`channel_${known}`), fresh: age, advice };
  }

  function show(at) {
    const { signal, state, fresh, advice } = words(at);
    light(signal);
    for (const node of document.querySelectorAll(".state-now")) setText(node, state);
    setText(byId("fresh"), fresh);
    byId("status").title = advice;
    const lost = stream.name === "retrying" || stream.name === "lost";
    const needsLogin = stream.name === "open" && channel?.connection.state === "needs_login";
    const banner = byId("banner");
    banner.hidden = !(needsLogin || (lost && Date.now() - stream.since > (stream.name === "lost" ? 0 : QUIET_MS)));
    byId("app").classList.toggle("warned", !banner.hidden);
    banner.dataset.signal = signal;
    setText(byId("banner-state"), state);
    setText(byId("banner-text"), advice);
    byId("retry").hidden = stream.name !== "lost";
    byId("login-again").hidden = !needsLogin;
    byId("app").classList.toggle("stale", stream.name === "lost");
    if (said !== state) onChange(`${state}. ${advice}`);
    said = state;
  }

  return {
    show,
    setStream(state, at) {
      if (stream.name === "open" && state.name !== "open") freshUntil = Date.now();
      stream = state;
      show(at);
    },
    setChannel(body, at) {
      channel = body;
      show(at);
    },
    /** Another channel: forget what was known of the last one. */
    forget(at) {
      channel = null;
      lastEvent = 0;
      freshUntil = Date.now();
      stream = { name: "connecting", since: Date.now() };
      show(at);
    },
    sawEvent(at) {
      lastEvent = Math.max(lastEvent, at);
    },
  };
}
