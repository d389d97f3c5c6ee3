// The film and everything that lies over it: what to do first, tap to join, whom we wait for, what is planned. The
// player itself is an adapter of the library; which one is a matter of the item's kind.
import { bdi, el, lamp, mark, on, set, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { button } from "../lib/parts.js";
import { span } from "../lib/words.js";
import { controls } from "./controls.js";
import { startsIn, titleOf } from "./film.js";
import { openLoad } from "./load_dialog.js";
import { player } from "./players.js";
import { reactions } from "./reactions.js";
import { may } from "./rights.js";
import { subtitles } from "./subtitles.js";

const IDLE_MS = 3_000;
const COUNT_FROM_SECONDS = 0.35;

/** @param ctx see room.js. Gives {node, deck, bar, show(room), beat(), rise(told), tap(), leave()}. */
export function stage(ctx) {
  const { say, nodes, party } = ctx;
  const picture = el("div", "picture");
  const cover = el("div", "cover");
  const over = set(el("p", "over"), { role: "status" });
  over.hidden = true;
  const screen = el("div", "screen", picture, cover);
  const files = new Map(); // names of films at home → the file that was chosen for it
  let mounted = null; // {itemId, adapter, video, kind}
  let loading = "";
  let trouble = null; // {itemId, words}
  let drawn = "";

  const felt = reactions({ say, react: (emoji) => ctx.send("party:react", { emoji }) });
  screen.append(felt.layer, over);

  const titles = subtitles(ctx, { changed: (is) => deck.setSubtitles(is) });
  const deck = controls(ctx, {
    subtitles: () => titles.open(),
    load: () => openLoad(ctx, { own: (file) => files.set(file.name, file) }),
    theatre: () => theatre(),
    fullScreen: () => fullScreen(),
    volume: (volume) => mounted?.sound(volume),
    duration: () => mounted?.adapter.duration() ?? null,
  });
  const node = set(el("section", "stage", screen, deck.node), { "aria-label": say("film"), tabindex: "-1" });

  function theatre(wanted = !document.body.classList.contains("theatre")) {
    document.body.classList.toggle("theatre", wanted);
    deck.setTheatre(wanted);
  }

  async function fullScreen() {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await node.requestFullscreen();
    } catch {
      // Phones that let only a video go full screen.
      mounted?.video?.webkitEnterFullscreen?.();
    }
  }
  const sized = () => deck.setFull(document.fullscreenElement === node);
  on(document, "fullscreenchange", sized);

  let idle = null;
  function stir() {
    node.classList.remove("idle");
    clearTimeout(idle);
    idle = setTimeout(() => node.classList.toggle("idle", Boolean(party.room?.state?.playing)), IDLE_MS);
  }
  for (const type of ["pointermove", "pointerdown", "keydown", "focusin"]) on(node, type, stir);
  on(picture, "dblclick", fullScreen);
  on(picture, "click", (event) => event.detail === 1 && deck.toggle());

  function unmount() {
    if (!mounted) return;
    party.detach();
    mounted.adapter.destroy();
    titles.put(null);
    picture.replaceChildren();
    mounted = null;
  }

  async function mount(item) {
    const key = `${item.itemId} ${files.has(item.url)}`;
    if (loading === key || mounted?.key === key) return;
    loading = key;
    trouble = null;
    const file = item.kind === "file" ? files.get(item.url) : null;
    if (item.kind === "file" && !file) {
      unmount();
      loading = "";
      return;
    }
    try {
      if (mounted && mounted.kind === item.kind && item.kind !== "file") {
        mounted.key = key; // the library loads the next one into the same player
        return;
      }
      unmount();
      const made = await player(item, { place: picture, file, label: titleOf(item), failed: (words) => failed(item, words) });
      if (loading !== key) {
        made.adapter.destroy();
        return;
      }
      mounted = { ...made, key, kind: item.kind };
      mounted.sound(deck.volume);
      made.adapter.on("ended", ended);
      party.attach(made.adapter);
      titles.put(made.video);
    } catch (error) {
      failed(item, error?.detail ?? "");
    } finally {
      if (loading === key) loading = "";
    }
  }

  /** The room goes on by itself where it knows how long a film is; else the host's player tells it. */
  function ended() {
    const { room } = party;
    if (!room.isHost || !room.state?.playing || room.state.dur) return;
    if (room.settings.playsNext !== false && room.queue.length > 0) ctx.send("party:queue:next", { expectedRev: room.state.rev });
    else ctx.send("party:pause", { expectedRev: room.state.rev });
  }

  function failed(item, words) {
    trouble = { itemId: item.itemId, words };
    show(party.room);
  }

  /** Which face lies over the film; "" for none. */
  function faceOf(room) {
    const item = room?.state?.item;
    if (!room?.joined) return "wait";
    if (!item) return may(room, "party:media") ? "empty_host" : "empty";
    if (trouble?.itemId === item.itemId) return "trouble";
    if (item.kind === "file" && !files.has(item.url)) return "file";
    if (party.sync?.tapNeeded) return "tap";
    return "";
  }

  function chooseFile(item) {
    const pick = set(el("input"), { type: "file", accept: "video/*,audio/*,.mkv" });
    on(pick, "change", () => {
      const [file] = pick.files;
      if (!file) return;
      files.set(item.url, file);
      show(party.room);
    });
    pick.click();
  }

  const FACES = {
    wait: () => [lamp("standby"), el("p", "cover-head", say("joining"))],
    empty_host: () => [
      lamp("off"), el("h2", "cover-head", say("empty_host_heading")), el("p", "", say("empty_host_text")),
      el("div", "actions", button({ words: say("load"), icon: "film", kind: "", press: () => openLoad(ctx, { own: (file) => files.set(file.name, file) }) })),
    ],
    empty: () => [lamp("off"), el("h2", "cover-head", say("empty_heading")), el("p", "", say("empty_text"))],
    trouble: (item) => [
      lamp("stop"), el("h2", "cover-head", say("trouble_heading")), el("p", "", trouble.words || say(`trouble_${item.kind}`)),
      el("div", "actions", button({ words: say("try_again"), icon: "refresh", press: () => { trouble = null; unmount(); show(party.room); } })),
    ],
    file: (item) => [
      icon("film"), el("h2", "cover-head", say("file_heading")), el("p", "", ...nodes("file_text", { name: item.url })),
      el("div", "actions", button({ words: say("file_choose"), icon: "film", kind: "", press: () => chooseFile(item) })),
    ],
    tap: () => {
      const press = button({ words: say("tap"), icon: "play", kind: "", press: () => party.tap() });
      press.classList.add("tap");
      return [press, el("p", "", say("tap_text"))];
    },
  };

  function drawCover(room) {
    const item = room?.state?.item;
    const face = faceOf(room);
    const key = `${face} ${item?.itemId ?? ""} ${trouble?.words ?? ""}`;
    if (key === drawn) return;
    drawn = key;
    cover.replaceChildren(...(face ? [el("div", "cover-in", ...FACES[face](item))] : []));
    cover.hidden = !face;
    cover.dataset.face = face;
    if (face === "tap") cover.querySelector("button").focus({ preventScroll: true });
  }

  /** Over the film: whom we wait for and until when, or in how long it begins. */
  function drawOver(room) {
    const state = room?.state;
    const clock = party.clock?.ready ? party.clock.room() : null;
    const barrier = state?.barrier;
    let words = null;
    let key = "";
    if (barrier && clock !== null) {
      const left = Math.max(0, Math.ceil((barrier.until - clock) / 1e6));
      const names = room.waiting?.names ?? [];
      const rest = Math.max(0, (room.waiting?.count ?? 0) - names.length);
      key = `barrier ${left} ${names.join()} ${rest}`;
      const who = names.flatMap((each, n) => [...(n > 0 ? [", "] : []), bdi(each)]);
      if (rest > 0) who.push(say("and_more", { n: rest }));
      words = [mark("standby"), el("span", "", ...(who.length > 0 ? nodes("waits_for", { who: el("strong", "", ...who) }) : [say("waits")])), el("span", "number", say("waits_until", { time: span(left) }))];
    } else if (clock !== null && startsIn(state, clock) > COUNT_FROM_SECONDS) {
      const left = startsIn(state, clock).toFixed(1);
      key = `planned ${left}`;
      words = [mark("go"), el("span", "number", say(state.playing ? "starts_in" : "stops_in", { n: left }))];
    }
    over.hidden = words === null;
    if (key === over.dataset.key) return;
    over.dataset.key = key;
    if (words) over.replaceChildren(...words);
    set(over, { "aria-live": "off" }); // spoken once, by spoken.js
  }

  function show(room) {
    const item = room?.state?.item ?? null;
    if (item) mount(item);
    else unmount();
    node.dataset.kind = item?.kind ?? "";
    deck.show(room);
    drawCover(room);
    drawOver(room);
  }

  return {
    node, deck, show,
    bar: felt.bar,
    rise: felt.rise,
    fullScreen, theatre,
    load: () => openLoad(ctx, { own: (file) => files.set(file.name, file) }),
    beat() {
      deck.beat();
      drawCover(party.room);
      drawOver(party.room);
    },
    leave() {
      document.removeEventListener("fullscreenchange", sized);
      clearTimeout(idle);
      unmount();
      document.body.classList.remove("theatre");
    },
  };
}
