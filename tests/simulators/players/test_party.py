"""Viewers who go out together, and what is measured of them."""

from __future__ import annotations

import asyncio
import json

import pytest

from simulators.players.network import PROFILES
from simulators.players.party import Change, Party, Truth, networks, percentile
from simulators.players.viewer import Viewer
from tests.simulators.players.peer import Room, open_room


def viewers(room: Room, truth: Truth, number: int) -> list[Viewer]:
    return [
        Viewer(
            url=room.url,
            hello=None,
            begin="party:create" if not each else "party:join",
            with_data={"userName": f"v{each}"},
            profile=PROFILES["fibre"],
            seed=f"1/{each}",
            overhear=truth.overhear,
        )
        for each in range(number)
    ]


async def test_they_follow_the_first_one_into_the_room_and_are_measured() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        truth = Truth(room.url)
        party = Party(viewers(room, truth, 3), truth, apart=0.01, changes=[Change(0.1, "party:play", {})])
        running = group.create_task(party.run())
        await room.until(lambda: len(room.lines) == 3)
        await room.until(lambda: any(said["type"] == "party:play" for _, said in room.said))
        await room.play()
        async with asyncio.timeout(40):
            while party.measured()["samples"] < 20:
                await asyncio.sleep(0.05)
        running.cancel()
    joins = [said["data"] for _, said in room.said if said["type"] == "party:join"]
    assert [data["roomId"] for data in joins] == ["mint-owl-42"] * 2
    found = party.measured()
    assert (found["viewers"], found["room_id"], found["refused"]) == (3, "mint-owl-42", [])
    assert 0 < found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"] <= found["max_ms"] < 10_000
    assert found["truth_bound_ms"] < 1000
    assert len(found["each"]) == 3
    json.dumps(found, allow_nan=False)


async def test_the_truth_is_the_newest_film_whoever_heard_of_it() -> None:
    truth = Truth("ws://127.0.0.1:9/")
    state = {"pos": 5.0, "rate": 1.0, "playing": False, "ts": 0, "rev": 3}
    truth.overhear(json.dumps({"type": "party:pause", "data": {"state": state}}), 10.0)
    older = {**state, "pos": 1.0, "rev": 2}
    truth.overhear(json.dumps({"type": "party:pause", "data": {"state": older}}), 11.0)
    truth.overhear(json.dumps({"type": "party:ping"}), 12.0)
    assert truth.film is not None
    assert (truth.film.pos, truth.changed_at) == (5.0, 10.0)
    assert not truth.is_quiet(20.0)  # the room's time is not known yet


async def test_a_room_that_nobody_gets_into_is_told_as_such() -> None:
    async with open_room() as room, asyncio.TaskGroup() as group:
        room.answers = lambda message, number, received: [  # type: ignore[method-assign]
            {"type": "party:error", "data": {"code": "banned", "retryable": False, "isHost": False}}
        ]
        truth = Truth(room.url)
        party = Party(viewers(room, truth, 2), truth, apart=0.0)
        running = group.create_task(party.run())
        async with asyncio.timeout(30):
            while len(party.measured()["closes"]) == 0 or not all(one.talk.refused for one in party.viewers):
                await asyncio.sleep(0.02)
        running.cancel()
    assert party.measured()["refused"] == ["banned"]
    assert party.measured()["samples"] == 0


def test_networks_are_dealt_out_in_turn() -> None:
    assert [networks(["fibre", "wifi"], each) for each in range(3)] == ["fibre", "wifi", "fibre"]
    with pytest.raises(KeyError):
        networks(["carrier pigeon"], 0)


def test_percentiles_are_by_nearest_rank() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 50) == 2.0
    assert percentile([3.0, 1.0, 2.0, 4.0], 99) == 4.0
    assert percentile([], 50) == 0.0
