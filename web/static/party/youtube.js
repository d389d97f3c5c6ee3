// The adapter of YouTube's player: an iframe of theirs, told what to do by messages. No script of theirs runs in our page.
// What is said is what their own iframe API says (developers.google.com/youtube/iframe_api_reference): {event: "command", func, args}
// there, {event: "infoDelivery", info} back.
import { Emitter } from "./events.js";

const HOST = "https://www.youtube-nocookie.com";
const ID = /(?:[?&]v=|\/embed\/|\/shorts\/|\/live\/|youtu\.be\/|^)([A-Za-z0-9_-]{11})(?:[?&#/]|$)/;
/** `playerState` of theirs. */
const ENDED = 0;
const PLAYING = 1;
const PAUSED = 2;
const CUED = 5;
/** Until it answers it is asked again whether it listens. */
const KNOCK_MS = 250;
/** If it does not begin within this time, it was not allowed to. */
const BLOCKED_MS = 1_500;
const FRESH_SECONDS = 2;

/** The id of a video, from an address or by itself; null if there is none. */
export const videoId = (address) => ID.exec(address)?.[1] ?? null;

export class YouTubeAdapter {
  kind = "youtube";
  /** Its rates come in quarters: it is moved by seeks. */
  rateStep = 0.25;
  #frame;
  #host;
  #emitter = new Emitter();
  #abort = new AbortController();
  #knock = null;
  #blocked = null;
  #id = null;
  #wants = false;
  #state = -1;
  #at = 0;
  #atMs = 0;
  #rate = 1;
  #duration = null;
  #heard = false;
  #seeking = null;

  /** @param {HTMLElement} place gets the iframe. @param {{host?: string}} [given] */
  constructor(place, { host = HOST } = {}) {
    this.#host = host;
    this.#frame = document.createElement("iframe");
    this.#frame.allow = "autoplay; encrypted-media; fullscreen; picture-in-picture";
    this.#frame.referrerPolicy = "strict-origin-when-cross-origin"; // it plays for pages only that say who they are
    this.#frame.title = "YouTube";
    place.append(this.#frame);
    window.addEventListener("message", (event) => this.#hear(event), { signal: this.#abort.signal });
  }

  get element() {
    return this.#frame;
  }

  /** An advertisement counts as waiting: the film stands meanwhile. */
  get isBusy() {
    return false;
  }

  get isLoaded() {
    return this.#heard;
  }

  get isReady() {
    return this.#heard && [PLAYING, PAUSED, CUED, ENDED].includes(this.#state);
  }

  plays(item) {
    return item?.kind === "youtube" && videoId(item.url) !== null;
  }

  load(item) {
    const id = videoId(item.url);
    if (id === this.#id) return;
    this.#id = id;
    this.#state = -1;
    this.#at = 0;
    this.#duration = null;
    if (this.#heard) {
      this.#tell("cueVideoById", id, 0);
      return;
    }
    const query = new URLSearchParams({ enablejsapi: "1", origin: location.origin, playsinline: "1", rel: "0", controls: "0", disablekb: "1" });
    this.#frame.src = `${this.#host}/embed/${id}?${query}`;
    clearInterval(this.#knock);
    this.#knock = setInterval(() => this.#post({ event: "listening", id: "party", channel: "widget" }), KNOCK_MS);
  }

  play() {
    this.#wants = true;
    this.#tell("playVideo");
    clearTimeout(this.#blocked);
    this.#blocked = setTimeout(() => this.#wants && [-1, CUED].includes(this.#state) && this.#emitter.emit("blocked"), BLOCKED_MS);
  }

  pause() {
    this.#wants = false;
    clearTimeout(this.#blocked);
    this.#tell("pauseVideo");
  }

  seek(position) {
    this.#seeking = position;
    this.#took(position);
    this.#tell("seekTo", Math.max(0, position), true);
  }

  setRate(rate) {
    const possible = Math.round(rate * 4) / 4;
    if (possible === this.#rate) return;
    this.#took(this.position());
    this.#rate = possible;
    this.#tell("setPlaybackRate", possible);
  }

  position() {
    const moved = this.#state === PLAYING && this.#seeking === null ? ((performance.now() - this.#atMs) / 1000) * this.#rate : 0;
    return this.#at + moved;
  }

  duration() {
    return this.#duration;
  }

  /** @returns {"playing" | "paused" | "waiting" | "ended"} */
  state() {
    if (this.#state === ENDED) return "ended";
    if (this.#seeking !== null && this.#wants) return "waiting";
    if (this.#state === PLAYING) return "playing";
    return this.#state === PAUSED || (this.#state === CUED && !this.#wants) ? "paused" : "waiting";
  }

  on(event, then) {
    return this.#emitter.on(event, then);
  }

  destroy() {
    this.#abort.abort();
    clearInterval(this.#knock);
    clearTimeout(this.#blocked);
    this.#frame.remove();
  }

  #post(message) {
    this.#frame.contentWindow?.postMessage(JSON.stringify(message), this.#host);
  }

  #tell(func, ...args) {
    if (this.#heard) this.#post({ event: "command", func, args, id: "party", channel: "widget" });
  }

  #hear({ source, origin, data }) {
    if (source !== this.#frame.contentWindow || origin !== this.#host || typeof data !== "string") return;
    let told = null;
    try {
      told = JSON.parse(data);
    } catch {
      return; // not for us
    }
    if (told === null || typeof told !== "object") return;
    clearInterval(this.#knock);
    if (!this.#heard) {
      this.#heard = true;
      this.#emitter.emit("loaded");
    }
    if (told.event === "onError") this.#emitter.emit("error", { code: told.info, detail: "YouTube cannot play this here." });
    else if (told.event === "onStateChange") this.#take({ playerState: told.info });
    else if (told.info && typeof told.info === "object") this.#take(told.info);
  }

  #take(info) {
    if (Number.isFinite(info.duration) && info.duration > 0) this.#duration = info.duration;
    if (Number.isFinite(info.playbackRate)) this.#rate = info.playbackRate;
    if (Number.isFinite(info.playerState)) this.#become(info.playerState);
    if (Number.isFinite(info.currentTime)) this.#place(info);
  }

  /** Where it says that it is; positions from before a seek are of another place. */
  #place({ currentTime, currentTimeLastUpdated_: at }) {
    if (this.#seeking !== null && Math.abs(currentTime - this.#seeking) > 1) return;
    const landed = this.#seeking !== null;
    const age = Number.isFinite(at) ? Date.now() / 1000 - at : 0;
    this.#took(currentTime, age > 0 && age < FRESH_SECONDS ? age : 0);
    if (!landed) return;
    this.#seeking = null;
    this.#emitter.emit("seeked");
  }

  #took(position, age = 0) {
    this.#at = position;
    this.#atMs = performance.now() - age * 1000;
  }

  #become(state) {
    if (state === this.#state) return;
    if (this.#state === PLAYING) this.#took(this.position());
    else if (state === PLAYING) this.#took(this.#at);
    this.#state = state;
    if (state === PLAYING) this.#emitter.emit("playing");
    else if (state === PAUSED && this.#wants) this.#emitter.emit("paused");
    else if (state === ENDED) this.#emitter.emit("ended");
    else if (!this.#wants) this.#emitter.emit("ready");
    else this.#emitter.emit("waiting");
  }
}
