// One stream per channel for everybody who wants it. In the shared worker "everybody" are the tabs of a browser.
import { apply, blank, snapshotOf } from "./picture.js";
import { follow } from "./stream.js";

/** How long a stream outlives its last reader: a reload comes back within that. */
const GRACE_MS = 4_000;

/** A tab that signs in again gets a new session; the server ends the old one before the new cookie is here. */
const SECOND_LOOK_MS = 1_000;

async function signedIn() {
  try {
    const answer = await fetch("/api/auth/session", { headers: { Accept: "application/json" }, cache: "no-store" });
    return !answer.ok || (await answer.json()).signed_in === true;
  } catch {
    return true; // nobody answers: the stream's own tries go on
  }
}

async function sessionAllows() {
  if (await signedIn()) return true;
  await new Promise((then) => setTimeout(then, SECOND_LOOK_MS));
  return signedIn();
}

export function hub() {
  const lines = new Map(); // channel id → {picture, known, state, readers, stream, timer}
  const readers = new Set();

  function signedOut() {
    for (const line of lines.values()) line.stream.close();
    lines.clear();
    for (const reader of readers) {
      reader.line = null;
      reader.tell({ do: "auth" });
    }
  }

  function open(channelId) {
    const line = { picture: blank(), known: false, state: null, readers: new Set(), stream: null, timer: null };
    const all = (message) => line.readers.forEach((reader) => reader.tell(message));
    lines.set(channelId, line);
    line.stream = follow({
      channelId,
      onEntry(kind, body) {
        if (kind === "reset") line.known = true;
        if (apply(line.picture, kind, body)) all({ do: "entry", channel: channelId, kind, body });
      },
      onState(state) {
        line.state = state;
        all({ do: "state", channel: channelId, state });
      },
      async allowed() {
        const may = await sessionAllows();
        if (!may) signedOut();
        return may;
      },
    });
    return line;
  }

  function drop(reader) {
    const line = reader.line;
    reader.line = null;
    if (!line) return;
    line.readers.delete(reader);
    if (line.readers.size > 0) return;
    line.timer = setTimeout(() => {
      line.stream.close();
      for (const [id, each] of lines) if (each === line) lines.delete(id);
    }, GRACE_MS);
  }

  return {
    signedOut,
    /** A reader: `tell(message)` gets {do: "state" | "entry" | "auth", channel, …}. */
    connect(tell) {
      const reader = { tell, line: null };
      readers.add(reader);
      return {
        follow(channelId) {
          drop(reader);
          const line = lines.get(channelId) ?? open(channelId);
          clearTimeout(line.timer);
          line.readers.add(reader);
          reader.line = line;
          tell({ do: "state", channel: channelId, state: line.state });
          if (line.known) tell({ do: "entry", channel: channelId, kind: "reset", body: snapshotOf(line.picture) });
        },
        retry: () => reader.line?.stream.retry(),
        leave() {
          drop(reader);
          readers.delete(reader);
        },
      };
    },
  };
}
