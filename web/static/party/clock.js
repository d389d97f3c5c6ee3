// The room's time, told from a clock of one's own that is wrong by an unknown offset and runs a little fast or slow.
//
// A probe has four stamps: sent and received on our clock, arrived and answered on the room's. The true offset lies within
// half the delay of the probe, whatever the network did, and moves by at most PPM of the time since. So each kept probe is
// an interval that holds the truth, and so is what they have in common. The estimate is a line through the quickest probes,
// or the best probe while there are too few, kept where it cannot be wrong by more than the best probe's bound.
//
// Units: our clock in seconds (monotonic), the room's in microseconds, offsets (room minus ours) in seconds.
// The same machine in Python, with its proofs: simulators/players/offset.py. A test feeds both and compares.
// Sources: RFC 5905 sections 8 and 10 (four stamps, least delay, dispersion that grows with age).

const KEPT = 64;
/** What a clock is taken to be off by, in seconds per second. */
const PPM = 100e-6;
const STEEPEST = 200e-6;
/** How much the speed of a clock changes with the warmth of a room, about. */
const WANDERS = 2e-6;
const STAMP_SECONDS = 1e-6;
/** A line needs so many quick probes over so long. */
const QUICK = 6;
const QUICK_SECONDS = 60;
/** Seconds per second: while a film plays, its clock must not jump. */
const SLEW = 0.005;
const STEP_SECONDS = 0.1;
const SUSPENDED_SECONDS = 2;
const BURST = 8;
const BURST_SECONDS = [0.1, 0.25];
const HURRY = 4;
const HURRY_SECONDS = 1;
const CALM_SECONDS = [8, 12];

/** @typedef {{sent: number, received: number, offset: number, delay: number}} Probe `offset` is relative to an origin. */

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const middleOf = (probe) => (probe.sent + probe.received) / 2;
const sum = (numbers) => numbers.reduce((total, each) => total + each, 0);

/** The quickest quarter, but as many as a line needs; of equals the newest. */
function quickest(probes) {
  const sorted = [...probes].sort((one, other) => one.delay - other.delay || other.received - one.received);
  return sorted.slice(0, Math.max(QUICK, Math.floor(probes.length / 4)));
}

/** Least squares: an instant, the offset there and its slope; null if the probes are too few or too close. */
function fit(probes) {
  if (probes.length < QUICK) return null;
  const times = probes.map(middleOf);
  if (Math.max(...times) - Math.min(...times) < QUICK_SECONDS) return null;
  const middle = sum(times) / times.length;
  const value = sum(probes.map((probe) => probe.offset)) / probes.length;
  const across = sum(probes.map((probe, n) => (times[n] - middle) * (probe.offset - value)));
  const slope = across / sum(times.map((at) => (at - middle) ** 2));
  return { middle, value, slope: clamp(slope, -STEEPEST, STEEPEST) };
}

/** Samples in, room time out. Instants are handed in and do not go back. */
export class RoomClock {
  #resolution;
  /** @type {Probe[]} */
  #probes = [];
  #clockId = null;
  #origin = 0;
  #taken = 0;
  #beat = null;
  #woke = -Infinity;
  // The estimate since the last probe: a line from (at, value), within [floor, ceiling]; `behind` is how far the offset in
  // use was from it then.
  #at = 0;
  #value = 0;
  #slope = 0;
  #behind = 0;
  #floor = 0;
  #ceiling = 0;
  #slowest = -PPM;
  #fastest = PPM;
  /** @type {Probe | null} */
  #best = null;

  /** @param {{resolution?: number}} [given] `resolution` (s) of our clock, which makes each probe so much less certain. */
  constructor({ resolution = 0 } = {}) {
    this.#resolution = resolution;
  }

  /** Whether there was a probe at all. */
  get ready() {
    return this.#best !== null;
  }

  /** Which clock of the room the probes were of. */
  get clockId() {
    return this.#clockId;
  }

  /** Seconds that the best probe was under way, both ways together; null before the first. */
  get delay() {
    return this.#best?.delay ?? null;
  }

  /** To be called several times a second. True after a suspension, across which no probe counts. */
  beat(local) {
    const slept = this.#beat !== null && local - this.#beat > SUSPENDED_SECONDS;
    this.#beat = local;
    if (slept) this.#woke = local;
    return slept;
  }

  /**
   * Take in a probe; false if it is worth nothing: a negative delay, or asleep on the way.
   * @param {{sent: number, arrived: number, answered: number, received: number, clockId: string}} stamps
   */
  add({ sent, arrived, answered, received, clockId }) {
    const delay = received - sent - (answered - arrived) / 1e6;
    if (received < sent || answered < arrived || delay < -this.#resolution - STAMP_SECONDS) return false;
    if (sent < this.#woke && this.#woke <= received) return false;
    if (this.#beat !== null && sent <= this.#beat && received - this.#beat > SUSPENDED_SECONDS) return false;
    const anew = clockId !== this.#clockId;
    if (anew) {
      this.#probes = [];
      this.#clockId = clockId;
      this.#origin = arrived;
      this.#taken = 0;
    }
    const before = anew ? 0 : this.offset(received);
    const middle = (arrived - this.#origin + (answered - this.#origin)) / 2e6;
    const probe = { sent, received, offset: middle - (sent + received) / 2, delay: Math.max(0, delay) };
    // Our clock stood still or jumped: what was measured before it is of another clock.
    if (this.#probes.some((other) => this.#contradict(probe, other))) this.#probes = [];
    this.#probes.push(probe);
    if (this.#probes.length > KEPT) this.#probes.shift();
    this.#taken += 1;
    this.#estimate(received);
    // Nobody plays by the clock of the first moments, so there it may jump.
    const behind = before - this.estimate(received);
    this.#behind = this.#taken <= BURST || Math.abs(behind) > STEP_SECONDS ? 0 : behind;
    return true;
  }

  /** What is known best (s): never wrong by more than the best probe's `RTT/2 + age * PPM` (and the resolution). */
  estimate(local) {
    const passed = local - this.#at;
    const floor = this.#floor - (PPM - this.#fastest) * passed;
    const ceiling = this.#ceiling + (PPM + this.#slowest) * passed;
    return Math.min(Math.max(this.#value + this.#slope * passed, floor), ceiling);
  }

  /** The offset in use (s), which follows the estimate without jumps. */
  offset(local) {
    const left = Math.max(0, Math.abs(this.#behind) - SLEW * Math.max(0, local - this.#at));
    return this.estimate(local) + (this.#behind < 0 ? -left : left);
  }

  /** Microseconds of room time. Throws before the first probe. */
  room(local) {
    if (this.#best === null) throw new Error("the room's clock has not been asked yet");
    return this.#origin + Math.round((local + this.offset(local)) * 1e6);
  }

  /** When our clock (s) will show, or showed, an instant of the room, by the offset in use at `near`. */
  local(room, near) {
    return (room - this.#origin) / 1e6 - this.offset(near);
  }

  /** Seconds by which `room` may be wrong: half the best delay, its age, and what is still being slewed. */
  bound(local) {
    if (this.#best === null) return Infinity;
    return this.#wide(this.#best, local, PPM) + Math.abs(this.offset(local) - this.estimate(local));
  }

  #wide(probe, local, ppm) {
    return probe.delay / 2 + this.#resolution + Math.max(0, local - probe.sent) * ppm;
  }

  #contradict(probe, old) {
    const apart = this.#wide(old, probe.received, STEEPEST) + this.#wide(probe, probe.received, STEEPEST);
    return Math.abs(probe.offset - old.offset) > apart;
  }

  #estimate(now) {
    const score = (probe) => probe.delay / 2 + (now - probe.sent) * PPM;
    const best = this.#probes.reduce((one, other) => (score(other) < score(one) ? other : one));
    const bound = this.#wide(best, now, PPM);
    const line = fit(quickest(this.#probes));
    [this.#slowest, this.#fastest] = line === null ? [-PPM, PPM] : this.#speeds();
    let low = -Infinity;
    let high = Infinity;
    for (const probe of this.#probes) {
      const age = now - probe.received;
      const wide = this.#wide(probe, probe.received, PPM);
      low = Math.max(low, probe.offset - wide + this.#slowest * age);
      high = Math.min(high, probe.offset + wide + this.#fastest * age);
    }
    // The truth is in [low, high]: from anywhere in [high - bound, low + bound] it is at most `bound` away. A clock worse
    // than PPM can leave no such place.
    [this.#floor, this.#ceiling] = low <= high ? [high - bound, low + bound] : [-Infinity, Infinity];
    this.#best = best;
    this.#at = now;
    this.#value = line === null ? best.offset : line.value + line.slope * (now - line.middle);
    this.#slope = line === null ? 0 : line.slope;
  }

  /** The least and the greatest speed at which the offset can move, if it moves evenly, whatever the delays. */
  #speeds() {
    let least = -PPM;
    let most = PPM;
    const half = Math.floor(this.#probes.length / 2);
    for (const early of quickest(this.#probes.slice(0, half))) {
      for (const late of quickest(this.#probes.slice(half))) {
        const passed = late.received - early.received;
        const moved = late.offset - early.offset;
        const slack = this.#wide(early, early.received, PPM) + this.#wide(late, late.received, PPM);
        if (passed > 0) {
          least = Math.max(least, (moved - slack) / passed);
          most = Math.min(most, (moved + slack) / passed);
        }
      }
    }
    if (least > most) return [-PPM, PPM]; // it does not move evenly
    return [Math.max(least - WANDERS, -PPM), Math.min(most + WANDERS, PPM)];
  }
}

/** When to ask: a burst at first, then now and then, and soon again after a change. `chance` gives 0 to 1. */
export class Probing {
  #chance;
  #left = BURST;

  /** @param {() => number} chance @param {number} now our clock (s) */
  constructor(chance, now) {
    this.#chance = chance;
    this.due = now;
  }

  /** A probe was sent: the next one is due later. */
  asked(now) {
    this.#left = Math.max(0, this.#left - 1);
    const [low, high] = this.#left ? BURST_SECONDS : CALM_SECONDS;
    this.due = now + low + (high - low) * this.#chance();
  }

  /** The machine woke, the tab came to the front, the network or the room's clock changed. */
  hurry(now, after = HURRY_SECONDS) {
    this.#left = Math.max(this.#left, HURRY);
    this.due = Math.min(this.due, now + after);
  }
}
