// Every word of the live page, one table per language. Add a language by adding a table with the same keys;
// a missing key falls back to English. {name} is a place for a value, never for markup.
const en = {
  app: "Cuelight",
  skip: "Skip to who is VIP now",
  channels: "Channel",
  vips_heading: "Who is VIP now",
  deeds_heading: "What happened",
  vips_tab: "VIP now",
  deeds_tab: "What happened",
  filter: "Filter by name",
  filtered: "{shown} of {all}",
  filter_none: "Nobody with “{text}” in the name is VIP now.",
  filter_clear: "Show everyone",
  count_now: "VIP now",
  count_granted: "granted",
  count_refunded: "refunded",
  count_ended: "ended",
  counts_since: "since you opened this channel",
  numbers: "Numbers",
  status: "State of the connection",
  keys_button: "Keys",
  keys_heading: "Keys",
  keys_close: "Close",
  key_filter: "Filter the VIPs by name",
  key_help: "Show these keys",
  key_escape: "Clear the filter, close this",
  key_tab: "Go to the next button or list",
  theme_system: "Theme: as your system. Change to light",
  theme_light: "Theme: light. Change to dark",
  theme_dark: "Theme: dark. Change to your system’s",

  vips_empty: "Nobody is VIP through Cuelight right now",
  vips_empty_1: "A viewer redeems your VIP reward with channel points.",
  vips_empty_2: "We make them VIP at once and they appear here with their time.",
  vips_empty_3: "When the time is up, we take the VIP back by ourselves.",
  deeds_empty: "Nothing happened yet",
  deeds_empty_text: "Each VIP, each refund and each ending is told here the moment it happens.",
  loading: "Loading",

  left: "{time} left",
  until: "until {time}",
  ending: "ending soon",
  time_up: "time is up",
  taking_back: "taking it back",
  vip_over: "ended",
  by_hand: "given from the dashboard",
  extended: { one: "extended once", other: "extended {n} times" },
  points: { one: "{n} point", other: "{n} points" },
  the_points: "the points",
  just_now: "just now",
  ago: "{time} ago",
  d: "{n} d",
  h: "{n} h",
  min: "{n} min",
  s: "{n} s",
  someone: "someone",
  you_or_moderator: "You or a moderator",

  word: {
    "vip.granted": "granted",
    "vip.extended": "extended",
    "vip.refunded": "refunded",
    "vip.ended": "ended",
    "vip.shortened": "shortened",
    "vip.noticed": "noticed",
    "vip.restored": "restored",
    "vip.withdrawn": "taken back",
    "redemption.cancelled": "cancelled",
    "redemption.alarm": "needs you",
    "channel.monitoring": "connection",
  },
  deed: {
    "vip.granted": "{viewer} became VIP for {time}.",
    "vip.granted by streamer": "{actor} made {viewer} VIP for {time}.",
    "vip.extended": "{viewer} stays VIP {time} longer.",
    "vip.extended by streamer": "{actor} gave {viewer} {time} more as VIP.",
    "vip.shortened": "A redemption of {viewer} was cancelled on Twitch, so the time as VIP is shorter now.",
    "vip.noticed": "{viewer} is VIP by hand, not through us. We leave that alone.",
    "vip.restored": "{viewer} had lost the VIP by a mishap of ours. We gave it back at once.",
    "vip.withdrawn": "{viewer} had become VIP by a mishap of ours. We took it back.",
    "vip.ended": "{viewer} is no longer VIP.",
    "vip.ended expired": "{viewer}’s time is up. We took the VIP back.",
    "vip.ended removed_by_hand": "{viewer} is no longer VIP: it was removed by hand on Twitch.",
    "vip.ended became_moderator": "{viewer} became a moderator, so the time as VIP is over.",
    "vip.ended redemption_cancelled": "{viewer}’s redemption was cancelled on Twitch, so we took the VIP back.",
    "vip.ended revoked": "{actor} ended {viewer}’s time as VIP.",
    "vip.ended viewer_gone": "{viewer}’s account is gone from Twitch, so the time as VIP is over.",
    "redemption.cancelled": "{viewer}’s redemption was cancelled on Twitch.",
    "redemption.alarm": "We could not settle {viewer}’s redemption. Look at it in your Twitch reward queue.",
    "redemption.alarm foreign_reward":
      "This reward was not made by Cuelight, so only you can refund {viewer}. Do it in your Twitch reward queue.",
    "redemption.alarm fulfilled_by_others":
      "{viewer} could not become VIP, but the redemption was completed on Twitch. We cannot give {points} back.",
    "redemption.alarm vanished": "Twitch no longer knows {viewer}’s redemption. We could not give {points} back.",
    "vip.refunded": "{viewer} could not become VIP. We gave {points} back.",
    "vip.refunded slots_full": "Your VIP slots are full. We gave {points} back to {viewer}.",
    "vip.refunded moderator": "{viewer} is a moderator and cannot be VIP too. We gave {points} back.",
    "vip.refunded blocked": "{viewer} is blocked on your channel and cannot be VIP. We gave {points} back.",
    "vip.refunded not_unlocked":
      "Twitch has not unlocked VIPs for your channel yet. We gave {points} back to {viewer}.",
    "vip.refunded vip_by_hand": "{viewer} is VIP already, given by hand. We gave {points} back.",
    "vip.refunded broadcaster": "You redeemed your own reward. We gave {points} back.",
    "vip.refunded viewer_gone": "{viewer}’s account is gone from Twitch. We gave {points} back.",
    "vip.refunded broken": "We failed to make {viewer} VIP, which is our fault. We gave {points} back.",
    "channel.monitoring": "The connection to Twitch changed.",
    "channel.monitoring live": "We are connected to Twitch and see every redemption.",
    "channel.monitoring connecting": "We are connecting to Twitch. Redemptions made meanwhile are found afterwards.",
    "channel.monitoring needs_login": "Twitch no longer lets us in. Log in again, then we catch up.",
    "channel.monitoring stopped": "We stopped listening to this channel.",
    unknown: "Something new happened: {action}.",
  },

  stream_connecting: "Connecting",
  stream_connecting_text: "We are fetching who is VIP.",
  stream_retrying: "Stand by",
  stream_retrying_text: "The line to Cuelight dropped and is being dialled again. Nothing is lost; times go on counting.",
  stream_lost: "Connection lost",
  stream_lost_text: "What you see is from {time}. We try again in {wait}. Check that Cuelight runs, or try now.",
  stream_lost_trying: "What you see is from {time}. We keep trying. Check that Cuelight runs, or try now.",
  try_now: "Try now",
  channel_live: "Live",
  channel_live_text: "Connected to Twitch since {time}.",
  channel_connecting: "Stand by",
  channel_connecting_text: "We are connecting to Twitch. Redemptions made meanwhile are found afterwards.",
  channel_needs_login: "Needs to log in again",
  channel_needs_login_text: "Twitch no longer lets us in. Log in again, then we find what happened meanwhile.",
  channel_stopped: "Stopped",
  channel_stopped_text: "We do not listen to this channel now. VIPs still end on time.",
  last_event: "last event {time}",
  no_event: "no event yet",

  signin_heading: "Sign in to see who is VIP",
  signin_text: "Channel points become timed VIPs, and nothing is lost. Sign in, and your channels are here.",
  signin_dev: "Enter the demo",
  signin_dev_note: "This demo runs on your computer alone, with a simulated Twitch. No account is needed.",
  signin_twitch: "Sign in with Twitch",
  signin_none: "Sign-in is not set up here. Run “make demo” to look around without an account.",
  signin_busy: "Signing in",
  signin_failed: "That did not work. Cuelight answered {status}. Try again, or look at its log.",
  signin_unreachable: "Cuelight does not answer. Check that it runs, then try again.",
  signin_lost: "Your session ended. Sign in again; nothing was lost meanwhile.",

  unreachable_heading: "Cuelight does not answer",
  unreachable_text: "This page is here, the program behind it is not. Check that it runs. We try again in {wait}.",
  nochannel_heading: "No channel here yet",
  nochannel_text: "You are signed in as {name}, but no channel is connected. Connect one, then look again.",
  look_again: "Look again",
  page_title: "{n} VIP · {channel} · Cuelight",
  heard: "{granted} granted, {refunded} refunded, {ended} ended.",
  heard_now: { one: "{n} viewer is VIP now.", other: "{n} viewers are VIP now." },
};

const languages = { en };
const wanted = navigator.languages?.map((each) => each.split("-")[0]) ?? [];
export const language = wanted.find((each) => Object.hasOwn(languages, each)) ?? "en";
const table = languages[language];
const plural = new Intl.PluralRules(language);
const figures = new Intl.NumberFormat(language);

const put = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));

/** The words for `key`, with `values` put in; `values.n` chooses the plural. */
export function say(key, values = {}) {
  const found = table[key] ?? en[key] ?? key;
  if (typeof found === "string") return put(found, values);
  return put(found[plural.select(values.n)] ?? found.other, { ...values, n: figures.format(values.n) });
}

/** The unfilled sentence or word of a group ("deed", "word") for the first of `keys` that is known, or null. */
export function pick(group, ...keys) {
  for (const key of keys) {
    if (Object.hasOwn(table[group], key)) return table[group][key];
    if (Object.hasOwn(en[group], key)) return en[group][key];
  }
  return null;
}

const UNITS = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];

/** A span of seconds in its two largest units: "20 s", "1 min 30 s", "2 d 4 h". */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([, size]) => whole >= size);
  if (first === -1) return say("s", { n: 0 });
  const [unit, size] = UNITS[first];
  const parts = [say(unit, { n: Math.floor(whole / size) })];
  const next = UNITS[first + 1];
  const rest = next ? Math.floor((whole % size) / next[1]) : 0;
  if (rest > 0) parts.push(say(next[0], { n: rest }));
  return parts.join(" ");
}

/** What is left of `ms`, rounded up, so that "1 s left" is true until the end. */
export const left = (ms) => say("left", { time: span(Math.ceil(ms / 1000)) });

/** How long ago, in one unit. */
export function ago(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 2) return say("just_now");
  const [unit, size] = UNITS.find(([, each]) => seconds >= each);
  return say("ago", { time: say(unit, { n: Math.floor(seconds / size) }) });
}

const exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" });
const hour = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export const fullTime = (ms) => exact.format(ms);
/** "14:02:33" within a day of `now`, else "3 Mar, 14:02". */
export const clockTime = (ms, now) => (Math.abs(ms - now) < 86_400_000 ? hour : day).format(ms);

/** Put the words into a document: data-word → text, data-label → accessible name, data-hint → placeholder. */
export function label(root) {
  document.documentElement.lang = language;
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = say(node.dataset.word);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const node of root.querySelectorAll("[data-hint]")) node.setAttribute("placeholder", say(node.dataset.hint));
}
