"""Come, join, go, thousands of times: in the end everything is as it was."""

from __future__ import annotations

import asyncio
import gc
import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.web.hostile.stand import Guest, Raw, Stand, resident_kib, standing

pytestmark = pytest.mark.server

SIDE_BY_SIDE = 40
A_ROOM = 2000
OURS = ("rooms.", "web.", "handlers.", "gateways.", "domain.", "storage.", "daemon.")
MAY_STAY = dict.fromkeys(("gateways.topics.contracts.Entry", "gateways.topics.contracts.Position"), 2200)
MAY_STAY["gateways.topics.memory._Topic"] = 3
"""For each room: the ring remembers a thousand entries of each of its topics, up to its own bound of 64 MiB."""

GROWN_KIB = 16 * 1024
"""Caches, tables that have reached their size, the allocator's holes."""


class Held:
    """What a process holds, counted."""

    def __init__(self, stand: Stand) -> None:
        gc.collect()
        desk, loop = stand.desk, asyncio.get_running_loop()
        self.objects = Counter(
            f"{type(one).__module__}.{type(one).__qualname__}"
            for one in gc.get_objects()
            if str(type(one).__module__).startswith(OURS)
        )
        self.tasks = len(asyncio.all_tasks())
        self.names = Counter(name.partition(":")[0] for name in stand.run.daemon._tasks.names())
        self.timers = sum(not one.cancelled() for one in loop._scheduled)  # type: ignore[attr-defined]
        self.cancelled_timers = len(loop._scheduled) - self.timers  # type: ignore[attr-defined]
        self.queued = desk.budget.held + sum(line.unsent for line in stand.parties._lines)
        self.sockets = (stand.parties.count, len(stand.parties._slots), stand.parties._refused)
        self.rooms = (len(desk.rooms), desk.rooms.viewers)
        self.waiting = len(desk.budget.waiting)
        self.turns = len(desk.gates.turns)
        self.silent = len(stand.run.daemon._servers[0]._silent)
        self.leases = sum(one.startswith("party:") for one in desk.leases._leases)  # type: ignore[attr-defined]
        self.gates = len(desk.gates)
        self.resident = resident_kib()


async def _cycle(stand: Stand, number: int, room: str) -> None:
    """Come, join, say something, and go: by a Close, by nothing but a FIN, by a reset, or by leaving first."""
    raw: Raw = await stand.wire(name=f"u{number}")
    raw.say("party:join", id="j", roomId=room)
    raw.say("clock:ping", id="c", t1=1)
    if number % 16 == 0:
        raw.say("party:chat", id="s", message="x")
    welcome = await raw.answered("j")
    assert welcome["type"] == "party:join", welcome
    match number % 4:
        case 0:
            raw.frame(8, (1000).to_bytes(2, "big"))
            await raw.hung_up()
        case 1:
            raw.transport.write_eof()
            await raw.hung_up()
        case 2:
            raw.say("party:leave", id="l")
            await raw.answered("l")
    raw.transport.abort()


async def _cycles(stand: Stand, count: int, room: str) -> None:
    numbers = iter(range(count))

    async def some() -> None:
        for number in numbers:
            await _cycle(stand, number, room)

    await asyncio.gather(*(some() for _ in range(SIDE_BY_SIDE)))


async def _listen(guest: Guest) -> None:
    with suppress(ConnectionClosed):
        async for text in guest.socket:
            if "party:ping" in str(text):
                await guest.send("party:pong")


async def _quiet(stand: Stand) -> Held:
    """After two hours in which nobody came: what was kept for a while is gone by then."""
    await stand.until(lambda: stand.parties.count == 0)
    stand.clock.leap(5.0)
    await stand.until(lambda: "party:lane" not in stand.run.daemon._tasks.names())
    for _ in range(8):
        stand.clock.leap(900.0)
        for _ in range(5):
            await asyncio.sleep(0.02)
    await stand.until(lambda: len(stand.desk.rooms) == 0)
    await stand.desk.leases.holders([])
    gc.collect()
    return Held(stand)


@pytest.mark.parametrize(
    "cycles", [2000, pytest.param(20_000, marks=[pytest.mark.soak, pytest.mark.timeout(900)])]
)
async def test_nothing_is_left_of_who_has_gone(tmp_path: Path, cycles: int) -> None:
    asyncio.get_running_loop().set_debug(False)  # which keeps a stack with every handle, and counts as ours
    async with standing(
        tmp_path, PARTY_JOINS_PER_ADDRESS="1000000", PARTY_ACCEPTS_PER_SECOND="100000"
    ) as stand:

        async def visits(count: int) -> Held:
            host, room = await stand.room(waiting="off")
            listening = asyncio.ensure_future(_listen(host))
            await _cycles(stand, count, room)
            await stand.until(lambda: stand.desk.rooms.viewers == 1 and not stand.desk.budget.held)
            listening.cancel()
            await asyncio.wait({listening})
            assert (await host.ask("party:close"))["type"] == "party:ok"
            assert await host.ended() == 4504
            await stand.stack.aclose()
            del host
            return await _quiet(stand)

        before = await visits(200)
        rooms = cycles // A_ROOM
        for _ in range(rooms):  # a room holds 12,000, for a while also those who have gone
            after = await visits(A_ROOM)
        for name in ("names", "sockets", "rooms", "queued", "waiting", "turns", "silent", "leases"):
            assert getattr(after, name) == getattr(before, name), name
        assert after.tasks <= before.tasks + 2
        assert after.timers <= before.timers + 3
        assert after.cancelled_timers <= 200, "asyncio throws those away by the hundred"
        grown = {
            name: (before.objects[name], count)
            for name, count in after.objects.items()
            if count > before.objects[name] + MAY_STAY.get(name, 0) * rooms + 20
        }
        assert not grown, json.dumps(grown)
        assert after.gates <= before.gates + cycles + 2 * rooms, "one number for each address"
        assert after.resident - before.resident < GROWN_KIB + cycles
