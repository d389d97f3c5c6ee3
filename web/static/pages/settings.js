// Times, language, chat and its messages, Discord.
import { el } from "../lib/dom.js";
import { choice, custom, duration, group, toggle } from "../lib/fields.js";
import { form } from "../lib/form.js";
import { skeleton } from "../lib/parts.js";
import { discordPanel } from "../parts/discord.js";
import { messagesPanel } from "../parts/messages.js";
import { overlayPanel } from "../parts/overlay.js";
import { sheetsMayLeave } from "../parts/sheet.js";
import { timezoneControl } from "../parts/timezone.js";
import words from "../words/en/settings.js";

const PARTS = ["settings", "messages", "rules"];
const HOUR = 3_600;
const LONGEST_SECONDS = 366 * 24 * HOUR;

/** The settings as the form holds them. */
const recordOf = (settings) => ({
  default_seconds: settings.default_seconds,
  removes: settings.removes,
  paused: settings.paused,
  language: settings.language,
  timezone: settings.timezone,
  chat: settings.chat,
  messages: {
    says_online: settings.messages.says_online,
    answers_vip: settings.messages.answers_vip,
    reminds: settings.messages.ends_soon_seconds > 0,
    ends_soon_seconds: settings.messages.ends_soon_seconds || HOUR,
  },
});

/** What is sent: only what differs. */
function bodyOf(changes, record) {
  const { messages, ...body } = changes;
  if (!messages) return body;
  const { says_online: online, answers_vip: answers } = messages;
  const told = { says_online: online, answers_vip: answers };
  if ("reminds" in messages || "ends_soon_seconds" in messages) told.ends_soon_seconds = record.messages.reminds ? record.messages.ends_soon_seconds : 0;
  return { ...body, messages: told };
}

function fieldsOf(ctx, settings) {
  const chat = (record) => record.chat;
  return [
    group({
      heading: ctx.say("vips"),
      fields: [
        duration({ name: "default_seconds", label: ctx.say("default"), hint: ctx.say("default_hint"), min: 60, max: LONGEST_SECONDS }),
        toggle({ name: "removes", label: ctx.say("removes"), hint: ctx.say("removes_hint") }),
        toggle({ name: "paused", label: ctx.say("paused"), hint: ctx.say("paused_hint") }),
      ],
    }),
    group({
      heading: ctx.say("place"),
      fields: [
        choice({ name: "language", label: ctx.say("language"), hint: ctx.say("language_hint"), options: settings.languages.map(({ code, name }) => ({ value: code, words: name })) }),
        custom({ name: "timezone", label: ctx.say("timezone"), hint: ctx.say("timezone_hint"), make: (parts) => timezoneControl(ctx, parts) }),
      ],
    }),
    group({
      heading: ctx.say("chat"),
      fields: [
        toggle({ name: "chat", label: ctx.say("chat_on"), hint: ctx.say("chat_on_hint") }),
        toggle({ name: "messages.answers_vip", label: ctx.say("answers_vip"), hint: ctx.say("answers_vip_hint"), when: chat }),
        toggle({ name: "messages.reminds", label: ctx.say("reminds"), hint: ctx.say("reminds_hint"), when: chat }),
        duration({ name: "messages.ends_soon_seconds", label: ctx.say("reminds_inside"), min: 60, max: 7 * 24 * HOUR, when: (record) => record.chat && record.messages.reminds }),
        toggle({ name: "messages.says_online", label: ctx.say("says_online"), hint: ctx.say("says_online_hint"), when: chat }),
      ],
    }),
  ];
}

export default {
  words,
  styles: ["manage", "settings"],
  heading: (ctx) => ctx.say("heading"),
  intro: (ctx) => ctx.say("intro"),
  skeleton: () => skeleton("form", 5),

  async load(ctx) {
    const settings = await ctx.api("GET", "/api/settings", { signal: ctx.signal });
    const { events } = await ctx.api("GET", "/api/settings/messages", { query: { language: settings.language }, signal: ctx.signal });
    return { settings, events };
  },

  show(ctx, { settings, events }) {
    const fields = form(ctx, {
      fields: fieldsOf(ctx, settings),
      values: recordOf(settings),
      readOnly: ctx.owner ? "" : ctx.say("read_only", { channel: ctx.channel.name || ctx.channel.login }),
      save: async (changes, record) => recordOf(await ctx.api("PATCH", "/api/settings", { body: bodyOf(changes, record) })),
      saved: () => ctx.toast({ words: ctx.say("saved"), tone: "go" }),
    });
    fields.field("messages.ends_soon_seconds").node.classList.add("sub");
    const messages = messagesPanel(ctx, { settings, events });
    const discord = discordPanel(ctx, { settings, events });
    ctx.live.on("settings", async ({ parts }) => {
      if (!parts.some((part) => PARTS.includes(part))) return;
      try {
        const now = await ctx.api("GET", "/api/settings");
        fields.update(recordOf(now));
        messages.update(now);
        discord.update(now);
      } catch (error) {
        ctx.failed(error, ctx.say("not_fetched"));
      }
    });
    const node = el("div", "stack narrow", fields.node, messages.node, discord.node, settings.overlay ? overlayPanel(ctx, settings.overlay) : null);
    // A link from another page leads to a panel of this one.
    if (location.hash) requestAnimationFrame(() => document.getElementById(location.hash.slice(1))?.scrollIntoView());
    return { node, mayLeave: async () => (await sheetsMayLeave()) && (await fields.mayLeave()) && discord.mayLeave() };
  },
};

