// The adapter of HLS streams: natively where the browser can (Safari), else by the vendored hls.js, which is fetched only then.
import { VideoAdapter } from "./video.js";

const NATIVE = "application/vnd.apple.mpegurl";
const LIBRARY = new URL("../vendor/hls/hls.min.mjs", import.meta.url).href;
const WORKER = new URL("../vendor/hls/hls.worker.js", import.meta.url).href;
/** So much is loaded ahead: a seek of the host's should mostly land in it. */
const AHEAD_SECONDS = 30;

export class HlsAdapter extends VideoAdapter {
  kind = "hls";
  #hls = null;
  #url = "";
  #failures = new Set();

  load(item) {
    if (this.#url === item.url) return;
    this.#url = item.url;
    this.#end();
    if (!("MediaSource" in window || "ManagedMediaSource" in window) && this.element.canPlayType(NATIVE)) this.loadAddress(item.url);
    else this.#load(item.url);
  }

  on(event, then) {
    if (event !== "error") return super.on(event, then);
    this.#failures.add(then);
    const off = super.on(event, then);
    return () => {
      this.#failures.delete(then);
      off();
    };
  }

  destroy() {
    this.#end();
    this.#url = "";
    super.destroy();
  }

  async #load(url) {
    let Hls = null;
    try {
      ({ default: Hls } = await import(LIBRARY));
    } catch {
      this.#fail({ code: 0, detail: "The player for HLS could not be loaded." });
      return;
    }
    if (this.#url !== url) return; // another film was chosen meanwhile
    if (!Hls.isSupported()) {
      this.#fail({ code: 4, detail: "This browser cannot play HLS." });
      return;
    }
    const hls = new Hls({ workerPath: WORKER, maxBufferLength: AHEAD_SECONDS, enableWorker: true });
    this.#hls = hls;
    let healed = false;
    hls.on(Hls.Events.LEVEL_LOADED, (_, { details }) => {
      this.isBusy = details.live; // at a live edge everybody has a timeline of their own
    });
    hls.on(Hls.Events.ERROR, (_, { fatal, type, details }) => {
      if (!fatal) return;
      if (type === Hls.ErrorTypes.MEDIA_ERROR && !healed) {
        healed = true;
        hls.recoverMediaError();
      } else this.#fail({ code: 2, detail: details });
    });
    hls.loadSource(new URL(url, document.baseURI).href);
    hls.attachMedia(this.element);
  }

  #fail(error) {
    for (const then of [...this.#failures]) then(error);
  }

  #end() {
    this.#hls?.destroy();
    this.#hls = null;
    this.isBusy = false;
  }
}
