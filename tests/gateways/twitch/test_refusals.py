"""Limits of one call: short waits that grow while they last; and what that means at the simulated Twitch."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.clock import SystemClock
from gateways.http import HttpClient
from gateways.pace import MemoryPace
from gateways.twitch.contracts import RemoveVip, Waiting
from gateways.twitch.helix import TwitchHelix
from gateways.twitch.oauth import Grant, TwitchOAuth
from gateways.twitch.outcomes import Call
from gateways.twitch.refusals import (
    FIRST_WAIT_SECONDS,
    FORGET_SECONDS,
    JITTER_SECONDS,
    LONGEST_WAIT_SECONDS,
    Refusals,
)
from gateways.twitch.tokens import TokenKeeper
from simulators.twitch.server import TwitchSimulator
from simulators.twitch.settings import SimulatorSettings
from tests.gateways.twitch.scripted import Counts, Crew, Store
from tests.support.clock import ManualClock

REMOVE, CHANNEL = Call.REMOVE_VIP, "100"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def refusals(clock: ManualClock) -> Refusals:
    return Refusals(clock=clock, random=random.Random(1))


def about(seconds: float) -> Callable[[float], bool]:
    return lambda told: seconds <= told <= seconds + JITTER_SECONDS


async def test_the_wait_doubles_up_to_the_longest(refusals: Refusals, clock: ManualClock) -> None:
    assert refusals.wait_seconds(REMOVE, CHANNEL) == 0
    for wait in (1, 2, 4, 8, 10, 10):
        assert about(wait)(refusals.refused(REMOVE, CHANNEL))
        assert about(wait)(refusals.wait_seconds(REMOVE, CHANNEL))
        await clock.advance(wait)
        assert refusals.wait_seconds(REMOVE, CHANNEL) == 0


async def test_calls_that_were_under_way_together_are_one_refusal(
    refusals: Refusals, clock: ManualClock
) -> None:
    assert about(1)(refusals.refused(REMOVE, CHANNEL))
    await clock.advance(0.25)
    for _ in range(10):
        assert about(0.75)(refusals.refused(REMOVE, CHANNEL))
    await clock.advance(0.75)
    assert about(2)(refusals.refused(REMOVE, CHANNEL))


async def test_a_success_begins_anew(refusals: Refusals, clock: ManualClock) -> None:
    for _ in range(4):
        refusals.refused(REMOVE, CHANNEL)
        await clock.advance(LONGEST_WAIT_SECONDS)
    refusals.refused(REMOVE, CHANNEL)
    refusals.accepted(REMOVE, CHANNEL)
    assert refusals.wait_seconds(REMOVE, CHANNEL) == 0
    assert about(FIRST_WAIT_SECONDS)(refusals.refused(REMOVE, CHANNEL))


async def test_a_refusal_of_long_ago_does_not_count(refusals: Refusals, clock: ManualClock) -> None:
    refusals.refused(REMOVE, CHANNEL)
    await clock.advance(FIRST_WAIT_SECONDS + FORGET_SECONDS + 1)
    assert about(FIRST_WAIT_SECONDS)(refusals.refused(REMOVE, CHANNEL))


async def test_calls_and_channels_are_apart(refusals: Refusals, clock: ManualClock) -> None:
    refusals.refused(REMOVE, CHANNEL)
    assert refusals.wait_seconds(REMOVE, "200") == 0
    assert refusals.wait_seconds(Call.ADD_VIP, CHANNEL) == 0
    await clock.advance(1)
    refusals.refused(REMOVE, CHANNEL)
    assert about(1)(refusals.refused(REMOVE, "200"))
    refusals.accepted(REMOVE, "200")
    assert refusals.wait_seconds(REMOVE, CHANNEL) > 0


async def test_channels_that_are_never_seen_again_are_forgotten(
    refusals: Refusals, clock: ManualClock
) -> None:
    for number in range(3000):
        refusals.refused(REMOVE, str(number))
    await clock.advance(FORGET_SECONDS + 10)
    refusals.refused(REMOVE, CHANNEL)
    assert refusals.known == 1


@given(st.lists(st.tuples(st.sampled_from(["refused", "accepted"]), st.floats(0, 30)), max_size=40))
def test_no_wait_is_longer_than_the_longest(steps: list[tuple[str, float]]) -> None:
    now = [0.0]

    class Clock(ManualClock):
        def monotonic(self) -> float:
            return now[0]

    refusals = Refusals(clock=Clock(), random=random.Random(1))
    for step, pause in steps:
        if step == "refused":
            told = refusals.refused(REMOVE, CHANNEL)
            assert 0 < told <= LONGEST_WAIT_SECONDS + JITTER_SECONDS
        else:
            refusals.accepted(REMOVE, CHANNEL)
        now[0] += pause
        assert 0 <= refusals.wait_seconds(REMOVE, CHANNEL) <= LONGEST_WAIT_SECONDS + JITTER_SECONDS


async def test_removals_go_on_at_twitchs_pace_after_a_restart() -> None:
    """The new process does not know what was removed before; Twitch's window is full of it."""
    crew, store, clock, counts = Crew(), Store(), SystemClock(), Counts()
    settings = SimulatorSettings(vip_slots=20, vip_changes=3, vip_window_s=1.0)
    async with TwitchSimulator(settings=settings) as sim, HttpClient() as http:
        oauth = TwitchOAuth(
            http=http,
            id_url=sim.id_url,
            client_id=sim.client_id,
            client_secret=sim.client_secret,
            clock=clock,
            metrics=counts,
        )
        keeper = TokenKeeper(store=store, oauth=oauth, clock=clock, tasks=crew)

        def started() -> TwitchHelix:
            return TwitchHelix(
                http=http,
                api_url=sim.api_url,
                client_id=sim.client_id,
                tokens=keeper,
                pace=MemoryPace(clock=clock),
                clock=clock,
                metrics=counts,
                random=random.Random(1),
            )

        async def order(path: str, **body: str) -> Any:
            answer = await http.request("POST", f"{sim.control_url}/{path}", json_body=body)
            assert answer.status < 300, answer.body
            return answer.json() if answer.body else None

        told: list[float] = []

        async def remove(helix: TwitchHelix, viewer: str) -> None:
            while True:
                try:
                    assert await helix.remove_vip(channel["id"], viewer) is RemoveVip.REMOVED
                except Waiting as error:  # what the worker does
                    told.append(error.retry_after_seconds)
                    await clock.sleep(error.retry_after_seconds)
                else:
                    return

        channel = await order("channels", login="chan")
        grant = Grant(channel["access_token"], channel["refresh_token"], ("channel:manage:vips",), 14_000)
        await keeper.put(channel["id"], "chan", grant)
        viewers = [
            (await order("viewers", login=f"v{number}"))["id"] for number in range(13)
        ]  # ten of them after the restart: as many as our own pace has room for
        for viewer in viewers:
            await order("vips", channel_id=channel["id"], user_id=viewer)
        before, after = started(), started()
        for viewer in viewers[:3]:
            await remove(before, viewer)
        assert told == []
        for viewer in viewers[3:]:
            await remove(after, viewer)
        assert told, "the window was full"
        assert max(told) <= 2 + JITTER_SECONDS, "not the ten seconds of a whole window"
        assert await after.vips(channel["id"]) == []
    await crew.home()
