"""What this process holds of one topic that is followed here: a machine without I/O.

Pub/sub may lose messages without a word, so a feed believes a message only while it continues what it has:

    LIVE      messages that follow are taken, old ones dropped, a gap leads to CATCHUP, another epoch to SUSPECT
    SUSPECT   something may have been missed: messages are held; the head of the log decides. Nothing is missing: LIVE.
              Something is: CATCHUP. Another epoch, or the log stands before us: what we have is void (a reset)
    CATCHUP   messages are held; pages from the log close the gap, then what was held follows, then LIVE. A gap that
              the log has trimmed away cannot be closed: a reset

After a reset the feed stands at the head that it was told, its ring is empty, and every follower that stood before it
is told that its position is lost. What is held is bounded; when it is too much, it goes and the log is read instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum

from gateways.topics.contracts import Entry, Head, Position
from gateways.topics.redis.scripts import News, Page
from gateways.topics.rules import lost

MOST_HELD = 1000
MOST_HELD_BYTES = 1 << 20
ENTRY_BYTES = 500  # the objects around an entry, roughly


class State(Enum):
    """See above."""

    LIVE = "live"
    SUSPECT = "suspect"
    CATCHUP = "catchup"


class Account:
    """Bytes of all rings of the process."""

    def __init__(self) -> None:
        self.bytes = 0


class Feed:
    """One topic. `max_entries` and `max_bytes` bound its ring. Every change sets the events in `wakes`."""

    def __init__(self, topic: str, *, max_entries: int, max_bytes: int, account: Account) -> None:
        self.topic = topic
        self.state = State.SUSPECT
        self.epoch = ""  # not known yet
        self.last = 0
        self.base = 0  # the seq before the first entry of the ring
        self.warm = False  # whether the ring has been filled from the log once
        self.bytes = 0
        self.resets = 0
        self.wakes: set[asyncio.Event] = set()
        self.reading = asyncio.Lock()  # one reader fills the ring for all
        self.idle_since: float | None = None
        self._max_entries, self._max_bytes, self._account = max_entries, max_bytes, account
        self._ring: list[Entry] = []
        self._costs: list[int] = []
        self._start = 0
        self._held: list[News] = []
        self._held_bytes = 0
        self._overflowed = False

    @property
    def position(self) -> Position | None:
        """The newest place that we have; none before the first head."""
        return Position(self.epoch, self.last) if self.epoch else None

    @property
    def kept(self) -> int:
        """How many entries the ring holds."""
        return len(self._ring) - self._start

    # -- what happens to it -------------------------------------------------------------------------------------

    def doubt(self) -> None:
        """Something may have been missed."""
        if self.state is State.LIVE:
            self.state = State.SUSPECT

    def renewed(self) -> None:
        """A new connection: what came over the old one and is still held is void."""
        self._let_go()
        self.state = State.SUSPECT

    def heard(self, news: News) -> None:
        """A message came."""
        if self.state is not State.LIVE:
            self._hold(news)
        elif news.epoch != self.epoch:
            self.state = State.SUSPECT
            self._hold(news)
        elif news.seq > self.last:
            if news.seq - len(news.entries) > self.last:
                self.state = State.CATCHUP
                self._hold(news)
            else:
                self._take(news.entries, news.size)
        self._wake()

    def judged(self, asked: Position | None, head: Head) -> None:
        """The head of the log came. `asked`: our position when we asked for it; we may have moved on since."""
        here = head.position
        if asked != self.position and (asked is None or asked.epoch != self.epoch):
            return  # a reset came in between: ask again
        if here.epoch != self.epoch or (asked is not None and here.seq < asked.seq):
            self._reset(here)
        elif here.seq > self.last:
            if self.state is State.SUSPECT:
                self._live()  # perhaps what is held leads there
            if self.state is State.LIVE and here.seq > self.last:
                self.state = State.CATCHUP
        elif self.state is State.SUSPECT:
            self._live()
        self._wake()

    def filled(self, page: Page) -> None:
        """A page of the log after `last` came while we catch up."""
        if self.state is not State.CATCHUP:
            return
        if page.epoch != self.epoch or page.seq < self.last:
            self.state = State.SUSPECT  # the head says more, and mends what is wrong with the log
        elif page.seq > self.last and not page.continues(self.last):
            self._reset(Position(page.epoch, page.seq))
        else:
            self._take(page.entries, page.size)
            if self.last >= page.seq:
                self._live()
        self._wake()

    def prepended(self, page: Page) -> None:
        """Older entries came; they are taken as far as they lead up to the ring and fit into it."""
        older = [entry for entry in page.entries if entry.position.seq <= self.base]
        if page.epoch != self.epoch or not older or older[-1].position.seq != self.base:
            return
        each = page.size // len(page.entries) + ENTRY_BYTES
        room = min(self._max_entries - self.kept, (self._max_bytes - self.bytes) // each, len(older))
        if room > 0:
            self._ring[: self._start] = older[-room:]
            self._costs[: self._start] = [each] * room
            self._start = 0
            self.base -= room
            self._spent(each * room)

    def shrink(self) -> None:
        """Give half of the ring back: the rings together hold too much."""
        for _ in range((self.kept + 1) // 2):
            self._drop_oldest()

    def clear(self) -> None:
        """Give everything back: nobody follows any more."""
        self._let_go()
        self._empty(self.last)

    # -- what followers see -------------------------------------------------------------------------------------

    def after(self, position: Position, limit: int) -> list[Entry] | None:
        """The entries after a position; none: they are older than the ring. Raises `PositionLost`."""
        if position.epoch != self.epoch:
            raise lost()
        if position.seq < self.base:
            return None
        first = self._start + position.seq - self.base
        return self._ring[first : first + limit]

    # -- inside -------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        for wake in self.wakes:
            wake.set()

    def _hold(self, news: News) -> None:
        self._held.append(news)
        self._held_bytes += news.size
        if len(self._held) > MOST_HELD or self._held_bytes > MOST_HELD_BYTES:
            self._let_go()
            self._overflowed = True

    def _let_go(self) -> None:
        self._held, self._held_bytes = [], 0

    def _live(self) -> None:
        """Nothing is missing up to `last`: go on with what was held meanwhile, if it follows."""
        self.state = State.LIVE
        held, overflowed = self._held, self._overflowed
        self._let_go()
        self._overflowed = False
        for news in held:
            if news.epoch == self.epoch:  # others are from before a reset, or make the next check find one
                self.heard(news)
        if held and held[-1].epoch != self.epoch:
            self.doubt()
        if overflowed:
            self.doubt()

    def _reset(self, position: Position) -> None:
        self.resets += bool(self.epoch)
        self.epoch, self.last, self.warm = position.epoch, position.seq, False
        self._empty(position.seq)
        self._live()

    def _take(self, entries: Sequence[Entry], size: int) -> None:
        new = [entry for entry in entries if entry.position.seq > self.last]
        if not new:
            return
        each = size // len(entries) + ENTRY_BYTES
        self._ring += new
        self._costs += [each] * len(new)
        self.last = new[-1].position.seq
        self._spent(each * len(new))
        while self.kept > self._max_entries or (self.kept > 1 and self.bytes > self._max_bytes):
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._spent(-self._costs[self._start])
        self._start += 1
        self.base += 1
        if self._start > 64 and self._start * 2 > len(self._ring):
            del self._ring[: self._start], self._costs[: self._start]
            self._start = 0

    def _empty(self, base: int) -> None:
        self._spent(-self.bytes)
        self._ring, self._costs, self._start, self.base = [], [], 0, base

    def _spent(self, cost: int) -> None:
        self.bytes += cost
        self._account.bytes += cost
