// Live data for pages: the picture of the channel that is shown, and who hears what changed. Changes come through the
// shared worker, or through a stream of this tab's own where there is none, and are handed out once per frame.
import { randomKey } from "./api.js";
import { setServerTime } from "./clock.js";
import { hub } from "./hub.js";
import { apply, blank } from "./picture.js";

const HIDDEN_MS = 250;
/** A worker that says nothing for so long does not work here. */
const READY_MS = 4_000;
const PARTS = ["rewards", "rules", "messages", "team", "account", "settings", "viewers"];

function ownHub(take) {
  const reader = hub().connect(take);
  return {
    follow: (channel) => reader.follow(channel),
    retry: () => reader.retry(),
    leave: () => reader.leave(),
    signedOut: () => reader.leave(),
  };
}

function sharedHub(take, failed) {
  const worker = new SharedWorker(new URL("../live_worker.js", import.meta.url), { type: "module", name: "cuelight-live-1" });
  const send = (message) => worker.port.postMessage(message);
  let works = true;
  const giveUp = () => {
    clearTimeout(timer);
    if (!works) return;
    works = false;
    send({ do: "leave" });
    failed();
  };
  const timer = setTimeout(giveUp, READY_MS);
  worker.onerror = giveUp;
  worker.port.onmessage = ({ data }) => {
    clearTimeout(timer);
    if (data.do === "cannot") giveUp();
    else if (works && data.do !== "ready") take(data);
  };
  const lock = `cuelight-tab-${randomKey()}`;
  navigator.locks?.request(lock, () => {
    send({ do: "lock", name: lock });
    return new Promise(() => {}); // held until this tab is gone
  });
  return {
    follow: (channel) => send({ do: "follow", channel }),
    retry: () => send({ do: "retry" }),
    leave: () => send({ do: "leave" }),
    signedOut: () => send({ do: "signed_out" }),
  };
}

/** @param {{onAuth: () => void}} parts `onAuth` hears that the session is over. */
export function liveData({ onAuth }) {
  let line = null;
  let channel = "";
  let picture = null;
  let state = { name: "connecting", since: Date.now() };
  let queue = [];
  let waiting = false;
  const listeners = new Set();

  function later() {
    if (waiting) return;
    waiting = true;
    if (document.hidden) setTimeout(flush, HIDDEN_MS);
    else requestAnimationFrame(flush);
  }

  function flush() {
    waiting = false;
    const now = queue;
    queue = [];
    for (const { kind, body } of now) tell(kind, body);
  }

  function tell(kind, body) {
    for (const each of [...listeners]) if (each.kinds.has(kind)) each.then(body, kind);
  }

  function take(message) {
    if (message.do === "auth") {
      onAuth();
      return;
    }
    if (message.channel !== channel) return; // of the channel that was shown before
    if (message.do === "state") {
      state = message.state;
      queue.push({ kind: "state", body: state });
    } else {
      const { kind, body } = message;
      const again = kind === "reset" && picture !== null;
      if (kind === "reset") {
        setServerTime(body.now);
        picture ??= blank();
      }
      if (picture === null || !apply(picture, kind, body)) return;
      queue.push({ kind, body });
      // After a gap nobody knows which settings were changed in it.
      if (again) queue.push({ kind: "settings", body: { channel, at: body.now, by: null, parts: PARTS } });
    }
    later();
  }

  function connect() {
    const own = () => {
      line = ownHub(take);
      if (channel) line.follow(channel);
    };
    if (typeof SharedWorker === "undefined") own();
    else {
      try {
        line = sharedHub(take, own);
      } catch {
        own(); // storage is blocked here, and workers with it
      }
    }
  }

  window.addEventListener("pagehide", () => line?.leave());
  window.addEventListener("pageshow", (event) => event.persisted && channel && line?.follow(channel));
  window.addEventListener("online", () => line?.retry());

  return {
    get picture() { return picture; },
    get state() { return state; },
    /** Show another channel: what was known is forgotten. */
    follow(id) {
      channel = id;
      picture = null;
      queue = [];
      state = { name: "connecting", since: Date.now() };
      if (line === null) connect();
      line.follow(id);
    },
    /** Hear of `kinds` (one or a list) until the answered function is called. */
    on(kinds, then) {
      const listener = { kinds: new Set([kinds].flat()), then };
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    retry: () => line?.retry(),
    /** The session was ended here: all tabs hear of it. */
    signedOut: () => line?.signedOut(),
  };
}
