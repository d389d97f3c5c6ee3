// What the room is told now and then about this player: how far off it was, and what keeping together has cost.

const EACH_SECONDS = [5, 10];
/** Between two looks of a tab that was asleep nothing is known. */
const LONGEST_LOOK_SECONDS = 2;

const tenths = (number) => Math.round(number * 10) / 10;

export class Report {
  #random;
  #now;
  #looked = null;
  #stalls = 0;
  #seeks = 0;
  #offRate = 0;
  #next;

  /** @param {{random: () => number, now: () => number}} parts `now` in seconds */
  constructor({ random, now }) {
    this.#random = random;
    this.#now = now;
    this.#again();
  }

  looked({ t, plays, offRate }) {
    const passed = this.#looked === null ? 0 : t - this.#looked;
    this.#looked = plays ? t : null;
    if (plays && offRate && passed < LONGEST_LOOK_SECONDS) this.#offRate += passed;
  }

  stalled() {
    this.#stalls += 1;
  }

  sought() {
    this.#seeks += 1;
  }

  /** The data of `party:report` if one is due, counts since the last; else null. `error` in s. */
  due({ error, boundMs, rttMs }) {
    if (this.#now() < this.#next) return null;
    const told = {
      driftMs: tenths(error * 1000),
      clockErrMs: tenths(boundMs),
      rttMs: tenths(rttMs),
      oneWayMs: tenths(rttMs / 2),
      stalls: this.#stalls,
      seeks: this.#seeks,
      offRateMs: Math.round(this.#offRate * 1000),
    };
    this.#stalls = this.#seeks = this.#offRate = 0;
    this.#again();
    return told;
  }

  #again() {
    const [low, high] = EACH_SECONDS;
    this.#next = this.#now() + low + (high - low) * this.#random();
  }
}
