// Words by page. English comes with the page; another language is fetched when it is spoken here, and what it lacks
// falls back to English. {name} is a place for a value, never for markup.
import { filled } from "./dom.js";
import en from "../words/en/shell.js";

/** Code and own name of each language that the pages speak. */
export const LANGUAGES = [["en", "English"], ["es", "Español"], ["fr", "Français"], ["pt", "Português"], ["de", "Deutsch"]];
const KEY = "cuelight.language";
const FETCHED = {
  es: () => import("../words/es.js"),
  fr: () => import("../words/fr.js"),
  pt: () => import("../words/pt.js"),
  de: () => import("../words/de.js"),
};

function stored() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return ""; // storage is blocked
  }
}

const known = (code) => LANGUAGES.some(([each]) => each === code);
const wished = (navigator.languages ?? []).map((each) => each.split("-")[0].toLowerCase());

/** What was chosen here ("" = as the browser), and the language that follows from it. */
export const chosen = known(stored()) ? stored() : "";
export const language = chosen || wished.find(known) || "en";
/** For dates and figures: the browser's own variant of the language, if it has one (en-GB rather than en). */
export const locale = (navigator.languages ?? []).find((each) => each.toLowerCase().split("-")[0] === language) ?? language;

/** Choose a language ("" = as the browser) and begin anew in it. */
export function choose(code) {
  try {
    if (code) localStorage.setItem(KEY, code);
    else localStorage.removeItem(KEY);
  } catch {
    return; // storage is blocked: there is no way to remember
  }
  location.reload();
}

const plural = new Intl.PluralRules(locale);
const figures = new Intl.NumberFormat(locale);
/** A number as people of this language write it. */
export const figure = (n) => figures.format(n);

const put = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
const scopes = new Map();

function found(table, key, values) {
  const words = Object.hasOwn(table, key) ? table[key] : undefined;
  if (words === undefined || typeof words === "string") return words;
  return words[plural.select(Number(values.n) || 0)] ?? words.other;
}

function shown(values) {
  return typeof values.n === "number" ? { ...values, n: figure(values.n) } : values;
}

/**
 * The words of one page or part, `english` being its table. Looks in its own table, then in the shell's; a key that
 * nobody has is shown as it is.
 */
export function scope(name, english) {
  if (scopes.has(name)) return scopes.get(name);
  const mine = { name, tables: [english], loaded: language === "en" };
  const search = (key, values) => {
    for (const each of mine === shell ? [mine] : [mine, shell]) {
      for (const table of each.tables) {
        const words = found(table, key, values);
        if (words !== undefined) return words;
      }
    }
    return null;
  };
  mine.say = (key, values = {}) => put(search(key, values) ?? key, shown(values));
  mine.nodes = (key, values = {}) => filled(search(key, values) ?? key, shown(values));
  mine.fill = (node, key, values = {}) => {
    node.replaceChildren(...mine.nodes(key, values));
    return node;
  };
  mine.pick = (...keys) => keys.map((key) => search(key, { n: 2 })).find((words) => words !== null) ?? null;
  scopes.set(name, mine);
  return mine;
}

let shell = null;
shell = scope("shell", en);
export const { say, nodes, fill, pick } = shell;

let loaders = null;
/** Fetch the tables of this language for every scope that is there and has none yet. Never fails: English is here. */
export async function translated() {
  const open = [...scopes.values()].filter((each) => !each.loaded);
  if (open.length === 0) return;
  try {
    loaders ??= (await FETCHED[language]()).default;
    await Promise.all(open.map(async (each) => {
      if (Object.hasOwn(loaders, each.name)) each.tables.unshift((await loaders[each.name]()).default);
      each.loaded = true;
    }));
  } catch {
    return; // English for now; the next page tries again
  }
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

const exact = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
const hour = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });

export const fullTime = (ms) => exact.format(ms);
export const dateOf = (ms) => date.format(ms);
/** "14:02:33" within a day of `now`, else "3 Mar, 14:02". */
export const clockTime = (ms, now) => (Math.abs(ms - now) < 86_400_000 ? hour : day).format(ms);

/** Put words (the shell's, or a page's `speak`) into markup: data-word → text, data-label → accessible name, data-hint → placeholder. */
export function label(root, speak = say) {
  document.documentElement.lang = language;
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = speak(node.dataset.word);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", speak(node.dataset.label));
  for (const node of root.querySelectorAll("[data-hint]")) node.setAttribute("placeholder", speak(node.dataset.hint));
}
