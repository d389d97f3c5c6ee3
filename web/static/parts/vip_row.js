// One VIP: who, why, how much time is left, and what can be done about it.
import { bdi, el, mark, set, setText } from "../lib/dom.js";
import { now } from "../lib/clock.js";
import { icon } from "../lib/icons.js";
import { menu } from "../lib/menu.js";
import { avatar, nameOf } from "../lib/parts.js";
import { clockTime, fullTime, left, span } from "../lib/words.js";

const BAR_STEPS = 250;

/** A VIP is ending in the last tenth of its time, but at least in its last 5 s and at most in its last hour. */
const endingFrom = (total) => Math.min(Math.max(total / 10, 5_000), 3_600_000);

export const viewerOf = (vip) => ({ id: vip.viewer_id, login: vip.viewer_login, name: vip.viewer_name });
export const isByHand = (vip) => vip.method === "by_hand" || vip.id.startsWith("hand:");
export const endOf = (vip) => vip.expires_at ?? Infinity;

/** `deeds`: {extendItems(vip), moreItems(vip)} for the two menus, removes(): whether we take back what is over. Gives {node, vip, show(vip), count(at), found}. */
export function vipRow(ctx, first, deeds) {
  const row = { vip: first, phase: "", seconds: null, step: -1, leaving: false };
  const viewer = viewerOf(first);
  const name = nameOf(viewer);
  const login = viewer.login ?? "";
  const title = el("span", "vip-name", bdi(name));
  if (login && login.toLowerCase() !== name.toLowerCase()) title.append(" ", bdi(login, "vip-login"));
  title.title = login && login !== name ? `${name} (${login})` : name;
  const why = el("span", "vip-why");
  const leftNode = el("span", "vip-left");
  const word = el("span");
  const until = el("span", "vip-until", word);
  const fill = el("i");
  const bar = set(el("span", "vip-bar", fill), { "aria-hidden": "true" });
  const extend = menu({ words: ctx.say("extend_of", { name }), icon: "extend", items: () => deeds.extendItems(row.vip) });
  const more = menu({ words: ctx.say("more_of", { name }), icon: "more", items: () => deeds.moreItems(row.vip) });
  const tools = el("div", "vip-tools", extend, more);
  row.node = el("li", "vip", avatar(viewer), el("div", "vip-who", title, why), el("div", "vip-when", leftNode, until), tools, bar);
  row.node.dataset.id = first.id;
  row.found = `${name}\n${login}`.toLocaleLowerCase();
  row.node.addEventListener("animationend", ({ animationName }) => {
    if (animationName === "lit") row.node.classList.remove("arrives", "grows");
  });

  function reasonOf(vip) {
    if (isByHand(vip)) return ctx.say("by_hand");
    return ctx.pick(`method ${vip.method}`) ?? vip.reward_title;
  }

  row.show = (vip) => {
    row.vip = vip;
    const times = vip.extensions > 0 ? ctx.say("extended", { n: vip.extensions }) : "";
    setText(why, [vip.reward_title && !isByHand(vip) && vip.method === "redemption" ? vip.reward_title : reasonOf(vip), times].filter(Boolean).join(" · "));
    why.title = vip.reward_title ?? "";
    until.title = vip.expires_at === null ? "" : fullTime(vip.expires_at);
    row.node.classList.toggle("endless-vip", vip.expires_at === null);
    extend.hidden = vip.protected || (vip.expires_at === null && !isByHand(vip));
    row.phase = "";
    row.seconds = null;
    row.count(now());
  };

  const withStream = (vip) => (vip.after_stream_ms ? ctx.say("with_stream_and_after", { time: span(Math.ceil(vip.after_stream_ms / 1000)) }) : ctx.say("with_stream"));

  row.count = (at) => {
    const { vip } = row;
    if (row.leaving) return;
    if (vip.protected || vip.expires_at === null) {
      if (row.phase === "endless") return;
      row.phase = "endless";
      row.node.dataset.phase = "endless";
      setText(leftNode, vip.protected ? ctx.say("no_end") : vip.until_stream_end ? "" : ctx.say("no_end"));
      const words = vip.protected ? ctx.say("stays") : vip.until_stream_end ? withStream(vip) : ctx.say("by_hand");
      setText(word, words);
      until.replaceChildren(...(vip.protected ? [icon("shield")] : []), word);
      if (isByHand(vip) && !vip.protected) until.replaceChildren();
      fill.style.transform = "scaleX(0)";
      return;
    }
    const remains = vip.expires_at - at;
    // Beats are quarters of a second, and words change by the second.
    const seconds = Math.ceil(remains / 1000);
    if (seconds === row.seconds) return;
    row.seconds = seconds;
    const total = Math.max(1, vip.expires_at - vip.granted_at);
    const phase = remains <= 0 ? "up" : remains < endingFrom(total) ? "ending" : "going";
    setText(leftNode, phase === "up" ? ctx.say("time_up") : left(remains));
    const step = Math.round(BAR_STEPS * Math.min(1, Math.max(0, remains / total)));
    if (step !== row.step) {
      row.step = step;
      fill.style.transform = `scaleX(${step / BAR_STEPS})`;
    }
    if (phase === row.phase) return;
    row.phase = phase;
    row.node.dataset.phase = phase;
    const going = vip.until_stream_end ? withStream(vip) : ctx.say("until", { time: clockTime(vip.expires_at, at) });
    setText(word, { up: ctx.say(deeds.removes() ? "taking_back" : "stays_over"), ending: ctx.say("ending"), going }[phase]);
    until.replaceChildren(...(phase === "going" ? [] : [mark("standby")]), word);
  };

  /** The last words of a row before it goes. */
  row.farewell = (words) => {
    row.leaving = true;
    row.node.dataset.phase = "over";
    setText(leftNode, words);
    until.replaceChildren();
    tools.inert = true;
  };
  row.stay = () => {
    row.leaving = false;
    tools.inert = false;
    row.show(row.vip);
  };
  row.show(first);
  return row;
}
