// The host's windows: what holds in this room, and the link that lets others in.
import { openDialog, confirm } from "../lib/dialogs.js";
import { el, set } from "../lib/dom.js";
import * as f from "../lib/fields.js";
import { form } from "../lib/form.js";
import { button, copyable } from "../lib/parts.js";
import { dateOf, fullTime } from "../lib/words.js";

const CHANGEABLE = ["title", "isPublic", "vipOnly", "control", "queueing", "guestsChat", "slowSeconds", "waiting", "graceSeconds", "hostReturns", "playsNext"];

/** The fields of a room's settings; `create` has fewer of them in sight. */
export function settingFields(say, { create = false, isVipChannel = true } = {}) {
  const roles = (...names) => names.map((value) => ({ value, words: say(`who_${value}`) }));
  const first = [
    f.text({ name: "title", label: say("set_title"), hint: create ? say("set_title_hint") : "", max: 80 }),
    f.toggle({ name: "isPublic", label: say("set_public"), hint: say("set_public_hint") }),
  ];
  const password = f.text({ name: "password", label: say("set_password"), hint: say(create ? "set_password_hint" : "set_password_change"), max: 100, counter: false });
  const control = f.choice({ name: "control", label: say("set_control"), options: roles("host", "cohost", "member") });
  const rest = [
    f.choice({ name: "queueing", label: say("set_queueing"), options: roles("guest", "member", "cohost", "host") }),
    f.choice({ name: "waiting", label: say("set_waiting"), hint: say("set_waiting_hint"), options: ["auto", "all", "quorum", "off"].map((value) => ({ value, words: say(`waiting_${value}`) })) }),
    ...(isVipChannel ? [f.toggle({ name: "vipOnly", label: say("set_vip"), hint: say("set_vip_hint") })] : []),
    f.toggle({ name: "guestsChat", label: say("set_guests_chat") }),
    f.toggle({ name: "playsNext", label: say("set_plays_next") }),
    f.number({ name: "slowSeconds", label: say("set_slow"), hint: say("set_slow_hint"), min: 0, max: 600, unit: say("seconds") }),
  ];
  if (create) return { first: [...first, password, control], rest };
  return [
    ...first, password, control, ...rest,
    f.area({ name: "words", label: say("set_words"), hint: say("set_words_hint"), rows: 2 }),
    f.toggle({ name: "hostReturns", label: say("set_host_returns") }),
    f.number({ name: "graceSeconds", label: say("set_grace"), min: 5, max: 120, unit: say("seconds") }),
  ];
}

/** What the form holds, as the wire wants it. An empty password is none; one that was not touched stays. */
export function wireSettings(changes, { create = false } = {}) {
  const { words, password, noPassword, ...settings } = changes;
  if (typeof words === "string") settings.words = words.split(/[\n,]+/).map((each) => each.trim()).filter(Boolean);
  if (noPassword) settings.password = "";
  else if (password) settings.password = password;
  if (create) for (const [name, value] of Object.entries(settings)) if (value === null || value === "") delete settings[name];
  return settings;
}

/** @param ctx see room.js. */
export function openSettings(ctx) {
  const { say, party } = ctx;
  const { settings } = party.room;
  const fields = settingFields(say);
  if (settings.hasPassword) fields.splice(3, 0, f.toggle({ name: "noPassword", label: say("set_no_password") }));
  const values = Object.fromEntries(CHANGEABLE.map((name) => [name, settings[name]]));
  const made = form(ctx, {
    fields, inDialog: true, cancel: () => shown.close(),
    values: { ...values, password: "", noPassword: false, words: (settings.words ?? []).join(", ") },
    async save(changes) {
      const wanted = wireSettings(changes);
      if (Object.keys(wanted).length > 0) await ctx.party.send("party:settings", { settings: wanted }).catch((error) => ctx.failed(error));
      shown.close();
    },
  });
  const shown = openDialog({ heading: say("settings"), body: made.node, wide: true });
}

const LIVES = [[3_600, "hour"], [86_400, "day"], [604_800, "week"]];

/** @param ctx see room.js. */
export function openInvite(ctx) {
  const { say, party } = ctx;
  const plain = `${location.origin}/party/${encodeURIComponent(party.room.roomId)}`;
  const select = (id, words, options, chosen) => {
    const node = el("select", "input", ...options.map(([value, name]) => new Option(name, String(value))));
    node.id = id;
    node.value = String(chosen);
    return { node, field: el("div", "field", set(el("label", "label", words), { for: id }), node) };
  };
  const role = select("invite-role", say("invite_role"), [["guest", say("invite_guest")], ["member", say("role_member")], ["cohost", say("role_cohost")]], "guest");
  const uses = select("invite-uses", say("invite_uses"), [1, 5, 25, 100, 1000].map((n) => [n, say("invite_n", { n })]), 5);
  const lives = select("invite-lives", say("invite_lives"), LIVES.map(([seconds, name]) => [seconds, say(`invite_${name}`)]), 86_400);
  const made = set(el("div", "stack-tight invite-made"), { role: "status" });
  const make = async () => {
    const answer = await ctx.send("party:invite", { role: role.node.value, uses: Number(uses.node.value), seconds: Number(lives.node.value) });
    if (!answer) return;
    const data = answer.data ?? answer;
    const url = data.url ? new URL(data.url, location.origin).href : `${plain}?invite=${encodeURIComponent(data.invite)}`;
    const until = data.expiresAt * 1000;
    const note = el("p", "field-hint", say("invite_until", { date: dateOf(until) }));
    note.title = fullTime(until);
    made.replaceChildren(copyable(url), note);
  };
  const body = el(
    "div", "stack",
    el("div", "stack-tight", el("p", "label", say("invite_plain")), el("p", "field-hint", say("invite_plain_text")), copyable(plain)),
    el("hr", "rule"),
    el("div", "stack", el("div", "", el("p", "label", say("invite_link")), el("p", "field-hint", say("invite_link_text"))),
      el("div", "grid-3 invite-fields", role.field, uses.field, lives.field), el("div", "", button({ words: say("invite_make"), icon: "plus", kind: "", press: make })), made),
  );
  openDialog({ heading: say("invite_heading"), body, wide: true });
}

/** Ask, and close the room for everybody. */
export async function askClose(ctx) {
  const { say, party } = ctx;
  const name = party.room.settings?.title || party.room.roomId;
  const sure = await confirm({ heading: say("close_heading", { name }), text: say("close_text", { n: party.room.members }), yes: say("close_yes"), no: say("cancel"), danger: true });
  if (sure) ctx.send("party:close", {});
}
