// What the lamp says: the line to Cuelight first, then the channel's line to Twitch.
import { byId, setText } from "./dom.js";
import { ago, clockTime, say, span } from "./words.js";

const STREAM = { connecting: "standby", retrying: "standby", lost: "stop" };
const CHANNEL = { live: "go", connecting: "standby", needs_login: "stop", stopped: "stop" };

/** Show `signal` on every lamp of the page and on its icon. */
export function light(signal) {
  for (const lamp of document.querySelectorAll(".lamp")) lamp.dataset.signal = signal;
  byId("stage").dataset.signal = signal;
  const icon = byId("favicon");
  const wanted = `/static/favicon-${signal}.svg`;
  if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
}

/** @param {{onChange: (words: string) => void}} parts `onChange` hears each new state once, for screen readers. */
export function statusLine({ onChange }) {
  let stream = { name: "connecting", since: Date.now() };
  let channel = null;
  let lastEvent = 0; // server time
  let said = "";

  function words(at) {
    const age = lastEvent ? say("last_event", { time: ago(at - lastEvent) }) : say("no_event");
    if (stream.name !== "open") {
      const wait = stream.retryAt ? Math.max(1, Math.ceil((stream.retryAt - Date.now()) / 1000)) : 0;
      const key = stream.name === "lost" && !wait ? "stream_lost_trying" : `stream_${stream.name}_text`;
      const from = clockTime(lastEvent || at, at);
      const state = say(`stream_${stream.name}`);
      const fresh = stream.name === "retrying" ? age : "";
      return { signal: STREAM[stream.name], state, fresh, advice: say(key, { time: from, wait: span(wait) }) };
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
    setText(byId("state"), state);
    setText(byId("fresh"), fresh);
    setText(byId("advice"), advice);
    byId("retry").hidden = stream.name !== "lost";
    byId("app").classList.toggle("stale", stream.name === "lost");
    if (said !== state) onChange(`${state}. ${advice}`);
    said = state;
  }

  return {
    show,
    setStream(state, at) {
      stream = state;
      show(at);
    },
    setChannel(body, at) {
      channel = body;
      setText(byId("channel-name").firstElementChild, body.name || body.login);
      show(at);
    },
    /** Another channel: forget what was known of the last one. */
    forget(name, at) {
      channel = null;
      lastEvent = 0;
      stream = { name: "connecting", since: Date.now() };
      setText(byId("channel-name").firstElementChild, name);
      show(at);
    },
    sawEvent(at) {
      lastEvent = Math.max(lastEvent, at);
    },
  };
}
