// The few ways in which pages make nodes. Text is always text: nothing here parses markup.
const SVG = "http://www.w3.org/2000/svg";
const SHAPES = {
  go: "M6 .5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11z",
  standby: "M6 .7l5.7 10.3H.3z",
  stop: "M1 1h10v10H1z",
  info: "M6 .5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11zm0 2a3.5 3.5 0 1 1 0 7a3.5 3.5 0 0 1 0-7z",
};
/** Values that are somebody's words: they may be right-to-left and must not turn a sentence round. */
const NAMES = new Set(["viewer", "actor", "name", "reward", "channel"]);

export const byId = (id) => document.getElementById(id);

/** An element with classes and children (nodes or strings; null and false are left out). */
export function el(tag, classes = "", ...children) {
  const node = document.createElement(tag);
  if (classes) node.className = classes;
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An SVG element with attributes. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** What a table has for a key that came from outside: "constructor" is no entry of any. */
export const own = (table, key, otherwise = null) => (Object.hasOwn(table, key) ? table[key] : otherwise);

/** Listen, and give the node back. */
export function on(node, type, then) {
  node.addEventListener(type, then);
  return node;
}

/** Attributes of a node: true becomes an empty one, null and false take it away. Gives the node back. */
export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  return node;
}

let last = 0;
/** An id that no other node of this page has. */
export const freshId = (stem = "n") => `${stem}-${++last}`;

export const bdi = (text, classes = "") => el("bdi", classes, text);

/** The mark of a signal: disc, triangle, square, ring. Its word stands beside it, so it is silent. */
export function mark(tone) {
  return svg(
    "svg",
    { class: `signal tone-${tone}`, viewBox: "0 0 12 12", "aria-hidden": "true" },
    svg("path", { d: SHAPES[tone] ?? SHAPES.info }),
  );
}

/** The lamp; `data-signal` on it or above it lights it. */
export function lamp(signal = "off", classes = "") {
  const use = svg("use", { href: "#lamp" });
  return svg("svg", { class: `lamp ${classes}`.trim(), "data-signal": signal, "aria-hidden": "true" }, use);
}

/** Change a node's text only when it differs: 200 rows ask four times a second. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A sentence such as "{viewer} became VIP." as nodes. Names become <bdi>; a value may be a node. */
export function filled(sentence, values = {}) {
  return sentence
    .split(/(\{\w+\})/)
    .filter(Boolean)
    .map((part) => {
      const key = /^\{(\w+)\}$/.exec(part)?.[1];
      if (key === undefined) return part;
      const value = values[key] ?? "";
      if (value instanceof Node) return value;
      return el(NAMES.has(key) ? "bdi" : "span", NAMES.has(key) ? "" : "plain", String(value));
    });
}
