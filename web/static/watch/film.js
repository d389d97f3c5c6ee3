// What an address is, where the film stands, and how times are written. Nothing here touches the page.
const YOUTUBE = /^(?:https?:\/\/)?(?:(?:www\.|m\.|music\.)?youtube(?:-nocookie)?\.com\/(?:watch\?(?:[^#]*&)?v=|embed\/|shorts\/|live\/)|youtu\.be\/)([A-Za-z0-9_-]{11})(?:[?&#].*)?$/;
const EXACT = 1e6;

/** The item that an address means: {kind, url}, or null where it is none that a browser could play here. */
export function itemOf(text, base = location.href) {
  const given = text.trim();
  const id = YOUTUBE.exec(given)?.[1];
  if (id) return { kind: "youtube", url: `https://www.youtube.com/watch?v=${id}` };
  try {
    const url = new URL(given.startsWith("/") ? given : given.includes("://") ? given : `https://${given}`, base);
    const own = url.origin === new URL(base).origin;
    if ((url.protocol !== "https:" && !own) || url.username || url.password || (!own && !url.hostname.includes("."))) return null;
    return { kind: /\.m3u8$/i.test(url.pathname) ? "hls" : "video", url: own ? url.pathname + url.search : url.href };
  } catch {
    return null;
  }
}

/** What to call an item: its title, else the end of its address, else its host. */
export function titleOf(item) {
  if (!item) return "";
  if (item.title) return item.title;
  if (item.kind === "file") return item.url;
  try {
    const url = new URL(item.url, location.href);
    return decodeURIComponent(url.pathname.split("/").filter(Boolean).at(-1) ?? "").replace(/[_+]+/g, " ") || url.hostname;
  } catch {
    return item.url;
  }
}

/** Where the film is at a moment of room time (µs), in seconds; see docs/protocol.md. */
export function positionAt(state, at) {
  if (!state) return 0;
  const end = state.dur ?? Infinity;
  if (!state.playing || at <= state.ts) return state.pos;
  return Math.max(0, Math.min(end, state.pos + (state.rate * (at - state.ts)) / EXACT));
}

/** Seconds until a change that is planned takes effect; 0 when none is. */
export const startsIn = (state, at) => (state && state.ts > at ? (state.ts - at) / EXACT : 0);

/** "1:02:03", "12:03". */
export function stamp(seconds) {
  if (!Number.isFinite(seconds)) return "–:––";
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}` : `${Math.floor(whole / 60)}:${two(whole % 60)}`;
}
