// The deck under the film: play, where it stands and what is planned, the sound (everybody's own), subtitles, screen.
import { el, on, set, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { menu } from "../lib/menu.js";
import { button } from "../lib/parts.js";
import { positionAt, stamp, startsIn } from "./film.js";
import { may } from "./rights.js";

const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2];
const VOLUME = "cuelight.volume";
const STEP_SECONDS = 5;

function storedVolume() {
  try {
    const { level, muted } = JSON.parse(localStorage.getItem(VOLUME) ?? "");
    return { level: Math.max(0, Math.min(1, Number(level))) || 0, muted: Boolean(muted) };
  } catch {
    return { level: 1, muted: false }; // nothing stored, or storage is blocked
  }
}

function swap(node, name, words) {
  if (node.dataset.icon === name && node.title === words) return;
  node.dataset.icon = name;
  node.replaceChildren(icon(name));
  set(node, { "aria-label": words, title: words });
}

/**
 * @param ctx see room.js. `deeds`: {subtitles(), theatre(), fullScreen(), load(), volume({level, muted}), duration()}.
 * Gives {node, scrub, show(room), beat(), toggle(), step(seconds), louder(by), mute(), setSubtitles(on), setFull(on), volume}.
 */
export function controls(ctx, deeds) {
  const { say, party } = ctx;
  const volume = storedVolume();
  let dragging = false;
  let asked = null; // a seek on its way: {to, until}

  const play = button({ words: say("play"), icon: "play", kind: "icon", press: () => toggle() });
  play.classList.add("deck-play");
  const here = el("span", "deck-here number", "–:––");
  const whole = el("span", "deck-whole number", "–:––");
  const time = el("span", "deck-time", here, el("span", "faint", " / "), whole);

  const scrub = set(el("input", "scrub"), { type: "range", min: "0", max: "1", step: "0.1", value: "0", "aria-label": say("scrub") });
  const planned = el("span", "scrub-planned");
  planned.hidden = true;
  const rail = el("div", "deck-rail", scrub, planned);

  const sound = button({ words: say("mute"), icon: "sound", kind: "icon", press: () => mute() });
  const level = set(el("input", "volume"), { type: "range", min: "0", max: "100", step: "1", "aria-label": say("volume") });
  const rate = menu({
    words: say("rate"), icon: "speed",
    items: () => RATES.map((each) => ({ words: `${each} ×`, current: party.room?.state?.rate === each, press: () => ctx.send("party:rate", { rate: each }) })),
  });
  const rateTold = el("span", "deck-rate number");
  const load = button({ words: say("load"), icon: "film", kind: "icon", press: () => deeds.load() });
  const titles = button({ words: say("subtitles"), icon: "subtitles", kind: "icon", press: () => deeds.subtitles() });
  const wide = button({ words: say("theatre"), icon: "theatre", kind: "icon", press: () => deeds.theatre() });
  wide.classList.add("deck-theatre");
  const full = button({ words: say("full_screen"), icon: "full", kind: "icon", press: () => deeds.fullScreen() });
  const lock = el("span", "deck-lock", icon("lock"), el("span", "", say("host_controls")));
  const row = el("div", "deck-row", play, time, lock, el("span", "deck-space"), rateTold, rate, load, titles, el("span", "deck-sound", sound, level), wide, full);
  const node = set(el("div", "deck", rail, row), { role: "group", "aria-label": say("controls") });

  function applyVolume() {
    swap(sound, volume.muted || volume.level === 0 ? "muted" : "sound", say(volume.muted ? "unmute_own" : "mute"));
    set(sound, { "aria-pressed": String(volume.muted) });
    level.value = String(Math.round((volume.muted ? 0 : volume.level) * 100));
    level.style.setProperty("--at", `${level.value}%`);
    deeds.volume(volume);
    try {
      localStorage.setItem(VOLUME, JSON.stringify(volume));
    } catch {
      return; // storage is blocked: until the page is left
    }
  }

  function mute() {
    volume.muted = !volume.muted;
    if (!volume.muted && volume.level === 0) volume.level = 0.5;
    applyVolume();
  }

  function louder(by) {
    volume.level = Math.max(0, Math.min(1, volume.level + by));
    volume.muted = volume.level === 0;
    applyVolume();
  }

  const at = () => (party.clock?.ready ? positionAt(party.room?.state, party.clock.room()) : party.room?.state?.pos ?? 0);
  const runs = () => Boolean(party.room?.state?.playing) || Boolean(party.room?.state?.barrier);

  /** Play or pause; for who may not, nothing. */
  async function toggle() {
    const { room } = party;
    const type = runs() ? "party:pause" : "party:play";
    if (!room?.state?.item || !may(room, type)) return;
    await ctx.send(type, { currentTime: Math.round(at() * 1000) / 1000 });
  }

  async function seek(to) {
    const { room } = party;
    if (!room?.state?.item || !may(room, "party:seek")) return;
    const end = lengthOf(room.state) || Infinity;
    const currentTime = Math.max(0, Math.min(end, Math.round(to * 1000) / 1000));
    asked = { to: currentTime, until: Date.now() + 1500 };
    beat();
    if (!(await ctx.send("party:seek", { currentTime }))) asked = null;
  }

  /** How long the film is: as the room knows it, else as the player here does. */
  const lengthOf = (state) => (state?.item ? state.dur ?? deeds.duration() ?? 0 : 0);

  function beat() {
    const state = party.room?.state;
    if (asked && Date.now() > asked.until) asked = null;
    const position = state?.item ? asked?.to ?? at() : 0;
    const length = lengthOf(state);
    if (!dragging) {
      const max = String(Math.max(1, Math.ceil(length * 10) / 10));
      if (scrub.max !== max) scrub.max = max;
      scrub.value = String(position);
      setText(here, state?.item ? stamp(position) : "–:––");
    }
    const text = say("scrub_at", { at: stamp(Number(scrub.value)), of: stamp(length) });
    if (document.activeElement !== scrub || dragging) set(scrub, { "aria-valuetext": text });
    scrub.style.setProperty("--at", `${length > 0 ? Math.min(100, (Number(scrub.value) / length) * 100) : 0}%`);
    const wait = party.clock?.ready ? startsIn(state, party.clock.room()) : 0;
    const ends = length > 0 ? stamp(length) : "–:––";
    setText(whole, ends);
    const locked = !state?.item || !may(party.room, "party:seek") || length <= 0;
    if (scrub.disabled !== locked) scrub.disabled = locked;
    planned.hidden = wait <= 0.05 || length <= 0;
    if (!planned.hidden) planned.style.insetInlineStart = `${Math.min(100, (state.pos / length) * 100)}%`;
  }

  function show(room) {
    const state = room?.state;
    const has = Boolean(state?.item);
    const steers = may(room, "party:play");
    swap(play, runs() ? "pause" : "play", say(runs() ? "pause" : "play"));
    play.hidden = !steers;
    play.disabled = !has;
    lock.hidden = steers;
    setText(lock.lastChild, say(room?.settings?.control === "cohost" ? "cohosts_control" : "host_controls"));
    rate.hidden = !steers;
    rate.button.disabled = !has;
    setText(rateTold, has && state.rate !== 1 ? `${state.rate} ×` : "");
    load.hidden = !may(room, "party:media") && !may(room, "party:queue:add");
    titles.disabled = !has || state.item.kind === "youtube";
    beat();
  }

  on(scrub, "input", () => {
    dragging = true;
    setText(here, stamp(Number(scrub.value)));
    beat();
  });
  on(scrub, "change", () => {
    dragging = false;
    seek(Number(scrub.value));
  });
  on(level, "input", () => {
    volume.level = Number(level.value) / 100;
    volume.muted = volume.level === 0;
    applyVolume();
  });
  applyVolume();

  return {
    node, show, beat, toggle, louder, mute, volume,
    step: (direction) => seek(at() + direction * STEP_SECONDS),
    setSubtitles: (is) => set(titles, { "aria-pressed": String(is) }),
    setTheatre: (is) => set(wide, { "aria-pressed": String(is) }),
    setFull: (is) => swap(full, is ? "unfull" : "full", say(is ? "full_screen_leave" : "full_screen")),
  };
}
