// The live page: who is signed in, which channel is shown, and who gets which event.
import { activityFeed } from "./activity.js";
import { now, onBeat, setServerTime } from "./clock.js";
import { byId, el, setText } from "./dom.js";
import { ears } from "./ears.js";
import { changeText, showFace, showLive } from "./faces.js";
import { keyboard } from "./keys.js";
import { developmentLogin, getSession } from "./session.js";
import { statusLine } from "./status.js";
import { follow } from "./stream.js";
import { themeButton } from "./theme.js";
import { vipList } from "./vips.js";
import { label, say, span } from "./words.js";

const MOST_TABS = 5;
const COUNTED = { "vip.granted": "granted", "vip.refunded": "refunded", "vip.ended": "ended" };

const app = byId("app");
const filter = byId("filter");
const spoken = ears();
const status = statusLine({ onChange: (words) => spoken.say(words) });
const vips = vipList({ rows: byId("vip-rows"), onCount: showVipCount });
const deeds = activityFeed({ rows: byId("deed-rows"), onCount: (kept) => { byId("deeds-empty").hidden = kept > 0; } });

let channels = [];
let shown = null; // the channel on the page
let stream = null;
let openedAt = Infinity; // server time from which the numbers count
let counts = {};
let retryAt = 0; // when a session that nobody answered is asked for again

function showVipCount(active, visible) {
  byId("vips-empty").hidden = active > 0;
  byId("filter-empty").hidden = active === 0 || visible > 0;
  setText(byId("filter-none"), say("filter_none", { text: filter.value.trim() }));
  setText(byId("vips-tally"), filter.value.trim() ? say("filtered", { shown: visible, all: active }) : String(active));
  setText(byId("count-now"), String(active));
  if (shown) document.title = say("page_title", { n: active, channel: shown.name || shown.login });
}

function countDeed(deed) {
  const kind = COUNTED[deed.action];
  if (!kind || deed.at < openedAt) return;
  counts[kind] += 1;
  setText(byId(`count-${kind}`), String(counts[kind]));
  spoken.count(kind);
}

function onEntry(kind, body) {
  if (kind === "reset") {
    setServerTime(body.now);
    if (openedAt === Infinity) openedAt = now();
    vips.reset(body.vips);
    for (const deed of deeds.reset(body.activity)) countDeed(deed);
    if (body.activity.length > 0) status.sawEvent(body.activity[0].at);
    status.setChannel(body.channel, now());
    app.classList.remove("loading");
    return;
  }
  status.sawEvent(now());
  if (kind === "vip") vips.upsert(body);
  else if (kind === "channel") status.setChannel(body, now());
  else if (deeds.add(body)) countDeed(body);
}

function showChannel(channel) {
  stream?.close();
  shown = channel;
  openedAt = Infinity;
  counts = { granted: 0, refunded: 0, ended: 0 };
  for (const kind of Object.keys(counts)) setText(byId(`count-${kind}`), "0");
  app.classList.add("loading");
  vips.reset([]);
  deeds.reset([]);
  status.forget(channel.name || channel.login, now());
  for (const tab of byId("channels").children) tab.setAttribute("aria-current", String(tab.dataset.id === channel.id));
  byId("channel-choice").value = channel.id;
  history.replaceState(null, "", `#${encodeURIComponent(channel.login)}`);
  stream = follow({ channelId: channel.id, onEntry, onState: (state) => status.setStream(state, now()), allowed });
}

/** Before a stream is rebuilt: still signed in? When nobody answers, the stream's own tries go on. */
async function allowed() {
  try {
    const session = await getSession();
    if (session.signed_in) return true;
    stream = null;
    signInFace(session, say("signin_lost"));
    return false;
  } catch {
    return true;
  }
}

function showPicker() {
  byId("channels").replaceChildren(
    ...channels.map((channel) => {
      const tab = el("button", "channel-tab", el("bdi", "", channel.name || channel.login));
      tab.type = "button";
      tab.title = channel.name || channel.login;
      tab.dataset.id = channel.id;
      tab.addEventListener("click", () => shown?.id === channel.id || showChannel(channel));
      return tab;
    }),
  );
  byId("channel-choice").replaceChildren(...channels.map((channel) => new Option(channel.name || channel.login, channel.id)));
  byId("channel-choice").hidden = false;
  app.classList.toggle("channels-many", channels.length > MOST_TABS);
}

function signInFace(session, trouble = "") {
  const dev = session.development_login === true;
  const press = async () => {
    const code = await developmentLogin();
    if (code >= 200 && code < 300) return start();
    return code === 0 ? say("signin_unreachable") : say("signin_failed", { status: code });
  };
  showFace({
    signal: "off",
    heading: say("signin_heading"),
    text: say("signin_text"),
    note: dev ? say("signin_dev_note") : session.sign_in_url ? "" : say("signin_none"),
    trouble,
    button: dev ? { words: say("signin_dev"), press } : null,
    link: !dev && session.sign_in_url ? { words: say("signin_twitch"), href: session.sign_in_url } : null,
  });
}

function unreachableFace() {
  retryAt = Date.now() + 3_000 + Math.random() * 3_000;
  const wait = span((retryAt - Date.now()) / 1000);
  showFace({
    signal: "stop",
    heading: say("unreachable_heading"),
    text: say("unreachable_text", { wait }),
    button: { words: say("try_now"), press: start },
  });
}

/** Ask who is signed in, and show the face that fits. */
async function start() {
  retryAt = 0;
  let session = null;
  try {
    session = await getSession();
  } catch {
    unreachableFace();
    return;
  }
  channels = session.channels ?? [];
  if (!session.signed_in) signInFace(session);
  else if (channels.length === 0) {
    const [heading, text] = [say("nochannel_heading"), say("nochannel_text", { name: session.name })];
    showFace({ signal: "standby", heading, text, button: { words: say("look_again"), press: start } });
  } else {
    showLive();
    showPicker();
    const wanted = decodeURIComponent(location.hash.slice(1));
    showChannel(channels.find((channel) => channel.login === wanted) ?? channels[0]);
  }
}

function show(view) {
  app.dataset.view = view;
  for (const button of byId("views").children) button.setAttribute("aria-pressed", String(button.dataset.to === view));
}

label(document);
themeButton(byId("theme"), (choice) => say(`theme_${choice}`));
keyboard({ toFilter: () => show("vips") });
filter.addEventListener("input", () => vips.filter(filter.value));
byId("filter-clear").addEventListener("click", () => {
  filter.value = "";
  vips.filter("");
  filter.focus();
});
byId("views").addEventListener("click", (event) => event.target.dataset.to && show(event.target.dataset.to));
byId("channel-choice").addEventListener("change", (event) => {
  showChannel(channels.find((channel) => channel.id === event.target.value));
});
byId("retry").addEventListener("click", () => stream?.retry());
window.addEventListener("online", () => stream?.retry());
onBeat(
  (at) => {
    if (retryAt) {
      const wait = Math.max(0, retryAt - Date.now());
      changeText(say("unreachable_text", { wait: span(Math.ceil(wait / 1000)) }));
      if (wait === 0) start();
    }
    if (!shown || !byId("full-face").hidden) return;
    vips.beat(at);
    deeds.beat(at);
    status.show(at);
  },
  () => stream?.retry(),
);
start();
