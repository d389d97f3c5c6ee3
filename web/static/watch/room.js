// A room: puts its parts together, and tells them what the library hears. Everything that is about the protocol is in
// party.js; everything here is about what is seen, heard and pressed.
import { onBeat } from "../lib/clock.js";
import { confirm, heard, sentenceOf, toast } from "../lib/dialogs.js";
import { bdi, el, mark, on, set, setText, svg } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { button, copyable, signal } from "../lib/parts.js";
import { figure, span } from "../lib/words.js";
import { chatPanel } from "./chat.js";
import { titleOf } from "./film.js";
import { light } from "./frame.js";
import { keysHelp, roomKeys } from "./keys.js";
import { memberItems, peoplePanel } from "./people.js";
import { qualityPanel, syncWords } from "./quality.js";
import { queuePanel } from "./queue.js";
import { may } from "./rights.js";
import { askClose, openInvite, openSettings } from "./room_dialogs.js";
import { spoken } from "./spoken.js";
import { stage } from "./stage.js";

const BANNER_AFTER_MS = 1_200;
const LAMP = { go: "go", standby: "standby", stop: "stop", info: "off" };

/** A VIP's mark: a shape of its own, with its word for the ears. */
function vipMark(say) {
  const gem = svg("svg", { class: "vip-mark", viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("path", { d: "M3 1.5h6L11.5 5 6 11 .5 5z" }));
  return el("span", "vip", gem, el("span", "for-ears", say("vip")));
}

/**
 * The room that `party` is in. `base`: {say, nodes, pick, session, frame}; `done({code, detail})` hears that it is over for us.
 * Gives {node, leave()}.
 */
export function roomPage(base, party, { done, lobby }) {
  const { say, nodes } = base;
  const ends = [];
  const ears = spoken({ say, heard });
  const roster = () => (party.room.roster ? [...party.room.roster] : []);
  const ctx = {
    ...base, party, confirm, toast, span, roster,
    muted: new Set(),
    vipMark: () => vipMark(say),
    memberOf: (id) => roster().find(({ memberId }) => memberId === id) ?? people?.known(id) ?? null,
    memberItems: (member) => memberItems(ctx, member),
    failed: (error) => toast({ tone: "stop", words: ctx.pick(`error ${error?.code}`) ?? sentenceOf(error) }),
    /** Send a command; what goes wrong is said. Resolves null then. */
    async send(type, data) {
      try {
        return (await party.send(type, data)) ?? {};
      } catch (error) {
        ctx.failed(error);
        return null;
      }
    },
  };
  let people = null;
  const film = stage(ctx);
  const chat = chatPanel(ctx);
  people = peoplePanel(ctx);
  const queue = queuePanel(ctx);
  const quality = qualityPanel(ctx);

  // The line under the film.
  const title = el("h2", "now-title");
  const by = el("p", "now-by quiet");
  const sync = set(el("button", "now-sync"), { type: "button", title: say("sync_open") });
  on(sync, "click", () => choose("sync", { focus: true }));
  const now = el("div", "now", el("div", "now-words", title, by), film.bar, sync);

  // The side: four panels, one in sight.
  const TABS = [["chat", "chat", chat], ["people", "team", people], ["queue", "queue", queue], ["sync", "sync", quality]];
  const bar = set(el("div", "side-tabs"), { role: "tablist", "aria-label": say("side") });
  const places = new Map();
  let chosen = "";
  for (const [id, picture, panel] of TABS) {
    const count = el("span", "tab-count number");
    const press = set(el("button", "side-tab", icon(picture), el("span", "", say(id === "sync" ? "sync" : id)), count), {
      type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `panel-${id}`,
    });
    const place = set(el("div", `side-panel side-${id}`, panel.node), { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}` });
    bar.append(on(press, "click", () => choose(id)));
    places.set(id, { press, place, panel, count });
  }
  on(bar, "keydown", (event) => {
    const ids = TABS.map(([id]) => id);
    const to = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(ids[(ids.indexOf(chosen) + to + ids.length) % ids.length], { focus: true });
  });

  let unread = 0;
  function choose(id, { focus = false } = {}) {
    chosen = id;
    for (const [each, { press, place }] of places) {
      set(press, { "aria-selected": String(each === id), tabindex: each === id ? "0" : "-1" });
      place.hidden = each !== id;
    }
    places.get(id).panel.opened?.();
    if (id === "chat") {
      unread = 0;
      chat.toEnd();
    }
    if (focus) places.get(id).press.focus();
    counts();
  }

  const banner = set(el("aside", "line-banner"), { "data-signal": "standby", "aria-label": say("line") });
  const bannerTold = el("strong", "");
  const bannerText = el("span", "number");
  const retry = button({ words: say("try_now"), press: () => party.reconnect?.() });
  banner.append(mark("standby"), el("p", "", bannerTold, " ", bannerText), retry);
  banner.hidden = true;

  const side = set(el("aside", "side-room", bar, ...[...places.values()].map(({ place }) => place)), { "aria-label": say("side") });
  const node = el("div", "room", el("div", "room-main", film.node, now), side, banner);

  // The top: name of the room, its code, who is here, and what a host does.
  const name = set(el("h1", "top-title"), { tabindex: "-1" });
  const state = el("span", "top-sync");
  const here = set(el("button", "top-here", icon("team"), el("span", "number")), { type: "button" });
  on(here, "click", () => choose("people", { focus: true }));
  const invite = button({ words: say("invite"), icon: "user_plus", kind: "", press: () => openShare() });
  const gear = button({ words: say("settings"), icon: "settings", kind: "icon", press: () => openSettings(ctx) });
  const code = copyable(party.room.roomId);
  code.classList.add("top-code");
  code.title = say("room_code");
  base.frame.show({
    heading: el("div", "top-room", name, code), tools: [state, here, gear, invite],
    items: () => [
      may(party.room, "party:settings") ? { words: say("settings"), icon: "settings", press: () => openSettings(ctx) } : undefined,
      may(party.room, "party:close") ? { words: say("close_room"), icon: "close", danger: true, press: () => askClose(ctx) } : undefined,
      { words: say("leave"), icon: "leave", press: lobby }, null,
    ].filter((each) => each !== undefined),
    signal: "standby",
  });

  async function openShare() {
    if (may(party.room, "party:invite")) {
      openInvite(ctx);
      return;
    }
    try {
      await navigator.clipboard.writeText(`${location.origin}/party/${encodeURIComponent(party.room.roomId)}`);
      toast({ tone: "go", words: say("link_copied") });
    } catch {
      toast({ words: `${location.origin}/party/${party.room.roomId}` });
    }
  }

  function counts() {
    const { room } = party;
    setText(places.get("people").count, figure(room.here));
    setText(places.get("queue").count, room.queue.length > 0 ? figure(room.queue.length) : "");
    setText(places.get("chat").count, unread > 0 ? figure(unread) : "");
    places.get("chat").press.classList.toggle("unread", unread > 0);
    setText(here.querySelector(".number"), figure(room.here));
    set(here, { "aria-label": say("people_here", { n: room.here }), title: say("people_here", { n: room.here }) });
  }

  function head() {
    const { room } = party;
    const item = room.state?.item;
    const called = room.settings?.title || say("a_room");
    if (name.dataset.is !== called) {
      name.dataset.is = called;
      name.replaceChildren(bdi(called));
      name.title = called;
      base.frame.title(called);
    }
    const what = item ? titleOf(item) : say("now_nothing");
    if (title.dataset.is !== what) {
      title.dataset.is = what;
      title.replaceChildren(bdi(what));
      title.title = what;
    }
    const giver = item && ctx.memberOf(item.by);
    by.replaceChildren(...(giver || item?.byName ? nodes("now_by", { name: giver?.userName ?? item.byName }) : [item ? say(`kind_${item.kind}`) : say("now_nothing_text")]));
    gear.hidden = !may(room, "party:settings");
  }

  let lastSync = "";
  function drawSync() {
    const { tone, words } = syncWords(party, say);
    const key = `${tone} ${words}`;
    if (key === lastSync) return;
    lastSync = key;
    state.replaceChildren(signal(tone, words));
    sync.replaceChildren(signal(tone, words));
    light(LAMP[tone]);
    ears.change("sync", party.connection.state === "open" ? "" : words);
  }

  let away = 0;
  function drawLine() {
    const { connection } = party;
    const open = connection.state === "open";
    if (open) away = 0;
    else away ||= Date.now();
    const show = !open && connection.state !== "closed" && Date.now() - away > BANNER_AFTER_MS;
    banner.hidden = !show;
    node.classList.toggle("offline", show);
    if (!show) return;
    const left = connection.retryAt ? Math.ceil((retryIn(connection) ?? 0) / 1000) : 0;
    setText(bannerTold, say("line_waiting"));
    setText(bannerText, left > 0 ? say("line_text_in", { time: span(left) }) : say("line_text"));
    retry.hidden = left <= 0;
  }
  const retryIn = ({ retryAt }) => retryAt - (retryAt > 1e11 ? Date.now() : performance.now());

  // What happened to people, told in the chat and to the ears: found by comparing, so that whatever came is covered.
  let before = null;
  function happenings() {
    const { room } = party;
    const host = room.state?.host ?? "";
    const ids = room.roster ? new Map(room.roster.map((each) => [each.memberId, each.userName])) : null;
    const media = room.state?.item?.itemId ?? "";
    if (before && before.epoch === room.epoch) {
      if (host !== before.host && host) {
        const who = ctx.memberOf(host)?.userName;
        if (host === room.self) tell("event_you_host", {}, "crown");
        else if (who) tell("event_host", { name: who }, "crown");
      }
      if (ids && before.ids) {
        for (const [id, who] of ids) if (!before.ids.has(id) && id !== room.self) tell("event_joined", { name: who }, "user_plus");
        for (const [id, who] of before.ids) if (!ids.has(id) && id !== room.self) tell("event_left", { name: who }, "leave");
      }
      if (media !== before.media && media) tell("event_media", { name: titleOf(room.state.item) }, "film");
      if (room.isMuted !== before.muted) ears.tell(say(room.isMuted ? "chat_muted" : "heard_unmuted"));
    }
    before = { epoch: room.epoch, host, ids, media, muted: room.isMuted };
    const barrier = room.state?.barrier;
    ears.change("barrier", barrier ? say("waits") : "");
    ears.change("plays", room.state?.item ? say(room.state.playing ? "heard_plays" : "heard_paused") : "");
  }
  function tell(key, values, picture) {
    chat.happened(key, values, picture);
    if (key !== "event_joined" && key !== "event_left") ears.tell(say(key, values));
  }

  let begun = false;
  function show() {
    const { room } = party;
    if (!room.joined) return;
    head();
    film.show(room);
    const fresh = chat.show(room).filter((line) => line.from !== room.self);
    if (begun && fresh.length > 0) {
      ears.chat(fresh);
      if (chosen !== "chat") unread += fresh.length;
    }
    people.show(room);
    queue.show(room);
    quality.show(room);
    counts();
    happenings();
    drawSync();
    begun = true;
  }

  // Many messages in one turn are one drawing.
  let planned = false;
  const soon = () => {
    if (planned) return;
    planned = true;
    queueMicrotask(() => {
      planned = false;
      if (node.isConnected || !begun) show();
    });
  };
  for (const name of ["change", "chat", "presence", "reset", "stats", "waiting"]) ends.push(party.on(name, soon));
  ends.push(party.on("sync", drawSync));
  ends.push(party.on("connection", ({ state: line, code: closed, why }) => {
    drawSync();
    drawLine();
    soon();
    if (line === "closed") done({ code: closed || why || "closed" });
  }));
  ends.push(party.on("react", (told) => film.rise(told?.reactions ?? told)));
  // Who is muted is in no roster: it is what was heard since we came.
  ends.push(party.on("change", (told) => {
    if (told?.type === "party:mute") ctx.muted.add(told.data.memberId);
    else if (told?.type === "party:unmute") ctx.muted.delete(told.data.memberId);
    else if (told?.type === "party:closed") done({ code: 4504 });
  }));
  // A room that is no longer there, or not for us any more, after the line was down.
  ends.push(party.on("error", (error) => party.room.joined || done(error)));
  ends.push(onBeat(() => {
    film.beat();
    chat.beat();
    quality.beat(chosen === "sync");
    drawSync();
    drawLine();
  }));
  ends.push(roomKeys({
    toggle: film.deck.toggle, step: film.deck.step, louder: film.deck.louder, mute: film.deck.mute,
    full: film.fullScreen, theatre: () => film.theatre(),
    chat: () => { choose("chat"); chat.focus(); },
    tab: (index) => choose(TABS[index][0], { focus: true }),
    help: () => keysHelp(say),
  }));

  // On a phone there is no room under the film: feelings stand beside what one writes.
  const narrow = matchMedia("(max-width: 760px)");
  const place = () => (narrow.matches ? chat.form.prepend(film.bar) : sync.before(film.bar));
  narrow.addEventListener("change", place);
  ends.push(() => narrow.removeEventListener("change", place));
  place();

  choose("chat");
  show();
  requestAnimationFrame(() => chat.toEnd());
  return {
    node,
    h1: name,
    leave() {
      for (const end of ends) end?.();
      ears.leave();
      film.leave();
    },
  };
}
