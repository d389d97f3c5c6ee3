// Keeps one player on the timeline of the room: by rates nobody notices, and by a seek where that would take too long.
//
// A pure machine. Four times a second it is shown where the player is and where it should be, and answers what to do. What
// it has learned, how long this player takes to start and to seek, makes the next start and seek land where they should.
//
// The error is the player's position minus the timeline's, in seconds: positive is ahead. Errors are judged by the median
// of three, each carried forward by what the rate has done since, so that a noisy report or an old one starts nothing.
// The same machine in Python, with its proofs: simulators/players/correction.py. A test feeds both and compares.

export const LOOK_SECONDS = 0.25;
const LEARNED = 5;
/** What a player takes before it was ever measured (s). */
const FIRST_START = 0.12;
const FIRST_SEEK = 0.18;

/**
 * Errors and times in seconds, rates as shares of the room's rate. An error below `dead` is left alone; above it the rate
 * changes by `gain` times the error per second, at most `gentle` (`firm` from `wide` on), until it is below `done`. From
 * `seek` on the player seeks; one that can only skip, from `wide` on. `music` forbids `firm`: what is wide is sought at once.
 * A player settles after each start, but for errors beyond `plain` that are seen twice; and what a stall has left behind beyond `wide` is sought at once.
 */
export const REMOTE = Object.freeze({
  dead: 0.02, done: 0.004, plain: 0.1, wide: 0.15, seek: 0.5, paused: 0.05, gain: 1, gentle: 0.05, firm: 0.1, music: false,
  settle: 0.5, coolDown: 4, seeks: 3, seeksWithin: 30, hold: 15,
});
/** For viewers who hear each other's speakers. */
export const SAME_ROOM = Object.freeze({ ...REMOTE, dead: 0.01, done: 0.003 });

function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** To the nearest whole number, halves to the even one, as the other machine does. */
function nearest(number) {
  const up = Math.round(number);
  return up - number === 0.5 && up % 2 ? up - 1 : up;
}

/** How long something takes with this player: the median of the last five. */
class Learned {
  #first;
  #taken = [];

  constructor(first) {
    this.#first = first;
  }

  took(seconds) {
    this.#taken.push(Math.max(0, seconds));
    if (this.#taken.length > LEARNED) this.#taken.shift();
  }

  get seconds() {
    return this.#taken.length ? median(this.#taken) : this.#first;
  }
}

/**
 * @typedef {{now: number, showing: "playing" | "paused" | "waiting", position: number, target: number, plays: boolean,
 *   rate: number, free: boolean}} Look One look: our clock (s), the player's position and the timeline's (s), whether the
 *   timeline plays, its rate, and whether the player may be touched (not in a hidden tab, in an advertisement, at a live edge).
 * @typedef {{do: "rate", rate: number} | {do: "seek", position: number} | {do: "hold", seconds: number}} Action
 *   `rate`: play at so many film seconds per second. `hold`: too many seeks, nothing more for so long.
 */

/** The loop of one player. */
export class Correction {
  #tuning;
  #skips;
  #step;
  #errors = [];
  #factor = 1;
  #looked = 0;
  #roomRate = 1;
  #playingSince = null;
  #stalled = false; // it stood still by itself, and has not been looked at since
  #notBefore = -Infinity;
  #seeks = [];

  /**
   * `step` is the smallest change of rate that the player can do; one that is coarser than what is allowed makes it a player
   * that can only skip.
   */
  constructor({ tuning = REMOTE, step = 0 } = {}) {
    this.#tuning = tuning;
    this.#skips = step > tuning.gentle;
    this.#step = step;
    this.start = new Learned(FIRST_START);
    this.seek = new Learned(FIRST_SEEK);
  }

  /** The share of the room's rate that is played now: 1 is untouched. */
  get factor() {
    return this.#factor;
  }

  /** A player that stands so close to where it should start (s) is not moved first. */
  get near() {
    return this.#tuning.paused;
  }

  /** The error as it is judged (s), or null while there is none to judge. */
  get error() {
    return this.#errors.length ? median(this.#errors) : null;
  }

  /** The timeline was changed on purpose: old errors mean nothing, and the cool-down of a seek was about another place. The bound on seeks stays. */
  changed() {
    this.#errors = [];
    this.#playingSince = null;
    this.#stalled = false;
    if (this.#seeks.length < this.#tuning.seeks) this.#notBefore = -Infinity;
  }

  /** What to do now; often nothing. @param {Look} look @returns {Action[]} */
  look(look) {
    if (look.showing === "waiting" || !look.free) return this.#letBe(look);
    if (!look.plays || look.showing === "paused") return this.#standing(look);
    this.#playingSince ??= look.now;
    if (this.#stalled) {
      // The picture has just stood still, so a jump is noticed least, and a nudge would take seconds.
      this.#stalled = false;
      if (Math.abs(look.position - look.target) > this.#tuning.wide) {
        const sought = this.#sought(look, look.target + this.seek.seconds * look.rate);
        if (sought.some((action) => action.do === "seek")) return sought;
      }
    }
    this.#note(look);
    if (look.now - this.#playingSince < this.#tuning.settle || this.#errors.length < 3) {
      const least = this.#errors.reduce((one, other) => (Math.abs(other) < Math.abs(one) ? other : one));
      const sure = this.#errors.length > 1 && Math.abs(least) > this.#tuning.plain;
      return this.#at(sure ? this.#wanted(least) : 1, look);
    }
    const error = median(this.#errors);
    if (this.#wantsSeek(Math.abs(error))) {
      const sought = this.#sought(look, look.target + this.seek.seconds * look.rate);
      if (sought.some((action) => action.do === "seek")) return sought;
      return [...sought, ...this.#at(this.#wanted(error), look)]; // as well as it goes meanwhile
    }
    return this.#at(this.#wanted(error), look);
  }

  #letBe(look) {
    this.#stalled ||= look.showing === "waiting" && this.#playingSince !== null;
    this.#errors = [];
    this.#playingSince = null;
    return this.#at(1, look);
  }

  #standing(look) {
    const actions = this.#letBe(look);
    this.#stalled = false;
    if (!look.plays && Math.abs(look.position - look.target) > this.#tuning.paused) actions.push(...this.#sought(look, look.target));
    return actions;
  }

  #note(look) {
    const moved = this.#errors.length ? (this.#factor - 1) * this.#roomRate * (look.now - this.#looked) : 0;
    this.#errors = [...this.#errors.map((error) => error + moved), look.position - look.target].slice(-3);
    this.#looked = look.now;
    this.#roomRate = look.rate;
  }

  #wantsSeek(error) {
    return error > (this.#skips || this.#tuning.music ? this.#tuning.wide : this.#tuning.seek);
  }

  /** The factor for an error. */
  #wanted(error) {
    const tuning = this.#tuning;
    const size = Math.abs(error);
    const rests = this.#factor === 1;
    if (this.#skips || size < (rests ? tuning.dead : tuning.done)) return 1;
    // Past the mark: this nudge is over, and a new one begins beyond the dead zone only.
    if (!rests && this.#factor < 1 !== error > 0) return 1;
    const most = size > tuning.wide && !tuning.music ? tuning.firm : tuning.gentle;
    let change = Math.min(most, tuning.gain * size);
    if (this.#step) change = Math.min(most, Math.max(this.#step, nearest(change / this.#step) * this.#step));
    return error > 0 ? 1 - change : 1 + change;
  }

  #at(factor, look) {
    if (factor === this.#factor) return [];
    this.#factor = factor;
    return [{ do: "rate", rate: look.rate * factor }];
  }

  #sought(look, position) {
    const tuning = this.#tuning;
    const { now } = look;
    if (now < this.#notBefore) return [];
    if (this.#seeks.length === tuning.seeks && now - this.#seeks[0] < tuning.seeksWithin) {
      this.#notBefore = now + tuning.hold;
      return [{ do: "hold", seconds: tuning.hold }];
    }
    this.#seeks = [...this.#seeks, now].slice(-tuning.seeks);
    this.#notBefore = now + tuning.coolDown;
    this.#errors = [];
    this.#playingSince = null;
    this.#stalled = false;
    return [...this.#at(1, look), { do: "seek", position }];
  }
}
