// A webhook of Discord: its address (which is a secret and never shown again), what is told there, and a test.
import { el, on, set, setText } from "../lib/dom.js";
import { checks, text } from "../lib/fields.js";
import { form } from "../lib/form.js";
import { button, panel, signal } from "../lib/parts.js";
import { scope } from "../lib/words.js";
import words from "../words/en/discord.js";

const { say, pick } = scope("discord", words);
const ADDRESS = /^https:\/\/(?:\w+\.)?discord(?:app)?\.com\/api\/(?:v\d+\/)?webhooks\/\d+\/[\w-]+$/;
const TOLD = ["granted", "extended", "ended", "contributed", "refunded", "removed_by_streamer", "online"];

/** The events that can be told: those of the catalogue, refunds as the server names them. */
function choices(events) {
  const known = ["refunded", ...events.map(({ event }) => event)];
  const plain = TOLD.filter((event) => known.includes(event));
  return plain.map((value) => ({ value, words: pick(`event.${value}`) ?? events.find(({ event }) => event === value)?.what ?? value }));
}

export function discordPanel(ctx, { settings: given, events }) {
  let settings = given;
  const recordOf = ({ discord }) => ({ url: "", events: discord.events });
  const state = el("div", "discord-state");
  const told = set(el("p", "discord-told"), { role: "status" });
  const none = el("p", "quiet", say("none"));
  const readOnly = !ctx.owner;

  const fields = form(ctx, {
    fields: [
      text({ name: "url", label: say("address"), hint: say("address_hint"), placeholder: "https://discord.com/api/webhooks/…", check: (value) => (value.trim() === "" || ADDRESS.test(value.trim()) ? "" : say("address_wrong")) }),
      checks({ name: "events", label: say("events"), options: choices(events) }),
    ],
    values: recordOf(given),
    async save(changes) {
      const discord = {};
      if (changes.url?.trim()) discord.url = changes.url.trim();
      if (changes.events) discord.events = changes.events;
      const now = await ctx.api("PATCH", "/api/settings", { body: { discord } });
      show(now);
      return recordOf(now);
    },
    saved: () => ctx.toast({ words: say("saved"), tone: "go" }),
  });

  async function test() {
    setText(told, "");
    try {
      const { ok, detail } = await ctx.api("POST", "/api/settings/discord/test");
      told.replaceChildren(signal(ok ? "go" : "stop", ok ? say("test_good") : [say("test_bad"), detail].filter(Boolean).join(" ")));
    } catch (error) {
      told.replaceChildren(signal("stop", [error.detail, error.advice].filter(Boolean).join(" ")));
    }
  }

  async function disconnect() {
    const sure = await ctx.confirm({ heading: say("remove_heading"), text: say("remove_text"), yes: say("remove") });
    if (!sure) return;
    try {
      const now = await ctx.api("PATCH", "/api/settings", { body: { discord: { url: null } } });
      update(now);
      ctx.toast({ words: say("removed"), tone: "go" });
    } catch (error) {
      ctx.failed(error, say("not_changed"));
    }
  }

  function show(now) {
    settings = now;
    const { configured, shown, fault } = now.discord;
    state.hidden = !configured && !fault;
    none.hidden = configured;
    setText(told, "");
    if (!configured) {
      // A webhook that is gone is forgotten at once, with the reason.
      state.replaceChildren(...(fault ? [signal("stop", fault), el("p", "hint", say("switched_off"))] : []));
      return;
    }
    const deeds = readOnly ? [] : [button({ words: say("test"), icon: "bell", press: test }), button({ words: say("remove"), press: disconnect })];
    state.replaceChildren(signal(fault ? "stop" : "go", fault || say("connected")), el("code", "discord-address", shown), el("div", "actions-left", ...deeds), told);
  }

  function update(now) {
    show(now);
    fields.update(recordOf(now));
  }

  show(settings);
  const node = panel({ heading: say("heading"), note: say("note"), body: el("div", "panel-pad stack", state, ...(readOnly ? [none] : [fields.node])) });
  node.id = "discord";
  on(node, "submit", () => setText(told, ""));
  return { node, update, mayLeave: fields.mayLeave };
}
