// Who waits for a place, in the order in which they are let in.
import { el, set, setText } from "../lib/dom.js";
import { button, nameOf, panel, person, timeAgo } from "../lib/parts.js";
import { clockTime, figure, fullTime } from "../lib/words.js";
import { now } from "../lib/clock.js";

/** Gives {node, show(waiting)}; hidden where nobody waits and the channel keeps no list. */
export function waitingPanel(ctx) {
  const rows = el("ol", "waiting-rows");
  const none = el("p", "panel-pad quiet", ctx.say("waiting_empty"));
  const tally = el("span", "tally number");
  const node = panel({ heading: ctx.say("waiting"), note: ctx.say("waiting_note"), tools: [tally], body: [rows, none], classes: "panel-waiting" });
  const known = new Map();

  async function letGo(entry, line) {
    const name = nameOf({ login: entry.viewer_login, name: entry.viewer_name });
    const sure = await ctx.confirm({
      heading: ctx.say("waiting_heading", { name }), text: ctx.say("waiting_text", { name, n: entry.position }), yes: ctx.say("waiting_yes"),
    });
    if (!sure) return;
    line.inert = true;
    try {
      await ctx.api("DELETE", `/api/waiting-list/${encodeURIComponent(entry.redemption_id)}`);
      ctx.toast({ tone: "go", words: ctx.say("waiting_done", { name }) });
    } catch (error) {
      line.inert = false;
      ctx.failed(error);
    }
  }

  function make(entry) {
    const viewer = { id: entry.viewer_id, login: entry.viewer_login, name: entry.viewer_name };
    const place = el("span", "waiting-place number", figure(entry.position));
    const under = el("span", "", entry.reward_title || "", entry.reward_title ? " · " : "", timeAgo(entry.since));
    if (entry.until) under.title = `${ctx.say("waiting_until", { time: clockTime(entry.until, now()) })} (${fullTime(entry.until)})`;
    const line = el("li", "waiting-row", place, person(viewer, under));
    line.append(button({
      words: ctx.say("waiting_remove", { name: nameOf(viewer) }), icon: "remove", kind: "icon", press: () => { letGo(entry, line); },
    }));
    return { line, place };
  }

  return {
    node,
    show(waiting) {
      const entries = waiting?.entries ?? [];
      const stay = new Set(entries.map((entry) => entry.redemption_id));
      for (const [id, each] of known) if (!stay.has(id)) { each.line.remove(); known.delete(id); }
      entries.forEach((entry, at) => {
        const held = known.get(entry.redemption_id) ?? make(entry);
        known.set(entry.redemption_id, held);
        setText(held.place, figure(entry.position));
        if (rows.children[at] !== held.line) rows.insertBefore(held.line, rows.children[at] ?? null);
      });
      none.hidden = entries.length > 0;
      rows.hidden = entries.length === 0;
      setText(tally, entries.length > 0 ? figure(entries.length) : "");
      set(node, { hidden: entries.length === 0 && !waiting?.keeps });
    },
  };
}
