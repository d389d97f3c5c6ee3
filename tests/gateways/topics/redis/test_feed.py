"""The receiver as a machine: its table case by case, then any story of lost, late and repeated messages."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from gateways.topics.contracts import Entry, Head, Position, PositionLost
from gateways.topics.redis.feed import MOST_HELD, Account, Feed, State
from gateways.topics.redis.scripts import News, Page


def entry(epoch: str, seq: int) -> Entry:
    return Entry(Position(epoch, seq), 0, "note", {"t": f"{epoch}{seq}"}, False, 1)


def told(epoch: str, first: int, last: int) -> News:
    return News(epoch, last, [entry(epoch, seq) for seq in range(first, last + 1)], 100)


def page(epoch: str, first: int, last: int, *, seq: int, base: int = 0) -> Page:
    return Page(epoch, seq, base, [entry(epoch, n) for n in range(first, last + 1)], 100)


def head(epoch: str, seq: int) -> Head:
    return Head(Position(epoch, seq), 0)


def make(*, max_entries: int = 100, max_bytes: int = 1 << 20) -> Feed:
    return Feed("a", max_entries=max_entries, max_bytes=max_bytes, account=Account())


def live(seq: int = 5, **bounds: int) -> Feed:
    feed = make(**bounds)
    feed.judged(None, head("A", seq))
    assert feed.state is State.LIVE
    return feed


def seqs(feed: Feed, after: int, epoch: str = "A") -> list[int]:
    return [one.position.seq for one in feed.after(Position(epoch, after), 500) or []]


def test_the_first_head_is_no_reset() -> None:
    feed = live()
    assert (feed.position, feed.resets, feed.kept) == (Position("A", 5), 0, 0)


def test_what_continues_is_taken_and_what_is_known_is_dropped() -> None:
    feed = live()
    for news in (told("A", 6, 7), told("A", 6, 7), told("A", 7, 9), told("A", 3, 5)):
        feed.heard(news)
    assert (feed.state, seqs(feed, 5)) == (State.LIVE, [6, 7, 8, 9])


@pytest.mark.parametrize("news", [told("A", 7, 8), News("A", 8, [], 10)])
def test_a_gap_is_read_and_what_was_held_follows(news: News) -> None:
    feed = live()
    feed.heard(news)
    feed.heard(told("A", 9, 9))
    assert (feed.state, seqs(feed, 5)) == (State.CATCHUP, [])
    feed.filled(page("A", 6, 7, seq=8))
    assert feed.state is State.CATCHUP
    feed.filled(page("A", 8, 8, seq=8))
    assert (feed.state, seqs(feed, 5)) == (State.LIVE, [6, 7, 8, 9])


def test_a_gap_that_was_trimmed_away_is_a_reset() -> None:
    feed = live()
    feed.heard(told("A", 20, 20))
    feed.filled(page("A", 11, 15, seq=20, base=10))
    assert (feed.state, feed.resets, feed.position) == (State.LIVE, 1, Position("A", 20))
    assert feed.after(Position("A", 5), 10) is None
    assert seqs(feed, 20) == []


def test_a_page_of_another_epoch_has_the_head_asked() -> None:
    feed = live()
    feed.heard(told("A", 8, 8))
    feed.filled(page("B", 1, 2, seq=2))
    assert (feed.state, feed.position) == (State.SUSPECT, Position("A", 5))


def test_in_doubt_messages_are_held_until_the_head_says_what_is_missing() -> None:
    for missing, state, kept in ((5, State.LIVE, [6]), (6, State.LIVE, [6]), (7, State.CATCHUP, [6])):
        feed = live()
        feed.doubt()
        feed.heard(told("A", 6, 6))
        assert seqs(feed, 5) == []
        feed.judged(Position("A", 5), head("A", missing))
        assert (feed.state, seqs(feed, 5)) == (state, kept)


def test_another_epoch_is_a_reset_only_when_the_head_says_so() -> None:
    feed = live()
    feed.heard(told("B", 1, 2))
    assert feed.state is State.SUSPECT
    assert seqs(feed, 5) == []
    feed.judged(Position("A", 5), head("B", 2))
    assert (feed.state, feed.position, feed.resets) == (State.LIVE, Position("B", 2), 1)
    with pytest.raises(PositionLost):
        feed.after(Position("A", 5), 10)
    feed.heard(told("A", 6, 6))  # late, from before
    assert feed.state is State.SUSPECT
    feed.judged(Position("B", 2), head("B", 2))
    assert feed.state is State.SUSPECT  # it might be later than this head: asked once more
    feed.judged(Position("B", 2), head("B", 2))
    assert (feed.state, feed.resets) == (State.LIVE, 1)


def test_a_head_that_stands_before_us_is_a_reset_but_not_one_that_was_asked_before_we_moved_on() -> None:
    feed = live()
    asked = feed.position
    feed.heard(told("A", 6, 9))
    feed.judged(asked, head("A", 5))
    assert (feed.state, feed.resets) == (State.LIVE, 0)
    feed.judged(feed.position, head("A", 5))
    assert (feed.resets, feed.position) == (1, Position("A", 5))


def test_a_new_connection_voids_what_was_held() -> None:
    feed = live()
    feed.heard(told("A", 8, 8))
    feed.renewed()
    feed.judged(Position("A", 5), head("A", 5))
    assert (feed.state, feed.position) == (State.LIVE, Position("A", 5))


def test_what_is_held_is_bounded_and_then_read() -> None:
    feed = live()
    feed.heard(told("A", 7, 7))
    for seq in range(8, MOST_HELD + 10):
        feed.heard(told("A", seq, seq))
    feed.filled(page("A", 6, 7, seq=7))
    assert feed.state is not State.LIVE  # something was thrown away: the head is asked once more


def test_the_ring_is_bounded_and_its_bytes_are_counted() -> None:
    account = Account()
    feed = Feed("a", max_entries=10, max_bytes=1 << 20, account=account)
    feed.judged(None, head("A", 0))
    for seq in range(1, 500):
        feed.heard(told("A", seq, seq))
    assert (feed.kept, feed.base, seqs(feed, 489)) == (10, 489, list(range(490, 500)))
    assert feed.after(Position("A", 488), 10) is None
    assert account.bytes == feed.bytes == 10 * 600
    feed.shrink()
    assert (feed.kept, account.bytes) == (5, 3000)
    feed.clear()
    assert (feed.kept, account.bytes) == (0, 0)


def test_the_newest_entry_stays_even_if_it_alone_is_over_the_bound() -> None:
    feed = live(max_bytes=100)
    feed.heard(told("A", 6, 8))
    assert seqs(feed, 7) == [8]


def test_older_pages_are_put_in_front_as_far_as_they_fit() -> None:
    feed = live(seq=8, max_entries=6)
    feed.heard(told("A", 9, 10))
    feed.prepended(page("A", 1, 6, seq=10))  # does not lead up to the ring
    feed.prepended(page("B", 1, 8, seq=10))
    assert feed.base == 8
    feed.prepended(page("A", 3, 9, seq=10))
    assert (feed.base, seqs(feed, 4)) == (4, [5, 6, 7, 8, 9, 10])
    feed.prepended(page("A", 1, 4, seq=10))
    assert feed.base == 4
    feed.heard(told("A", 11, 11))
    assert seqs(feed, 5) == [6, 7, 8, 9, 10, 11]


def test_every_change_wakes_and_nothing_else_does() -> None:
    feed = make()
    wake = asyncio.Event()
    feed.wakes.add(wake)
    for change in (
        lambda: feed.judged(None, head("A", 5)),
        lambda: feed.heard(told("A", 6, 6)),
        lambda: feed.heard(told("A", 8, 8)),
        lambda: feed.filled(page("A", 7, 8, seq=8)),
    ):
        wake.clear()
        change()
        assert wake.is_set()


class AnyStory(RuleBasedStateMachine):
    """A log that may be flushed and trimmed, a channel that loses what it likes, and one follower. What the follower
    gets is always the next entry of its epoch, or it is told; and in the end it has everything."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch, self.seq, self.base, self.epochs = "e0", 0, 0, 0
        self.channel: list[News] = []
        self.feed = make(max_entries=6)
        self.follower: Position | None = None

    def _deliver(self, count: int) -> None:
        for _ in range(min(count, len(self.channel))):
            self.feed.heard(self.channel.pop(0))

    @rule(count=st.integers(1, 3), omitted=st.booleans())
    def append(self, count: int, omitted: bool) -> None:
        first, self.seq = self.seq + 1, self.seq + count
        self.channel.append(
            News(self.epoch, self.seq, [], 10) if omitted else told(self.epoch, first, self.seq)
        )

    @rule(count=st.integers(1, 4))
    def deliver(self, count: int) -> None:
        self._deliver(count)

    @rule(count=st.integers(1, 3))
    def lose(self, count: int) -> None:
        del self.channel[:count]

    @rule()
    def reconnect(self) -> None:
        self.channel.clear()
        self.feed.renewed()

    @rule()
    def doubt(self) -> None:
        self.feed.doubt()

    @rule()
    def flush(self) -> None:
        self.epochs += 1
        self.epoch, self.seq, self.base = f"e{self.epochs}", 0, 0

    @rule(count=st.integers(1, 5))
    def trim(self, count: int) -> None:
        self.base = min(self.base + count, max(self.seq - 1, self.base))

    @rule(meanwhile=st.integers(0, 3))
    def ask_head(self, meanwhile: int) -> None:
        asked, stand = self.feed.position, head(self.epoch, self.seq)
        self._deliver(meanwhile)
        self.feed.judged(asked, stand)

    @precondition(lambda self: self.feed.state is State.CATCHUP)
    @rule(limit=st.integers(1, 4), meanwhile=st.integers(0, 3))
    def read_page(self, limit: int, meanwhile: int) -> None:
        found = self._page(self.feed.last, limit)
        self._deliver(meanwhile)
        self.feed.filled(found)

    def _page(self, after: int, limit: int) -> Page:
        first = max(after, self.base) + 1
        return page(self.epoch, first, min(self.seq, first + limit - 1), seq=self.seq, base=self.base)

    @rule(limit=st.integers(1, 8))
    def warm_up(self, limit: int) -> None:
        self.feed.prepended(self._page(max(0, self.feed.base - limit), limit))

    @rule()
    def follow(self) -> None:
        if self.follower is None:
            self.follower = self.feed.position

    @rule(limit=st.integers(1, 3))
    def read_on(self, limit: int) -> None:
        if self.follower is None:
            return
        try:
            found = self.feed.after(self.follower, limit)
        except PositionLost:
            assert self.feed.epoch != self.follower.epoch
            self.follower = None
            return
        if found is None:  # older than the ring: it reads the log, or is lost
            assert self.follower.seq < self.feed.base
            self.follower = None
            return
        for one in found:
            assert one == entry(self.follower.epoch, self.follower.seq + 1)
            self.follower = one.position

    def teardown(self) -> None:
        self.reconnect()
        for _ in range(200):
            self.ask_head(0)
            while self.feed.state is State.CATCHUP:
                self.read_page(3, 0)
            if self.feed.state is State.LIVE and self.feed.position == Position(self.epoch, self.seq):
                break
        else:
            raise AssertionError("it never comes to rest at the head")
        while self.follower is not None and self.follower != Position(self.epoch, self.seq):
            self.read_on(3)


TestAnyStory = AnyStory.TestCase
TestAnyStory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
