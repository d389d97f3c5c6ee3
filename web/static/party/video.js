// The adapter of a `<video>` (or `<audio>`) element. Where the browser tells when a picture is shown
// (requestVideoFrameCallback), the position is that of the picture, not that of the decoder.
import { Emitter } from "./events.js";

const HAVE_METADATA = 1;
const HAVE_FUTURE_DATA = 3;
const FRAMES = 15;
/** Pictures that are farther from the element's own position are of another place. */
const CREDIBLE_SECONDS = 0.1;
/** Safari stalls on small changes of the rate (dash.js, CatchupController.js), so it is never asked for any. */
const SAFARI = /^((?!chrome|android|crios|fxios).)*safari/i;

function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Milliseconds of the browser's own timeline, on which pictures are stamped, whatever clock the party goes by. */
const browserNow = () => new Event("now").timeStamp;

export class VideoAdapter {
  kind = "video";
  /** The smallest change of rate that it can do; more than 0.05: none, it is moved by seeks. */
  rateStep = SAFARI.test(navigator.userAgent) ? 0.25 : 0;
  /** In an advertisement, or at the edge of a live stream: leave it alone. */
  isBusy = false;
  #element;
  #emitter = new Emitter();
  #abort = new AbortController();
  #moves = false;
  #rate = 1;
  #ordered = false;
  #biases = [];
  #frames = null;

  /** @param {HTMLVideoElement} element */
  constructor(element) {
    this.#element = element;
    for (const name of ["preservesPitch", "mozPreservesPitch", "webkitPreservesPitch"]) if (name in element) element[name] = true;
    const hear = (type, then) => element.addEventListener(type, then, { signal: this.#abort.signal });
    hear("loadedmetadata", () => this.#emitter.emit("loaded"));
    hear("canplay", () => this.#emitter.emit("ready"));
    hear("playing", () => this.#begins());
    hear("waiting", () => this.#halts("waiting"));
    hear("seeking", () => this.#halts("waiting"));
    hear("seeked", () => this.#landed());
    hear("pause", () => this.#paused());
    hear("ended", () => this.#halts("ended"));
    hear("emptied", () => this.#halts("waiting"));
    hear("ratechange", () => this.#held());
    hear("error", () => this.#emitter.emit("error", { code: element.error?.code ?? 0, detail: element.error?.message ?? "" }));
    this.#watchFrames();
  }

  get element() {
    return this.#element;
  }

  /** Whether this adapter can play an item of the room. */
  plays(item) {
    return item !== null && item !== undefined && item.kind === this.kind;
  }

  /** Whether positions mean something yet. */
  get isLoaded() {
    return this.#element.readyState >= HAVE_METADATA;
  }

  /** Whether it could play on from where it stands. */
  get isReady() {
    return this.#element.readyState >= HAVE_FUTURE_DATA && !this.#element.seeking;
  }

  load(item) {
    this.loadAddress(item.url);
  }

  /** For adapters that know better where the film is. */
  loadAddress(url) {
    const absolute = new URL(url, document.baseURI).href;
    if (this.#element.src === absolute && !this.#element.error) return; // there already, and loading
    this.#element.preload = "auto";
    this.#element.src = absolute;
    this.#element.load();
  }

  play() {
    this.#ordered = false;
    this.#element.playbackRate = this.#rate; // a load puts it back to 1
    this.#element.play()?.catch((error) => {
      if (error.name === "NotAllowedError") this.#emitter.emit("blocked");
    });
  }

  pause() {
    this.#ordered = true;
    this.#element.pause();
  }

  seek(position) {
    this.#element.currentTime = Math.max(0, position);
  }

  setRate(rate) {
    this.#rate = rate;
    if (this.#element.playbackRate !== rate) this.#element.playbackRate = rate;
  }

  /** Seconds of film: what is seen now. */
  position() {
    // A paused one stands where it says, also before its "pause" has been heard.
    const bias = this.#moves && !this.#element.paused && this.#biases.length >= 3 ? median(this.#biases) : 0;
    return this.#element.currentTime + bias;
  }

  /** Seconds, or null while it is not known. */
  duration() {
    return Number.isFinite(this.#element.duration) ? this.#element.duration : null;
  }

  /** @returns {"playing" | "paused" | "waiting" | "ended"} */
  state() {
    const element = this.#element;
    if (element.ended) return "ended";
    if (element.seeking || element.readyState < HAVE_FUTURE_DATA) return "waiting";
    if (element.paused) return "paused";
    return this.#moves ? "playing" : "waiting";
  }

  /** "loaded" | "ready" | "playing" | "waiting" | "paused" | "seeked" | "ended" | "blocked" | "error" */
  on(event, then) {
    return this.#emitter.on(event, then);
  }

  destroy() {
    this.#abort.abort();
    if (this.#frames !== null) this.#element.cancelVideoFrameCallback(this.#frames);
    this.#element.pause();
    this.#element.removeAttribute("src");
    this.#element.load();
  }

  #begins() {
    this.#moves = true;
    this.#emitter.emit("playing");
  }

  #halts(event) {
    this.#moves = false;
    this.#biases = [];
    this.#emitter.emit(event);
  }

  #landed() {
    // What was loaded already goes on without another "playing".
    if (!this.#element.paused && this.#element.readyState >= HAVE_FUTURE_DATA) this.#moves = true;
    this.#emitter.emit("seeked");
  }

  #paused() {
    this.#halts(this.#ordered || this.#element.ended ? "halted" : "paused");
  }

  /** Somebody else changed the rate (the browser's own menu): the room's counts. */
  #held() {
    if (!this.#element.paused && Math.abs(this.#element.playbackRate - this.#rate) > 1e-6) this.#element.playbackRate = this.#rate;
  }

  #watchFrames() {
    if (!("requestVideoFrameCallback" in this.#element)) return;
    const shown = (_, frame) => {
      const ahead = (frame.expectedDisplayTime - browserNow()) / 1000;
      const bias = frame.mediaTime - this.#rate * ahead - this.#element.currentTime;
      if (this.#moves && Math.abs(bias) < CREDIBLE_SECONDS) this.#biases = [...this.#biases, bias].slice(-FRAMES);
      this.#frames = this.#element.requestVideoFrameCallback(shown);
    };
    this.#frames = this.#element.requestVideoFrameCallback(shown);
  }
}
