// The player for an item of the room: an adapter of the library, and what a page needs beside it: the <video> for
// subtitles, and the sound, which is everybody's own.
import { el, set } from "../lib/dom.js";
import { adapterFor } from "../party.js";

const YOUTUBE = "https://www.youtube-nocookie.com";

/** YouTube's player has its own sound: it is told by a message, once it listens. */
function frameSound(adapter) {
  let wanted = null;
  let listens = false;
  const tell = (func, args = []) => adapter.element.contentWindow?.postMessage(JSON.stringify({ event: "command", func, args }), YOUTUBE);
  const say = () => {
    if (!listens || !wanted) return;
    tell("setVolume", [Math.round(wanted.level * 100)]);
    tell(wanted.muted ? "mute" : "unMute");
  };
  adapter.on("loaded", () => {
    listens = true;
    say();
  });
  return (volume) => {
    wanted = { ...volume };
    say();
  };
}

/**
 * Make the player of an item in `place`. `failed(words)` hears that it cannot be played (words may be empty).
 * Gives {adapter, video: HTMLVideoElement or null, sound({level, muted})}.
 */
export function player(item, { place, file, label, failed }) {
  const framed = item.kind === "youtube";
  const node = framed ? el("div", "film-frame") : set(el("video", "film-video"), { playsinline: true, preload: "auto", "aria-label": label });
  place.replaceChildren(node);
  const adapter = adapterFor(item, { video: node, place: node, file });
  adapter.on("error", () => failed(""));
  if (framed) return { adapter, video: null, sound: frameSound(adapter) };
  return {
    adapter,
    video: node,
    sound({ level, muted }) {
      node.volume = level;
      node.muted = muted;
    },
  };
}
