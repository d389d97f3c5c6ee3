// What is to be played: an address, or a file that each viewer has at home.
import { openDialog } from "../lib/dialogs.js";
import { el, on, set, setText } from "../lib/dom.js";
import { button, tabs } from "../lib/parts.js";
import { itemOf } from "./film.js";
import { may } from "./rights.js";

const CLIP = "/static/watch/clip.mp4";

const LOOK_MS = 4_000;

/** How long the film at an address lasts, in seconds, or null where this browser cannot read it in time. */
function lengthOf(url) {
  const video = document.createElement("video");
  video.preload = "metadata";
  return new Promise((resolve) => {
    const done = (seconds) => {
      clearTimeout(timer);
      video.removeAttribute("src");
      resolve(Number.isFinite(seconds) && seconds > 0 ? Math.round(seconds * 1000) / 1000 : null);
    };
    const timer = setTimeout(() => done(null), LOOK_MS);
    on(video, "loadedmetadata", () => done(video.duration));
    on(video, "error", () => done(null));
    video.src = url;
  });
}

/** The same of a file on this computer. */
async function lengthOfFile(file) {
  const url = URL.createObjectURL(file);
  try {
    return await lengthOf(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** @param ctx see room.js; `own(file)` keeps the file that was chosen here. */
export function openLoad(ctx, { own }) {
  const { say, party } = ctx;
  let from = "address";
  let file = null;
  const field = (id, words, hint, input) => {
    input.id = id;
    const label = el("label", "label", words);
    label.htmlFor = id;
    return el("div", "field", el("div", "field-words", label, hint ? el("p", "field-hint", hint) : null), input);
  };
  const address = set(el("input", "input"), { type: "text", inputmode: "url", autocomplete: "off", spellcheck: "false", dir: "ltr", placeholder: say("address_placeholder") });
  const title = set(el("input", "input"), { type: "text", maxlength: "120", dir: "auto", autocomplete: "off" });
  const pick = set(el("input", "input file-input"), { type: "file", accept: "video/*,audio/*,.mkv" });
  const fault = set(el("p", "field-error"), { role: "alert" });
  fault.hidden = true;
  const clip = button({ words: say("load_clip"), icon: "play", press: () => { address.value = CLIP; title.value = say("clip_title"); address.focus(); } });
  const byAddress = el("div", "stack", field("load-address", say("load_address"), say("load_address_hint"), address), el("div", "", clip));
  const byFile = el("div", "stack", field("load-file", say("load_file"), say("load_file_hint"), pick));
  byFile.hidden = true;
  const choice = tabs({
    label: say("load_heading"), chosen: from,
    items: [{ id: "address", words: say("load_by_address") }, { id: "file", words: say("load_by_file") }],
    choose(id) {
      from = id;
      byAddress.hidden = id !== "address";
      byFile.hidden = id !== "file";
      fault.hidden = true;
    },
  });
  const now = may(party.room, "party:media");
  const later = may(party.room, "party:queue:add");

  function tell(words, input) {
    setText(fault, words);
    fault.hidden = false;
    input.focus();
  }

  async function wanted() {
    const named = title.value.trim() ? { title: title.value.trim() } : {};
    if (from === "address") {
      const item = itemOf(address.value);
      if (!item) tell(say("address_fault"), address);
      if (!item) return null;
      // The room wants to know where it ends; where we cannot tell, it goes on until the host does.
      const duration = item.kind === "video" ? await lengthOf(item.url) : null;
      return { ...item, ...named, ...(duration ? { duration } : {}) };
    }
    if (!file) {
      tell(say("file_fault"), pick);
      return null;
    }
    const duration = await lengthOfFile(file);
    if (duration === null) {
      tell(say("file_unreadable"), pick);
      return null;
    }
    own(file);
    return { kind: "file", url: file.name.slice(0, 500), duration, ...named };
  }

  async function go(type) {
    const item = await wanted();
    if (item && (await ctx.send(type, { item }))) shown.close();
  }

  on(pick, "change", () => {
    file = pick.files[0] ?? null;
    if (file && !title.value) title.value = file.name.replace(/\.[^.]+$/, "").slice(0, 120);
    fault.hidden = true;
  });
  const form = el("form", "stack", choice, byAddress, byFile, fault, field("load-title", say("load_title"), "", title));
  on(form, "submit", (event) => {
    event.preventDefault();
    go(now ? "party:media" : "party:queue:add");
  });
  const shown = openDialog({
    heading: say("load_heading"), body: form,
    actions: [
      later ? button({ words: say("load_later"), icon: "queue", press: () => go("party:queue:add") }) : null,
      now ? button({ words: say("load_now"), icon: "play", kind: "", press: () => go("party:media") }) : null,
    ].filter(Boolean),
  });
  address.focus();
}
