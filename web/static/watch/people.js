// Who is here: up to 50 at once, above that a page at a time, and what a host can do about somebody.
import { bdi, el, on, set, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { menu } from "../lib/menu.js";
import { avatar, badge, button } from "../lib/parts.js";
import { figure } from "../lib/words.js";
import { may, myRole, rankOf, roleOf } from "./rights.js";

const PAGE = 50;
const MUTES = [60, 600, 3600, 0];

const byRank = (room) => (a, b) =>
  rankOf(roleOf(room, b)) - rankOf(roleOf(room, a)) || Number(b.isVip) - Number(a.isVip) || Number(b.isHere) - Number(a.isHere) || 0;

/** The deeds about a member, as items of a menu. `ctx` as in room.js. */
export function memberItems(ctx, member) {
  const { party, say } = ctx;
  const { room } = party;
  const known = ctx.memberOf(member.memberId) ?? { role: "member", ...member };
  const name = member.userName;
  const above = rankOf(myRole(room)) > rankOf(roleOf(room, known));
  const found = [];
  if (member.memberId === room.self || !above) return found;
  const about = (type, data = {}) => ctx.send(type, { memberId: member.memberId, ...data });
  if (may(room, "party:role")) {
    if (known.role === "cohost") found.push({ words: say("make_member"), icon: "account", press: () => about("party:role", { role: "member" }) });
    else if (known.role === "member") found.push({ words: say("make_cohost"), icon: "shield", press: () => about("party:role", { role: "cohost" }) });
  }
  if (may(room, "party:host")) {
    found.push({
      words: say("make_host"), icon: "crown",
      press: async () => {
        const sure = await ctx.confirm({ heading: say("make_host_heading", { name }), text: say("make_host_text"), yes: say("make_host_yes"), no: say("cancel") });
        if (sure) about("party:host");
      },
    });
  }
  if (may(room, "party:mute")) {
    if (found.length > 0) found.push(null);
    if (ctx.muted.has(member.memberId)) found.push({ words: say("unmute"), icon: "chat", press: () => about("party:unmute") });
    else {
      for (const seconds of MUTES) {
        found.push({ words: say(seconds ? "mute_for" : "mute_always", { time: ctx.span(seconds) }), icon: "mute_chat", press: () => about("party:mute", seconds ? { seconds } : {}) });
      }
    }
  }
  if (may(room, "party:kick")) {
    const ask = async (type, key) => {
      const sure = await ctx.confirm({ heading: say(`${key}_heading`, { name }), text: say(`${key}_text`), yes: say(`${key}_yes`), no: say("cancel"), danger: true });
      if (sure) about(type);
    };
    found.push(null, { words: say("kick"), icon: "leave", danger: true, press: () => ask("party:kick", "kick") });
    if (may(room, "party:ban")) found.push({ words: say("ban"), icon: "hand", danger: true, press: () => ask("party:ban", "ban") });
  }
  return found;
}

/** @param ctx see room.js. Gives {node, show(room)}. */
export function peoplePanel(ctx) {
  const { say, party } = ctx;
  const told = set(el("p", "people-told quiet"), { role: "status" });
  const find = set(el("input", "input"), { type: "search", placeholder: say("people_find"), "aria-label": say("people_find"), autocomplete: "off" });
  const list = el("ul", "people-list");
  const nobody = el("p", "quiet people-none", say("people_none"));
  const more = button({ words: say("load_more"), press: () => page() });
  const take = button({ words: say("take_host"), icon: "crown", press: () => ctx.send("party:host:take", {}) });
  take.hidden = true;
  const node = el("div", "people", el("div", "people-head", told, el("div", "search", icon("search"), find), take), el("div", "people-scroll", list, nobody, more));

  const rows = new Map();
  let paged = null; // what was fetched above 50: {members, next}
  let asking = null;

  function row(member) {
    const words = el("span", "person-words");
    const name = el("span", "person-name");
    const marks = el("span", "people-marks");
    const tools = menu({ words: say("people_about", { name: member.userName }), items: () => memberItems(ctx, rows.get(member.memberId).member) });
    words.append(name, marks);
    const entry = { node: el("li", "people-row", avatar({ id: member.memberId, name: member.userName }, "avatar-small"), words, tools), name, marks, tools, member, drawn: "" };
    return entry;
  }

  function draw(entry, member, room) {
    entry.member = member;
    const role = roleOf(room, member);
    const muted = ctx.muted.has(member.memberId);
    const deeds = member.memberId !== room.self && rankOf(myRole(room)) >= rankOf("cohost") && rankOf(myRole(room)) > rankOf(role);
    const key = JSON.stringify([member, role, muted, deeds, room.self]);
    if (entry.drawn === key) return;
    entry.drawn = key;
    entry.name.replaceChildren(bdi(member.userName));
    entry.name.title = member.userName;
    const mine = member.memberId === room.self ? badge(say("you")) : null;
    const marks = [
      role === "host" || role === "cohost" || role === "guest" ? badge(say(`role_${role}`)) : null,
      member.isVip ? el("span", "badge", ctx.vipMark(), say("vip")) : null,
      mine, muted ? badge(say("is_muted")) : null, member.isHere === false ? badge(say("is_away")) : null,
    ];
    entry.marks.replaceChildren(...marks.filter(Boolean));
    entry.node.classList.toggle("people-away", member.isHere === false);
    entry.tools.hidden = !deeds;
  }

  async function page() {
    if (asking) return asking;
    asking = (async () => {
      try {
        const answer = await party.send("party:roster", { limit: PAGE, ...(paged?.next ? { after: paged.next } : {}) });
        const data = answer?.data ?? answer;
        paged = { members: [...(paged?.members ?? []), ...(data.members ?? [])], next: data.next ?? null };
        show(party.room);
      } catch (error) {
        ctx.failed(error);
      } finally {
        asking = null;
      }
    })();
    return asking;
  }

  function show(room) {
    if (!room.joined) return;
    const full = room.roster !== null && room.roster !== undefined;
    if (full) paged = null;
    const all = full ? ctx.roster() : paged?.members ?? [];
    const wanted = find.value.trim().toLocaleLowerCase();
    const shown = all.filter((each) => !wanted || each.userName.toLocaleLowerCase().includes(wanted)).sort(byRank(room));
    const away = (room.members ?? all.length) - (room.here ?? all.length);
    setText(told, say(away > 0 ? "people_here_away" : "people_here", { n: room.here ?? all.length, away: figure(away) }));
    const ids = new Set(shown.map(({ memberId }) => memberId));
    for (const [id, entry] of rows) {
      if (ids.has(id)) continue;
      entry.node.remove();
      rows.delete(id);
    }
    shown.forEach((member, index) => {
      let entry = rows.get(member.memberId);
      if (!entry) {
        entry = row(member);
        rows.set(member.memberId, entry);
      }
      draw(entry, member, room);
      if (list.children[index] !== entry.node) list.insertBefore(entry.node, list.children[index] ?? null);
    });
    nobody.hidden = shown.length > 0;
    more.hidden = full || (paged !== null && !paged.next);
    const host = all.find(({ memberId }) => memberId === room.state?.host);
    take.hidden = room.isHost || !may(room, "party:host:take") || (host?.isHere ?? true);
  }

  on(find, "input", () => show(party.room));
  return {
    node,
    show,
    /** The tab was opened: above 50 the first page is asked for. */
    opened() {
      if (party.room.joined && !party.room.roster && paged === null) page();
    },
    known: (id) => paged?.members.find(({ memberId }) => memberId === id) ?? null,
  };
}
