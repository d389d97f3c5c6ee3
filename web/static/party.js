// Watch parties in a page: `const party = new Party({ticket}); await party.join({roomId, userName}); party.attach(new VideoAdapter(video))`.
// docs/party-js.md shows how; docs/protocol.md has the wire. No dependencies, no build step.
import { Probing, RoomClock } from "./party/clock.js";
import { LOOK_SECONDS, REMOTE, SAME_ROOM } from "./party/correction.js";
import { Emitter, PartyError, resolutionOf } from "./party/events.js";
import { FileAdapter } from "./party/file.js";
import { Film, positionAt } from "./party/film.js";
import { HlsAdapter } from "./party/hls.js";
import { RoomModel } from "./party/room.js";
import { Session } from "./party/session.js";
import { VideoAdapter } from "./party/video.js";
import { videoId, YouTubeAdapter } from "./party/youtube.js";

export { FileAdapter, HlsAdapter, PartyError, positionAt, REMOTE, SAME_ROOM, VideoAdapter, videoId, YouTubeAdapter };

const PATH = "/ws/connect";
const address = () => `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${PATH}`;

/** The adapter for an item of the room. @param {{video: HTMLVideoElement, place: HTMLElement, file?: File}} given */
export function adapterFor(item, { video, place, file }) {
  const make = {
    video: () => new VideoAdapter(video),
    hls: () => new HlsAdapter(video),
    file: () => new FileAdapter(video, file),
    youtube: () => new YouTubeAdapter(place),
  }[item.kind];
  if (!make) throw new PartyError({ code: "bad_field", detail: `Nothing here plays ${item.kind}.` });
  return make();
}

export class Party {
  #emitter = new Emitter();
  #now;
  #room = new RoomModel();
  #session;
  #clock;
  #probing;
  #film;
  #told = "";
  #loop = null;
  #probe = null;

  /**
   * One viewer. Who it is: `ticket`, `token` or `invite` (each text, or a function that gives it, asked again when needed), or
   * nothing for the session cookie. `now`: milliseconds that never jump; `tuning`: REMOTE or SAME_ROOM. `memory` ({get(roomId), set(roomId,
   * token or null)}, as over sessionStorage) lets a page that is loaded anew be the same member.
   * @param {{url?: string, ticket?: string | Function, token?: string | Function, invite?: string | Function, roomId?: string,
   *   now?: () => number, random?: () => number, WebSocket?: any, tuning?: typeof REMOTE}} [given]
   */
  constructor({ url = address(), ticket, token, invite, roomId, now = () => performance.now(), random = Math.random, WebSocket = globalThis.WebSocket, tuning = REMOTE, memory = null } = {}) {
    this.#now = now;
    this.#clock = new RoomClock({ resolution: resolutionOf(now) });
    this.#probing = new Probing(random, now() / 1000);
    this.#session = new Session({
      room: this.#room, credentials: { ticket, token, invite, roomId }, url, WebSocket, now, random, memory,
      emit: (name, told) => this.#hear(name, told),
      probe: () => this.#ask(),
    });
    this.#film = new Film({
      clock: this.clock, now, random, tuning,
      tell: (type, data) => this.#session.tell(type, data),
      hidden: () => typeof document !== "undefined" && document.hidden,
      changed: () => this.#syncChanged(),
    });
  }

  /** The room as it is known: read it, do not write it. */
  get room() {
    return this.#room;
  }

  /** {state, why, code, retryAt}: "idle", "connecting", "open", "waiting" (until `retryAt`, in ms of `now`), "closed". */
  get connection() {
    return this.#session.connection;
  }

  /** {subject, name, role, clockId} of who the server takes us for, or null. */
  get identity() {
    return this.#session.identity;
  }

  /** Room time: {ready, room(ms of now): µs, boundMs, rttMs, clockId}. Screens and speakers are not in the bound. */
  clock = ((party) => ({
    get ready() {
      return party.#clock.ready;
    },
    room: (at = party.#now()) => party.#clock.room(at / 1000),
    get boundMs() {
      return party.#clock.bound(party.#now() / 1000) * 1000;
    },
    get rttMs() {
      return party.#clock.delay === null ? null : party.#clock.delay * 1000;
    },
    get clockId() {
      return party.#clock.clockId;
    },
  }))(this);

  /**
   * How the player keeps up: {state, driftMs, rate, boundMs, startLatencyMs, seekLatencyMs, tapNeeded, failure, offsetMs}.
   * `driftMs`: the player is so far ahead of the room. `offsetMs` can be set: play so much ahead of the room, or behind (< 0).
   */
  sync = ((party) => ({
    get state() {
      return party.#film.shown.state;
    },
    get driftMs() {
      return party.#film.shown.driftMs;
    },
    get rate() {
      return party.#film.shown.rate;
    },
    get boundMs() {
      return party.clock.boundMs;
    },
    get startLatencyMs() {
      return party.#film.shown.startLatencyMs;
    },
    get seekLatencyMs() {
      return party.#film.shown.seekLatencyMs;
    },
    get tapNeeded() {
      return party.#film.tapNeeded;
    },
    get failure() {
      return party.#film.shown.failure;
    },
    get offsetMs() {
      return party.#film.offsetMs;
    },
    set offsetMs(ms) {
      party.#film.offsetMs = Number.isFinite(ms) ? ms : 0;
    },
  }))(this);

  /**
   * "change" ({type, data}: the room is another), "chat", "presence", "stats", "waiting", "react" (the data of that message),
   * "reset" ({why}: everything is new), "connection", "sync", "bye" ({code, reason, retryAfterMs}), "error" (a `PartyError` that
   * answers nothing). Gives the function that ends it.
   */
  on(event, then) {
    return this.#emitter.on(event, then);
  }

  /** Connect and say who we are: {subject, name, role, clockId}. Throws `PartyError`, as everything here that is awaited. */
  hello() {
    this.#start();
    return this.#session.hello();
  }

  /** Open a room and be its host. Gives the welcome. @param {{userName: string, settings?: object, channel?: string}} data */
  create(data) {
    this.#start();
    return this.#session.enter("party:create", data);
  }

  /** @param {{roomId: string, userName?: string, password?: string, invite?: string}} data */
  join(data) {
    this.#start();
    return this.#session.enter("party:join", data);
  }

  /** Out of the room; the connection stays. */
  leave() {
    return this.#session.leave();
  }

  /** Do not wait any longer for the next try. */
  reconnect() {
    this.#session.hurry();
  }

  /** The end. Who wants to be gone from the room at once leaves first. */
  close() {
    this.#session.close();
    this.#film.detach();
    clearInterval(this.#loop);
    clearTimeout(this.#probe);
    this.#loop = null;
  }

  /** A command of docs/protocol.md. Gives {seq, …data of the answer}; throws `PartyError`. */
  async send(type, data = {}) {
    const { seq, data: told } = await this.#session.ask(type, data);
    return { ...told, seq };
  }

  /** Let this player play the film of the room (docs/party-js.md has the interface). */
  attach(adapter) {
    this.#film.attach(adapter);
    this.#film.take(this.#room.state);
  }

  /** Let the player go; it stays as it is. */
  detach() {
    this.#film.detach();
    this.#syncChanged();
  }

  /** The viewer's gesture after `sync.tapNeeded`: to be called in the handler of the click. */
  tap() {
    this.#film.tap();
  }

  #start() {
    this.#loop ??= setInterval(() => this.#look(), LOOK_SECONDS * 1000);
  }

  #look() {
    const t = this.#now() / 1000;
    if (this.#clock.beat(t)) {
      this.#probing.hurry(t);
      this.#session.nudge();
    }
    this.#film.look();
  }

  // -- the clock ----------------------------------------------------------------------------------------------------

  #ask() {
    const t = this.#now() / 1000;
    if (this.#session.tell("clock:ping", { t1: t })) this.#probing.asked(t);
    this.#askLater();
  }

  #askLater() {
    clearTimeout(this.#probe);
    if (this.connection.state !== "open") return;
    this.#probe = setTimeout(() => this.#ask(), Math.max(0, this.#probing.due * 1000 - this.#now()));
  }

  #answered({ t1, t2, t3, clockId, at }) {
    const known = this.#clock.clockId;
    this.#clock.add({ sent: t1, arrived: t2, answered: t3, received: at / 1000, clockId });
    if (known !== null && known !== clockId) {
      this.#probing.hurry(this.#now() / 1000, 0);
      this.#askLater();
    }
    if (known !== clockId) this.#film.happened(); // the first answer: what waited for a clock can begin
  }

  // -- what happens -------------------------------------------------------------------------------------------------

  #hear(name, told) {
    if (name === "pong") {
      this.#answered(told);
      return;
    }
    if (name === "connection" && told.state === "open") {
      this.#probing.hurry(this.#now() / 1000);
      this.#askLater();
    }
    if (name === "reset") this.#film.forgotten();
    if (name === "change") this.#film.take(this.#room.state);
    this.#emitter.emit(name, told);
  }

  #syncChanged() {
    const { shown, tapNeeded } = this.#film;
    const drift = shown.driftMs === null ? null : Math.round(shown.driftMs);
    const key = JSON.stringify([shown.state, drift, shown.rate, tapNeeded, shown.failure]);
    if (key === this.#told) return;
    this.#told = key;
    this.#emitter.emit("sync", this.sync);
  }
}
