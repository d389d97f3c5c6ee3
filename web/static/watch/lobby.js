// The lobby: open a room, come into one by its code or link, or look which ones are open to everybody.
import { toast, sentenceOf } from "../lib/dialogs.js";
import { bdi, el, on, set, setText } from "../lib/dom.js";
import { form } from "../lib/form.js";
import * as f from "../lib/fields.js";
import { icon } from "../lib/icons.js";
import { badge, broken, button, empty, link, notice, panel, skeleton } from "../lib/parts.js";
import { figure } from "../lib/words.js";
import { signInAddress } from "./faces.js";
import { settingFields, wireSettings } from "./room_dialogs.js";

const LOOK_AGAIN_MS = 15_000;
const CODE = /^[A-Za-z0-9_-]{1,64}$/;
const NAME = "cuelight.party.name";

export function keptName(name) {
  try {
    if (name) localStorage.setItem(NAME, name);
    return localStorage.getItem(NAME) ?? "";
  } catch {
    return name ?? ""; // storage is blocked
  }
}

/** Where a code or a link leads: "/party/mint-owl-42?invite=…", or null. */
export function placeOf(text) {
  const given = text.trim();
  if (CODE.test(given)) return `/party/${given.toLowerCase()}`;
  try {
    const url = new URL(given.includes("://") ? given : `https://${given}`);
    const code = /^\/party\/([^/]+)\/?$/.exec(url.pathname)?.[1];
    return code && CODE.test(decodeURIComponent(code)) ? `/party/${code}${url.search}${url.hash}` : null;
  } catch {
    return null;
  }
}

/** @param base {say, nodes, session, frame}; `deeds`: {create({userName, settings, channel}), go(path)}. Gives {node, h1, leave()}. */
export function lobbyPage(base, { create, go }) {
  const { say, nodes, session } = base;
  const h1 = set(el("h1", "lobby-title", say("lobby_heading")), { tabindex: "-1" });
  const hero = el("header", "lobby-hero", el("div", "", h1, el("p", "lobby-text", say("lobby_text"))), lights());
  const own = session.signed_in ? start() : invitation();
  const rooms = el("div", "rooms-place", skeleton("cards", 3));
  const list = panel({ heading: say("rooms_heading"), note: say("rooms_note"), body: el("div", "panel-pad", rooms), classes: "lobby-rooms" });
  const node = el("div", "lobby", hero, el("div", "lobby-grid", own, join()), list);

  /** Three screens that light up one after the other: what a party is. */
  function lights() {
    const screens = [1, 2, 3].map((n) => el("span", `lobby-screen lobby-screen-${n}`, icon("play")));
    return set(el("div", "lobby-screens", ...screens), { "aria-hidden": "true" });
  }

  function invitation() {
    const actions = [link({ words: say("sign_in"), href: signInAddress(session), icon: "account", kind: "" })];
    return panel({ heading: say("create_heading"), body: el("div", "panel-pad stack", notice({ heading: say("create_stranger"), text: say("create_stranger_text"), actions })) });
  }

  function start() {
    const { first, rest } = settingFields(say, { create: true });
    const channels = session.channels ?? [];
    const owned = channels.length === 0 ? [] : [f.choice({
      name: "channel", label: say("create_channel"), hint: say("create_channel_hint"),
      options: [{ value: "", words: say("create_channel_none") }, ...channels.map(({ id, login, name }) => ({ value: id, words: name || login }))],
    })];
    const more = el("details", "more");
    const made = form(base, {
      inDialog: true, words: say("create_press"),
      fields: [f.text({ name: "userName", label: say("your_name"), max: 32, required: true, counter: false }), ...first, ...owned, ...rest],
      values: {
        userName: keptName("") || session.name || session.user?.name || "", title: "", isPublic: false, password: "", control: "host", channel: "",
        queueing: "member", waiting: "auto", vipOnly: false, guestsChat: true, playsNext: true, slowSeconds: 0,
      },
      async save(changes, all) {
        const { userName, channel, ...settings } = all;
        keptName(userName.trim());
        try {
          await create({ userName: userName.trim(), channel, settings: wireSettings(settings, { create: true }) });
        } catch (error) {
          toast({ tone: "stop", words: base.pick(`error ${error?.code}`) ?? sentenceOf(error) });
        }
      },
    });
    // The rest of the settings waits behind a line: few need them before a room is open.
    const names = new Set([...owned, ...rest].map(({ name }) => name));
    const hidden = [...names].map((name) => made.field(name).node);
    more.append(el("summary", "", say("create_more")), el("div", "form form-dialog", ...hidden));
    made.node.insertBefore(more, made.node.lastElementChild);
    return panel({ heading: say("create_heading"), note: say("create_note"), body: el("div", "panel-pad", made.node) });
  }

  function join() {
    const input = set(el("input", "input"), { type: "text", id: "join-code", autocomplete: "off", autocapitalize: "none", spellcheck: "false", dir: "ltr", placeholder: "mint-owl-42", "aria-describedby": "join-fault" });
    const fault = set(el("p", "field-error"), { id: "join-fault", role: "alert" });
    fault.hidden = true;
    const press = button({ words: say("join_press"), icon: "leave" });
    press.type = "submit";
    const label = set(el("label", "label", say("join_code")), { for: "join-code" });
    const shape = el("form", "stack", el("div", "field", el("div", "field-words", label, el("p", "field-hint", say("join_hint"))), el("div", "join-write", input, press), fault));
    on(input, "input", () => { fault.hidden = true; set(input, { "aria-invalid": null }); });
    on(shape, "submit", (event) => {
      event.preventDefault();
      const place = placeOf(input.value);
      if (place) {
        go(place);
        return;
      }
      setText(fault, say("join_fault"));
      fault.hidden = false;
      set(input, { "aria-invalid": "true" });
      input.focus();
    });
    const steps = el("ol", "steps", ...["how_1", "how_2", "how_3"].map((key, n) => el("li", "", el("b", "", figure(n + 1)), el("span", "", say(key)))));
    return el("div", "stack lobby-join", panel({ heading: say("join_heading"), body: el("div", "panel-pad", shape) }), panel({ heading: say("how_heading"), body: el("div", "panel-pad", steps) }));
  }

  function card(room) {
    const marks = [
      badge(say("room_members", { n: room.here })),
      room.vipOnly ? badge(say("room_vips")) : null,
      room.hasPassword ? el("span", "badge", icon("lock"), say("room_locked")) : null,
    ].filter(Boolean);
    const a = el("a", "room-card", el("strong", "room-name", bdi(room.title || room.roomId)), el("p", "room-plays quiet", ...(room.film ? nodes("room_plays", { name: room.film }) : [say("room_quiet")])), el("p", "room-marks", ...marks), el("span", "room-code faint", room.roomId));
    a.href = `/party/${encodeURIComponent(room.roomId)}`;
    return el("li", "", on(a, "click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      go(a.getAttribute("href"));
    }));
  }

  let drawn = "";
  async function look(first) {
    try {
      const answer = await fetch("/api/v1/party/rooms", { headers: { Accept: "application/json" }, cache: "no-store" });
      if (answer.status === 404) {
        rooms.replaceChildren(notice({ tone: "info", heading: say("rooms_off"), text: say("rooms_off_text") }));
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const told = await answer.json();
      const found = told.rooms;
      const key = JSON.stringify(found);
      if (key === drawn) return;
      drawn = key;
      rooms.replaceChildren(found.length > 0
        ? el("ul", "room-cards", ...found.map(card))
        : empty({ heading: say("rooms_none"), text: say("rooms_none_text"), level: 3 }));
    } catch {
      if (!first && drawn) return; // what is shown is a few seconds old, and better than nothing
      rooms.replaceChildren(broken({ heading: say("rooms_broken"), error: { detail: say("rooms_broken_text") }, again: () => look(true) }));
    }
  }
  look(true);
  const timer = setInterval(() => document.hidden || look(false), LOOK_AGAIN_MS);
  return { node, h1, leave: () => clearInterval(timer) };
}
