// One channel's server-sent events. The browser resumes a dropped stream by itself (with Last-Event-ID);
// a stream that ended for good is rebuilt here, later each time, and never by all pages at the same moment.
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** A stream that has not opened again within this time is reported as lost, and rebuilt. */
const PATIENCE_MS = 10_000;
const KINDS = ["reset", "vip", "activity", "channel"];

/**
 * Follow `channelId` until `close()`. `onEntry(kind, body)` gets each event, `onState(state)` each change:
 * {name: "connecting" | "open" | "retrying" | "lost", since, retryAt?} (local ms). `allowed()` is asked
 * before a rebuild and ends the stream by answering false (signed out).
 */
export function follow({ channelId, onEntry, onState, allowed }) {
  let source = null;
  let timer = null;
  let failures = 0;
  let closed = false;
  let state = null;

  const become = (name, more = {}) => {
    const since = state?.name === name ? state.since : Date.now();
    state = { name, since, ...more };
    onState(state);
  };

  function open() {
    clearTimeout(timer);
    source?.close();
    const mine = new EventSource(`/api/ws?channel=${encodeURIComponent(channelId)}`);
    source = mine;
    timer = setTimeout(() => rebuildLater(mine), PATIENCE_MS);
    mine.onopen = () => {
      if (source !== mine) return;
      clearTimeout(timer);
      failures = 0;
      become("open");
    };
    mine.onerror = () => {
      if (source !== mine) return;
      if (mine.readyState === EventSource.CLOSED) {
        rebuildLater(mine);
        return;
      }
      if (state?.name !== "open") return;
      become("retrying");
      clearTimeout(timer);
      timer = setTimeout(() => rebuildLater(mine), PATIENCE_MS);
    };
    for (const kind of KINDS) {
      mine.addEventListener(kind, (event) => {
        if (source !== mine) return;
        let body = null;
        try {
          body = JSON.parse(event.data);
        } catch {
          rebuildLater(mine); // a torn entry: the next snapshot puts it right
          return;
        }
        onEntry(kind, body);
      });
    }
  }

  function rebuildLater(ended) {
    if (closed || source !== ended) return;
    ended.close();
    source = null;
    clearTimeout(timer);
    const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
    const wait = ceiling / 2 + Math.random() * (ceiling / 2);
    failures += 1;
    become(failures === 1 ? "retrying" : "lost", { retryAt: Date.now() + wait });
    timer = setTimeout(rebuild, wait);
  }

  async function rebuild() {
    clearTimeout(timer);
    if (closed) return;
    if (!(await allowed())) {
      close();
      return;
    }
    if (closed || source) return;
    if (state) become(state.name);
    open();
  }

  function close() {
    closed = true;
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  /** Do not wait any longer. */
  function now() {
    if (closed) return;
    source?.close();
    source = null;
    rebuild();
  }

  become("connecting");
  open();
  return { close, now };
}
