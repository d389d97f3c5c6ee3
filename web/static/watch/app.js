// The pages of the watch parties: the lobby at /party, a room at /party/<code>, and the way between them. A room that was
// opened in the lobby is shown over the same connection, so that its host never leaves it.
import { byId, el, lamp, on, set, setText } from "../lib/dom.js";
import { wholeFace } from "../lib/faces.js";
import { button } from "../lib/parts.js";
import { getSession } from "../lib/session.js";
import { language, scope, translated } from "../lib/words.js";
import { Party, PartyError } from "../party.js";
import words from "../words/en/watch.js";
import { doorFace } from "./door.js";
import { goneFace } from "./faces.js";
import { frame } from "./frame.js";
import { keysHelp } from "./keys.js";
import { keptName, lobbyPage } from "./lobby.js";
import { roomPage } from "./room.js";

const { say, nodes, pick } = scope("watch", words);
const main = byId("main");
const base = { say, nodes, pick, session: { signed_in: false, channels: [] }, frame: null, keys: () => keysHelp(say) };

let shown = null; // {leave()}
let party = null;
let turn = 0;
const guests = new Set(); // rooms that let guests in

const roomOf = (path) => {
  const code = /^\/party\/([^/]+)\/?$/.exec(path)?.[1];
  return code ? decodeURIComponent(code) : "";
};
const inviteOf = ({ search, hash }) => new URLSearchParams(search).get("invite") ?? new URLSearchParams(hash.slice(1)).get("invite") ?? "";

function put(page, { focus = true } = {}) {
  main.replaceChildren(page.node);
  if (focus) page.h1?.focus({ preventScroll: true });
  page.focus?.();
}

function leave() {
  turn += 1;
  shown?.leave?.();
  shown = null;
}

/** Out of the room, for good: the seat is free at once. */
function letGo() {
  const left = party;
  party = null;
  if (left === null) return;
  const { roomId, joined } = left.room;
  if (joined) memory.set(roomId, null);
  if (joined && left.connection.state === "open") left.leave().finally(() => left.close());
  else left.close();
}

/** Who has no account and no invite may come into a room that is open to everybody, as a guest. */
async function guestTicket(roomId) {
  const answer = await fetch("/api/v1/party/tickets", {
    method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify({ roomId }),
  }).catch(() => null);
  if (answer?.ok) return (await answer.json()).ticket;
  throw new PartyError({ code: answer === null ? "not_connected" : answer.status === 429 || answer.status >= 500 ? "busy" : "unauthorized" });
}

/** A tab that is loaded anew is the same member: a host stays the host. */
const SEAT = "cuelight.party.seat.";
const memory = {
  get(roomId) {
    try {
      return sessionStorage.getItem(SEAT + roomId);
    } catch {
      return null; // storage is blocked: then one comes in anew
    }
  },
  set(roomId, token) {
    try {
      if (token) sessionStorage.setItem(SEAT + roomId, token);
      else sessionStorage.removeItem(SEAT + roomId);
    } catch {
      return;
    }
  },
};

function makeParty({ invite = "", roomId = "" } = {}) {
  if (base.session.signed_in) return new Party({ memory });
  return new Party({ memory, roomId, ...(invite ? { invite } : { ticket: () => guestTicket(roomId) }) });
}

function face(told, { again }) {
  leave();
  letGo();
  const made = goneFace(base, told, { again });
  base.frame.show({ heading: el("p", "top-plain quiet", say("watch_together")), signal: made.signal });
  base.frame.title(made.h1.textContent);
  put(made);
  main.dataset.page = "gone";
}

function waiting(text) {
  base.frame.show({ heading: el("p", "top-plain quiet", say("watch_together")), signal: "standby" });
  put({ node: set(el("div", "face face-whole", lamp("standby"), el("p", "", text)), { role: "status" }) }, { focus: false });
  main.dataset.page = "joining";
}

function showLobby() {
  leave();
  letGo();
  base.frame.show({ heading: el("p", "top-plain quiet", say("watch_together")) });
  base.frame.title(say("watch_together"));
  shown = lobbyPage(base, { create, go });
  put(shown, { focus: false });
  main.dataset.page = "lobby";
}

async function create({ userName, settings, channel }) {
  party = makeParty();
  try {
    await party.create({ userName, settings, ...(channel ? { channel } : {}) });
  } catch (error) {
    letGo();
    throw error;
  }
  history.pushState(null, "", `/party/${encodeURIComponent(party.room.roomId)}`);
  showRoom();
}

function showRoom() {
  leave();
  const { roomId } = party.room;
  const again = () => enter(roomId);
  shown = roomPage(base, party, { lobby: () => go("/party"), done: (told) => face(told, { again }) });
  put(shown);
  main.dataset.page = "room";
}

/** Into the room of the address: ask what has to be asked, and say why where it does not work. */
async function enter(roomId, given = {}) {
  leave();
  const mine = turn;
  const invite = inviteOf(location);
  const seated = memory.get(roomId) !== null;
  if (!base.session.signed_in && !invite && !seated && !guests.has(roomId)) {
    // First whether there is a way in at all: nobody is asked for a name in vain.
    waiting(say("joining"));
    try {
      await guestTicket(roomId);
    } catch (error) {
      if (mine === turn) face(error, { again: () => enter(roomId) });
      return;
    }
    if (mine !== turn) return;
    guests.add(roomId);
  }
  const userName = given.userName || base.session.name || base.session.user?.name || (seated ? keptName("") : "");
  if (!userName) {
    door(roomId, { name: true, password: false });
    return;
  }
  waiting(say("joining"));
  letGo();
  party = makeParty({ invite, roomId });
  const self = party;
  try {
    await party.join({ roomId, userName, ...(given.password ? { password: given.password } : {}), ...(invite ? { invite } : {}) });
    if (mine !== turn) return;
    showRoom();
  } catch (error) {
    if (mine !== turn || self !== party) return;
    if (error.code === "bad_password") door(roomId, { name: !base.session.signed_in, password: true }, Boolean(given.password));
    else face(error, { again: () => enter(roomId, given) });
  }
}

function door(roomId, ask, wrong = false) {
  leave();
  letGo();
  base.frame.show({ heading: el("p", "top-plain quiet", say("watch_together")), signal: wrong ? "stop" : "standby" });
  base.frame.title(say("door_heading"));
  const made = doorFace(base, { ask, wrong, roomId }, (told) => enter(roomId, told));
  put(made);
  main.dataset.page = "door";
}

function show() {
  const roomId = roomOf(location.pathname);
  if (roomId) enter(roomId);
  else showLobby();
}

function go(path) {
  history.pushState(null, "", path);
  scrollTo(0, 0);
  show();
}

async function start() {
  try {
    base.session = await getSession();
  } catch {
    base.frame = frame(base);
    const made = wholeFace({ signal: "stop", heading: say("unreachable_heading"), text: say("unreachable_advice"), actions: [button({ words: say("try_now"), kind: "", press: start })] });
    base.frame.show({ signal: "stop" });
    put(made);
    return;
  }
  base.frame = frame(base);
  show();
}

on(window, "popstate", show);
on(document, "click", (event) => {
  const a = event.target.closest?.("a[href]");
  if (!a || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || a.target) return;
  if (a.origin !== location.origin || !/^\/party(\/[^/]+)?\/?$/.test(a.pathname) || a.hash === "#main") return;
  event.preventDefault();
  go(a.pathname + a.search);
});

await translated();
document.documentElement.lang = language;
setText(byId("skip"), say("skip"));
start();
