// The few pieces that every part of the library needs: who listens, what went wrong, and the numbers of a clock.

/** Listeners by name of the event. One that throws is told to the console and keeps nobody else from hearing. */
export class Emitter {
  #listeners = new Map();

  /** Hear `name`. Gives the function that ends it. @param {string} name @param {(told: any) => void} then */
  on(name, then) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(then));
    return () => listeners.delete(then);
  }

  emit(name, told) {
    for (const then of [...(this.#listeners.get(name) ?? [])]) {
      try {
        then(told);
      } catch (error) {
        console.error(error);
      }
    }
  }
}

/**
 * Why something was not done. `code` is stable (docs/protocol.md has the server's; ours are `not_connected`, `timeout`,
 * `too_large` and `closed`), `detail` and `advice` are sentences for people.
 */
export class PartyError extends Error {
  constructor({ code = "internal", detail = "", advice = "", retryable = false, retryAfterMs = 0 }) {
    super(detail || code);
    Object.assign(this, { name: "PartyError", code, detail, advice, retryable, retryAfterMs });
  }
}

/** What `now` (ms) can tell apart, in seconds: browsers make their clocks coarse, each to another degree. */
export function resolutionOf(now) {
  let least = Infinity;
  let last = now();
  for (let n = 0; n < 2_000; n += 1) {
    const next = now();
    if (next > last) least = Math.min(least, next - last);
    last = next;
  }
  return Math.min(least, 1) / 1000;
}
