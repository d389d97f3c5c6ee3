// Where one can go: the sidebar, on a phone the bar at the foot and a drawer; the channel, and the person's own menu.
import { bdi, byId, el, on, set } from "./dom.js";
import { openDialog } from "./dialogs.js";
import { icon } from "./icons.js";
import { menu } from "./menu.js";
import { avatar } from "./parts.js";
import { ROUTES } from "./routes.js";
import { THEMES, chooseTheme, theme } from "./theme.js";
import { LANGUAGES, choose, chosen, say } from "./words.js";

const PLACES = ["watch", "set", "care"];
/** Pages with a shell of their own: the way there is an ordinary link. */
const BESIDE = [{ path: "/party", name: "lobby", icon: "film", place: "watch" }];

/** @param {{url: (path) => string, changeChannel: (channel) => void, signOut: () => void, help: () => void}} parts */
export function drawNavigation({ url, changeChannel, signOut, help }) {
  let route = null;
  let session = null;
  let channel = null;
  let drawer = null;

  function item({ path, name, icon: picture }) {
    const a = el("a", "nav-item", icon(picture), el("span", "", say(`nav_${name}`)));
    a.href = url(path);
    set(a, { "aria-current": route?.path === path ? "page" : null, title: say(`nav_${name}`) });
    return a;
  }

  const groups = () =>
    PLACES.map((place) => {
      const list = el("ul", "", ...[...ROUTES, ...BESIDE].filter((each) => each.place === place).map((each) => el("li", "", item(each))));
      return el("div", "nav-group", el("p", "nav-place", say(`nav_${place}`)), list);
    });

  const nameOf = (each) => each.name || each.login;

  function channelItems() {
    return session.channels.map((each) => ({
      words: bdi(nameOf(each)), current: each.id === channel.id, press: () => changeChannel(each),
    }));
  }

  function channelButton() {
    const who = el(
      "span", "channel-words", el("span", "channel-name", bdi(nameOf(channel))),
      el("span", "channel-role", say(channel.role === "moderator" ? "you_moderate" : "your_channel")),
    );
    const many = session.channels.length > 1;
    const face = el(many ? "button" : "div", "channel-button", avatar({ id: channel.id, name: nameOf(channel) }, "avatar-square"), who, many ? icon("down") : null);
    if (!many) return face;
    face.type = "button";
    face.append(el("span", "for-ears", say("change_channel")));
    face.title = nameOf(channel);
    return menu({ words: say("channel"), items: channelItems, opener: face });
  }

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

  const askTheme = () => ask(say("theme"), THEMES.map((each) => [each, say(`theme_${each}`)]), theme(), chooseTheme);
  const askLanguage = () => ask(say("language"), [["", say("language_browser")], ...LANGUAGES], chosen, choose);

  const userItems = () => [
    { words: say("theme"), icon: "theme", press: askTheme },
    { words: say("language"), icon: "language", press: askLanguage },
    { words: say("keys_button"), icon: "keys", press: help },
    { words: say("docs"), icon: "docs", press: () => location.assign("/api/docs") },
    null,
    { words: say("sign_out"), icon: "leave", press: signOut },
  ];

  function userButton() {
    const name = session.name || session.user?.name || session.user?.login || say("you");
    const face = el(
      "button", "user-button", avatar({ id: session.user?.id ?? name, name }, "avatar-small"), el("span", "user-name", bdi(name)), icon("up"),
    );
    face.type = "button";
    face.append(el("span", "for-ears", say("user_menu")));
    return menu({ words: say("user_menu"), items: userItems, opener: face });
  }

  function openDrawer() {
    const press = (words, picture, then) => {
      const each = el("button", "nav-item", icon(picture), el("span", "", words));
      each.type = "button";
      return el("li", "", on(each, "click", () => { drawer?.close(); then(); }));
    };
    const mine = userItems().filter(Boolean).map((each) => press(each.words, each.icon, each.press));
    const body = el("div", "drawer", ...groups(), el("div", "nav-group", el("p", "nav-place", say("you")), el("ul", "", ...mine)));
    drawer = openDialog({ heading: say("all_pages"), body, onClose: () => { drawer = null; } });
    drawer.node.classList.add("sheet-drawer");
  }

  function bottomBar() {
    const more = el("button", "nav-item", icon("menu"), el("span", "", say("nav_more")));
    more.type = "button";
    set(more, { "aria-haspopup": "dialog", "aria-current": route && !route.phone && route.place ? "true" : null });
    return [...ROUTES.filter((each) => each.phone).map(item), on(more, "click", openDrawer)];
  }

  function draw() {
    if (session === null || channel === null) return;
    byId("nav").replaceChildren(...groups());
    byId("bottom").replaceChildren(...bottomBar());
    byId("brand").href = url("/");
    byId("status").href = url("/connection");
    byId("channel-place").replaceChildren(channelButton());
    byId("channel-phone").replaceChildren(channelButton());
    byId("user-place").replaceChildren(userButton());
  }

  return {
    draw(newSession, newChannel) {
      session = newSession;
      channel = newChannel;
      draw();
    },
    /** Mark where one is. */
    current(newRoute) {
      route = newRoute;
      drawer?.close();
      for (const a of document.querySelectorAll("#nav .nav-item, #bottom a.nav-item")) {
        set(a, { "aria-current": new URL(a.href).pathname === route.path ? "page" : null });
      }
      const more = document.querySelector("#bottom button");
      if (more) set(more, { "aria-current": !route.phone && route.place ? "true" : null });
    },
  };
}
