// The Twitch account, what it lets Cuelight do, who speaks in chat, who helps, where one is signed in, and leaving.
import { el } from "../lib/dom.js";
import { avatar, badge, button, link, notice, panel, person, personName, signal, skeleton, timeAgo } from "../lib/parts.js";
import { table } from "../lib/table.js";
import { dateOf } from "../lib/words.js";
import { agentOf } from "../parts/agents.js";
import { featureOf } from "../parts/features.js";
import { leaveDialog } from "../parts/leave_dialog.js";
import { teamPanel } from "../parts/team.js";
import words from "../words/en/account.js";

const PARTS = ["account", "team", "settings", "rewards", "rules", "messages"];

/** Consent comes back to where it was asked for. */
const HERE = "/account";

function accountPanel(ctx, { channel, login_state: state, login_detail: detail }, scopes) {
  const kind = ctx.pick(`type.${channel.broadcaster_type}`);
  const good = state === "good";
  const who = el(
    "div", "account-who",
    avatar(channel, "avatar-big"),
    el("div", "account-words", el("p", "account-name", personName(channel), ...(kind ? [badge(kind)] : [])), el("p", "quiet", ctx.say("since", { date: dateOf(channel.added_at) }))),
    signal(good ? "go" : "stop", ctx.say(good ? "login_good" : "login_needed")),
  );
  const again = notice({
    tone: "stop",
    heading: ctx.say("login_lost"),
    text: detail || ctx.say("login_lost_text"),
    actions: ctx.owner ? [link({ words: ctx.say("login_again"), href: scopes.consent_url, icon: "twitch", kind: "" })] : [],
  });
  return panel({ heading: ctx.say("account"), body: good ? who : [who, el("div", "panel-pad", again)] });
}

function stateOf(ctx, row) {
  if (row.missing.length === 0) return signal("go", ctx.say("scope_granted"));
  return row.on ? signal("stop", ctx.say("scope_missing")) : signal("info", ctx.say("scope_off"));
}

function permissionsPanel(ctx, scopes) {
  const wanting = scopes.needed.filter((row) => row.on && row.missing.length > 0);
  const consent = ctx.owner && scopes.consent_url ? [link({ words: ctx.say("consent"), href: scopes.consent_url, icon: "twitch", kind: "" })] : [];
  const told =
    wanting.length > 0
      ? notice({ tone: "stop", heading: ctx.say("missing", { n: wanting.length }), text: ctx.say(ctx.owner ? "missing_text" : "missing_moderator"), actions: consent })
      : null;
  const rows = table({
    label: ctx.say("permissions"),
    key: (row) => row.feature,
    columns: [
      { key: "feature", words: ctx.say("feature"), main: true, cell: (row) => featureOf(row).name },
      { key: "why", words: ctx.say("why"), wide: true, cell: (row) => el("div", "stack-tight", el("span", "", featureOf(row).why), el("span", "scopes faint", row.scopes.join(" "))) },
      { key: "state", words: ctx.say("state"), cell: (row) => stateOf(ctx, row) },
    ],
    rows: scopes.needed,
  });
  const fresh = el("p", "hint panel-pad", ctx.say("checked"), " ", timeAgo(scopes.checked_at));
  return panel({ heading: ctx.say("permissions"), note: ctx.say("permissions_note"), body: [...(told ? [el("div", "panel-pad", told)] : []), rows.node, fresh] });
}

function voicePanel(ctx, voice) {
  const self = voice.kind === "self";
  const href = `/api/auth/bot?${new URLSearchParams({ channel: ctx.channel.id, return_to: HERE })}`;
  const actions = [];
  if (ctx.owner) {
    actions.push(link({ words: ctx.say(voice.kind === "bot" ? "bot_other" : "bot_connect"), href, icon: "twitch" }));
    if (voice.kind === "bot") actions.push(button({ words: ctx.say("bot_remove"), press: () => removeBot(ctx, voice) }));
  }
  const line = el("div", "account-who", person(voice, ctx.say(`voice_${voice.kind}`)));
  const hint = el("p", "hint", ctx.say(self ? "voice_hint_self" : "voice_hint_bot"));
  return panel({ heading: ctx.say("voice"), note: ctx.say("voice_note"), body: [line, el("div", "panel-pad stack", hint, ...(actions.length > 0 ? [el("div", "actions-left", ...actions)] : []))] });
}

async function removeBot(ctx, voice) {
  const name = voice.name || voice.login;
  const sure = await ctx.confirm({ heading: ctx.say("bot_remove_heading", { name }), text: ctx.say("bot_remove_text"), yes: ctx.say("bot_remove") });
  if (!sure) return;
  try {
    await ctx.api("DELETE", "/api/account/bot");
    ctx.toast({ words: ctx.say("bot_removed"), tone: "go" });
    await ctx.reload();
  } catch (error) {
    ctx.failed(error, ctx.say("bot_failed"));
  }
}

function deviceOf(ctx, agent) {
  const { browser, system } = agentOf(agent);
  if (browser && system) return ctx.say("device", { browser, system });
  return browser || system || agent || ctx.say("unknown_device");
}

function sessionsPanel(ctx, sessions) {
  const out = button({ words: ctx.say("sign_out_all"), icon: "leave", press: () => signOutAll(ctx) });
  const rows = sessions.map((each) =>
    el(
      "li", "line-row",
      el("span", "line-words", el("strong", "", deviceOf(ctx, each.agent)), el("span", "quiet", ctx.say("session_since", { date: dateOf(each.since) }))),
      each.current ? badge(ctx.say("this_one")) : el("span", "faint", ctx.say("seen"), " ", timeAgo(each.last_seen_at)),
    ),
  );
  return panel({ heading: ctx.say("sessions"), note: ctx.say("sessions_note"), tools: [out], body: el("ul", "lines", ...rows) });
}

async function signOutAll(ctx) {
  const sure = await ctx.confirm({ heading: ctx.say("sign_out_heading"), text: ctx.say("sign_out_text"), yes: ctx.say("sign_out_all") });
  if (!sure) return;
  try {
    await ctx.api("POST", "/api/auth/sign-out-everywhere");
    location.assign("/sign-in?left=1");
  } catch (error) {
    ctx.failed(error, ctx.say("sign_out_failed"));
  }
}

function leavePanel(ctx, channel) {
  const go = button({ words: ctx.say("leave_button"), icon: "leave", kind: "danger", press: () => leaveDialog(ctx, channel) });
  const name = channel.name || channel.login;
  return panel({ heading: ctx.say("leave"), classes: "leave", body: el("div", "panel-pad leave-row", el("p", "measure", ctx.say("leave_text", { channel: name })), go) });
}

export default {
  words,
  styles: ["manage", "account"],
  heading: (ctx) => ctx.say("heading"),
  intro: (ctx) => ctx.say("intro"),
  skeleton: () => skeleton("rows", 8),

  async load(ctx) {
    const get = (path) => ctx.api("GET", path, { signal: ctx.signal });
    const [account, scopes, team] = await Promise.all([get("/api/account"), get("/api/settings/scopes"), ctx.owner ? get("/api/team") : null]);
    return { account, scopes, team };
  },

  show(ctx, { account, scopes, team }) {
    let helpers = null;
    ctx.live.on("settings", ({ parts }) => {
      if (!parts.some((part) => PARTS.includes(part))) return;
      // What is being typed into the team's field stays.
      if (parts.every((part) => part === "team") && helpers) helpers.refresh();
      else ctx.reload();
    });
    if (team) helpers = teamPanel(ctx, team.members);
    return el(
      "div", "stack narrow account",
      accountPanel(ctx, account, scopes),
      permissionsPanel(ctx, scopes),
      voicePanel(ctx, account.speaks_as),
      helpers?.node,
      sessionsPanel(ctx, account.sessions),
      ctx.owner ? leavePanel(ctx, account.channel) : notice({ tone: "info", text: ctx.say("moderator_note", { channel: account.channel.name || account.channel.login }) }),
    );
  },
};
