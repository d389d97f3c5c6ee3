// The messages of a channel: a list of what is said when, and a sheet to change one with a picture of the chat.
import { el, on, set, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { area, toggle } from "../lib/fields.js";
import { form } from "../lib/form.js";
import { badge, button, panel } from "../lib/parts.js";
import { scope } from "../lib/words.js";
import words from "../words/en/messages.js";
import { chatLine, isOff, saidFor, withExamples } from "./sentences.js";
import { openSheet } from "./sheet.js";

const { say, pick } = scope("messages", words);
const PAUSE_MS = 250;
const GROUPS = [
  ["becoming", (event) => ["granted", "extended", "contributed", "waiting", "admitted"].includes(event)],
  ["refunds", (event) => event.startsWith("refunded.") || event === "let_go" || event === "cancelled"],
  ["refusals", (event) => event.startsWith("refused.")],
  ["ending", (event) => ["ends_soon", "ended", "removed_by_streamer"].includes(event)],
  ["rest", () => true],
];

/** What an event is, in this page's language where we know it, else in the server's words. */
const whatOf = ({ event, what }) => pick(`what.${event}`, `what.${event.replace("refused.", "refunded.")}`) ?? what ?? event;

function grouped(events) {
  const left = [...events];
  return GROUPS.map(([key, belongs]) => {
    const mine = left.filter(({ event }) => belongs(event));
    for (const each of mine) left.splice(left.indexOf(each), 1);
    return [key, mine];
  }).filter(([, mine]) => mine.length > 0);
}

/** Text area with places as chips, and the chat line that comes out, told by the server shortly after each change. */
function editor(ctx, { known, text, language, who }) {
  const line = chatLine(who, withExamples(text, known.placeholders));
  const count = el("span", "number");
  const faults = set(el("ul", "faults"), { role: "status" });
  const picture = el("div", "chat-preview", el("p", "preview-name", say("preview"), count), el("div", "chat-box", line.node), faults);
  let timer = null;
  let turn = 0;
  let wrong = false;

  async function ask(value) {
    const mine = (turn += 1);
    try {
      const told = await ctx.api("POST", "/api/settings/messages/preview", { body: { event: known.event, text: value, language } });
      if (mine !== turn) return;
      line.say(told.line || say("nothing"));
      setText(count, say("characters", { used: told.characters, most: told.most }));
      wrong = told.characters > told.most;
      count.classList.toggle("over", wrong);
      faults.replaceChildren(...told.faults.map((fault) => el("li", "", fault)));
    } catch {
      if (mine === turn) line.say(withExamples(value, known.placeholders));
    }
  }

  return {
    node: picture,
    update(value) {
      clearTimeout(timer);
      timer = setTimeout(() => ask(value || known.default), PAUSE_MS);
    },
    now: (value) => ask(value || known.default),
    leave: () => clearTimeout(timer),
  };
}

/** What is off once an event is switched. A family that is off as a whole is written out, but for this one. */
function offAfter(off, event, on, events) {
  if (!on) return [...off, event];
  const family = event.split(".")[0];
  const others = off.includes(family) ? events.map((each) => each.event).filter((each) => each.startsWith(`${family}.`)) : [];
  return [...new Set([...off, ...others])].filter((each) => each !== event && (each !== family || family === event));
}

function edit(ctx, { known, settings, events, done }) {
  const { texts, off } = settings.messages;
  const mine = texts[known.event] ?? "";
  const seen = editor(ctx, { known, text: mine || known.default, language: settings.language, who: ctx.channel.name || ctx.channel.login });
  let sheet = null;
  const fields = form(ctx, {
    fields: [toggle({ name: "on", label: say("on"), hint: say("on_hint") }), area({ name: "text", label: say("text"), rows: 4, max: 500, placeholder: say("nothing") })],
    values: { on: !isOff(settings.messages, known.event), text: mine || known.default },
    inDialog: true,
    words: say("save"),
    cancel: async () => (await fields.mayLeave()) && sheet.close(),
    changed: ({ text }) => {
      seen.update(text);
      plain.disabled = text === known.default;
    },
    async save(changes, record) {
      const messages = {};
      const text = record.text.trim();
      if ("text" in changes) messages.texts = { [known.event]: text === known.default ? "" : text };
      if ("on" in changes) messages.off = offAfter(off, known.event, record.on, events);
      if (Object.keys(messages).length > 0) done(await ctx.api("PATCH", "/api/settings", { body: { messages } }));
      ctx.toast({ words: say("saved"), tone: "go" });
    },
    saved: () => sheet.close(),
  });
  const input = fields.field("text").control.node.querySelector("textarea") ?? fields.field("text").control.node;
  const chips = known.placeholders.map(({ name, what }) => {
    const chip = set(el("button", "chip", `{${name}}`), { type: "button", title: what, "aria-label": say("insert", { what }) });
    return on(chip, "click", () => {
      input.setRangeText(`{${name}}`, input.selectionStart, input.selectionEnd, "end");
      input.dispatchEvent(new Event("input", { bubbles: true }));
      input.focus();
    });
  });
  const plain = button({ words: say("reset"), icon: "refresh", press: () => fields.set("text", known.default) });
  plain.disabled = (mine || known.default) === known.default;
  fields.field("text").node.append(el("div", "chips", el("span", "chips-label", say("places")), ...chips), plain);
  seen.now(mine || known.default);
  sheet = openSheet({ heading: whatOf(known), body: el("div", "stack", seen.node, fields.node), signal: ctx.signal, mayLeave: fields.mayLeave, onClose: seen.leave });
  input.focus();
  input.setSelectionRange(input.value.length, input.value.length);
}

/** The panel; `update(settings)` when somebody changed them. */
export function messagesPanel(ctx, { settings: given, events }) {
  let settings = given;
  const place = el("div", "messages");

  function row(known) {
    const mine = settings.messages.texts[known.event];
    const silent = isOff(settings.messages, known.event);
    const faults = settings.messages.faults?.[known.event] ?? [];
    const words = el("span", "line-words", el("strong", "", whatOf(known)), set(el("span", "message-line quiet", withExamples(saidFor(settings.messages, known), known.placeholders) || say("nothing")), { dir: "auto" }), faults.length > 0 ? el("span", "faults", [say("unusable"), ...faults].join(" ")) : null);
    const change = button({ words: say("change"), press: () => edit(ctx, { known, settings, events, done: update }) });
    set(change, { "aria-label": say("change_one", { what: whatOf(known) }) });
    const node = el("li", `line-row message ${silent ? "message-off" : ""}`, words, silent ? badge(say("off")) : faults.length > 0 ? badge(say("own"), "stop") : mine ? badge(say("own")) : null, ctx.owner ? change : null);
    node.dataset.event = known.event;
    return node;
  }

  function groupOf(key, mine, open) {
    const changed = mine.filter(({ event }) => settings.messages.texts[event] || isOff(settings.messages, event)).length;
    const tally = changed > 0 ? say("tally_changed", { all: mine.length, changed }) : String(mine.length);
    const node = el("details", "message-group", el("summary", "", icon("down"), el("h3", "", say(`group_${key}`)), el("span", "faint number", tally)), el("ul", "lines", ...mine.map(row)));
    node.dataset.group = key;
    node.open = open;
    return node;
  }

  function update(now) {
    settings = now;
    const at = document.activeElement?.closest?.(".message")?.dataset.event;
    const open = new Set([...place.children].filter((each) => each.open).map((each) => each.dataset.group));
    if (place.children.length === 0) open.add(GROUPS[0][0]);
    place.replaceChildren(...grouped(events).map(([key, mine]) => groupOf(key, mine, open.has(key))));
    if (at) place.querySelector(`[data-event="${CSS.escape(at)}"] .button`)?.focus();
  }

  update(given);
  const node = panel({ heading: say("heading"), note: say("note"), body: place });
  node.id = "messages";
  return { node, update };
}
