"""Who is there, for whom the room waits, what is felt, how players do: told often enough, and never too often."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from domain.errors import Rejected
from rooms.people import MOST_SHOWN, Role, joined
from tests.rooms.hall import Client, Hall, open_hall
from tests.rooms.house import FILM


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    async with open_hall() as hall:
        yield hall


async def many(hall: Hall, ann: Client, count: int) -> None:
    for place in range(count):
        member = hall.house.member(f"m{place}", Role.MEMBER, ann.seat)
        await ann.seat.topics.append(ann.seat.replica.people.topic, joined(member))


async def test_a_small_room_sees_everybody_once_per_tick(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    ann.line.forget()
    await many(hall, ann, 10)
    await hall.quiet()
    (told,) = ann.line.of("party:presence")
    assert (told["members"], told["here"], len(told["roster"])) == (11, 11, 11)
    assert told["roster"][0] == {
        "memberId": "ann", "userName": "Ann", "role": "host", "isVip": False, "isHere": True,
    }  # fmt: skip


async def test_a_large_room_gets_counts_once_a_second(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    await many(hall, ann, MOST_SHOWN)
    await hall.clock.advance(3.0)
    ann.line.forget()
    for place in range(40):  # two seconds
        member = hall.house.member(f"late{place}", Role.MEMBER, ann.seat)
        await ann.seat.topics.append(ann.seat.replica.people.topic, joined(member))
        await hall.clock.advance(0.05)
    told = ann.line.of("party:presence")
    assert 2 <= len(told) <= 3
    assert {one["roster"] for one in told} == {None}
    await hall.clock.advance(1.0)
    assert ann.line.of("party:presence")[-1]["members"] == MOST_SHOWN + 41


async def test_for_whom_the_room_waits(hall: Hall) -> None:
    (ann,) = await hall.open("p1", waiting="all")
    people = [await hall.join(ann.seat, name) for name in ("bea", "cid")]
    await ann.ask("party:media", item=FILM)
    for one in (ann, *people):
        await one.ask("party:ready")
    await ann.ask("party:play")
    await ann.ask("party:seek", currentTime=100.0)
    await hall.clock.advance(0.3)
    assert ann.line.of("party:barrier")[-1]["reason"] == "seek"
    assert ann.line.of("party:waiting")[-1]["count"] == 3
    await ann.ask("party:ready")
    await people[0].ask("party:ready")
    await hall.clock.advance(0.3)
    told = people[1].line.of("party:waiting")
    assert (told[-1]["count"], told[-1]["names"]) == (1, ["Cid"])
    assert len(told) <= 3  # several at once are one message
    await people[1].ask("party:ready")
    await hall.clock.advance(0.3)
    assert ann.line.types().count("party:play") == 2
    assert ann.line.of("party:waiting")[-1]["count"] == 0


async def test_reactions_of_all_processes_are_added_up(hall: Hall) -> None:
    ann, guest = await hall.open("p1", "p2")
    here, there = hall.hubs["p1"], hall.hubs["p2"]
    for _ in range(3):
        here.react(ann.id, "❤")
    there.react(guest.id, "❤")
    there.react(guest.id, "🔥")
    with pytest.raises(Rejected, match="one of") as refused:
        here.react(ann.id, "x")
    assert refused.value.code == "party.bad_field"
    with pytest.raises(Rejected):
        here.react(ann.id, [])
    await hall.quiet()
    for one in (ann, guest):
        told = one.line.of("party:react")
        assert len(told) <= 2
        assert sum(each["reactions"].get("❤", 0) for each in told) == 4
        assert sum(each["reactions"].get("🔥", 0) for each in told) == 1


async def test_the_host_sees_how_the_players_of_all_processes_do(hall: Hall) -> None:
    ann, guest = await hall.open("p1", "p2")
    here, there = hall.hubs["p1"], hall.hubs["p2"]
    for _ in range(3):
        here.report(ann.id, {"driftMs": -3, "rttMs": 20, "stalls": 1})
        there.report(guest.id, {"driftMs": 100, "rttMs": 80, "oneWayMs": 30, "clockErrMs": 4})
        await hall.clock.advance(0.1)
    there.started(guest.id, 250)
    with pytest.raises(Rejected, match="driftMs"):
        here.report(ann.id, {"driftMs": float("nan")})
    await hall.clock.advance(6.0)
    told = ann.line.of("party:stats")
    assert 1 <= len(told) <= 2
    last = told[-1]
    assert (last["players"], last["p50"], last["p95"], last["stalls"], last["clockErrMs"]) == (
        2,
        4,
        128,
        3,
        4,
    )
    assert sum(count for _, count in last["buckets"]) == 2
    # Over all rooms of the process, and of those alone who measured it.
    assert hall.metrics.value("party_drift_seconds_count") == 6
    assert hall.metrics.value("party_clock_error_seconds_count") == 3
    assert hall.metrics.value("party_clock_error_seconds_bucket", le="0.005") == 3
    assert guest.line.of("party:stats") == []
    assert (here.delays.one_way, there.delays.one_way, there.delays.start) == ((0.01,), (0.03,), (0.25,))
    there.leave(guest.viewer)
    await hall.clock.advance(20.0)
    assert here.quality().players == 0  # nobody has reported for long
    assert there.delays.one_way == ()
