// The chat: what was said, a line to say something, and what can be done about what others say. Also what happened in
// the room stands here, in a quieter voice.
import { bdi, el, on, set, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { menu } from "../lib/menu.js";
import { button } from "../lib/parts.js";
import { fullTime, span } from "../lib/words.js";
import { may, myRole, rankOf } from "./rights.js";

const LONGEST = 500;
const SHOW_COUNT_FROM = 400;
const MOST_LINES = 300;
const NEAR_END = 48;

const TINTS = 6;
function tint(id) {
  let sum = 0;
  for (const char of String(id)) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return 1 + (sum % TINTS);
}

const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** @param ctx see room.js. Gives {node, show(room), happened(nodes), focus(), beat(now), read()}. */
export function chatPanel(ctx) {
  const { say, nodes } = ctx;
  const list = set(el("ol", "chat-lines"), { role: "log", "aria-live": "off", "aria-label": say("chat"), tabindex: "0" });
  const nothing = el("div", "chat-nothing", el("p", "", say("chat_empty")), el("p", "faint", say("chat_empty_text")));
  const jump = button({ words: say("chat_newer"), icon: "down", press: () => toEnd() });
  jump.classList.add("chat-jump");
  jump.hidden = true;

  const input = set(el("textarea", "input chat-input"), {
    rows: "1", dir: "auto", "aria-label": say("chat_say"), placeholder: say("chat_say"), autocomplete: "off", enterkeyhint: "send",
  });
  const count = el("span", "chat-count number");
  const send = button({ words: say("chat_send"), icon: "send", kind: "icon" });
  send.type = "submit";
  const hint = set(el("p", "chat-hint"), { role: "status" });
  const form = el("form", "chat-form", el("div", "chat-write", input, count, send), hint);
  const node = el("div", "chat", el("div", "chat-place", list, nothing, jump), form);

  const lines = new Map(); // chatId → {node, deleted}
  let slowUntil = 0;
  let epoch = null;

  const atEnd = () => list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END;
  function toEnd() {
    list.scrollTop = list.scrollHeight;
    jump.hidden = true;
  }

  function items(line) {
    const { room } = ctx.party;
    const mine = line.from === room.self;
    const strong = rankOf(myRole(room)) >= rankOf("cohost");
    const found = [];
    if (mine || strong) found.push({ words: say("chat_delete"), icon: "trash", press: () => ctx.send("party:chat:delete", { chatId: line.chatId }) });
    if (!mine) {
      found.push({
        words: say("chat_report"), icon: "flag",
        press: async () => (await ctx.send("party:chat:report", { chatId: line.chatId })) && ctx.toast({ words: say("chat_reported"), tone: "go" }),
      });
      if (strong) found.push(null, ...ctx.memberItems({ memberId: line.from, userName: line.userName }));
    }
    return found;
  }

  function lineNode(line) {
    const { room } = ctx.party;
    const at = line.sentAt / 1000;
    const time = el("time", "chat-time", hour.format(at));
    time.dateTime = new Date(at).toISOString();
    time.title = fullTime(at);
    const text = el("span", "chat-text");
    text.dir = "auto";
    const who = bdi(line.userName || say("someone"), `chat-name name-${tint(line.from)}`);
    const vip = ctx.memberOf(line.from)?.isVip ? ctx.vipMark() : null;
    const is = el("li", "chat-line", time, el("p", "chat-said", vip, who, " ", text));
    is.classList.toggle("chat-mine", line.from === room.self);
    const tools = menu({ words: say("chat_about", { name: line.userName }), items: () => items(line) });
    is.append(tools);
    const entry = { node: is, text, tools, deleted: null };
    tell(entry, line);
    return entry;
  }

  function tell(entry, line) {
    const deleted = Boolean(line.isDeleted);
    if (entry.deleted === deleted) return;
    entry.deleted = deleted;
    setText(entry.text, deleted ? say("chat_deleted") : line.message);
    entry.node.classList.toggle("chat-gone", deleted);
    entry.tools.hidden = deleted;
  }

  function put(child) {
    const stay = atEnd();
    list.append(child);
    while (list.children.length > MOST_LINES) {
      const first = list.firstElementChild;
      if (first.dataset.id) lines.delete(first.dataset.id);
      first.remove();
    }
    nothing.hidden = true;
    if (stay) toEnd();
    else jump.hidden = false;
  }

  function fitInput() {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight + 2, 120)}px`;
    const n = [...input.value].length;
    count.hidden = n < SHOW_COUNT_FROM;
    setText(count, `${n} / ${LONGEST}`);
    count.classList.toggle("over", n > LONGEST);
    beat();
  }

  function refusal() {
    const { room, connection } = ctx.party;
    const now = Date.now();
    if (!room.joined) return "";
    if (!may(room, "party:chat")) return say("chat_members_only");
    if (room.isMuted) {
      const left = room.mutedUntil && ctx.party.clock?.ready ? (room.mutedUntil - ctx.party.clock.room()) / 1e6 : 0;
      return left > 0 ? say("chat_muted_for", { time: span(left) }) : say("chat_muted");
    }
    if (connection.state !== "open") return say("chat_offline");
    if (slowUntil > now) return say("chat_slow", { time: span(Math.ceil((slowUntil - now) / 1000)) });
    return "";
  }

  let lastHint = null;
  function beat() {
    const why = refusal();
    const tooLong = [...input.value].length > LONGEST;
    send.disabled = why !== "" || tooLong || input.value.trim() === "";
    input.disabled = ctx.party.room.joined && (!may(ctx.party.room, "party:chat") || ctx.party.room.isMuted);
    const slow = ctx.party.room?.settings?.slowSeconds ?? 0;
    const rest = why || (tooLong ? say("chat_too_long", { n: LONGEST }) : slow > 0 ? say("chat_slow_mode", { time: span(slow) }) : "");
    if (rest === lastHint) return;
    lastHint = rest;
    setText(hint, rest);
    // A countdown that is spoken every second is noise.
    set(hint, { "aria-live": slowUntil > Date.now() ? "off" : "polite" });
    hint.hidden = rest === "";
  }

  async function submit() {
    const message = input.value.trim();
    if (!message || send.disabled) return;
    const kept = input.value;
    input.value = "";
    fitInput();
    const { settings } = ctx.party.room;
    if (settings.slowSeconds > 0 && rankOf(myRole(ctx.party.room)) < rankOf("cohost")) slowUntil = Date.now() + settings.slowSeconds * 1000;
    beat();
    try {
      await ctx.party.send("party:chat", { message });
      toEnd();
    } catch (error) {
      if (error.retryAfterMs > 0) slowUntil = Date.now() + error.retryAfterMs;
      else slowUntil = 0;
      if (input.value === "") input.value = kept; // what was written is not lost
      fitInput();
      if (error.code !== "slow_mode") ctx.failed(error);
    }
  }

  on(form, "submit", (event) => {
    event.preventDefault();
    submit();
  });
  on(input, "input", fitInput);
  on(input, "keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") input.blur();
  });
  on(list, "scroll", () => { if (atEnd()) jump.hidden = true; });
  fitInput();

  return {
    node,
    form,
    beat,
    focus: () => input.focus(),
    toEnd,
    /** Bring the lines up to what the room holds: new ones at the end, deleted ones without their words. */
    show(room) {
      if (room.epoch !== epoch) {
        epoch = room.epoch;
        list.replaceChildren();
        lines.clear();
      }
      const history = room.history ?? [];
      const fresh = [];
      for (const line of history.slice(-MOST_LINES)) {
        const entry = lines.get(line.chatId);
        if (entry) tell(entry, line);
        else fresh.push(line);
      }
      for (const line of fresh) {
        const entry = lineNode(line);
        entry.node.dataset.id = line.chatId;
        lines.set(line.chatId, entry);
        put(entry.node);
      }
      nothing.hidden = list.children.length > 0;
      beat();
      return fresh;
    },
    /** Something happened in the room: `key` of the words, and who. */
    happened(key, values, picture = "activity") {
      put(el("li", "chat-event", icon(picture), el("p", "", ...nodes(key, values))));
    },
  };
}
