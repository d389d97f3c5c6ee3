// The channel's watch party: open it, say who may come in, invite, see how it goes, close it.
import { ApiError } from "../lib/api.js";
import { bdi, el, set } from "../lib/dom.js";
import { choice, group, text } from "../lib/fields.js";
import { form } from "../lib/form.js";
import { button, link, notice, panel, signal, stat, timeAgo } from "../lib/parts.js";
import { figure } from "../lib/words.js";
import words from "../words/en/party.js";

const EVERY_MS = 5_000;
const API = "/api/v1/party";
const DOORS = ["public", "vips", "link"];
/** Up to so many milliseconds nobody notices a difference. */
const GOOD_MS = 40;
const FAIR_MS = 120;
const INVITE = { uses: 1, seconds: 86_400 };

const doorOf = ({ is_public: isPublic, vip_only: vipOnly }) => (vipOnly ? "vips" : isPublic ? "public" : "link");
const bodyOf = ({ title, door }) => ({ title: title.trim(), is_public: door === "public", vip_only: door === "vips" });

/** How well players keep together, in one line. */
function syncLine(ctx, { players, drift_p50_ms: half, drift_p95_ms: most }) {
  if (players === 0 || half === null) return signal("info", ctx.say("sync_none"));
  const tone = most <= GOOD_MS ? "go" : most <= FAIR_MS ? "standby" : "stop";
  return signal(tone, ctx.say("sync_told", { half: figure(half), most: figure(most), n: players }));
}

const fieldsOf = (ctx) => [
  group({
    heading: ctx.say("how"),
    fields: [
      text({ name: "title", label: ctx.say("title"), max: 80, placeholder: ctx.channel.name }),
      choice({ name: "door", label: ctx.say("door"), options: DOORS.map((value) => ({ value, words: ctx.say(`door_${value}`) })), hint: ctx.say("door_hint") }),
    ],
  }),
];

/** Nobody has opened one. */
function closedFace(ctx) {
  const fields = form(ctx, {
    fields: fieldsOf(ctx),
    values: { title: ctx.channel.name, door: "public" },
    inDialog: true,
    words: ctx.say("open"),
    async save(_, record) {
      await ctx.api("POST", API, { body: bodyOf(record) });
    },
    saved: () => {
      ctx.heard(ctx.say("opened"));
      ctx.reload();
    },
  });
  const rewards = el("p", "quiet measure", ctx.say("points"), " ", link({ words: ctx.say("to_rewards"), href: ctx.url("/rewards"), kind: "text" }));
  return el("div", "stack", panel({ heading: ctx.say("none"), note: ctx.say("none_text"), body: el("div", "panel-pad stack", fields.node, rewards) }));
}

async function copy(ctx, value, told) {
  await navigator.clipboard.writeText(value);
  ctx.toast({ tone: "go", words: ctx.say(told) });
}

function linkPanel(ctx, first) {
  const address = set(el("input", "input"), { type: "text", readonly: true, value: first.url, "aria-label": ctx.say("link") });
  const invited = set(el("div", "stack-tight"), { role: "status" });
  const invite = async () => {
    try {
      const made = await ctx.api("POST", `${API}/invites`, { body: { role: "guest", ...INVITE } });
      const shown = set(el("input", "input"), { type: "text", readonly: true, value: made.url, "aria-label": ctx.say("invite_link") });
      invited.replaceChildren(shown, el("div", "actions", button({ words: ctx.say("copy"), icon: "copy", press: () => copy(ctx, made.url, "copied") })), el("p", "hint", ctx.say("invite_hint")));
    } catch (error) {
      ctx.failed(error);
    }
  };
  const body = el(
    "div", "panel-pad stack",
    address,
    el("div", "actions", link({ words: ctx.say("go_in"), href: first.url, kind: "", external: true }), button({ words: ctx.say("copy"), icon: "copy", press: () => copy(ctx, first.url, "copied") }), button({ words: ctx.say("invite"), icon: "user_plus", press: invite })),
    invited,
  );
  return panel({ heading: ctx.say("link"), note: ctx.say("link_note"), body });
}

function openFace(ctx, first) {
  let told = first;
  const numbers = {
    here: stat({ label: ctx.say("here"), id: "party-here" }),
    film: stat({ label: ctx.say("film"), id: "party-film" }),
    host: stat({ label: ctx.say("host"), id: "party-host" }),
  };
  const sync = set(el("p", "party-sync"), { id: "party-sync", role: "status" });
  const fields = form(ctx, {
    fields: fieldsOf(ctx),
    values: { title: first.title, door: doorOf(first) },
    async save(_, record) {
      const { party } = await ctx.api("PATCH", API, { body: bodyOf(record) });
      told = party;
      return { title: party.title, door: doorOf(party) };
    },
  });

  function draw() {
    numbers.here.set(figure(told.here), told.members > told.here ? ctx.say("away", { n: told.members - told.here }) : "");
    numbers.film.set("", ctx.say("queued", { n: told.queued }));
    numbers.film.querySelector(".stat-value").replaceChildren(told.film ? bdi(told.film) : ctx.say("no_film"));
    numbers.host.set("");
    numbers.host.querySelector(".stat-value").replaceChildren(told.host ? bdi(told.host) : ctx.say("no_host"));
    sync.replaceChildren(syncLine(ctx, told.sync));
  }

  async function close() {
    const yes = await ctx.confirm({ heading: ctx.say("close_heading"), text: ctx.say("close_text", { n: told.here }), yes: ctx.say("close"), danger: true });
    if (!yes) return;
    try {
      await ctx.api("DELETE", API);
      ctx.toast({ words: ctx.say("closed"), tone: "go" });
      ctx.reload();
    } catch (error) {
      ctx.failed(error);
    }
  }

  let busy = false;
  async function refresh() {
    if (busy || document.hidden) return;
    busy = true;
    try {
      const { party } = await ctx.api("GET", API, { signal: ctx.signal });
      if (party === null || party.room_id !== told.room_id) return void ctx.reload();
      told = party;
      fields.update({ title: party.title, door: doorOf(party) });
      draw();
    } catch (error) {
      if (!(error instanceof ApiError) && error.name !== "AbortError") throw error;
    } finally {
      busy = false;
    }
  }

  ctx.live.on(["settings", "activity"], refresh);
  const timer = setInterval(refresh, EVERY_MS);
  ctx.onEnd(() => clearInterval(timer));
  draw();
  const how = panel({
    heading: ctx.say("now"),
    tools: [button({ words: ctx.say("close"), icon: "close", kind: "danger", press: close })],
    body: el("div", "panel-pad stack-tight", sync, el("p", "quiet", ctx.say("since"), " ", timeAgo(first.opened_at))),
  });
  const node = el("div", "stack", el("dl", "stats party-stats", ...Object.values(numbers)), how, linkPanel(ctx, first), fields.node);
  return { node, mayLeave: () => fields.mayLeave() };
}

/** This installation has no watch parties. */
const offFace = (ctx) => notice({ tone: "info", heading: ctx.say("off"), text: ctx.say("off_text") });

export default {
  words,
  heading: (ctx) => ctx.say("heading"),
  intro: (ctx) => ctx.say("intro"),
  styles: ["party"],
  async load(ctx) {
    try {
      return await ctx.api("GET", API);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  },
  show(ctx, data) {
    if (data === null) return offFace(ctx);
    return data.party === null ? closedFace(ctx) : openFace(ctx, data.party);
  },
};
