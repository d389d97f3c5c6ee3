"""Nothing is left out of the chain and nothing stands in it twice, wherever linkers are cut off and however many there
are."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.clock import SystemClock
from daemon.metrics import PrometheusMetrics
from domain.audit import SYSTEM, Action, AuditRecord
from domain.audit_chain import MOST_LINKS, Block
from domain.channel import Viewer
from handlers.audit_chain import ROUND_SECONDS, Linker
from handlers.audit_verify import Verifier
from storage.audit import AUDIT, AuditTrail
from storage.audit_chain import CHAIN, AuditChain
from storage.codec import to_document
from storage.contracts import Store
from storage.open import open_store, sqlite_url
from tests.servers.mongo import shared_mongo
from tests.storage.conftest import forget_database
from tests.support.clock import ManualClock
from tests.support.unreliable import UnreliableStore


class CutOff(Exception):
    pass


class House:
    """A trail and as many linkers as one likes; `breaks` at a checkpoint after so many passes."""

    def __init__(self, store: Store, trail: AuditTrail, chain: AuditChain) -> None:
        self.store, self.trail, self.chain = store, trail, chain
        self.clock, self.metrics = ManualClock(), PrometheusMetrics()
        self.left: dict[str, int] = {}
        self.number = 0

    def linker(self) -> Linker:
        return Linker(chain=self.chain, clock=self.clock, metrics=self.metrics, checkpoint=self._passes)

    def _passes(self, name: str) -> None:
        if name in self.left:
            self.left[name] -= 1
            if self.left[name] < 0:
                del self.left[name]
                raise CutOff(name)

    async def add(self, count: int, channel: str = "1", *, at: int | None = None) -> None:
        for _ in range(count):
            self.number += 1
            when = self.number if at is None else at
            record = AuditRecord(
                f"a-{self.number}", channel, when, Action.GRANTED, SYSTEM, "clock", Viewer("777777")
            )
            await self.trail.add(record)

    async def link(self) -> None:
        while await self.linker().round():
            pass

    async def linked(self) -> Counter[str]:
        """How often each record stands in a block."""
        found: Counter[str] = Counter()
        for channel_id in await self.chain.channels():
            async for block in self.chain.blocks(channel_id):
                assert isinstance(block, Block)
                assert 1 <= len(block.links) <= MOST_LINKS
                found.update(link.record_id for link in block.links)
        return found

    async def is_whole(self) -> bool:
        reports = [
            await Verifier(chain=self.chain).verify(channel_id, now=self.clock.now())
            for channel_id in await self.chain.channels()
        ]
        assert [report.findings for report in reports if report.faults] == []
        return await self.linked() == Counter(f"a-{number}" for number in range(1, self.number + 1))


async def open_house(directory: Path) -> House:
    return await house_on(UnreliableStore(await open_store(sqlite_url(directory), clock=ManualClock())))


async def house_on(store: Store) -> House:
    records, blocks = await store.collection(AUDIT), await store.collection(CHAIN)
    return House(store, AuditTrail(records), AuditChain(records=records, blocks=blocks))


@pytest.fixture
async def trail(tmp_path: Path) -> AsyncIterator[House]:
    opened = await open_house(tmp_path / "data")
    yield opened
    await opened.store.close()


async def test_records_are_linked_in_order_and_by_channel(trail: House) -> None:
    await trail.add(3)
    await trail.add(2, "2")
    assert await trail.linker().round() == 5
    assert await trail.linker().round() == 0
    await trail.add(1, at=1)  # written late
    assert await trail.linker().round() == 1
    blocks = [block async for block in trail.chain.blocks("1")]
    assert [[link.at for link in block.links] for block in blocks if isinstance(block, Block)] == [
        [1, 2, 3],
        [1],
    ]
    assert trail.metrics.value("audit_linked_total") == 6
    assert await trail.is_whole()


async def test_blocks_are_of_bounded_size(trail: House) -> None:
    await trail.add(MOST_LINKS + 1)
    await trail.link()
    sizes = [len(block.links) async for block in trail.chain.blocks("1") if isinstance(block, Block)]
    assert sizes == [MOST_LINKS, 1]
    assert await trail.is_whole()


@pytest.mark.parametrize("place", ["chain.made", "chain.appended"])
async def test_a_crash_between_block_and_marks_is_made_good(trail: House, place: str) -> None:
    await trail.add(3)
    trail.left[place] = 0
    with pytest.raises(CutOff):
        await trail.linker().round()
    await trail.add(2)
    await trail.link()
    assert await trail.is_whole()


async def test_two_linkers_at_the_same_time(trail: House) -> None:
    for _ in range(4):
        await trail.add(60)
        await trail.add(5, "2")
        await asyncio.gather(*(trail.linker().round() for _ in range(3)))
    await trail.link()
    assert await trail.is_whole()


@pytest.mark.server
async def test_on_a_server_that_several_share(tmp_path: Path) -> None:
    """The same on MongoDB, where the linkers are of two processes."""
    url = shared_mongo(f"test-{secrets.token_hex(6)}")
    stores = [await open_store(url, clock=SystemClock()) for _ in range(2)]
    try:
        first, second = [await house_on(store) for store in stores]
        await first.add(30)
        await first.add(5, "2")
        left = 35
        while left:
            done = await asyncio.gather(first.linker().round(), second.linker().round())
            left = (await first.chain.waiting())[0]
            assert sum(done) or not left
        assert await first.is_whole()
    finally:
        for store in stores:
            await store.close()
        forget_database(url)


async def test_who_was_overtaken_between_looking_and_writing_links_nothing_twice(trail: House) -> None:
    """The other one makes two blocks between our look at the records and our look at the last block."""
    await trail.add(2)
    chain = trail.chain
    others = trail.linker()

    class Overtaken(AuditChain):
        looked = 0

        async def last(self, channel_id: str) -> Block | None:
            self.looked += 1
            if self.looked == 1:
                await others.round()
                await trail.add(1)
                await others.round()
            return await super().last(channel_id)

    slow = Overtaken(records=await trail.store.collection(AUDIT), blocks=await trail.store.collection(CHAIN))
    await Linker(chain=slow, clock=trail.clock, metrics=trail.metrics).round()
    assert await chain.waiting() == (0, None)
    assert await trail.is_whole()


async def test_it_runs_by_itself_and_bears_a_store_that_is_away(trail: House) -> None:
    running = asyncio.create_task(trail.linker().run())
    await trail.add(1)

    async def until_linked(count: int) -> None:
        async with asyncio.timeout(30):
            while trail.metrics.value("audit_linked_total") != count:
                await trail.clock.advance(0.5)
                await asyncio.sleep(0.005)

    await until_linked(1)
    assert isinstance(trail.store, UnreliableStore)
    trail.store.orders.fail(AUDIT.name, "find", times=2)
    await trail.clock.advance(ROUND_SECONDS)
    await trail.add(1)
    await until_linked(2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await trail.is_whole()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 4), st.sampled_from(["1", "2"])),
        st.tuples(st.just("cut"), st.integers(0, 2), st.sampled_from(["chain.made", "chain.appended"])),
        st.tuples(st.just("link"), st.integers(1, 3), st.just("")),
        st.tuples(st.just("old"), st.integers(1, 2), st.just("1")),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_story_ends_with_a_whole_chain(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, str]]
) -> None:
    async def story() -> None:
        house = await open_house(tmp_path_factory.mktemp("story"))
        try:
            for kind, count, what in steps:
                if kind == "add":
                    await house.add(count, what)
                elif kind == "cut":
                    house.left[what] = count
                elif kind == "old":
                    house.number += 1
                    old = AuditRecord(f"a-{house.number}", what, house.number, Action.ENDED, SYSTEM, "clock")
                    await (await house.store.collection(AUDIT)).insert(to_document(old))
                else:
                    rounds = [house.linker().round() for _ in range(count)]
                    for done in await asyncio.gather(*rounds, return_exceptions=True):
                        assert isinstance(done, int | CutOff)
            house.left.clear()
            await house.link()
            assert await house.is_whole()
        finally:
            await house.store.close()

    asyncio.run(story())
