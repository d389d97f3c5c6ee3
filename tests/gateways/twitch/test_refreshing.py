"""Whose turn it is to refresh a token: one at a time, nobody for ever, and everybody while nobody can say."""

from __future__ import annotations

import asyncio
import random

import pytest
import structlog

from domain.errors import Unavailable
from gateways.leases.contracts import Held
from gateways.leases.memory import MemoryLeases
from gateways.twitch.contracts import Waiting
from gateways.twitch.refreshing import (
    CALL_SECONDS,
    LONGEST_PAUSE_SECONDS,
    PATIENCE_SECONDS,
    SHORTEST_PAUSE_SECONDS,
    TURN_SECONDS,
    RefreshTurns,
    Turn,
)
from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def leases(clock: ManualClock) -> MemoryLeases:
    return MemoryLeases(clock=clock)


def turns(leases: MemoryLeases, clock: ManualClock, owner: str) -> RefreshTurns:
    return RefreshTurns(leases=leases, owner=owner, clock=clock, random=random.Random(1))


async def taken(turn: Turn, clock: ManualClock) -> bool:
    """`take()`, with its pause gone through at once."""
    asking = asyncio.ensure_future(turn.take())
    await clock.advance(0)
    if not asking.done():
        await clock.advance(LONGEST_PAUSE_SECONDS)
    return await asking


async def test_one_has_it_and_the_next_gets_it_back(leases: MemoryLeases, clock: ManualClock) -> None:
    async with turns(leases, clock, "b").of("7") as later:
        async with turns(leases, clock, "a").of("7") as first:
            assert await taken(first, clock)
            assert not await taken(later, clock)
            assert not later.time_left()
        assert await taken(later, clock)
        assert later.time_left()
    assert await leases.holders(["refresh:7"]) == {}


async def test_turns_of_users_are_apart(leases: MemoryLeases, clock: ManualClock) -> None:
    async with turns(leases, clock, "a").of("7") as one, turns(leases, clock, "b").of("8") as other:
        assert await one.take()
        assert await other.take()


async def test_looks_are_spread(leases: MemoryLeases, clock: ManualClock) -> None:
    await leases.acquire(["refresh:7"], owner="a", ttl_seconds=900)
    async with turns(leases, clock, "b").of("7") as turn:
        assert not await turn.take()
        pauses = []
        for _ in range(8):
            began = clock.monotonic()
            asking = asyncio.ensure_future(turn.take())
            await clock.advance(0)
            while not asking.done():
                await clock.advance(0.01)
            pauses.append(clock.monotonic() - began)
        assert min(pauses) >= SHORTEST_PAUSE_SECONDS
        assert max(pauses) <= LONGEST_PAUSE_SECONDS + 0.011
        assert max(pauses) - min(pauses) > 0.03


async def test_patience_ends(leases: MemoryLeases, clock: ManualClock) -> None:
    await leases.acquire(["refresh:7"], owner="a", ttl_seconds=900)
    async with turns(leases, clock, "b").of("7") as turn:
        began = clock.monotonic()
        with pytest.raises(Waiting):  # noqa: PT012 - it is raised by one of many
            while True:
                assert not await taken(turn, clock)
        assert PATIENCE_SECONDS <= clock.monotonic() - began <= PATIENCE_SECONDS + 1


async def test_the_turn_of_a_process_that_died_runs_out(leases: MemoryLeases, clock: ManualClock) -> None:
    async with turns(leases, clock, "b").of("7") as turn:
        dead = turns(leases, clock, "a").of("7")
        assert await dead.take()
        await clock.advance(TURN_SECONDS - 1)
        assert not await turn.take()
        await clock.advance(1)
        assert await taken(turn, clock)


async def test_a_turn_that_is_nearly_over_is_taken_again(leases: MemoryLeases, clock: ManualClock) -> None:
    """The process was stopped between the turn and the call: the answer might come in somebody else's turn."""
    async with turns(leases, clock, "a").of("7") as turn:
        assert await turn.take()
        await clock.advance(TURN_SECONDS - CALL_SECONDS)
        assert turn.time_left()
        await clock.advance(0.1)
        assert not turn.time_left()
        assert await taken(turn, clock)
        assert turn.time_left()


async def test_who_has_something_left_to_do_keeps_it(leases: MemoryLeases, clock: ManualClock) -> None:
    async with turns(leases, clock, "a").of("7") as turn:
        assert await turn.take()
        turn.keep()
    assert await leases.holders(["refresh:7"]) == {"refresh:7": "a"}
    async with turns(leases, clock, "a").of("7") as again:
        assert await again.take(), "its owner comes in again"


async def test_it_is_given_back_also_after_a_failure(leases: MemoryLeases, clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="oops"):  # noqa: PT012 - the whole context is the matter
        async with turns(leases, clock, "a").of("7") as turn:
            await turn.take()
            raise ValueError("oops")
    assert await leases.holders(["refresh:7"]) == {}


class Unreachable(MemoryLeases):
    """An engine that is away: the leases of a Redis that does not answer, without the wait."""

    away = True

    async def acquire(self, names: object, *, owner: str, ttl_seconds: float) -> dict[str, Held]:
        if self.away:
            raise Unavailable("away", code="redis.unavailable")
        return await super().acquire(names, owner=owner, ttl_seconds=ttl_seconds)  # type: ignore[arg-type]

    async def release(self, names: object, *, owner: str) -> None:
        raise Unavailable("away", code="redis.unavailable")


async def test_while_nobody_can_say_everybody_goes(clock: ManualClock) -> None:
    leases = Unreachable(clock=clock)
    with structlog.testing.capture_logs() as logs:
        async with turns(leases, clock, "a").of("7") as turn:
            assert await turn.take()
            await clock.advance(TURN_SECONDS)
            assert turn.time_left()
    assert [line["event"] for line in logs] == ["twitch.refresh_without_turn"], "and nothing is given back"


async def test_what_cannot_be_given_back_runs_out(clock: ManualClock) -> None:
    leases = Unreachable(clock=clock)
    leases.away = False
    with structlog.testing.capture_logs() as logs:
        async with turns(leases, clock, "a").of("7") as turn:
            assert await turn.take()
    assert [line["event"] for line in logs] == ["twitch.turn_not_given_back"]
    await clock.advance(TURN_SECONDS)
    assert await leases.holders(["refresh:7"]) == {}
