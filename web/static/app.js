// The shell: who is signed in, which channel is shown, where one is, and how the line to the server is.
import { apiClient } from "./lib/api.js";
import { now, onBeat } from "./lib/clock.js";
import { confirm, heard, sentenceOf, toast } from "./lib/dialogs.js";
import { byId, on, set, setText } from "./lib/dom.js";
import { ears } from "./lib/ears.js";
import { unreachable, wholeFace } from "./lib/faces.js";
import { keyboard } from "./lib/keys.js";
import { liveData } from "./lib/live.js";
import { drawNavigation } from "./lib/navigation.js";
import { button, link } from "./lib/parts.js";
import { router } from "./lib/router.js";
import { getSession } from "./lib/session.js";
import { statusLine } from "./lib/status.js";
import { label, say, translated } from "./lib/words.js";

const LAST = "cuelight.channel";

const app = byId("app");
const main = byId("main");
const spoken = ears();
const status = statusLine({ onChange: heard });
const live = liveData({ onAuth: () => signedOut() });
const { api, settle, finished, forgetToken } = apiClient({ channelId: () => shown?.id ?? "", signedOut: () => signedOut() });

let session = null;
let shown = null; // the channel on the pages
let leaving = false; // the session is over: nothing is asked any more

function lastChannel(login) {
  try {
    if (login) localStorage.setItem(LAST, login);
    return localStorage.getItem(LAST) ?? "";
  } catch {
    return ""; // storage is blocked: the first channel, then
  }
}

/** A link to a page; it names the channel where there are several, so that a second tab shows the same one. */
function url(path, query = {}) {
  const asked = new URLSearchParams();
  if ((session?.channels?.length ?? 0) > 1 && shown) asked.set("channel", shown.login);
  for (const [name, value] of Object.entries(query)) if (value !== "" && value !== null && value !== undefined) asked.set(name, value);
  const text = asked.toString();
  return text ? `${path}?${text}` : path;
}

function contextOf({ words, route, query, signal, ends, reload }) {
  const owner = shown?.role !== "moderator";
  return {
    route, query, signal, reload, session, settle, finished, toast, confirm, heard, url, owner,
    channel: shown,
    role: owner ? "owner" : "moderator",
    say: words.say,
    fill: words.fill,
    nodes: words.nodes,
    pick: words.pick,
    api: (method, path, options = {}) => api(method, path, { signal: method === "GET" ? signal : undefined, ...options }),
    go: (path) => pages.go(path.startsWith("/") && !path.includes("?") ? url(path) : path),
    live: {
      get picture() { return live.picture; },
      get state() { return live.state; },
      on(kinds, then) {
        const end = live.on(kinds, then);
        ends.push(end);
        return end;
      },
    },
    onBeat(beat) {
      const end = onBeat(beat);
      ends.push(end);
      return end;
    },
    onEnd: (then) => ends.push(then),
    setQuery(changes) {
      for (const [name, value] of Object.entries(changes)) {
        if (value === "" || value === null || value === undefined) query.delete(name);
        else query.set(name, String(value));
      }
      pages.replaceQuery(query);
    },
    ownerOnly(control) {
      if (owner) return control;
      control.disabled = true;
      set(control, { "aria-disabled": "true", title: say("owner_only") });
      return control;
    },
    failed(error, happened = "") {
      if (error?.name === "AbortError") return;
      toast({ tone: "stop", words: [happened, sentenceOf(error)].filter(Boolean).join(" ") });
    },
    signOut,
    refreshSession,
  };
}

const pages = router({
  main,
  contextOf,
  titleOf: (heading) => [heading, shown?.name || shown?.login, say("app")].filter(Boolean).join(" · "),
  onRoute(route) {
    app.classList.toggle("bare", Boolean(route.bare));
    navigation.current(route);
    main.dataset.page = "";
  },
});

const keys = keyboard({ go: (path) => session?.signed_in && pages.go(url(path)) });
const navigation = drawNavigation({ url, changeChannel, signOut, help: keys.help });

function showChannel(channel) {
  shown = channel;
  lastChannel(channel.login);
  status.forget(now());
  navigation.draw(session, shown);
  live.follow(channel.id);
}

async function changeChannel(channel) {
  if (channel.id === shown?.id || !(await pages.free())) return;
  const query = new URLSearchParams({ channel: channel.login });
  showChannel(channel);
  pages.replaceQuery(query);
  await pages.again();
}

async function signOut() {
  leaving = true;
  try {
    await api("POST", "/api/auth/sign-out");
  } catch (error) {
    if (error.status !== 401) {
      leaving = false;
      toast({ tone: "stop", words: sentenceOf(error) });
      return;
    }
  }
  live.signedOut();
  location.assign("/sign-in?left=1");
}

/** The session is over, here or in another tab: what was shown belongs to nobody in front of this screen. */
function signedOut() {
  if (leaving || session === null) return;
  leaving = true;
  const back = location.pathname + location.search;
  location.assign(`/sign-in?error=session&return_to=${encodeURIComponent(back)}`);
}

async function refreshSession() {
  session = await getSession();
  shown = session.channels.find(({ id }) => id === shown?.id) ?? session.channels[0] ?? shown;
  navigation.draw(session, shown);
}

function standInstead(face) {
  pages.clear();
  app.classList.add("bare");
  main.replaceChildren(face.node);
  document.title = `${face.h1.textContent} · ${say("app")}`;
  face.h1.focus({ preventScroll: true });
}

/** Ask who is signed in, and show what fits. */
async function start() {
  forgetToken();
  try {
    session = await getSession();
  } catch {
    standInstead(unreachable({ start }));
    return;
  }
  const at = location.pathname;
  const channels = session.channels ?? [];
  if (at === "/sign-in") {
    await pages.start();
  } else if (!session.signed_in) {
    const back = at + location.search;
    history.replaceState(null, "", back === "/" ? "/sign-in" : `/sign-in?return_to=${encodeURIComponent(back)}`);
    await pages.start();
  } else if (channels.length === 0) {
    const name = session.name || session.user?.login || "";
    standInstead(wholeFace({
      signal: "standby", heading: say("nochannel_heading"), text: say("nochannel_text", { name }),
      actions: [
        session.sign_in_url ? link({ words: say("nochannel_connect"), href: session.sign_in_url, kind: "" }) : null,
        button({ words: say("look_again"), press: start }),
        button({ words: say("sign_out"), press: signOut }),
      ].filter(Boolean),
    }));
  } else {
    const wanted = new URLSearchParams(location.search).get("channel") ?? lastChannel("");
    const chosen = channels.find(({ login, id }) => login === wanted || id === wanted) ?? channels[0];
    showChannel(chosen);
    await pages.start();
  }
}

live.on("state", (state) => status.setStream(state, now()));
live.on("reset", (body) => {
  if (body.activity?.length > 0) status.sawEvent(body.activity[0].at);
  if (body.channel) status.setChannel(body.channel, now());
});
live.on("channel", (body) => status.setChannel(body, now()));
live.on(["vip", "activity", "channel", "waiting"], () => status.sawEvent(now()));
live.on("activity", (deed) => spoken.count(deed));

on(byId("retry"), "click", () => live.retry());
on(byId("login-again"), "click", () => location.assign(session?.sign_in_url || "/sign-in"));
on(window, "pagehide", () => pages.keep());
onBeat((at) => shown && !app.classList.contains("bare") && status.show(at), () => live.retry());

await translated();
label(document);
setText(byId("skip"), say("skip"));
start();
