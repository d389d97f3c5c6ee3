// The faces that fill the whole page: sign in, no channel, and nobody answers.
import { byId, setText } from "./dom.js";
import { light } from "./status.js";
import { say } from "./words.js";

/** Show the live page again. */
export function showLive() {
  byId("full-face").hidden = true;
  for (const part of livePage()) part.hidden = false;
}

const livePage = () => document.querySelectorAll(".stage, .views, .board, .channels, .channel-choice");

/**
 * Show one full face. `button` and `link` are {words, …} or absent; `button.press()` may answer words of trouble,
 * which are shown under it.
 */
export function showFace({ signal, heading, text, note = "", trouble = "", button = null, link = null }) {
  for (const part of livePage()) part.hidden = true;
  light(signal);
  document.title = `${heading} · ${say("app")}`;
  setText(byId("face-heading"), heading);
  setText(byId("face-text"), text);
  setText(byId("face-note"), note);
  setText(byId("face-trouble"), trouble);
  const a = byId("face-link");
  a.hidden = link === null;
  if (link) {
    a.href = link.href;
    setText(a, link.words);
  }
  const press = byId("face-button");
  press.hidden = button === null;
  press.disabled = false;
  if (button) {
    setText(press, button.words);
    press.onclick = async () => {
      press.disabled = true;
      setText(byId("face-trouble"), "");
      const failed = await button.press();
      press.disabled = false;
      setText(byId("face-trouble"), failed ?? "");
    };
  }
  const wasHidden = byId("full-face").hidden;
  byId("full-face").hidden = false;
  if (wasHidden) byId("face-heading").focus({ preventScroll: true });
}

/** Change only the sentence of the face that is shown, such as a countdown in it. */
export const changeText = (text) => setText(byId("face-text"), text);
