// Subtitles of one's own, by address or from a file: WebVTT as it is, SubRip after a small change. They stay with this
// viewer, and lie on the <video> itself, so that full screen shows them.
import { openDialog } from "../lib/dialogs.js";
import { el, on, set, setText } from "../lib/dom.js";
import { button } from "../lib/parts.js";

const LARGEST = 4 << 20;

/** SubRip as WebVTT: commas of its times become points. WebVTT stays as it is; anything else is null. */
export function asVtt(text) {
  const plain = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  if (/^WEBVTT(?:[ \t\n]|$)/.test(plain)) return plain;
  if (!/^\s*\d+\n\d{1,2}:\d{2}:\d{2},\d{3} --> /m.test(plain)) return null;
  return `WEBVTT\n\n${plain.replace(/(\d{1,2}:\d{2}:\d{2}),(\d{3})/g, "$1.$2")}`;
}

/** Gives {open(), put(video), off(), on}: the dialog, and the track on whichever video is shown. */
export function subtitles(ctx, { changed }) {
  const { say } = ctx;
  let chosen = null; // {url, name}
  let video = null;
  let track = null;

  function lay() {
    track?.remove();
    track = null;
    if (video && chosen) {
      track = set(el("track"), { kind: "subtitles", label: chosen.name, src: chosen.url, default: true });
      video.append(track);
      track.track.mode = "showing";
    }
    changed(chosen !== null);
  }

  function off() {
    if (chosen) URL.revokeObjectURL(chosen.url);
    chosen = null;
    lay();
  }

  function take(text, name) {
    const vtt = asVtt(text);
    if (vtt === null) return false;
    off();
    chosen = { url: URL.createObjectURL(new Blob([vtt], { type: "text/vtt" })), name };
    lay();
    return true;
  }

  async function fetched(address) {
    const url = new URL(address, location.href);
    if (url.protocol !== "https:" && url.origin !== location.origin) throw new Error("not https");
    const answer = await fetch(url, { credentials: "omit", referrerPolicy: "no-referrer" });
    if (!answer.ok || Number(answer.headers.get("Content-Length")) > LARGEST) throw new Error("not there");
    return answer.text();
  }

  return {
    get on() { return chosen !== null; },
    get name() { return chosen?.name ?? ""; },
    off,
    put(node) {
      video = node;
      lay();
    },
    open() {
      const fault = set(el("p", "field-error"), { role: "alert" });
      fault.hidden = true;
      const tell = (words) => { setText(fault, words); fault.hidden = false; };
      const address = set(el("input", "input"), { type: "text", inputmode: "url", dir: "ltr", autocomplete: "off", placeholder: "https://…/film.vtt", id: "subtitle-address" });
      const pick = set(el("input", "input file-input"), { type: "file", accept: ".vtt,.srt,text/vtt", id: "subtitle-file" });
      const label = (id, words) => set(el("label", "label", words), { for: id });
      on(pick, "change", async () => {
        const [file] = pick.files;
        if (!file) return;
        if (file.size <= LARGEST && take(await file.text(), file.name)) shown.close();
        else tell(say("subtitles_fault"));
      });
      const form = el(
        "form", "stack", el("p", "quiet", say("subtitles_text")),
        el("div", "field", label("subtitle-file", say("subtitles_file")), pick),
        el("div", "field", label("subtitle-address", say("subtitles_address")), address), fault,
      );
      const load = async () => {
        if (!address.value.trim()) return;
        try {
          if (take(await fetched(address.value.trim()), address.value.split("/").at(-1))) shown.close();
          else tell(say("subtitles_fault"));
        } catch {
          tell(say("subtitles_unreachable"));
        }
      };
      on(form, "submit", (event) => {
        event.preventDefault();
        load();
      });
      const shown = openDialog({
        heading: say("subtitles"), body: form,
        actions: [
          chosen ? button({ words: say("subtitles_off"), press: () => { off(); shown.close(); } }) : null,
          button({ words: say("subtitles_load"), kind: "", press: load }),
        ].filter(Boolean),
      });
    },
  };
}
