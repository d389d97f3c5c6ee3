from __future__ import annotations

import asyncio
import random

import pytest

from domain.errors import Conflict, Rejected
from gateways.twitch.contracts import LoginNeeded, TwitchDown, Waiting
from gateways.twitch.subscriber import Subscriber
from gateways.twitch.subscriptions import vip_channel
from tests.gateways.twitch.eventsub_server import Bell, Desk
from tests.support.clock import ManualClock

WISHES = vip_channel("100")
ALL = [wish.type for wish in WISHES]


class Bench:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.desk = Desk(Bell())
        self.told: list[str] = []
        self.subscriber = Subscriber(
            channel_id="100", helix=self.desk, clock=self.clock, random=random.Random(5)
        )

    async def settle(self) -> None:
        await self.subscriber.settle(
            WISHES,
            "S1",
            on_first=lambda: self.told.append("first"),
            on_complete=lambda: self.told.append("complete"),
            on_wait=lambda number: self.told.append(f"wait {number}"),
        )

    async def run(self, seconds: float = 0.0) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.settle())
            await self.clock.advance(seconds)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_everything_is_made_in_order_and_told(bench: Bench) -> None:
    await bench.run()
    assert bench.desk.calls == ["list", *ALL]
    assert bench.told == ["first", "complete"]


async def test_nothing_to_do_is_one_call(bench: Bench) -> None:
    for wish in WISHES:
        bench.desk.leave(wish.type, "100", "S1", **wish.condition)
    await bench.run()
    assert bench.desk.calls == ["list"]
    assert bench.told == ["first", "complete"]


async def test_leftovers_are_deleted_after_the_new_ones_exist(bench: Bench) -> None:
    for type_ in ALL[:2]:
        bench.desk.leave(type_, "100", "S0", "websocket_disconnected")
    await bench.run()
    assert bench.desk.calls == ["list", *ALL, "delete", "delete"]
    assert bench.desk.types("S0") == []


async def test_a_refusal_of_one_does_not_stop_the_others_and_leftovers_make_room(bench: Bench) -> None:
    bench.desk.leave(ALL[0], "100", "S0")
    bench.desk.refuse(ALL[0], Waiting("maximum subscriptions with type and condition exceeded"))
    await bench.run(10.0)
    assert bench.desk.calls[: len(ALL) + 3] == ["list", *ALL, "delete", "list"]
    assert bench.told == ["first", "wait 1", "complete"]
    assert sorted(bench.desk.types("S1")) == sorted(ALL)


async def test_while_nothing_exists_rounds_follow_within_two_seconds(bench: Bench) -> None:
    bench.desk.refuse("list", *[TwitchDown("Away.", retry_after_seconds=60.0)] * 4)
    await bench.run(8.0)
    assert bench.told[-2:] == ["first", "complete"]


async def test_once_one_exists_twitchs_own_delay_is_respected(bench: Bench) -> None:
    bench.desk.refuse(ALL[1], Waiting("Bucket empty.", retry_after_seconds=20.0))
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.settle())
        await bench.clock.advance(19.9)
        assert bench.desk.calls.count("list") == 1
        await bench.clock.advance(5.0)
        assert bench.desk.calls.count("list") == 2


async def test_a_conflict_means_that_it_exists(bench: Bench) -> None:
    bench.desk.refuse(ALL[0], Conflict("subscription already exists"))
    await bench.run()
    assert bench.told == ["first", "complete"]


async def test_optional_ones_are_dropped_for_want_of_scope_or_if_refused(bench: Bench) -> None:
    bench.desk.refuse(ALL[4], LoginNeeded("100", "No scope.", scopes=("moderation:read",)))
    bench.desk.refuse(ALL[5], Rejected("Bad type."))
    await bench.run()
    assert [wish.type for wish in bench.subscriber.dropped] == ALL[4:6]
    assert bench.told == ["first", "complete"]


@pytest.mark.parametrize(
    ("type_", "error"),
    [
        (ALL[0], LoginNeeded("100", "No scope.", scopes=("channel:manage:redemptions",))),
        (ALL[4], LoginNeeded("100", "The whole grant is dead.")),
        ("list", LoginNeeded("100", "The whole grant is dead.")),
        (ALL[0], Rejected("websocket transport cannot have subscriptions created by different users")),
    ],
)
async def test_what_makes_no_sense_to_repeat_is_raised(bench: Bench, type_: str, error: Rejected) -> None:
    bench.desk.refuse(type_, error)
    with pytest.raises(type(error), match=str(error)):
        await bench.settle()


async def test_leftovers_that_cannot_be_deleted_are_given_up(bench: Bench) -> None:
    bench.desk.leave(ALL[0], "100", "S0")
    bench.desk.refuse("delete", *[Waiting("Too fast.")] * 50)
    await bench.run(400.0)
    assert bench.told == ["first", "complete"]
    assert bench.desk.calls.count("delete") == 6
