// What is played next: titles in order, votes for them, the vote to go on, and the place to add one.
import { bdi, el, on, set, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { menu } from "../lib/menu.js";
import { badge, button } from "../lib/parts.js";
import { figure } from "../lib/words.js";
import { itemOf, stamp, titleOf } from "./film.js";
import { may } from "./rights.js";

/** @param ctx see room.js. Gives {node, show(room)}. */
export function queuePanel(ctx) {
  const { say, party } = ctx;
  const address = set(el("input", "input"), {
    type: "text", inputmode: "url", autocomplete: "off", spellcheck: "false", dir: "ltr",
    placeholder: say("address_placeholder"), "aria-label": say("queue_address"),
  });
  const fault = set(el("p", "field-error"), { role: "alert" });
  fault.hidden = true;
  const add = button({ words: say("queue_add"), icon: "plus", kind: "icon" });
  add.type = "submit";
  const form = el("form", "queue-add", el("div", "queue-write", address, add), fault);

  const skipTold = el("p", "queue-skip-told");
  const skip = button({ words: say("skip_want"), icon: "next", press: () => ctx.send("party:queue:skip", { wants: !party.room.skips?.mine }) });
  const next = button({ words: say("queue_next"), icon: "next", press: () => ctx.send("party:queue:next", {}) });
  const skips = el("div", "queue-skip", skipTold, el("div", "actions", skip, next));

  const list = el("ol", "queue-list");
  const nothing = el("div", "queue-nothing", icon("queue"), el("p", "", say("queue_empty")), el("p", "faint", say("queue_empty_text")));
  const node = el("div", "queue", form, skips, el("div", "queue-scroll", list, nothing));
  const rows = new Map();

  const order = () => party.room.queue.map(({ itemId }) => itemId);
  function move(itemId, by) {
    const place = order().indexOf(itemId) + by;
    return ctx.send("party:queue:move", { itemId, place });
  }

  function deeds(item) {
    const { room } = party;
    const place = order().indexOf(item.itemId);
    const last = room.queue.length - 1;
    const found = [];
    if (may(room, "party:media")) {
      const { kind, url, title, duration } = item;
      const told = { kind, url, ...(title ? { title } : {}), ...(duration ? { duration } : {}) };
      found.push({ words: say("play_now"), icon: "play", press: async () => (await ctx.send("party:media", { item: told })) && ctx.send("party:queue:remove", { itemId: item.itemId, place: 0 }) });
    }
    if (may(room, "party:queue:move")) {
      if (place > 0) found.push({ words: say("move_first"), icon: "up", press: () => move(item.itemId, -place) });
      if (place < last) found.push({ words: say("move_last"), icon: "down", press: () => move(item.itemId, last - place) });
    }
    if (may(room, "party:queue:remove")) {
      found.push(null, { words: say("queue_remove"), icon: "trash", danger: true, press: () => ctx.send("party:queue:remove", { itemId: item.itemId, place: 0 }) });
    }
    return found;
  }

  function row(item) {
    const entry = { item };
    const title = el("strong", "queue-title");
    const under = el("p", "queue-under");
    const vote = on(el("button", "queue-vote", icon("up"), el("span", "number")), "click", () => {
      ctx.send("party:queue:vote", { itemId: entry.item.itemId, wants: !entry.item.mine });
    });
    vote.type = "button";
    const ups = button({ words: say("move_up"), icon: "up", kind: "icon", press: () => move(entry.item.itemId, -1) });
    const downs = button({ words: say("move_down"), icon: "down", kind: "icon", press: () => move(entry.item.itemId, 1) });
    const tools = menu({ words: say("queue_about", { name: titleOf(item) }), items: () => deeds(entry.item) });
    Object.assign(entry, { title, under, vote, ups, downs, tools });
    entry.node = el("li", "queue-row", vote, el("div", "queue-words", title, under), el("span", "queue-moves", ups, downs), tools);
    return entry;
  }

  function draw(entry, item) {
    const { room } = party;
    entry.item = item;
    entry.title.replaceChildren(bdi(titleOf(item)));
    entry.title.title = titleOf(item);
    const by = ctx.memberOf(item.by);
    entry.under.replaceChildren(
      badge(say(`kind_${item.kind}`)),
      ...(item.duration ? [el("span", "number", stamp(item.duration))] : []),
      ...(by || item.byName ? ctx.nodes("queue_by", { name: by?.userName ?? item.byName }) : []),
    );
    const votes = item.votes ?? 0;
    setText(entry.vote.querySelector(".number"), figure(votes));
    set(entry.vote, { "aria-pressed": String(Boolean(item.mine)), "aria-label": say("queue_votes", { n: votes, name: titleOf(item) }), title: say("queue_vote") });
    entry.vote.disabled = !may(room, "party:queue:vote");
    const place = order().indexOf(item.itemId);
    const moves = may(room, "party:queue:move");
    entry.ups.hidden = entry.downs.hidden = !moves;
    entry.ups.disabled = place === 0;
    entry.downs.disabled = place === room.queue.length - 1;
    entry.tools.hidden = !(moves || may(room, "party:media"));
  }

  function show(room) {
    form.hidden = !may(room, "party:queue:add");
    const { votes = 0, needed = 0, mine = false } = room.skips ?? {};
    const plays = Boolean(room.state?.item);
    skips.hidden = !plays && room.queue.length === 0;
    setText(skipTold, plays ? say("skip_told", { votes: figure(votes), needed: figure(needed) }) : "");
    setText(skip.querySelector("span"), say(mine ? "skip_keep" : "skip_want"));
    set(skip, { "aria-pressed": String(mine) });
    skip.hidden = !plays || !may(room, "party:queue:skip");
    next.hidden = !may(room, "party:queue:next");
    next.disabled = room.queue.length === 0;
    const ids = new Set(order());
    for (const [id, entry] of rows) {
      if (ids.has(id)) continue;
      entry.node.remove();
      rows.delete(id);
    }
    room.queue.forEach((item, index) => {
      let entry = rows.get(item.itemId);
      if (!entry) {
        entry = row(item);
        rows.set(item.itemId, entry);
      }
      draw(entry, item);
      if (list.children[index] !== entry.node) {
        const focused = entry.node.contains(document.activeElement) ? document.activeElement : null;
        list.insertBefore(entry.node, list.children[index] ?? null);
        focused?.focus();
      }
    });
    nothing.hidden = room.queue.length > 0;
  }

  on(address, "input", () => { fault.hidden = true; set(address, { "aria-invalid": null }); });
  on(form, "submit", async (event) => {
    event.preventDefault();
    const item = itemOf(address.value);
    if (!item) {
      setText(fault, say("address_fault"));
      fault.hidden = false;
      set(address, { "aria-invalid": "true" });
      address.focus();
      return;
    }
    if (await ctx.send("party:queue:add", { item })) address.value = "";
  });
  return { node, show };
}
