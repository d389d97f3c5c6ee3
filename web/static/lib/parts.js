// What pages are made of: buttons, panels, people, faces. Each is a function that gives a node.
import { now, onBeat } from "./clock.js";
import { bdi, el, lamp, mark, on, set, setText } from "./dom.js";
import { icon } from "./icons.js";
import { ago, fullTime, say } from "./words.js";

/**
 * A button. `kind`: "" (the page's one main deed), "quiet", "danger", "icon" (words become its name). A promise of
 * `press` keeps it busy until it settles.
 */
export function button({ words, icon: name = "", kind = "quiet", press = () => {}, title = "", type = "button" }) {
  const only = kind === "icon";
  const node = el("button", `button ${kind === "" ? "" : only ? "button-quiet button-icon" : `button-${kind}`}`.trim());
  node.type = type;
  if (name) node.append(icon(name));
  if (only) set(node, { "aria-label": words, title: title || words });
  else {
    node.append(el("span", "", words));
    if (title) node.title = title;
  }
  return on(node, "click", async (event) => {
    const doing = press(event);
    if (!(doing instanceof Promise)) return;
    set(node, { "aria-busy": "true" });
    node.disabled = true;
    try {
      await doing;
    } finally {
      node.disabled = false;
      set(node, { "aria-busy": null });
    }
  });
}

/** A link that looks like a button (`kind` as there, "text" for one in running text). */
export function link({ words, href, icon: name = "", kind = "quiet", download = false, external = false }) {
  const classes = kind === "text" ? "link" : `button ${kind ? `button-${kind}` : ""}`.trim();
  const node = el("a", classes, name ? icon(name) : null, el("span", "", words));
  node.href = href;
  if (download) node.download = "";
  if (external) set(node, { target: "_blank", rel: "noopener noreferrer" });
  return node;
}

/** A surface with a heading; `body` is a node or a list. */
export function panel({ heading, tools = [], body = [], note = "", classes = "", level = 2 }) {
  const title = el(`h${level}`, "panel-title", heading);
  title.id = `h-${Math.random().toString(36).slice(2, 9)}`;
  const head = el("header", "panel-head", el("div", "panel-words", title, note ? el("p", "quiet", note) : null));
  if (tools.length > 0) head.append(el("div", "panel-tools", ...tools));
  const node = el("section", `panel ${classes}`.trim(), head, ...[body].flat());
  return set(node, { "aria-labelledby": title.id });
}

const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

function initials(name) {
  const parts = name.split(/[\s_.-]+/u).filter(Boolean).slice(0, 2);
  return parts.map((part) => letters.segment(part)[Symbol.iterator]().next().value.segment).join("").toLocaleUpperCase();
}

function tint(id) {
  let sum = 0;
  for (const char of id) sum = (sum * 31 + char.codePointAt(0)) % 997;
  return 1 + (sum % 4);
}

export const nameOf = (viewer) => viewer?.name || viewer?.login || say("someone");

/** The round mark of a viewer {id, login, name}: initials on one of four tints. */
export function avatar(viewer, classes = "") {
  const node = el("span", `avatar tint-${tint(String(viewer?.id ?? ""))} ${classes}`.trim(), initials(nameOf(viewer)));
  return set(node, { "aria-hidden": "true" });
}

/** The name of a viewer, with the login where it says something else. */
export function personName(viewer, classes = "") {
  const name = nameOf(viewer);
  const login = viewer?.login ?? "";
  const node = el("span", `person-name ${classes}`.trim(), bdi(name));
  if (login && login.toLowerCase() !== name.toLowerCase()) node.append(" ", bdi(login, "person-login"));
  node.title = login && login !== name ? `${name} (${login})` : name;
  return node;
}

/** Avatar, name, and a line under it (text or node). */
export function person(viewer, under = "") {
  return el("span", "person", avatar(viewer), el("span", "person-words", personName(viewer), under ? el("span", "person-under", under) : null));
}

/** A state: its shape and its word. */
export const signal = (tone, words) => el("span", `state-word tone-${tone}`, mark(tone), el("span", "", words));

/** A small label; with a tone it gets the shape too. */
export const badge = (words, tone = "") => el("span", `badge ${tone ? `tone-${tone}` : ""}`.trim(), tone ? mark(tone) : null, words);

/** A message in the page: what happened, what to do. */
export function notice({ tone = "info", heading = "", text = "", actions = [] }) {
  const words = el("div", "notice-words", heading ? el("strong", "", heading) : null, text ? el("p", "", text) : null);
  return el("div", `notice notice-${tone}`, mark(tone), words, actions.length > 0 ? el("div", "actions", ...actions) : null);
}

/** The place of what is being fetched: "rows", "cards", "numbers" or "form", `n` of them. */
export function skeleton(kind = "rows", n = 6) {
  const bones = Array.from({ length: n }, () => el("div", "bone"));
  const node = el("div", `bones bones-${kind}`, el("span", "for-ears", say("loading")), ...bones);
  return set(node, { role: "status" });
}

/** Nothing yet: says how the first one comes; `steps` are sentences, `actions` buttons. */
export function empty({ heading, text = "", steps = [], actions = [], level = 2 }) {
  const list = el("ol", "steps", ...steps.map((words, at) => el("li", "", el("b", "", String(at + 1)), el("span", "", words))));
  return el(
    "div", "face face-empty",
    lamp("off"), el(`h${level}`, "", heading), text ? el("p", "", text) : null,
    steps.length > 0 ? list : null, actions.length > 0 ? el("div", "actions", ...actions) : null,
  );
}

/** It did not work: what happened, what we do, what you can do. `again` tries once more. */
export function broken({ error, again = null, heading = "" }) {
  const actions = again ? [button({ words: say("try_again"), icon: "refresh", kind: "", press: again })] : [];
  const node = el(
    "div", "face face-broken",
    lamp("stop"), el("h2", "", heading || say("broken_heading")),
    el("p", "", error?.detail || say("broken_text")), error?.advice ? el("p", "", error.advice) : null,
    el("div", "actions", ...actions),
    error?.requestId ? el("p", "faint", say("broken_id", { id: error.requestId })) : null,
  );
  return set(node, { role: "alert" });
}

let ageing = null;
/** "3 min ago" that goes on by itself, with the exact time on hover. */
export function timeAgo(ms, classes = "") {
  const node = el("time", classes, ago(now() - ms));
  node.dateTime = new Date(ms).toISOString();
  node.title = fullTime(ms);
  node.dataset.ago = String(ms);
  let last = 0;
  ageing ??= onBeat((at) => {
    if (at - last < 1_000) return;
    last = at;
    for (const each of document.querySelectorAll("time[data-ago]")) setText(each, ago(at - Number(each.dataset.ago)));
  });
  return node;
}

/** One number with its label; gives a node with `set(value, note)`. */
export function stat({ label, value = "", note = "", id = "" }) {
  const number = el("dd", "stat-value number", String(value));
  const under = el("dd", "stat-note", note);
  if (id) number.id = id;
  const node = el("div", "stat", el("dt", "", label), number, under);
  node.set = (text, words = null) => {
    setText(number, String(text));
    if (words !== null) setText(under, words);
  };
  return node;
}

/** A row of choices of which one is pressed: items {id, words}. */
export function tabs({ items, chosen, choose, label = "" }) {
  const node = el("div", "tabs");
  set(node, { role: "group", "aria-label": label || null });
  for (const { id, words } of items) {
    const each = el("button", "tab", words);
    each.type = "button";
    set(each, { "aria-pressed": String(id === chosen) });
    node.append(on(each, "click", () => {
      for (const other of node.children) set(other, { "aria-pressed": String(other === each) });
      choose(id);
    }));
  }
  return node;
}

/** A person's words in a box with a button that copies them. */
export function copyable(text) {
  const done = el("span", "for-ears");
  set(done, { role: "status" });
  const press = async () => {
    await navigator.clipboard.writeText(text);
    setText(done, say("copied"));
  };
  return el("span", "copyable", el("code", "", text), button({ words: say("copy"), icon: "copy", kind: "icon", press }), done);
}
