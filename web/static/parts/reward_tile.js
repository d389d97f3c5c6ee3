// A reward as viewers see it on Twitch: a coloured tile with the price on it and the title below.
import { bdi, el, set, setText, svg } from "../lib/dom.js";
import { figure } from "../lib/words.js";

const COLOUR = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i;
const POINT = "M12 2.500a9.500 9.500 0 1 0 0 19 9.500 9.500 0 0 0 0-19zm0 4a5.500 5.500 0 0 1 5.500 5.500h-2.500a3 3 0 1 0-3 3v2.500a5.500 5.500 0 0 1 0-11z";

/** Whether dark ink is the readable one on a colour (WCAG's relative luminance). */
export function wantsDarkInk(colour) {
  const parts = COLOUR.exec(colour);
  if (parts === null) return false;
  const [r, g, b] = parts.slice(1).map((hex) => {
    const part = parseInt(hex, 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.36;
}

const picture = () => svg("svg", { class: "tile-point", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: POINT }));

/** The tile alone, for a list. */
export function tileMark(colour) {
  const node = set(el("span", "tile-mark", picture()), { "aria-hidden": "true" });
  node.style.backgroundColor = COLOUR.test(colour) ? colour : "#9147ff";
  node.classList.toggle("tile-dark-ink", wantsDarkInk(colour));
  return node;
}

/** Tile, price, title; `update({title, cost, color, off})` changes it in place. */
export function rewardTile() {
  const cost = el("span", "tile-cost-number number");
  const face = el("span", "tile-face", picture(), el("span", "tile-cost", picture(), cost));
  const title = bdi("", "tile-title");
  const node = el("span", "tile", face, title);
  return {
    node,
    update({ title: words, cost: price, color, off = false }) {
      setText(title, words);
      setText(cost, Number.isFinite(price) && price > 0 ? figure(price) : "0");
      face.style.backgroundColor = COLOUR.test(color) ? color : "#9147ff";
      face.classList.toggle("tile-dark-ink", wantsDarkInk(color));
      node.classList.toggle("tile-off", off);
    },
  };
}
