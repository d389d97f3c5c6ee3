"""What people see of a channel that a conduit serves, and how seldom it is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.transport import Transport, Way
from gateways.twitch.conduit_ledger import Filled
from handlers.conduit.shown import HOLDER, WITHOUT_SHARDS_SECONDS, Shown, public
from storage.connections import CONNECTIONS, Connection, Connections
from storage.open import open_store, sqlite_url
from tests.support.clock import ManualClock
from tests.support.unreliable import UnreliableStore


@pytest.mark.parametrize(
    ("state", "attached", "told"),
    [
        (Filled.UNKNOWN, True, None),
        (Filled.MISSING, True, ("connecting", "subscriptions are being made")),
        (Filled.ENABLED, True, ("live", "why")),
        (Filled.ENABLED, False, ("connecting", "no shard of the conduit is attached")),
        (Filled.NEEDS_LOGIN, False, ("needs_login", "why")),
        (Filled.REFUSED, True, ("connecting", "why")),
    ],
)
def test_what_is_told(state: Filled, attached: bool, told: tuple[str, str] | None) -> None:
    assert public(state, "why", attached=attached) == told


class Rig:
    def __init__(self, store: UnreliableStore, connections: Connections) -> None:
        self.store, self.connections, self.clock = store, connections, ManualClock()
        self.states: dict[str, tuple[Filled, str]] = {}
        self.written: list[tuple[str, str, str]] = []
        self.transport = Transport("eventsub", target=Way.CONDUIT, in_force=Way.CONDUIT)
        self.shown = Shown(
            show=self._show,
            connections=connections,
            state=lambda channel_id: self.states.get(channel_id, (Filled.UNKNOWN, "")),
            transport=lambda: self.transport,
            clock=self.clock,
        )
        self.running = asyncio.create_task(self.shown.run())

    async def _show(self, channel_id: str, state: str, detail: str, *, holder: str | None = None) -> None:
        self.written.append((channel_id, state, detail))
        await self.connections.put(Connection(channel_id, state, self.clock.now(), detail, holder or "me"))

    async def becomes(self, channel_id: str, state: Filled, detail: str = "") -> None:
        self.states[channel_id] = (state, detail)
        self.shown.changed(channel_id)
        await self.settled()

    async def settled(self) -> None:
        async with asyncio.timeout(30):
            await self.shown.settled()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    store = UnreliableStore(await open_store(sqlite_url(tmp_path / "data"), clock=ManualClock()))
    one = Rig(store, Connections(await store.collection(CONNECTIONS)))
    yield one
    one.running.cancel()
    await asyncio.gather(one.running, return_exceptions=True)
    await store.close()


async def test_only_news_is_written(rig: Rig) -> None:
    assert rig.shown.attached(2)
    for state in (Filled.MISSING, Filled.ENABLED, Filled.ENABLED):
        await rig.becomes("1", state)
    assert [state for _, state, _ in rig.written] == ["connecting", "live"]
    assert rig.shown.states()["1"]["state"] == "live"


async def test_whoever_takes_over_writes_nothing_that_is_known(rig: Rig) -> None:
    await rig.connections.put(Connection("1", "live", 5, "", HOLDER))
    await rig.connections.put(Connection("2", "live", 5, "", "a process with a socket"))
    rig.shown.attached(2)
    await rig.becomes("1", Filled.ENABLED)
    await rig.becomes("2", Filled.ENABLED)
    assert rig.written == [("2", "live", "")]  # it is the conduit's now


async def test_a_socket_that_ends_later_has_no_say(rig: Rig) -> None:
    await rig.connections.put(Connection("1", "live", 5, "", "a process"))
    rig.shown.attached(1)
    await rig.becomes("1", Filled.ENABLED)
    assert not await rig.connections.put(Connection("1", "stopped", 6, "", "a process"))
    assert (await rig.connections.get("1")).state == "live"


async def test_a_shard_that_is_lost_for_a_moment_is_no_news(rig: Rig) -> None:
    assert rig.shown.attached(2)
    assert not rig.shown.attached(1)
    assert not rig.shown.attached(0)
    await rig.clock.advance(WITHOUT_SHARDS_SECONDS - 1)
    assert not rig.shown.attached(0)
    assert not rig.shown.attached(1)
    assert not rig.shown.attached(0)
    await rig.clock.advance(WITHOUT_SHARDS_SECONDS + 1)
    assert rig.shown.attached(0)  # for so long nobody heard anything
    assert not rig.shown.attached(0)
    assert rig.shown.attached(1)


async def test_what_the_store_does_not_take_is_written_later(rig: Rig) -> None:
    rig.shown.attached(1)
    rig.store.orders.fail("connections", "get", times=2)
    rig.states["1"] = (Filled.ENABLED, "")
    rig.shown.changed("1")
    async with asyncio.timeout(30):
        while not rig.written:
            await rig.clock.advance(1.0)
            await asyncio.sleep(0.002)
    assert rig.written == [("1", "live", "")]


async def test_a_dead_grant_is_shown_until_somebody_logs_in(rig: Rig) -> None:
    """Twitch goes on telling of the channel, but nothing can be done for it."""
    rig.shown.attached(1)
    await rig.connections.put(Connection("1", "needs_login", 5, "refused", "a process"))
    await rig.becomes("1", Filled.ENABLED)
    assert rig.written == []
    rig.shown.revived("1")
    await rig.settled()
    assert rig.written == [("1", "live", "")]


async def test_while_sockets_serve_they_speak(rig: Rig) -> None:
    rig.shown.attached(1)
    rig.transport = Transport("eventsub", target=Way.CONDUIT, in_force=Way.WEBSOCKET)
    for state in (Filled.MISSING, Filled.NEEDS_LOGIN, Filled.ENABLED):
        await rig.becomes("1", state)
    assert rig.written == [("1", "live", "")]
    rig.transport = Transport("eventsub", target=Way.WEBSOCKET, in_force=Way.CONDUIT)
    for state in (Filled.MISSING, Filled.ENABLED):
        await rig.becomes("2", state)
    assert len(rig.written) == 1


async def test_a_forgotten_channel_is_not_told_of(rig: Rig) -> None:
    rig.shown.attached(1)
    await rig.becomes("1", Filled.ENABLED)
    rig.shown.forget("1")
    assert rig.shown.states() == {}
