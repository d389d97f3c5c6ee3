// The few ways in which this page makes nodes. Text is always text: nothing here parses markup.
const SVG = "http://www.w3.org/2000/svg";
const SHAPES = {
  go: "M6 .5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11z",
  standby: "M6 .7l5.7 10.3H.3z",
  stop: "M1 1h10v10H1z",
  info: "M6 .5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11zm0 2a3.5 3.5 0 1 1 0 7a3.5 3.5 0 0 1 0-7z",
};

export const byId = (id) => document.getElementById(id);

/** An element with classes and children (nodes or strings). */
export function el(tag, classes = "", ...children) {
  const node = document.createElement(tag);
  if (classes) node.className = classes;
  node.append(...children);
  return node;
}

/** The mark of a signal: disc, triangle, square, ring. Its word stands beside it, so it is silent. */
export function mark(tone) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `signal tone-${tone}`);
  svg.setAttribute("viewBox", "0 0 12 12");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[tone] ?? SHAPES.info);
  svg.append(path);
  return svg;
}

/** Change a text node's content only when it differs: 200 rows ask four times a second. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Fill `node` with a sentence such as "{viewer} became VIP." Names become <bdi>, so that right-to-left ones
 * do not turn the sentence round; every other value becomes a span that keeps its figures steady.
 */
export function fill(node, sentence, values) {
  node.replaceChildren(
    ...sentence.split(/(\{\w+\})/).map((part) => {
      const key = /^\{(\w+)\}$/.exec(part)?.[1];
      if (key === undefined) return part;
      const named = key === "viewer" || key === "actor";
      return el(named ? "bdi" : "span", named ? "" : "plain", String(values[key] ?? ""));
    }),
  );
}
