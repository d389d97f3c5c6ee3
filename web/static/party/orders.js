// What a player was told to do, and how long it took: by where the film is once it moves, not by what the player announces.

/** A film that has moved for so long tells by its position what the start has cost. */
const MOVED_SECONDS = 0.2;
/** What took longer was no latency but a network. */
const LONGEST_SECONDS = 2;

export class Orders {
  #correction;
  #order = null;
  #movingSince = null;

  /** @param {import("./correction.js").Correction} correction learns `start` and `seek`. */
  constructor(correction) {
    this.#correction = correction;
  }

  /** Whether an order is still being carried out. */
  get pending() {
    return this.#order !== null && this.#movingSince === null;
  }

  get seeking() {
    return this.pending && this.#order.what === "seek";
  }

  /** `what` ("start" or "seek") was ordered at `t` (s); the film goes on from `from` at `rate`. */
  given(order) {
    this.#order = order;
    this.#movingSince = null;
  }

  forget() {
    this.#order = null;
  }

  /** A look at the player: learn, if the order is carried out. */
  learn({ t, showing, position }) {
    const order = this.#order;
    if (order === null) return;
    if (showing !== "playing") {
      if (this.#movingSince !== null || showing === "paused") this.#order = null; // it moved and stopped again: that tells nothing
      return;
    }
    this.#movingSince ??= t;
    if (t - this.#movingSince < MOVED_SECONDS) return;
    this.#order = null;
    const took = t - order.t - (position - order.from) / order.rate;
    if (took < LONGEST_SECONDS) this.#correction[order.what].took(took);
  }
}
