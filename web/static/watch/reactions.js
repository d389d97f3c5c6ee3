// Feelings that rise over the film, and the six buttons for them. They are drawn here, in the tints of names: emoji look
// different on every system, miss on some, and their red and green would be signals.
import { el, on, set, svg } from "../lib/dom.js";

const FACE = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z";
/** By the emoji as the wire writes it: the name of its words, and lines to draw ("!" before those that are filled). */
const FEELINGS = {
  "❤": ["heart", "!M12 20.5C5 15.5 3 12 3 8.8A4.8 4.8 0 0 1 12 6.6a4.8 4.8 0 0 1 9 2.2c0 3.2-2 6.700-9 11.700z"],
  "😂": ["laugh", FACE, "M7.200 9.800c.6-1 2-1 2.600 0M14.200 9.800c.6-1 2-1 2.600 0", "!M7.300 13h9.400c-.3 3-2.200 4.700-4.700 4.700S7.600 16 7.300 13z"],
  "😮": ["wow", FACE, "!M8.500 10.600a1.100 1.100 0 1 0 0-2.200 1.100 1.100 0 0 0 0 2.200zM15.500 10.600a1.100 1.100 0 1 0 0-2.200 1.100 1.100 0 0 0 0 2.200z", "!M12 18a2.300 2.700 0 1 0 0-5.400 2.300 2.700 0 0 0 0 5.400z"],
  "😢": ["sad", FACE, "!M8.500 11a1.100 1.100 0 1 0 0-2.200 1.100 1.100 0 0 0 0 2.200zM15.500 11a1.100 1.100 0 1 0 0-2.200 1.100 1.100 0 0 0 0 2.200z", "M8.500 16.800c1.800-2 5.200-2 7 0", "!M17 12.500c1.300 1.700 1.700 2.500 1.700 3.200a1.700 1.700 0 0 1-3.400 0c0-.7.4-1.500 1.700-3.200z"],
  "👏": ["clap", "M9.500 19.800L5 15.200c-1-1 .4-2.500 1.500-1.500L4.800 12c-1-1 .5-2.500 1.500-1.500l-.8-.8c-1-1 .5-2.500 1.500-1.500L12.500 13.500 11.800 10c-.2-1.500 1.800-2 2.300-.6l1.900 5c.6 1.700.4 3.400-.8 4.700-1.500 1.700-4.200 2.200-5.700.7z", "M14.500 3.500l.6 2.600M19.500 6l-2 1.900M20.800 10.800l-2.700-.2"],
  "🔥": ["fire", "!M12.500 2.500c.8 3.500 5.500 5.700 5.500 11.200A6.200 6.200 0 0 1 11.800 20.500 6 6 0 0 1 5.800 14.300c0-2.700 1.500-4.300 2.600-5.800.4 1.600 1 2.400 2 2.900-.3-3.200.2-6.400 2.100-8.900z"],
};
const MOST_AT_ONCE = 24;
const STAY_MS = 3_000;

/** A feeling as a drawing. */
function drawn(emoji) {
  const [name, ...lines] = FEELINGS[emoji];
  const paths = lines.map((line) => (line.startsWith("!") ? svg("path", { d: line.slice(1), class: "filled" }) : svg("path", { d: line })));
  return svg("svg", { class: `feeling feeling-${name}`, viewBox: "0 0 24 24", "aria-hidden": "true" }, ...paths);
}

/** Gives {bar, layer, rise(reactions)}: the buttons, what lies over the film, and `{"❤": 3}` to show. */
export function reactions({ say, react }) {
  const layer = set(el("div", "rising"), { "aria-hidden": "true" });
  const bar = set(el("div", "react-bar"), { role: "group", "aria-label": say("react") });
  for (const [emoji, [name]] of Object.entries(FEELINGS)) {
    const press = set(el("button", "react", drawn(emoji)), { type: "button", "aria-label": say(`react_${name}`), title: say(`react_${name}`) });
    bar.append(on(press, "click", () => react(emoji)));
  }
  return {
    bar,
    layer,
    rise(told) {
      for (const [given, n] of Object.entries(told ?? {})) {
        const emoji = given.replace("\uFE0F", "");
        if (!Object.hasOwn(FEELINGS, emoji)) continue;
        for (let each = 0; each < Math.min(8, Number(n) || 0); each += 1) {
          if (layer.children.length >= MOST_AT_ONCE) return;
          const node = el("span", "rise", drawn(emoji));
          node.style.insetInlineStart = `${4 + Math.random() * 88}%`;
          node.style.animationDelay = `${Math.round(Math.random() * 350)}ms`;
          layer.append(node);
          setTimeout(() => node.remove(), STAY_MS);
        }
      }
    },
  };
}
