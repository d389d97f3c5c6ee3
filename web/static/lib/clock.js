// The server's time as this page knows it, and one timer for everything that counts.
let offset = 0;
const listeners = new Set();
let timer = null;
let lastBeat = Date.now();

const BEAT_MS = 250;
/** Browsers slow a hidden page down to a beat a minute; a longer gap means that the computer slept. */
const SLEPT_MS = 90_000;

/** Take the server's wall time (UTC ms), as a snapshot carries it. */
export function setServerTime(serverNow) {
  if (Number.isFinite(serverNow)) offset = serverNow - Date.now();
}

/** The server's wall time in UTC ms. */
export const now = () => Date.now() + offset;

/**
 * Call `beat(now)` four times a second while the page is seen, and `woke()` after the computer slept.
 * Gives a function that ends it.
 */
export function onBeat(beat, woke = () => {}) {
  const listener = { beat, woke };
  listeners.add(listener);
  timer ??= setInterval(tick, BEAT_MS);
  return () => listeners.delete(listener);
}

function tick() {
  const at = Date.now();
  const slept = at - lastBeat > SLEPT_MS;
  lastBeat = at;
  for (const each of [...listeners]) {
    if (slept) each.woke();
    if (!document.hidden) each.beat(at + offset);
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && timer !== null) tick();
});
