// The room as a viewer knows it: a fold of what the server says (docs/protocol.md). No network, no clock, no page.
//
// Messages that must be kept form a chain: each names the one before it. Those that came twice are passed over, and a missing
// one is noticed. A state comes whole, and the one with the highest revision counts, whatever overtook what.

const MOST_HISTORY = 500;
const own = (table, key) => (Object.hasOwn(table, key) ? table[key] : null);

/**
 * @typedef {{memberId: string, userName: string, role: string, isVip: boolean, isHere: boolean}} Person
 * @typedef {{itemId: string, kind: string, url: string, title: string, duration: number | null, by: string, votes: number,
 *   mine?: boolean}} Item `mine`: whether this viewer voted for it, as far as was seen.
 * @typedef {{chatId: string, from: string, userName: string, message: string, sentAt: number, isDeleted: boolean,
 *   reports?: number}} Line `sentAt` in µs of room time.
 * @typedef {{mediaId: string, pos: number, rate: number, playing: boolean, ts: number, dur: number | null, rev: number,
 *   host: string, hostEpoch: number, item: Item | null, barrier: {barrierId: string, reason: string, until: number} | null}} State
 */

/** Everything a page shows of a room. Read it, do not write it. */
export class RoomModel {
  roomId = "";
  /** The own member id. */
  self = "";
  role = "";
  isHost = false;
  isMuted = false;
  /** Until when (µs of room time); 0: for good, or not at all. */
  mutedUntil = 0;
  members = 0;
  here = 0;
  /** @type {Person[] | null} null above 50 members: ask with `party:roster`. */
  roster = null;
  settings = {};
  /** @type {State | null} */
  state = null;
  /** @type {Item[]} */
  queue = [];
  skips = { votes: 0, needed: 0, mine: false };
  /** @type {Line[]} oldest first */
  history = [];
  /** Whom the room waits for: {count, names} or null. */
  waiting = null;
  /** What the host learns of everybody's players, or null. */
  stats = null;
  epoch = "";
  /** The latest message that must be kept. */
  kept = 0;
  clockId = "";
  isClosed = false;

  /** Whether this viewer is in a room. */
  get joined() {
    return this.roomId !== "";
  }

  /** Out of the room, on purpose or not. */
  leave() {
    Object.assign(this, new RoomModel());
  }

  /** Begin from a welcome. `resumed`: go on instead; what was missed follows. Gives whether everything is new. */
  welcome(data, { resumed = false } = {}) {
    const goesOn = resumed && data.roomId === this.roomId && data.epoch === this.epoch;
    const held = goesOn ? { queue: this.queue, history: this.history, kept: this.kept, stats: this.stats } : {};
    const before = this.state;
    if (!goesOn) this.leave();
    const { roomId, self, role, isMuted, isHost, epoch, members, here, roster, settings, clockId, skips } = data;
    Object.assign(this, { roomId, self, role, isMuted, isHost, epoch, members, here, roster: roster ?? null, clockId });
    this.settings = settings ?? this.settings;
    this.skips = skips ?? this.skips;
    this.kept = data.kept;
    this.queue = [...(data.queue ?? [])];
    this.history = [...(data.history ?? [])];
    Object.assign(this, held);
    // The film may have gone on before the welcome was written: of two states the newer one counts.
    this.state = goesOn && before && before.rev > data.state.rev ? before : data.state;
    this.#settle();
    return !goesOn;
  }

  /**
   * Take the next message. Gives what came of it: "changed", "passed" (known already, or not about the room), or "gap": one
   * that must be kept is missing before this one, and nothing was taken.
   */
  take(message) {
    if (!this.joined) return "passed";
    const { seq, after, data = {} } = message;
    if (after !== undefined && after !== null) {
      if (seq <= this.kept) return "passed";
      if (after !== this.kept) return "gap";
      this.kept = seq;
    }
    if (typeof data.isHost === "boolean") this.isHost = data.isHost;
    if (data.state && (this.state === null || data.state.rev > this.state.rev)) this.state = data.state;
    own(TAKES, message.type)?.(this, data);
    this.#settle();
    return Object.hasOwn(TAKES, message.type) ? "changed" : "passed";
  }

  /** Whether a ping of the server tells of something that never came. */
  differs({ epoch, kept, rev }) {
    return this.joined && (epoch !== this.epoch || kept !== this.kept || (this.state !== null && rev !== this.state.rev));
  }

  /** @returns {Person | null} */
  person(memberId) {
    return this.roster?.find((one) => one.memberId === memberId) ?? null;
  }

  #settle() {
    if (this.state && !this.state.barrier) this.waiting = null;
    if (this.isHost) this.role = "host";
    else if (this.role === "host") this.role = "cohost"; // who hands a room over goes on helping
    if (!this.isHost) this.stats = null;
  }
}

function line(room, chatId, change) {
  room.history = room.history.map((one) => (one.chatId === chatId ? { ...one, ...change } : one));
}

function person(room, memberId, change) {
  if (room.roster) room.roster = room.roster.map((one) => (one.memberId === memberId ? { ...one, ...change } : one));
}

function item(room, itemId, change) {
  room.queue = room.queue.map((one) => (one.itemId === itemId ? { ...one, ...change } : one));
}

function move(room, itemId, place) {
  if (!Number.isInteger(place)) return; // not in the queue any more
  const moved = room.queue.filter((one) => one.itemId === itemId);
  const rest = room.queue.filter((one) => one.itemId !== itemId);
  rest.splice(place, 0, ...moved);
  room.queue = rest;
}

function drop(room, itemId) {
  room.queue = room.queue.filter((one) => one.itemId !== itemId);
}

function gone(room, memberId) {
  if (room.roster) room.roster = room.roster.filter((one) => one.memberId !== memberId);
}

const nothing = () => {};

/** What each message means, beside its state. A type without a row is of a later server, and no harm. */
const TAKES = {
  "party:play": nothing,
  "party:pause": nothing,
  "party:seek": nothing,
  "party:rate": nothing,
  "party:barrier": nothing,
  "party:media": (room, { state }) => {
    drop(room, state.mediaId);
    room.skips = { ...room.skips, votes: 0, mine: false };
  },
  "party:queue:add": (room, data) => {
    if (data.item && !room.queue.some((one) => one.itemId === data.item.itemId)) room.queue = [...room.queue, data.item];
  },
  "party:queue:vote": (room, { itemId, votes, place, by }) => {
    const before = room.queue.find((one) => one.itemId === itemId);
    if (!before) return;
    item(room, itemId, by === room.self ? { votes, mine: votes > before.votes } : { votes });
    move(room, itemId, place);
  },
  "party:queue:move": (room, { itemId, place }) => move(room, itemId, place),
  "party:queue:remove": (room, { itemId }) => drop(room, itemId),
  "party:queue:skip": (room, { votes, needed, by, wants }) => {
    room.skips = { votes, needed, mine: by === room.self ? wants !== false : room.skips.mine };
  },
  "party:chat": (room, { isHost, ...said }) => {
    if (room.history.some((one) => one.chatId === said.chatId)) return;
    room.history = [...room.history, { isDeleted: false, ...said }].slice(-MOST_HISTORY);
  },
  "party:chat:delete": (room, { chatId }) => line(room, chatId, { isDeleted: true, message: "" }),
  "party:chat:report": (room, { chatId, reports }) => line(room, chatId, { reports }),
  "party:mute": (room, { memberId, until }) => {
    if (memberId === room.self) Object.assign(room, { isMuted: true, mutedUntil: until ?? 0 });
  },
  "party:unmute": (room, { memberId }) => {
    if (memberId === room.self) Object.assign(room, { isMuted: false, mutedUntil: 0 });
  },
  "party:kick": (room, { memberId }) => gone(room, memberId),
  "party:ban": (room, { memberId }) => {
    gone(room, memberId);
    room.history = room.history.map((one) => (one.from === memberId ? { ...one, isDeleted: true, message: "" } : one));
  },
  "party:unban": nothing,
  "party:role": (room, { memberId, role }) => {
    person(room, memberId, { role });
    if (memberId === room.self) room.role = role;
  },
  "party:host": (room, { memberId, why }) => {
    for (const { memberId: id, role } of room.roster ?? []) if (role === "host") person(room, id, { role: why === "given" ? "cohost" : "member" });
    person(room, memberId, { role: "host" });
    room.isHost = memberId === room.self;
    if (!room.isHost && room.role === "host") room.role = why === "given" ? "cohost" : "member";
  },
  "party:settings": (room, { settings }) => {
    room.settings = { ...room.settings, ...settings };
  },
  "party:closed": (room) => {
    room.isClosed = true;
  },
  "party:react": nothing,
  "party:waiting": (room, { count, names }) => {
    room.waiting = count > 0 ? { count, names } : null;
  },
  "party:presence": (room, { members, here, roster }) => {
    Object.assign(room, { members, here, roster: roster ?? null });
  },
  "party:stats": (room, { isHost, ...stats }) => {
    room.stats = stats;
  },
};
