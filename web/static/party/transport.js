// One WebSocket at a time, and another one when it is lost: later each time, and never for everybody at once. What is said
// over it is not known here; session.js says it.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** A connection that was well for so long makes up for those that failed before. */
const WELL_MS = 10_000;
/** The server pings each 15 s: whoever hears nothing for so long is alone. */
const SILENT_MS = 40_000;
/** After a wake or a change of the network an answer has to come within this time. */
const PROBE_MS = 5_000;
const CONNECT_MS = 10_000;
const WATCH_MS = 5_000;
/** After `party:bye` the server closes; if it cannot, we do. */
const BYE_MS = 2_000;
/** Our own close codes: for good, and in order to come back. */
const FOR_GOOD = 1000;
const COMING_BACK = 4100;
const OPEN = 1;

/** Milliseconds until the next try: full jitter, so that a thousand browsers do not come back as one. */
export function backoff(failures, random) {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures) * random();
}

/** Whether somebody who was sent away with this code should come back (docs/protocol.md). */
export const comesBack = (code) => !(code >= 4500 && code < 5000);

/**
 * @typedef {{state: "idle" | "connecting" | "open" | "waiting" | "closed", why: string, code: number, retryAt: number | null}}
 *   Connection `retryAt` in ms of `now`; `code` the close code, or 0.
 */

export class Transport {
  #url;
  #WebSocket;
  #now;
  #random;
  #opened;
  #heardText;
  #changed;
  #probe;
  #socket = null;
  #timer = null;
  #watch = null;
  #heard = 0;
  #probing = null;
  #wellSince = null;
  #failures = 0;
  #bye = null;
  #mayHurry = false;
  #nudge = (event) => this.nudge(event);
  /** @type {Connection} */
  connection = { state: "idle", why: "", code: 0, retryAt: null };

  /**
   * `opened()`: a socket is there, talk; `heard(text, at)`: a message, and `now` when it came; `changed(connection)`;
   * `probe()`: say something that is answered.
   */
  constructor({ url, WebSocket, now, random, opened, heard, changed, probe }) {
    this.#url = url;
    this.#WebSocket = WebSocket;
    this.#now = now;
    this.#random = random;
    this.#opened = opened;
    this.#heardText = heard;
    this.#changed = changed;
    this.#probe = probe;
  }

  /** Connect, unless that is under way. After `close` or a goodbye for good: begin anew. */
  open() {
    if (!["idle", "closed"].includes(this.connection.state)) return;
    this.#failures = 0;
    for (const [target, type] of HINTS()) target.addEventListener(type, this.#nudge);
    this.#watch = setInterval(() => this.#look(), WATCH_MS);
    this.#connect();
  }

  /** Say something. False while there is nobody to say it to. */
  send(text) {
    if (this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(text);
    return true;
  }

  /** The conversation has begun: the connection is good. */
  well() {
    this.#wellSince = this.#now();
    this.#become("open");
  }

  /** The server has said goodbye: `{code, reason, retryAfterMs}`. It closes now. */
  bye(told) {
    this.#bye = told;
    const mine = this.#socket;
    setTimeout(() => mine === this.#socket && this.#lost({ code: told.code }), BYE_MS);
  }

  /** Something is missing, or nobody answers: give this connection up, and come back. */
  again(why) {
    if (this.#socket) this.#lost({ code: 0, why });
  }

  /** The end. `code` and `why` if it was not our wish. */
  close(why = "", code = 0) {
    if (this.connection.state === "closed") return;
    for (const [target, type] of HINTS()) target.removeEventListener(type, this.#nudge);
    clearInterval(this.#watch);
    this.#drop(FOR_GOOD);
    this.#become("closed", { why, code });
  }

  /** Somebody does not want to wait. */
  hurry() {
    if (this.connection.state === "waiting") this.#connect();
  }

  /** The network or the tab is back (or gone): no reason to wait any longer, and one to ask whether anybody is there. */
  nudge(event) {
    if (event?.type === "visibilitychange" && document.hidden) return;
    if (this.connection.state === "waiting" && this.#mayHurry && event?.type !== "offline") this.#connect();
    else if (this.connection.state === "open" && this.#probing === null) {
      this.#probing = this.#now();
      this.#probe();
      const mine = this.#socket;
      setTimeout(() => mine === this.#socket && this.#probing !== null && this.again("silent"), PROBE_MS);
    }
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#bye = null;
    this.#wellSince = null;
    this.#probing = null;
    this.#become("connecting");
    let mine = null;
    try {
      mine = new this.#WebSocket(this.#url);
    } catch (error) {
      this.close(String(error)); // the address is none: it will be none again
      return;
    }
    this.#socket = mine;
    this.#heard = this.#now();
    this.#timer = setTimeout(() => mine === this.#socket && this.#lost({ code: 0, why: "silent" }), CONNECT_MS);
    mine.onopen = () => {
      clearTimeout(this.#timer);
      this.#opened();
    };
    mine.onmessage = ({ data }) => {
      const at = this.#now(); // before anything else: clocks are set by it
      this.#heard = at;
      this.#probing = null;
      this.#heardText(data, at);
    };
    mine.onclose = ({ code }) => mine === this.#socket && this.#lost({ code });
  }

  #look() {
    if (this.#socket?.readyState === OPEN && this.#now() - this.#heard > SILENT_MS) this.again("silent");
  }

  #lost({ code, why = "" }) {
    const bye = this.#bye;
    const told = bye?.code ?? code;
    if (!comesBack(told)) {
      this.close(bye?.reason ?? "", told);
      return;
    }
    if (this.#wellSince !== null && this.#now() - this.#wellSince > WELL_MS) this.#failures = 0;
    this.#drop(COMING_BACK);
    const asked = bye?.retryAfterMs ?? 0;
    const wait = asked > 0 ? asked : backoff(this.#failures, this.#random);
    if (asked <= 0) this.#failures += 1;
    this.#mayHurry = asked <= 0; // what the server asks for is kept to
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#become("waiting", { why: why || bye?.reason || "lost", code: told, retryAt: this.#now() + wait });
  }

  /** Let go of the socket: whatever it still has to say, it says to nobody. */
  #drop(code) {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  #become(state, { why = "", code = 0, retryAt = null } = {}) {
    this.connection = { state, why, code, retryAt };
    this.#changed(this.connection);
  }
}

/** Where a browser tells that things have changed. */
function HINTS() {
  if (typeof window === "undefined") return [];
  return [[window, "online"], [window, "offline"], [document, "visibilitychange"]];
}
