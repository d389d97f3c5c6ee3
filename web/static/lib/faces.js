// The faces that stand in the place of every page: nobody answers, no channel here.
import { el, lamp, set, setText } from "./dom.js";
import { button } from "./parts.js";
import { say, span } from "./words.js";

const AGAIN_MS = [3_000, 6_000];

/** A whole face: heading, sentence, actions (nodes). Gives {node, text(sentence)}. */
export function wholeFace({ signal, heading, text, note = "", actions = [] }) {
  const h1 = set(el("h1", "", heading), { tabindex: "-1" });
  const sentence = el("p", "", text);
  const node = el("div", "face face-whole", lamp(signal), h1, sentence, el("div", "actions", ...actions), note ? el("p", "faint", note) : null);
  return { node, h1, text: (words) => setText(sentence, words) };
}

/** Nobody answers: tries again by itself, and says when. `start` resolves true once somebody does. */
export function unreachable({ start }) {
  let at = 0;
  let timer = null;
  const plan = () => { at = Date.now() + AGAIN_MS[0] + Math.random() * (AGAIN_MS[1] - AGAIN_MS[0]); };
  plan();
  const words = () => say("unreachable_text", { wait: span(Math.max(0, Math.ceil((at - Date.now()) / 1000))) });
  const go = async () => {
    clearInterval(timer);
    await start();
  };
  const face = wholeFace({
    signal: "stop", heading: say("unreachable_heading"), text: words(), actions: [button({ words: say("try_now"), kind: "", press: go })],
  });
  timer = setInterval(() => {
    face.text(words());
    if (Date.now() >= at) go();
  }, 500);
  return face;
}
