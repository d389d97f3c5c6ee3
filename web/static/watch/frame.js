// The bar at the top: where one is, the state of the line as the lamp, and one's own menu.
import { openDialog } from "../lib/dialogs.js";
import { byId, el, lamp, on, set, setText } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { menu } from "../lib/menu.js";
import { THEMES, chooseTheme, theme } from "../lib/theme.js";
import { LANGUAGES, choose, chosen } from "../lib/words.js";
import { signInAddress } from "./faces.js";

/** Light the lamp of the bar and the icon of the tab. */
export function light(signal) {
  const node = byId("top").querySelector(".lamp");
  if (node && node.dataset.signal !== signal) node.dataset.signal = signal;
  const wanted = `/static/favicon-${signal}.svg`;
  const favicon = byId("favicon");
  if (favicon.getAttribute("href") !== wanted) favicon.setAttribute("href", wanted);
}

/** @param {{say, session, keys: () => void}} ctx. Gives {show({heading, tools, items, label})}. */
export function frame(ctx) {
  const { say, session } = ctx;
  const top = byId("top");

  const ask = (heading, options, current, pick) => {
    const list = el("div", "choices");
    const shown = openDialog({ heading, body: list });
    for (const [value, words] of options) {
      const each = el("button", "choice", el("span", "", words), value === current ? icon("check") : null);
      each.type = "button";
      set(each, { "aria-pressed": String(value === current) });
      list.append(on(each, "click", () => { shown.close(); pick(value); }));
    }
  };

  const own = () => {
    const items = all().filter((each) => each !== false);
    return items.at(-1) === null ? items.slice(0, -1) : items;
  };
  const all = () => [
    { words: say("theme"), icon: "theme", press: () => ask(say("theme"), THEMES.map((each) => [each, say(`theme_${each}`)]), theme(), chooseTheme) },
    { words: say("language"), icon: "language", press: () => ask(say("language"), [["", say("language_browser")], ...LANGUAGES], chosen, choose) },
    { words: say("keys_button"), icon: "keys", press: ctx.keys },
    null,
    session.signed_in
      ? (session.channels ?? []).length > 0 && { words: say("to_dashboard"), icon: "overview", press: () => location.assign("/") }
      : { words: say("sign_in"), icon: "account", press: () => location.assign(signInAddress(session)) },
  ];

  return {
    /** `heading` a node or words; `tools` nodes at the right; `items` of the menu before one's own. */
    show({ heading = "", tools = [], items = () => [], signal = "off" }) {
      const brand = el("a", "top-brand", lamp(signal), el("span", "top-name", say("app")));
      brand.href = "/party";
      set(brand, { "aria-label": say("to_lobby"), title: say("to_lobby") });
      const more = menu({ words: say("menu"), icon: "menu", items: () => [...items(), ...own()] });
      top.replaceChildren(brand, el("div", "top-words", heading), el("div", "top-tools", ...tools, more));
      light(signal);
    },
    title(words) {
      setText(document.head.querySelector("title"), [words, say("app")].filter(Boolean).join(" · "));
    },
  };
}
