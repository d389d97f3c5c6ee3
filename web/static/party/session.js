// The conversation with the server: who we are, which room, what was asked and not answered yet. It outlives connections:
// after each new one it resumes, and asks again under the same ids, so that nothing is done twice.
import { PartyError } from "./events.js";
import { Transport } from "./transport.js";

const HANDSHAKE_MS = 10_000;
const PATIENCE_MS = 15_000;
/** A film command that comes late is worse than none. */
const FILM_PATIENCE_MS = 5_000;
const FILM = new Set(["party:play", "party:pause", "party:seek", "party:rate", "party:media", "party:queue:next"]);
const MOST_BYTES = 16 * 1024;
const ROOM_CLOSED = 4504;
const WELCOMES = new Set(["party:create", "party:join", "party:resume", "party:sync"]);
/** What cannot be asked again without knowing whether it was done: two rooms are one too many. */
const ONCE = new Set(["party:create"]);

const bytes = (text) => new TextEncoder().encode(text).length;
const lost = () => new PartyError({
  code: "not_connected", detail: "The connection was lost, and it is not known whether this was done.", advice: "Look, and try again.", retryable: true,
});

/** @typedef {{token?: Given, ticket?: Given, invite?: Given, roomId?: string}} Credentials
 *  @typedef {{get: (roomId: string) => string | null, set: (roomId: string, token: string | null) => void}} Memory outlives a
 *   page, so that whoever loads it anew is the same member
 *  @typedef {string | (() => string | Promise<string>)} Given */

export class Session {
  #room;
  #emit;
  #credentials;
  #transport;
  #prefix;
  #count = 0;
  /** @type {Map<string, {message: object, resolve: Function, reject: Function, timer: any, sent: boolean, handshake: boolean}>} */
  #pending = new Map();
  #resume = null;
  #memory;
  #welcomed = null;
  #joined = null;
  #self = "";
  #turn = 0;
  #ready = false;
  #waiters = [];
  /** {subject, name, role, clockId} once the server knows who we are. */
  identity = null;

  /**
   * @param {{room: import("./room.js").RoomModel, emit: (name: string, told: any) => void, credentials: Credentials,
   *   probe: () => void, url: string, WebSocket: any, now: () => number, random: () => number, memory: Memory | null}} parts
   */
  constructor({ room, emit, credentials, probe, url, WebSocket, now, random, memory = null }) {
    this.#room = room;
    this.#memory = memory;
    this.#emit = emit;
    this.#credentials = credentials;
    this.#prefix = Array.from({ length: 12 }, () => Math.floor(random() * 36).toString(36)).join("");
    this.#transport = new Transport({
      url, WebSocket, now, random, probe,
      opened: () => this.#begin(),
      heard: (text, at) => this.#hear(text, at),
      changed: (connection) => this.#changed(connection),
    });
  }

  get connection() {
    return this.#transport.connection;
  }

  /** Connect and say who we are. Gives {subject, name, role, clockId}; throws `PartyError` if we are not to come back. */
  hello() {
    if (this.#ready) return Promise.resolve(this.identity);
    const known = new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
    this.#transport.open();
    return known;
  }

  /** Create or join a room. Gives the welcome's data. */
  async enter(type, data) {
    if (data.roomId && !this.#credentials.roomId) this.#credentials = { ...this.#credentials, roomId: data.roomId };
    const remembered = type === "party:join" && !this.#ready ? this.#memory?.get(data.roomId) : null;
    if (remembered) this.#resume = remembered;
    await this.hello();
    const { userName, password, invite } = data;
    const isBack = remembered && this.#room.joined && this.#room.roomId === data.roomId;
    const told = isBack ? this.#welcomed : (await this.ask(type, data)).data;
    this.#joined = { roomId: told.roomId, userName, password, invite };
    return told;
  }

  /** Leave the room, stay connected. */
  async leave() {
    const asked = this.#room.joined && this.connection.state === "open" ? this.ask("party:leave", {}) : null;
    this.#forget();
    await asked?.catch(() => {});
  }

  close() {
    this.#forget();
    this.#transport.close();
  }

  /** Give the connection up and come back: something is missing. */
  again(why) {
    this.#transport.again(why);
  }

  /** Do not wait any longer for the next try, even where the server asked for it: somebody wants it. */
  hurry() {
    this.#transport.hurry();
  }

  /** The machine woke: is anybody still there? */
  nudge() {
    this.#transport.nudge();
  }

  /** Say something that needs no answer; dropped while nobody is connected. */
  tell(type, data) {
    return this.#transport.send(JSON.stringify({ type, data }));
  }

  /** Ask, and get the answer: {type, seq, data}. Throws `PartyError`. */
  ask(type, data = {}, { handshake = false } = {}) {
    this.#count += 1;
    const id = `${this.#prefix}-${this.#count}`;
    const message = { type, id, data };
    const text = JSON.stringify(message);
    if (bytes(text) > MOST_BYTES) return Promise.reject(new PartyError({ code: "too_large", detail: "This is too long to be sent.", advice: "Make it shorter." }));
    if (["idle", "closed"].includes(this.connection.state)) {
      return Promise.reject(new PartyError({ code: "not_connected", detail: "There is no connection.", advice: "Connect first." }));
    }
    return new Promise((resolve, reject) => {
      const limit = handshake ? HANDSHAKE_MS : FILM.has(type) ? FILM_PATIENCE_MS : PATIENCE_MS;
      const timer = setTimeout(() => this.#late(id), limit);
      const asked = { message, resolve, reject, timer, sent: false, handshake };
      this.#pending.set(id, asked);
      if (handshake || this.#ready) asked.sent = this.#transport.send(text);
    });
  }

  #late(id) {
    this.#settle(id, "reject", new PartyError({ code: "timeout", detail: "The server did not answer in time.", advice: "Try again.", retryable: true }));
  }

  #settle(id, how, told) {
    const asked = this.#pending.get(id);
    if (!asked) return false;
    this.#pending.delete(id);
    clearTimeout(asked.timer);
    asked[how](told);
    return true;
  }

  // -- a new connection ---------------------------------------------------------------------------------------------

  async #begin() {
    this.#turn += 1;
    const turn = this.#turn;
    try {
      if (!(await this.#resumed(turn))) await this.#introduced(turn);
    } catch (error) {
      if (turn !== this.#turn) return; // of a connection that is gone
      if (error instanceof PartyError && !error.retryable) {
        this.#refuse(error);
        this.#transport.close(error.code);
      } else this.#transport.again(error.code ?? "credentials");
      return;
    }
    if (turn !== this.#turn) return;
    this.#ready = true;
    this.#transport.well();
    this.#sendWaiting();
    for (const { resolve } of this.#waiters.splice(0)) resolve(this.identity);
  }

  /** Go on where we were. False if that is not possible any more. */
  async #resumed(turn) {
    if (this.#resume === null) return false;
    const { epoch, kept } = this.#room;
    try {
      await this.ask("party:resume", { resumeToken: this.#resume, epoch, lastSeq: kept }, { handshake: true });
      return true;
    } catch (error) {
      if (turn !== this.#turn || error.retryable) throw error;
      this.#resume = null;
      this.#memory?.set(this.#credentials.roomId ?? "", null);
      return false;
    }
  }

  async #introduced(turn) {
    const { data } = await this.ask("party:hello", await this.#credential(), { handshake: true });
    if (turn !== this.#turn) return;
    const { isHost, ...identity } = data;
    this.identity = identity;
    if (!this.#joined) return;
    try {
      await this.ask("party:join", this.#joined, { handshake: true });
    } catch (error) {
      if (turn !== this.#turn || error.retryable) throw error;
      this.#forget(); // the room is gone, or not for us any more; the connection may stay
      this.#emit("error", error);
      this.#emit("reset", { why: error.code });
    }
  }

  async #credential() {
    const { roomId } = this.#credentials;
    for (const name of ["ticket", "token", "invite"]) {
      const given = this.#credentials[name];
      if (!given) continue;
      const value = typeof given === "function" ? await given() : given;
      return name === "invite" ? { invite: value, roomId } : { [name]: value };
    }
    return {}; // the session cookie says it
  }

  #sendWaiting() {
    for (const [id, asked] of [...this.#pending]) {
      if (asked.handshake) continue;
      // Ids are the member's own: for another member it would be another command.
      if (asked.sent && (ONCE.has(asked.message.type) || this.#room.self !== this.#self)) this.#settle(id, "reject", lost());
      else asked.sent = this.#transport.send(JSON.stringify(asked.message));
    }
    this.#self = this.#room.self;
  }

  #changed(connection) {
    if (connection.state !== "open") {
      this.#ready = false;
      this.#turn += 1;
      for (const [id, asked] of [...this.#pending]) if (asked.handshake) this.#settle(id, "reject", lost());
    }
    if (connection.state === "closed") {
      // The room may be closed, and we be sent away, before the answer to that command.
      for (const [id, { message }] of [...this.#pending]) if (connection.code === ROOM_CLOSED && message.type === "party:close") this.#settle(id, "resolve", { data: {} });
      this.#refuse(new PartyError({ code: "closed", detail: connection.why || "The connection is closed." }));
      this.#resume = null;
      this.#joined = null;
    }
    this.#emit("connection", connection);
  }

  /** Nobody will answer any more. */
  #refuse(error) {
    for (const { reject } of this.#waiters.splice(0)) reject(error);
    for (const id of [...this.#pending.keys()]) this.#settle(id, "reject", error);
  }

  #forget() {
    this.#resume = null;
    this.#joined = null;
    this.#self = "";
    this.#room.leave();
    this.#emit("change", { type: "party:leave", data: {} });
  }

  // -- what the server says -----------------------------------------------------------------------------------------

  #hear(text, at) {
    let message = null;
    try {
      message = JSON.parse(text);
    } catch {
      this.#transport.again("bad_json");
      return;
    }
    const { type, re, data = {} } = message;
    if (type === "clock:pong") this.#emit("pong", { ...data, at });
    else if (type === "party:ping") this.#pinged(data);
    else if (type === "party:bye") this.#bye(data);
    else if (type === "party:error") this.#failed(re, data);
    else {
      const isWelcome = WELCOMES.has(type) && data.state !== undefined && data.epoch !== undefined;
      if (isWelcome) this.#welcome(type, data);
      else if (!this.#take(message)) return;
      if (re) this.#settle(re, "resolve", message);
    }
  }

  #pinged(data) {
    this.tell("party:pong", {});
    if (this.#ready && this.#room.differs(data)) this.#transport.again("gap");
  }

  #bye(data) {
    this.#emit("bye", data);
    this.#transport.bye(data);
  }

  #failed(re, data) {
    const error = new PartyError(data);
    if (data.state) this.#take({ type: "party:play", data: { state: data.state, isHost: data.isHost } });
    if (!re || !this.#settle(re, "reject", error)) this.#emit("error", error);
  }

  #welcome(type, data) {
    const isNew = this.#room.welcome(data, { resumed: type === "party:resume" });
    if (data.resumeToken) {
      this.#resume = data.resumeToken;
      this.#memory?.set(data.roomId, data.resumeToken);
    }
    this.#welcomed = data;
    if (this.#ready) this.#self = data.self;
    if (isNew) this.#emit("reset", { why: data.why ?? type.slice("party:".length) });
    this.#emit("change", { type, data });
  }

  #take(message) {
    const { type, data = {} } = message;
    const came = this.#room.take(message);
    if (came === "gap") {
      this.#transport.again("gap");
      return false;
    }
    if (came === "passed") return true;
    const event = EVENTS[type];
    if (event) this.#emit(event, data);
    this.#emit("change", { type, data });
    return true;
  }
}

/** Messages that have an event of their own, beside "change". */
const EVENTS = {
  "party:chat": "chat",
  "party:presence": "presence",
  "party:stats": "stats",
  "party:waiting": "waiting",
  "party:react": "react",
};
