// One channel's server-sent events. The browser resumes a dropped stream by itself (with Last-Event-ID);
// a stream that ended for good is rebuilt here, later each time, and never by all browsers at the same moment.
// Runs in the shared worker, or in the page where there is none: it touches neither window nor document.
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** The server may ask for 15 s before the next try; a stream that stays away for longer is rebuilt. */
const PATIENCE_MS = 20_000;
const KINDS = ["reset", "vip", "activity", "channel", "waiting", "settings"];

/**
 * Follow `channelId` until `close()`. `onEntry(kind, body)` gets each event, `onState(state)` each change:
 * {name: "connecting" | "open" | "retrying" | "lost", since, retryAt?} (this computer's ms). `allowed()` is asked
 * before a rebuild, and when the server says that the session ended; answering false ends the stream.
 */
export function follow({ channelId, onEntry, onState, allowed }) {
  let source = null;
  let timer = null;
  let failures = 0;
  let closed = false;
  let state = null;
  let lastId = "";

  function become(name, more = {}) {
    const since = state?.name === name ? state.since : Date.now();
    state = { name, since, ...more };
    onState(state);
  }

  function open() {
    const query = new URLSearchParams({ channel: channelId });
    if (lastId) query.set("last_event_id", lastId);
    const mine = new EventSource(`/api/ws?${query}`);
    source = mine;
    wait(PATIENCE_MS, () => rebuildLater(mine));
    mine.onopen = () => {
      if (source !== mine) return;
      clearTimeout(timer);
      failures = 0;
      become("open");
    };
    mine.onerror = () => {
      if (source !== mine) return;
      if (mine.readyState === EventSource.CLOSED) rebuildLater(mine);
      else if (state.name === "open") {
        become("retrying");
        wait(PATIENCE_MS, () => rebuildLater(mine));
      } else become("lost"); // a second try failed too; the browser goes on trying
    };
    mine.addEventListener("auth", () => source === mine && rebuild());
    for (const kind of KINDS) mine.addEventListener(kind, (event) => source === mine && take(kind, event));
  }

  function take(kind, event) {
    let body = null;
    try {
      body = JSON.parse(event.data);
    } catch {
      lastId = ""; // a torn entry: the next snapshot puts it right
      rebuildLater(source);
      return;
    }
    lastId = event.lastEventId;
    onEntry(kind, body);
  }

  function wait(ms, then) {
    clearTimeout(timer);
    timer = setTimeout(then, ms);
  }

  function drop() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  function rebuildLater(ended) {
    if (closed || source !== ended) return;
    drop();
    const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
    const pause = ceiling / 2 + Math.random() * (ceiling / 2);
    failures += 1;
    become(failures === 1 ? "retrying" : "lost", { retryAt: Date.now() + pause });
    wait(pause, rebuild);
  }

  async function rebuild() {
    drop();
    const may = await allowed();
    if (closed || source) return;
    if (!may) {
      close();
      return;
    }
    become(state.name === "open" ? "retrying" : state.name);
    open();
  }

  function close() {
    closed = true;
    drop();
  }

  become("connecting");
  open();
  return { close, /** Do not wait any longer. */ retry: () => closed || rebuild() };
}
