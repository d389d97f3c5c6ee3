// The overlay: the newest VIP and who is next to leave. It asks for nothing but its stream, and shows names as text.
import { span, wordsOf } from "./words.js";

const AGAIN_MS = 30_000; // after an answer that ended the stream for good
const SOON_MS = 60_000;
const CHOICES = {
  theme: ["dark", "light", "clear"],
  size: ["medium", "small", "large"],
  position: ["bottom-left", "bottom-right", "bottom-center", "top-left", "top-right", "top-center"],
};

const query = new URLSearchParams(location.search);
const root = document.documentElement;
for (const [name, known] of Object.entries(CHOICES)) root.dataset[name] = known.includes(query.get(name)) ? query.get(name) : known[0];
const shown = new Set((query.get("show") || "latest,next").split(","));

const $ = (id) => document.getElementById(id);
const part = (card, name) => card.querySelector(`.${name}`);
const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

let view = null;
let offset = 0;
let words = wordsOf("en");
const now = () => Date.now() + offset;

/** A card moves in when it is about somebody else, and not when the page has only just begun. */
function put(card, about, key) {
  const is = about !== null && shown.has(card.id);
  if (is) {
    setText(part(card, "label"), words[card.id]);
    setText(part(card, "name"), about.name);
    if (card.dataset.key !== key) {
      const moves = card.dataset.key !== undefined || card.dataset.begun === "true";
      card.dataset.key = key;
      card.classList.remove("arrived");
      if (moves) {
        card.getBoundingClientRect(); // so that the motion begins anew
        card.classList.add("arrived");
      }
    }
  } else {
    delete card.dataset.key;
  }
  card.dataset.begun = "true";
  card.hidden = !is;
}

function count() {
  const next = view?.next;
  if (!next) return;
  const left = next.ends_at - now();
  const card = $("next");
  setText(part(card, "left"), span(left, words.units));
  card.classList.toggle("soon", left <= SOON_MS);
  if (left <= 0) card.hidden = true; // until we hear who is the next
}

function show(told) {
  view = told;
  offset = told.now - Date.now();
  words = wordsOf(told.language);
  root.lang = told.language || "en";
  $("trouble").hidden = true;
  put($("latest"), told.latest ?? null, told.latest ? `${told.latest.name} ${told.latest.since}` : "");
  put($("next"), told.next ?? null, told.next ? told.next.name : "");
  count();
}

/** Nothing about us on a stream that runs; but who has just put the address in is told what is wrong with it. */
function gone() {
  if (view === null) {
    words = wordsOf((navigator.language || "en").slice(0, 2));
    setText($("trouble"), words.stale);
    $("trouble").hidden = false;
  }
  for (const id of ["latest", "next"]) $(id).hidden = true;
}

function listen() {
  const source = new EventSource(`/api/overlay/stream?key=${encodeURIComponent(query.get("key") || "-")}`);
  source.addEventListener("view", (event) => show(JSON.parse(event.data)));
  source.addEventListener("gone", () => {
    source.close();
    gone();
  });
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    gone();
    setTimeout(listen, AGAIN_MS);
  });
}

listen();
setInterval(count, 250);
