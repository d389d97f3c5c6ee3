"""Rooms without an owner, under load: commands and chat from all sides while something breaks. Whatever it is, all end
in the same room, what was acknowledged is in it once, and the room has a host."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

import pytest

from domain.errors import Conflict, Unavailable
from rooms.people import Member
from tests.rooms.fleet.test_pulse import beats, with_pulse
from tests.rooms.house import FILM, House, Seat, once_and_in_order, open_house

MESSAGES = 15
COMMANDS = 10
Fault = Callable[[House], Awaitable[None]]


async def nothing(house: House) -> None:
    """All goes well."""


async def flush(house: House) -> None:
    assert house.server is not None
    await house.server.command("FLUSHALL")


async def restart(house: House) -> None:
    assert house.server is not None
    await house.server.restart()


async def deafen(house: House) -> None:
    """Every process loses the connection by which it hears of news."""
    assert house.server is not None
    await house.server.command("CLIENT", "KILL", "TYPE", "pubsub")


FAULTS: dict[str, Fault] = {"nothing": nothing, "flush": flush, "restart": restart, "deafen": deafen}
HOUSES = [
    ("ring", 2, "nothing"),
    ("ring", 4, "nothing"),
    *(
        pytest.param("redis", count, fault, marks=pytest.mark.server)
        for count, fault in itertools.product((2, 4), FAULTS)
    ),
]


class Talk:
    """Somebody at each process talks, the host moves the film; who is told to try again does so with the same id."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.acknowledged: list[str] = []
        self.half = asyncio.Event()

    async def chat(self, seat: Seat, member: Member, count: int) -> None:
        for number in range(count):
            text = f"{member.id}-{number}"
            await self.say(seat, member, "party:chat", f"c{number}", message=text)
            self.acknowledged.append(text)
            if number == count // 2:
                self.half.set()

    async def film(self, seat: Seat, host: Member, count: int) -> None:
        for number in range(count):
            await self.say(seat, host, "party:seek", f"s{number}", currentTime=10.0 + number)
            await self.say(seat, host, ("party:play", "party:pause")[number % 2], f"p{number}")

    async def say(self, seat: Seat, member: Member, type: str, id: str, **data: object) -> None:
        for _ in range(100):
            try:
                await seat.ask(member, type, id=id, **data)
                return
            except Conflict:
                return  # told that it came too late: an answer, too
            except Unavailable as error:
                await seat.replica.until(lambda: False, error.retry_after_seconds / 5)
        raise AssertionError("a hundred tries")


def said_of(texts: list[str], member: str) -> Iterator[str]:
    return (one for one in texts if one.startswith(f"{member}-"))


async def check(house: House, talk: Talk, *, in_order: bool) -> None:
    await house.until(lambda: all(set(talk.acknowledged) <= set(seat.said) for seat in house.seats))
    agreed = await house.agreed()
    assert Counter(agreed.said) == Counter(talk.acknowledged), "once each"
    if in_order:
        for member in {one.partition("-")[0] for one in agreed.said}:
            assert list(said_of(agreed.said, member)) == list(said_of(talk.acknowledged, member))
    for seat in house.seats:
        once_and_in_order(seat)
    host = agreed.replica.roster.get(agreed.replica.room.host)
    assert host is not None
    assert host.is_here


@pytest.mark.parametrize(("engine", "count", "fault"), HOUSES)
async def test_all_end_in_the_same_room(engine: str, count: int, fault: str) -> None:
    async with open_house(engine, base_every=40) as house:
        seats, ann = await house.open(*(f"p{number}" for number in range(count)))
        await seats[0].ask(ann, "party:media", item=FILM)
        talk = Talk(house)
        members = [await seat.join(f"m{number}") for number, seat in enumerate(seats)]
        async with asyncio.TaskGroup() as group:
            group.create_task(
                talk.film(seats[-1], ann, COMMANDS)
            )  # not where she came in: any process decides
            for seat, member in zip(seats, members, strict=True):
                group.create_task(talk.chat(seat, member, MESSAGES))
            await talk.half.wait()
            await FAULTS[fault](house)
        await check(house, talk, in_order=fault in ("nothing", "deafen"))
        assert len(house.seats[0].replica.roster.here) == count + 1
        if fault in ("nothing", "deafen"):
            assert all(None not in seat.heard for seat in seats), "nobody had to begin anew"
            heard = [[one.position for one in seat.heard if one is not None] for seat in seats]
            assert all(one == heard[0] for one in heard)
        else:
            assert all(None in seat.heard for seat in seats), "everybody was told to begin anew"


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("engine", ["ring", pytest.param("redis", marks=pytest.mark.server)])
async def test_one_is_killed_without_a_goodbye(engine: str, count: int) -> None:
    """The host's process. What it acknowledged is not lost; what it had under way happened once or not at all."""
    async with open_house(engine, base_every=40) as house:
        seats, ann = await house.open(*(f"p{number}" for number in range(count)))
        for seat in seats:
            with_pulse(house, seat)
        await seats[0].ask(ann, "party:media", item=FILM)
        talk, lost = Talk(house), Talk(house)
        members = [await seat.join(f"m{number}") for number, seat in enumerate(seats)]
        doomed = [
            asyncio.ensure_future(lost.film(seats[0], ann, 1000)),
            asyncio.ensure_future(lost.chat(seats[0], members[0], 30)),
        ]
        async with asyncio.TaskGroup() as group:
            for seat, member in list(zip(seats, members, strict=True))[1:]:
                group.create_task(talk.chat(seat, member, MESSAGES))
            await lost.half.wait()
            for task in doomed:
                task.cancel()
            await asyncio.gather(*doomed, return_exceptions=True)
            await seats[0].kill()
        for _ in range(15):
            await beats(house, 1)
        await house.until(lambda: all(seat.replica.room.host not in ("", "ann") for seat in house.seats))
        agreed = await house.agreed()
        assert set(lost.acknowledged + talk.acknowledged) <= set(agreed.said)
        assert max(Counter(agreed.said).values()) == 1
        assert len(agreed.said) <= len(lost.acknowledged + talk.acknowledged) + 1, "the one under way"
        assert agreed.replica.room.host_epoch == 2
        assert {one.id for one in agreed.replica.roster.here} == {f"m{number}" for number in range(1, count)}
        for seat in house.seats:
            once_and_in_order(seat)
