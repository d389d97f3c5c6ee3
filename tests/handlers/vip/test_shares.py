"""Every channel has one process that listens to it, whoever comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from domain.channel import Channel
from domain.errors import Broken, Unavailable
from domain.ports import NullMetrics
from gateways.leases.contracts import Held
from gateways.leases.memory import MemoryLeases
from gateways.twitch.subscriptions import Wanted, vip_channel
from handlers.vip.shares import LEASE_SECONDS, HeldElsewhere, Shares, socket_of
from storage.channels import CHANNELS, Channels
from storage.open import open_store, sqlite_url
from tests.support.bus import Bus, BusEnd
from tests.support.clock import ManualClock


class CutOff(MemoryLeases):
    """The leases of the fleet, with a network that may fail."""

    cut: Unavailable | Broken | None = None

    async def acquire(self, names: Sequence[str], *, owner: str, ttl_seconds: float) -> dict[str, Held]:
        if self.cut is not None:
            raise self.cut
        return await super().acquire(names, owner=owner, ttl_seconds=ttl_seconds)


class Sockets:
    """What this process listens to, and what it was told."""

    def __init__(self) -> None:
        self.open: dict[str, tuple[Wanted, ...]] = {}
        self.told: list[tuple[str, str]] = []

    def add(self, channel_id: str, wanted: Sequence[Wanted]) -> None:
        self.open[channel_id] = tuple(wanted)

    async def remove(self, channel_id: str) -> None:
        self.open.pop(channel_id, None)

    def restart(self, channel_id: str) -> None:
        self.told.append(("restart", channel_id))

    def wake(self, channel_id: str) -> None:
        self.told.append(("wake", channel_id))


class Process:
    """One process of the fleet."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self.sockets, self.signals = Sockets(), BusEnd(fleet.bus)
        self.shares = Shares(
            channels=fleet.channels,
            watch=self.sockets,
            leases=fleet.leases,
            signals=self.signals,
            owner=name,
            clock=fleet.clock,
            metrics=NullMetrics(),
        )
        self.running = asyncio.ensure_future(self.shares.run())

    async def die(self) -> None:
        """No goodbye to anybody."""
        await self.signals.close()
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    async def stop(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        await self.shares.stop()
        await self.signals.close()


class Fleet:
    def __init__(self, channels: Channels) -> None:
        self.channels = channels
        self.clock = ManualClock()
        self.bus = Bus()
        self.leases = CutOff(clock=self.clock)
        self.processes: dict[str, Process] = {}

    def start(self, name: str) -> Process:
        self.processes[name] = Process(self, name)
        return self.processes[name]

    async def store(self, *ids: str) -> None:
        for channel_id in ids:
            await self.channels.put(Channel(channel_id, channel_id, channel_id), lambda held: held)

    def holders(self) -> dict[str, list[str]]:
        """Who listens to each channel."""
        found: dict[str, list[str]] = {}
        for name, process in self.processes.items():
            for channel_id in process.sockets.open:
                found.setdefault(channel_id, []).append(name)
        return found

    async def until(self, wanted: dict[str, list[str]] | int, *, seconds: float = 60.0) -> None:
        """Let time pass until each channel is listened to as wanted (a number: so many channels, each by one)."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            found = self.holders()
            if found == wanted or (
                isinstance(wanted, int)
                and len(found) == wanted
                and all(len(one) == 1 for one in found.values())
            ):
                return
            await self.clock.advance(0.25)
            await asyncio.sleep(0.001)
        pytest.fail(f"It is {self.holders()}, wanted was {wanted}.")

    async def until_free(self, channel_id: str, *, seconds: float) -> None:
        """Let time pass until nobody has the lease of a channel: it is given back after its socket is closed."""
        end = self.clock.monotonic() + seconds
        while held := await self.leases.holders([socket_of(channel_id)]):
            assert self.clock.monotonic() < end, held
            await self.clock.advance(0.25)


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    store = await open_store(sqlite_url(tmp_path / "data"), clock=ManualClock())
    one = Fleet(Channels(await store.collection(CHANNELS)))
    yield one
    for process in one.processes.values():
        process.running.cancel()
    await asyncio.gather(*(process.running for process in one.processes.values()), return_exceptions=True)
    await store.close()


async def test_alone_everything_is_ours(fleet: Fleet) -> None:
    await fleet.store("1", "2", "3")
    process = fleet.start("a")
    await fleet.until({"1": ["a"], "2": ["a"], "3": ["a"]})
    assert process.shares.held == {"1", "2", "3"}
    assert [channel.id for channel in await process.shares.all()] == ["1", "2", "3"]


async def test_one_that_comes_gets_its_share_and_no_channel_has_two(fleet: Fleet) -> None:
    await fleet.store(*(str(number) for number in range(10)))
    fleet.start("a")
    await fleet.until(10)
    fleet.start("b")
    for _ in range(200):
        await fleet.clock.advance(0.25)
        await asyncio.sleep(0.001)
        assert all(len(holders) == 1 for holders in fleet.holders().values())
        if len(fleet.processes["b"].sockets.open) == 5:
            break
    await fleet.until(10)
    assert len(fleet.processes["a"].sockets.open) == len(fleet.processes["b"].sockets.open) == 5


async def test_what_a_dead_one_held_is_taken_over(fleet: Fleet) -> None:
    await fleet.store("1", "2", "3", "4")
    fleet.start("a")
    fleet.start("b")
    await fleet.until(4)
    died = fleet.clock.monotonic()
    await fleet.processes.pop("a").die()
    await fleet.until({str(number): ["b"] for number in range(1, 5)})
    assert fleet.clock.monotonic() - died <= LEASE_SECONDS + 4


async def test_what_a_stopping_one_gives_back_is_taken_at_once(fleet: Fleet) -> None:
    await fleet.store("1", "2", "3", "4")
    fleet.start("a")
    fleet.start("b")
    await fleet.until(4)
    stopped = fleet.clock.monotonic()
    await fleet.processes.pop("a").stop()
    await fleet.until({str(number): ["b"] for number in range(1, 5)})
    assert fleet.clock.monotonic() - stopped < 1


async def test_a_lease_that_somebody_else_has_ends_the_session(fleet: Fleet) -> None:
    await fleet.store("1")
    fleet.start("a")
    await fleet.until({"1": ["a"]})
    # As after a stop of this process for longer than its lease.
    await fleet.leases.release([socket_of("1")], owner="a")
    await fleet.leases.acquire([socket_of("1")], owner="b", ttl_seconds=5)
    await fleet.until({}, seconds=4)
    await fleet.until({"1": ["a"]})


@pytest.mark.parametrize("error", [Unavailable("The network is cut."), Broken("The password was changed.")])
async def test_sessions_are_kept_while_nobody_answers(fleet: Fleet, error: Unavailable | Broken) -> None:
    await fleet.store("1", "2")
    fleet.start("a")
    await fleet.until(2)
    fleet.leases.cut = error
    for _ in range(20):
        await fleet.clock.advance(2)
    assert fleet.holders() == {"1": ["a"], "2": ["a"]}
    await fleet.store("3")
    fleet.leases.cut = None
    await fleet.until(3)


async def test_a_new_channel_is_listened_to_at_once_wherever_it_was_added(fleet: Fleet) -> None:
    fleet.start("a")
    await fleet.clock.advance(1)
    await fleet.store("1")
    added = fleet.clock.monotonic()
    HeldElsewhere(signals=BusEnd(fleet.bus)).add("1", vip_channel("1"))
    await fleet.until({"1": ["a"]})
    assert fleet.clock.monotonic() - added < 1


async def test_what_is_wanted_of_a_channel_may_change(fleet: Fleet) -> None:
    await fleet.store("1")
    process = fleet.start("a")
    process.shares.add("1", vip_channel("1", []))
    await fleet.until({"1": ["a"]})
    assert process.sockets.open["1"] == vip_channel("1", [])
    process.shares.add("1", vip_channel("1"))
    assert process.sockets.open["1"] == vip_channel("1")


@pytest.mark.parametrize("where", ["here", "elsewhere"])
async def test_a_removed_channel_is_let_go(fleet: Fleet, where: str) -> None:
    await fleet.store("1", "2")
    process = fleet.start("a")
    await fleet.until(2)
    await fleet.channels.remove("1")
    watch = process.shares if where == "here" else HeldElsewhere(signals=BusEnd(fleet.bus))
    await watch.remove("1")
    await fleet.until({"2": ["a"]}, seconds=2)
    await fleet.until_free("1", seconds=2)


async def test_restart_and_login_reach_the_holder_alone(fleet: Fleet) -> None:
    await fleet.store("1", "2")
    fleet.start("a")
    fleet.start("b")
    await fleet.until(2)
    holder = {channel_id: names[0] for channel_id, names in fleet.holders().items()}
    elsewhere = HeldElsewhere(signals=BusEnd(fleet.bus))
    elsewhere.restart("1")
    elsewhere.wake("2")
    told = {name: process.sockets.told for name, process in fleet.processes.items()}
    expected: dict[str, list[tuple[str, str]]] = {"a": [], "b": []}
    expected[holder["1"]].append(("restart", "1"))
    expected[holder["2"]].append(("wake", "2"))
    assert told == expected


async def test_one_process_tells_the_others_of_what_it_was_asked(fleet: Fleet) -> None:
    await fleet.store("1")
    first, second = fleet.start("a"), fleet.start("b")
    await fleet.until(1)
    (holder,) = fleet.holders()["1"]
    other = second if holder == "a" else first
    other.shares.restart("1")
    other.shares.wake("1")
    assert fleet.processes[holder].sockets.told == [("restart", "1"), ("wake", "1")]


async def test_after_a_time_of_silence_every_channel_is_woken(fleet: Fleet) -> None:
    """A login may have been told meanwhile."""
    await fleet.store("1", "2")
    process = fleet.start("a")
    await fleet.until(2)
    for name in ("login", "restart", "channels"):
        BusEnd(fleet.bus).send(name, "")
    assert sorted(process.sockets.told) == [("wake", "1"), ("wake", "2")]
