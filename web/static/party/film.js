// Drives one player along the room's timeline: scheduled starts and stops, late arrivals, the correction, and what the room is
// told of it (ready, buffering, reports). The player is an adapter (docs/party-js.md); the sums are correction.js's.
import { Correction, REMOTE } from "./correction.js";
import { Orders } from "./orders.js";
import { Report } from "./report.js";
import { atInstant } from "./timers.js";

/** Everybody stops on the same picture: a player that stands farther off is moved. */
const STAND_SECONDS = 0.01;
/** A film that goes on as it was, but at another rate, is not stopped for it. */
const CONTINUOUS_SECONDS = 0.02;
/** A timer that came so late (a hidden tab) has missed the start: catch up instead. */
const MISSED_SECONDS = 0.05;
/** Shorter stops are hiccups: the correction makes up for them. */
const STALL_SECONDS = 0.3;
/** Farther from where the film begins than this, a player is not ready to begin. */
const READY_SECONDS = 0.5;

const vectorOf = (state) => [state.mediaId, state.pos, state.rate, state.playing, state.ts].join("|");

/** Where a state is at an instant (µs): docs/protocol.md. */
export function positionAt(state, room) {
  if (!state.playing || room <= state.ts) return state.pos;
  const position = state.pos + (state.rate * (room - state.ts)) / 1e6;
  return Math.min(Math.max(position, 0), state.dur ?? Infinity);
}

export class Film {
  #clock;
  #now;
  #tell;
  #hidden;
  #changed;
  #tuning;
  #adapter = null;
  #offs = [];
  #correction = null;
  #orders = null;
  #report;
  #state = null;
  #fresh = false;
  /** Whether the adapter is one for the item. */
  #usable = false;
  /** The rate until `state.ts`, where the film just goes on. */
  #until = null;
  #cancel = () => {};
  #wants = false;
  #mayPlay = false;
  #pausedAway = false;
  #stalled = null;
  #toldReady = "";
  #toldBuffering = false;
  #failure = null;
  tapNeeded = false;
  /** The viewer's own: play so many ms ahead of the room, for a screen or speakers that are late; or behind (< 0). */
  offsetMs = 0;

  /**
   * @param {{clock: {ready: boolean, room: (ms: number) => number, boundMs: number, rttMs: number | null}, now: () => number,
   *   tell: (type: string, data: object) => void, random: () => number, hidden: () => boolean, changed: () => void,
   *   tuning?: typeof REMOTE}} parts `changed` is told whenever what a page shows of it may be another.
   */
  constructor({ clock, now, tell, random, hidden, changed, tuning = REMOTE }) {
    this.#clock = clock;
    this.#now = now;
    this.#tell = tell;
    this.#hidden = hidden;
    this.#changed = changed;
    this.#tuning = tuning;
    this.#report = new Report({ random, now: this.#seconds });
  }

  /** Use this player. */
  attach(adapter) {
    this.detach();
    this.#adapter = adapter;
    this.#correction = new Correction({ tuning: this.#tuning, step: adapter.rateStep });
    this.#orders = new Orders(this.#correction);
    const again = () => this.happened();
    this.#offs = [
      adapter.on("loaded", () => this.#loaded()),
      adapter.on("ready", again),
      adapter.on("playing", () => this.#moves()),
      adapter.on("waiting", () => this.look()), // it stalls: what it lacks is made good as soon as it moves again
      adapter.on("seeked", again),
      adapter.on("blocked", () => this.#blocked()),
      adapter.on("paused", () => this.#pausedByOthers()),
      adapter.on("error", (error) => this.#fails(error)),
    ];
    if (this.#state) this.#load();
  }

  /** Let go of the player; it stays as it is. */
  detach() {
    this.#cancel();
    for (const off of this.#offs.splice(0)) off();
    this.#adapter = null;
    this.#usable = false;
    this.#correction = null;
    this.#orders = null;
    this.#wants = false;
    this.tapNeeded = false;
    this.#failure = null;
  }

  /** The room's state, whenever it may have changed; null outside of a room. */
  take(state) {
    const before = this.#state;
    this.#state = state;
    if (state === null) {
      this.#cancel();
      if (before) this.#pause();
      return;
    }
    if (before && vectorOf(before) === vectorOf(state)) {
      this.happened(); // a barrier may have begun or ended
      return;
    }
    if (before?.mediaId !== state.mediaId) this.#load();
    this.#fresh = true;
    this.#follow(before);
    this.#changed();
  }

  /** The room may have forgotten what this player said: say it again. */
  forgotten() {
    this.#toldReady = "";
    this.#toldBuffering = false;
  }

  /** The viewer's gesture. To be called in its handler: it may let the player begin. */
  tap() {
    this.#mayPlay = true;
    this.tapNeeded = false;
    if (!this.#adapter || !this.#state) return;
    this.#adapter.play();
    this.#fresh = true;
    this.#follow(null);
    this.#changed();
  }

  /** Something is there that was waited for: the clock, the film, its place. */
  happened() {
    if (this.#fresh) this.#follow(null);
    if (this.#clock.ready && this.#adapter && this.#state?.mediaId && !this.#fresh) this.#sayReady(this.#showing());
    this.#changed();
  }

  /** Four times a second. */
  look() {
    const { ready } = this.#clock;
    if (!this.#adapter || !this.#state || !ready) return;
    const t = this.#seconds();
    if (this.#pausedAway && !this.#hidden()) {
      this.#pausedAway = false;
      this.#fresh = true;
    }
    if (this.#fresh) this.#follow(null);
    if (this.#fresh || this.tapNeeded || !this.#state.mediaId) return this.#changed();
    const room = this.#room();
    const { plays, target, rate } = this.#timeline(room);
    const showing = this.#showing();
    this.#orders.learn({ t, showing, position: this.#adapter.position() });
    this.#watchStall(t, showing, plays);
    this.#sayReady(showing);
    if (!this.#state.playing && room < this.#state.ts) return this.#changed(); // the pause is still to come
    const free = !this.#hidden() && !this.#adapter.isBusy;
    const look = { now: t, showing, position: this.#adapter.position(), target, plays, rate, free };
    for (const action of this.#correction.look(look)) this.#act(action);
    this.#report.looked({ t, plays: plays && showing === "playing", offRate: this.#correction.factor !== 1 });
    this.#sayReport(plays);
    this.#changed();
  }

  /** {driftMs, rate, state} as a page shows them. */
  get shown() {
    const error = this.#correction?.error ?? null;
    return {
      driftMs: error === null ? null : error * 1000,
      rate: (this.#state?.rate ?? 1) * (this.#correction?.factor ?? 1),
      state: this.#stateShown(),
      startLatencyMs: (this.#correction?.start.seconds ?? 0) * 1000,
      seekLatencyMs: (this.#correction?.seek.seconds ?? 0) * 1000,
      failure: this.#failure,
    };
  }

  #stateShown() {
    if (!this.#adapter || !this.#state?.mediaId || !this.#clock.ready || this.tapNeeded || this.#failure) return "off";
    if (this.#state.barrier) return "waiting";
    if (!this.#state.playing) return "paused";
    if (this.#room() < this.#state.ts && this.#until === null) return "waiting";
    if (this.#adapter.state() === "ended") return "paused";
    if (this.#orders.seeking) return "seeking";
    if (this.#adapter.state() !== "playing") return "waiting";
    const error = this.#correction.error;
    return this.#correction.factor === 1 && (error === null || Math.abs(error) < this.#tuning.wide) ? "in_sync" : "correcting";
  }

  // -- the timeline -------------------------------------------------------------------------------------------------

  #seconds = () => this.#now() / 1000;

  /** Room time (µs) as this viewer wants it. */
  #room() {
    return this.#clock.room(this.#now()) + this.offsetMs * 1000;
  }

  #timeline(room) {
    const { pos, playing, ts, rate } = this.#state;
    if (this.#until !== null && room < ts) return { plays: true, rate: this.#until, target: pos + (this.#until * (room - ts)) / 1e6 };
    return { plays: playing && room >= ts, rate, target: positionAt(this.#state, room) };
  }

  /** The timeline has changed: get there by the instant at which it holds. */
  #follow(before) {
    const { ready } = this.#clock;
    if (!ready || !this.#usable || !this.#adapter?.isLoaded || !this.#state) return;
    const state = this.#state;
    const room = this.#room();
    const goesOn = this.#goesOn(before, state, room);
    this.#fresh = false;
    this.#cancel();
    this.#orders.forget();
    this.#correction.changed();
    this.#until = goesOn ? before.rate : null;
    const left = () => (state.ts - this.#room()) / 1e6;
    if (!state.playing) this.#at(left, () => this.#stand(state));
    else if (goesOn) this.#at(left, () => this.#pace());
    else if (left() > 0) this.#startsAt(state, () => left() - this.#correction.start.seconds);
    else this.#catchUp(state, room);
  }

  /** Whether the film plays on through the change, as after a change of rate. */
  #goesOn(before, state, room) {
    if (!before?.playing || !state.playing || before.mediaId !== state.mediaId) return false;
    const moves = this.#wants && before.ts <= room && room < state.ts;
    return moves && Math.abs(positionAt(before, state.ts) - state.pos) < CONTINUOUS_SECONDS;
  }

  #stand(state) {
    this.#pause();
    if (Math.abs(this.#adapter.position() - state.pos) > STAND_SECONDS) this.#adapter.seek(state.pos);
    this.happened();
  }

  #pace() {
    this.#until = null;
    this.#adapter.setRate(this.#state.rate * this.#correction.factor);
  }

  #startsAt(state, left) {
    this.#pause();
    this.#pace();
    if (Math.abs(this.#adapter.position() - state.pos) > this.#correction.near) this.#adapter.seek(state.pos);
    this.#at(left, () => {
      if (left() < -MISSED_SECONDS - this.#correction.start.seconds) this.#catchUp(state, this.#room());
      else this.#play("start", this.#adapter.position());
    });
  }

  /** The film is under way: go to where it will be once we are there. */
  #catchUp(state, room) {
    this.#pace();
    const target = positionAt(state, room);
    const isOff = Math.abs(this.#adapter.position() - target) > this.#correction.near;
    if (isOff) {
      const landing = target + this.#correction.seek.seconds * state.rate;
      this.#adapter.seek(landing);
      this.#play("seek", landing);
    } else if (this.#adapter.state() !== "playing") this.#play("start", this.#adapter.position());
    else this.#wants = true;
  }

  #at(left, then) {
    this.#cancel = atInstant(left, then);
  }

  // -- the player ---------------------------------------------------------------------------------------------------

  #load() {
    if (!this.#adapter) return;
    this.#cancel();
    this.#failure = null;
    this.#fresh = true;
    this.#stalled = null;
    this.#orders.forget();
    const { item } = this.#state;
    this.#usable = this.#adapter.plays(item);
    if (this.#usable) this.#adapter.load(item);
    else this.#pause(); // the page will attach one that can
  }

  #play(what, from) {
    this.#wants = true;
    this.#orders.given({ what, t: this.#seconds(), from, rate: this.#state.rate });
    this.#adapter.play();
  }

  #pause() {
    this.#wants = false;
    this.#adapter?.pause();
  }

  #act(action) {
    if (action.do === "rate") this.#adapter.setRate(action.rate);
    else if (action.do === "seek") {
      this.#report.sought();
      this.#adapter.seek(action.position);
      if (this.#wants) this.#orders.given({ what: "seek", t: this.#seconds(), from: action.position, rate: this.#state.rate });
    }
  }

  #showing() {
    const state = this.#adapter.state();
    return state === "ended" ? "waiting" : state;
  }

  /** It stands at its beginning, whatever it was told before. */
  #loaded() {
    this.#fresh = true;
    this.happened();
  }

  #moves() {
    this.#mayPlay = true;
    this.happened();
    this.look();
  }

  #blocked() {
    this.#wants = false;
    this.tapNeeded = true;
    this.#changed();
  }

  /** The system, or the keys of a headset: not the room. */
  #pausedByOthers() {
    if (!this.#wants || this.#adapter.state() === "ended") return;
    if (this.#hidden()) this.#pausedAway = true;
    else this.#blocked();
  }

  #fails(error) {
    this.#failure = error;
    this.#changed();
  }

  // -- what the room is told ------------------------------------------------------------------------------------------

  #watchStall(t, showing, plays) {
    const stands = showing === "waiting" && plays && this.#wants && !this.#orders.pending && this.#adapter.state() !== "ended";
    if (!stands) {
      this.#stalled = null;
      return;
    }
    if (this.#stalled === null) {
      this.#stalled = t;
      this.#report.stalled();
    }
    if (t - this.#stalled < STALL_SECONDS || this.#toldBuffering || this.#hidden()) return;
    this.#toldBuffering = true;
    this.#toldReady = "";
    this.#tell("party:buffering", { rev: this.#state.rev });
  }

  /** Once for each film and each time that the room waits; never before the viewer has tapped, if a tap is needed. */
  #sayReady(showing) {
    const { mediaId, barrier, rev, pos, playing } = this.#state;
    const mayPlay = this.#mayPlay || navigator.userActivation?.hasBeenActive;
    const isThere = playing || Math.abs(this.#adapter.position() - pos) < READY_SECONDS;
    const key = `${mediaId} ${barrier?.barrierId ?? ""}`;
    if (!mayPlay || showing === "waiting" || !this.#adapter.isReady || !isThere || key === this.#toldReady) return;
    this.#toldReady = key;
    this.#toldBuffering = false;
    this.#tell("party:ready", { rev, startLatencyMs: Math.round(this.#correction.start.seconds * 1000) });
  }

  #sayReport(plays) {
    const error = this.#correction.error;
    if (!plays || error === null) return;
    const told = this.#report.due({ error, boundMs: this.#clock.boundMs, rttMs: this.#clock.rttMs ?? 0 });
    if (told) this.#tell("party:report", told);
  }
}
