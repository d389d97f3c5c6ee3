"""What is special about topics in one process: their bounds, and a search for histories that break the promise."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateways.topics.contracts import Follower, GuardFailed, NewEntry, Position, PositionLost
from gateways.topics.memory import MemoryTopics, random_epoch
from tests.support.clock import ManualClock


def make(**bounds: int) -> MemoryTopics:
    return MemoryTopics(clock=ManualClock(), **bounds)


def test_epochs_are_short_alphanumeric_and_not_repeated() -> None:
    epochs = {random_epoch() for _ in range(1000)}
    assert len(epochs) == 1000
    assert all(Position.parse(f"{epoch}-1").epoch == epoch and len(epoch) == 8 for epoch in epochs)


async def test_a_topic_is_bounded_in_bytes() -> None:
    topics = make(max_bytes=20_000)
    for n in range(200):
        last = await topics.append("a", NewEntry("note", {"text": "x" * 1000, "n": n}))
        assert topics.total_bytes <= 20_000
    kept = await topics.read("a", Position(last.epoch, last.seq - 10))
    assert [entry.body["n"] for entry in kept] == list(range(190, 200))


async def test_the_newest_entry_stays_even_if_it_alone_is_over_the_bound() -> None:
    topics = make(max_bytes=100)
    last = await topics.append("a", NewEntry("note", {"text": "x" * 1000}))
    assert len(await topics.read("a", Position(last.epoch, last.seq - 1))) == 1


async def test_keys_are_forgotten_oldest_first() -> None:
    topics = make(max_keys=3)
    for n in range(5):
        await topics.append("a", NewEntry("note"), key=f"k{n}")
    assert (await topics.append("a", NewEntry("note"), key="k4")).seq == 5
    assert (await topics.append("a", NewEntry("note"), key="k0")).seq == 6


async def test_keys_outlive_their_entries() -> None:
    topics = make(max_entries=2)
    first = await topics.append("a", NewEntry("note"), key="k")
    for _ in range(10):
        await topics.append("a", NewEntry("note"))
    assert await topics.append("a", NewEntry("note"), key="k") == first


async def test_the_topic_that_was_idle_longest_goes_first_and_returns_under_a_new_epoch() -> None:
    topics = make(max_topics=3)
    a, b, c = [await topics.append(name, NewEntry("note")) for name in "abc"]
    await topics.read("a", Position(a.epoch, 0))
    await topics.append("d", NewEntry("note"))
    assert topics.topic_count == 3
    assert await topics.read("a", a) == []
    assert await topics.read("c", c) == []
    with pytest.raises(PositionLost):
        await topics.read("b", b)
    assert (await topics.head("b")).position.epoch != b.epoch


async def test_a_followed_topic_is_not_evicted() -> None:
    topics = make(max_topics=2)
    async with topics.follow("a") as follower:
        for n in range(10):
            await topics.append(f"other-{n}", NewEntry("note"))
        await topics.append("a", NewEntry("note", {"n": 1}))
        assert [entry.body for entry in await follower.next(timeout_seconds=5)] == [{"n": 1}]
    assert topics.topic_count <= 3


async def test_all_topics_together_are_bounded_even_when_all_are_followed() -> None:
    topics = make(max_total_bytes=30_000)
    async with AsyncExitStack() as stack:
        followers = [await stack.enter_async_context(topics.follow(name)) for name in "abc"]
        for _ in range(100):
            for name in "abc":
                await topics.append(name, NewEntry("note", {"text": "x" * 500}))
                assert topics.total_bytes <= 30_000
        for follower in followers:
            with pytest.raises(PositionLost):
                await follower.next(timeout_seconds=5)


async def test_an_old_snapshot_counts_and_is_bounded() -> None:
    topics = make()
    old = (await topics.head("a")).position.epoch
    before = topics.total_bytes
    await topics.reseed("a", {"text": "x" * 5000}, old)
    assert topics.total_bytes - before >= 5000


@dataclass
class _Seen:
    follower: Follower
    topic: str
    position: Position
    got: list[Position] = field(default_factory=list)
    lost: bool = False


class EveryEntryOnceOrTold(RuleBasedStateMachine):
    """Followers see each entry once and in order, or are told that their position is lost; and `PositionLost` is
    never said to a follower whose entries are all still there."""

    names = st.sampled_from(["a", "b", "c"])

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(debug=True)
        self.topics = make(max_entries=4, max_topics=2, max_keys=3, max_total_bytes=8000)
        self.stack = AsyncExitStack()
        self.log: dict[tuple[str, str], list[str]] = {}  # (topic, epoch) -> what was appended, in order
        self.revs: dict[tuple[str, str], int] = {}
        self.seen: list[_Seen] = []
        self.number = 0

    def teardown(self) -> None:
        async def end() -> None:
            await self.stack.aclose()
            await self.topics.close()

        self.runner.run(end())
        self.runner.close()

    def _appended(self, topic: str, position: Position, text: str, state: bool) -> None:
        log = self.log.setdefault((topic, position.epoch), [])
        log.append(text)
        assert position.seq == len(log), "a hole in the sequence"
        self.revs[topic, position.epoch] = self.revs.get((topic, position.epoch), 0) + state

    @rule(topic=names, state=st.booleans(), size=st.sampled_from([0, 500, 3000]))
    def append(self, topic: str, state: bool, size: int) -> None:
        self.number += 1
        text = f"{self.number}" + "." * size
        position = self.runner.run(self.topics.append(topic, NewEntry("note", {"t": text}, state=state)))
        self._appended(topic, position, text, state)

    @rule(topic=names, racers=st.integers(2, 5), late=st.booleans())
    def race(self, topic: str, racers: int, late: bool) -> None:
        async def go() -> list[Position | BaseException]:
            head = await self.topics.head(topic)
            guard = head.rev - late
            return await asyncio.gather(
                *(
                    self.topics.append(topic, NewEntry("note", {"t": f"race {n}"}, state=True), guard=guard)
                    for n in range(racers)
                ),
                return_exceptions=True,
            )

        outcome = self.runner.run(go())
        won = [(n, one) for n, one in enumerate(outcome) if isinstance(one, Position)]
        assert all(isinstance(one, GuardFailed) for one in outcome if not isinstance(one, Position))
        assert len(won) == (0 if late else 1)
        for n, position in won:
            self._appended(topic, position, f"race {n}", True)

    @rule(topic=names, key=st.sampled_from(["k1", "k2"]))
    def twice_with_a_key(self, topic: str, key: str) -> None:
        async def go() -> tuple[Position, Position, Position]:
            before = (await self.topics.head(topic)).position
            first = await self.topics.append(topic, NewEntry("note", {"t": key}), key=key)
            return before, first, await self.topics.append(topic, NewEntry("note", {"t": key}), key=key)

        before, first, second = self.runner.run(go())
        assert first == second
        if first.seq > before.seq:
            self._appended(topic, first, key, False)

    @rule(topic=names, back=st.integers(0, 6))
    def follow(self, topic: str, back: int) -> None:
        async def go() -> None:
            head = (await self.topics.head(topic)).position
            start = Position(head.epoch, max(0, head.seq - back))
            try:
                follower = await self.stack.enter_async_context(self.topics.follow(topic, start))
            except PositionLost:
                assert back > 1, "the newest entry is always kept"
                return
            self.seen.append(_Seen(follower, topic, start))

        if len(self.seen) < 6:
            self.runner.run(go())

    @rule(data=st.data())
    def read_on(self, data: st.DataObject) -> None:
        alive = [one for one in self.seen if not one.lost]
        if not alive:
            return
        one = data.draw(st.sampled_from(alive))
        log = self.log.get((one.topic, one.position.epoch), [])
        if len(log) == one.follower.position.seq:
            head = self.runner.run(self.topics.head(one.topic)).position
            if head.epoch == one.position.epoch:
                return  # nothing to read: it would wait
        try:
            entries = self.runner.run(one.follower.next(timeout_seconds=5))
        except PositionLost:
            one.lost = True
            head = self.runner.run(self.topics.head(one.topic)).position
            missing = len(log) - one.follower.position.seq
            assert head.epoch != one.position.epoch or missing > 1
            return
        assert entries
        for entry in entries:
            assert entry.position.epoch == one.position.epoch
            assert entry.position.seq == one.position.seq + len(one.got) + 1, "out of order, twice or missed"
            assert entry.body["t"] == log[entry.position.seq - 1]
            one.got.append(entry.position)
        assert one.follower.position == entries[-1].position

    @rule(topic=names)
    def reseed(self, topic: str) -> None:
        async def go() -> tuple[str, Position]:
            old = (await self.topics.head(topic)).position.epoch
            return old, await self.topics.reseed(topic, {"n": 1}, old)

        old, new = self.runner.run(go())
        assert new.epoch != old
        assert (topic, new.epoch) not in self.log

    @invariant()
    def heads_agree_with_the_model(self) -> None:
        for (topic, epoch), log in self.log.items():
            head = self.runner.run(self.topics.head(topic))
            if head.position.epoch == epoch:
                assert head.position.seq == len(log)
                assert head.rev == self.revs[topic, epoch]


TestEveryEntryOnceOrTold = EveryEntryOnceOrTold.TestCase
TestEveryEntryOnceOrTold.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
