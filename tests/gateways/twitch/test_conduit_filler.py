"""The subscriptions of all channels: made at a pace, kept, and no channel holds up the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.errors import Conflict, CuelightError, Rejected
from gateways.twitch.conduit_filler import ASIDE_SECONDS, LOOK_SECONDS, ConduitRefused, Filler
from gateways.twitch.contracts import LoginNeeded, RemoteSubscription, TwitchBroken, TwitchDown, Waiting
from gateways.twitch.subscriptions import Wanted
from tests.gateways.twitch.eventsub_server import Bell
from tests.support.clock import ManualClock

CONDUIT = "c1"


def wishes(channel_id: str, *types: str, optional: str = "") -> tuple[Wanted, ...]:
    return tuple(
        Wanted(type_, "1", {"broadcaster_user_id": channel_id}, ("some:scope",), type_ == optional)
        for type_ in types
    )


class Twitch:
    """Twitch's list of subscriptions. `refusals` are raised in turn, by channel or kind of call."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self.held: dict[str, RemoteSubscription] = {}
        self.refusals: dict[str, list[CuelightError]] = {}
        self.calls: list[str] = []
        self.points = 60_000

    def refuse(self, what: str, *errors: CuelightError) -> None:
        self.refusals.setdefault(what, []).extend(errors)

    def leave(self, id: str, type_: str, channel_id: str, **more: Any) -> None:
        fields: dict[str, Any] = {"status": "enabled", "method": "conduit", "conduit_id": CONDUIT, **more}
        condition = {"broadcaster_user_id": channel_id}
        self.held[id] = RemoteSubscription(id, type_, "1", condition=condition, **fields)

    def _called(self, what: str, who: str) -> None:
        self.calls.append(f"{what}:{who}")
        self._bell.ring()
        for key in (what, who):
            if self.refusals.get(key):
                raise self.refusals[key].pop(0)

    async def subscribe(
        self, channel_id: str, type: str, version: str, condition: dict[str, str], transport: dict[str, str]
    ) -> RemoteSubscription:
        await asyncio.sleep(0)
        assert transport == {"method": "conduit", "conduit_id": CONDUIT}
        self._called(type, channel_id)
        name = f"{channel_id}-{type}"
        if name in self.held:
            raise Conflict("subscription already exists")
        self.leave(name, type, channel_id)
        return self.held[name]

    async def unsubscribe(self, channel_id: str, subscription_id: str) -> bool:
        await asyncio.sleep(0)
        assert channel_id == ""
        self._called("delete", subscription_id)
        return self.held.pop(subscription_id, None) is not None

    async def subscriptions(self, *, user_id: str = "") -> AsyncIterator[list[RemoteSubscription]]:
        await asyncio.sleep(0)
        self._called("list", user_id or "all")
        rows = [one for one in self.held.values() if not user_id or user_id in one.condition.values()]
        for start in range(0, len(rows), 3):
            yield rows[start : start + 3]

    def points_per_minute(self) -> int:
        return self.points

    def of(self, channel_id: str) -> list[str]:
        return sorted(
            one.type for one in self.held.values() if one.condition["broadcaster_user_id"] == channel_id
        )


class Counts:
    def __init__(self) -> None:
        self.gauges: dict[str, float] = {}
        self.errors = 0.0

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        assert name == "errors_total"
        self.errors += amount

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.gauges[labels.get("state", name)] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        raise AssertionError("nothing is observed")


class Rig:
    def __init__(self) -> None:
        self.bell, self.clock, self.counts = Bell(), ManualClock(), Counts()
        self.twitch = Twitch(self.bell)
        self.states: dict[str, tuple[str, str]] = {}
        self.filler = Filler(
            calls=self.twitch, helix=self.twitch, on_channel=self._on, clock=self.clock, metrics=self.counts
        )
        self.running: asyncio.Task[None] | None = None

    def _on(self, channel_id: str, state: str, detail: str) -> None:
        self.states[channel_id] = (str(state), detail)
        self.bell.ring()

    def start(self) -> None:
        self.running = asyncio.create_task(self.filler.run(CONDUIT))

    async def pass_time(self, seconds: float, *, step: float = 0.25) -> None:
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            await self.clock.advance(min(step, end - self.clock.monotonic()))

    async def settled(self, seconds: float = 20.0) -> None:
        end = self.clock.monotonic() + seconds
        while not self.filler.progress().settled:
            assert self.clock.monotonic() < end, self.states
            await self.pass_time(0.5)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    one = Rig()
    yield one
    if one.running is not None:
        one.running.cancel()
        await asyncio.gather(one.running, return_exceptions=True)


async def test_what_is_there_is_read_and_only_what_is_missing_made(rig: Rig) -> None:
    rig.twitch.leave("old", "a", "1")
    rig.twitch.leave("ended", "b", "1", status="version_removed")
    rig.twitch.leave("nobodys", "a", "9")
    rig.twitch.leave("other conduit", "a", "1", conduit_id="c2")
    rig.twitch.leave("socket", "a", "2", method="websocket", conduit_id="")
    for channel_id in "12":
        rig.filler.want(channel_id, wishes(channel_id, "a", "b"))
    rig.start()
    await rig.settled()
    assert {call for call in rig.twitch.calls if not call.startswith("list")} == {
        "b:1", "a:2", "b:2", "delete:ended", "delete:nobodys",
    }  # fmt: skip
    assert rig.states == {"1": ("enabled", ""), "2": ("enabled", "")}
    assert rig.counts.gauges["enabled"] == 2


async def test_calls_keep_to_the_pace(rig: Rig) -> None:
    rig.twitch.points = 800
    rig.filler.want("1", wishes("1", *(f"t{number}" for number in range(30))))
    rig.start()
    await rig.pass_time(1.0, step=0.05)
    assert 9 <= len(rig.twitch.calls) <= 13  # ten a second leave a quarter of the points
    assert 1.5 <= rig.filler.seconds_left() <= 2.1
    await rig.settled()


@pytest.mark.parametrize("error", [Waiting("limit", retry_after_seconds=2.0), TwitchDown("down")])
async def test_not_now_is_tried_again(rig: Rig, error: CuelightError) -> None:
    rig.twitch.refuse("1", error)
    rig.twitch.refuse("all", error)
    rig.filler.want("1", wishes("1", "a"))
    rig.filler.want("2", wishes("2", "a"))
    rig.start()
    await rig.settled()
    assert (rig.twitch.of("1"), rig.twitch.of("2")) == (["a"], ["a"])


async def test_when_all_are_refused_everybody_waits(rig: Rig) -> None:
    rig.twitch.refuse("a", *[Waiting("no points", retry_after_seconds=30.0)] * 20)
    for number in range(40):
        rig.filler.want(str(number), wishes(str(number), "a"))
    rig.start()
    await rig.pass_time(20.0)
    assert len([call for call in rig.twitch.calls if call.startswith("a:")]) <= 18  # not one for each channel
    await rig.settled(200.0)


async def test_a_channel_without_consent_does_not_hold_up_the_others(rig: Rig) -> None:
    rig.twitch.refuse("1", LoginNeeded("1", "no", scopes=("channel:manage:vips",)))
    for channel_id in "12":
        rig.filler.want(channel_id, wishes(channel_id, "a", "b"))
    rig.start()
    await rig.settled()
    assert rig.states == {"1": ("needs_login", "missing: channel:manage:vips"), "2": ("enabled", "")}
    await rig.pass_time(LOOK_SECONDS + 10, step=5.0)
    assert rig.twitch.of("1") == []  # nobody asks again and again
    rig.filler.wake("1")
    await rig.settled()
    assert rig.twitch.of("1") == ["a", "b"]


async def test_an_optional_one_that_is_refused_is_left_out(rig: Rig) -> None:
    rig.twitch.refuse("b", LoginNeeded("1", "no", scopes=("x",)))
    rig.twitch.refuse("c", Rejected("unknown type"))
    rig.filler.want("1", (*wishes("1", "a", "b", optional="b"), *wishes("1", "c", optional="c")))
    rig.start()
    await rig.settled()
    assert rig.states["1"] == ("enabled", "without: b c")
    assert rig.twitch.of("1") == ["a"]


@pytest.mark.parametrize("error", [Rejected("the user does not exist"), TwitchBroken("what?")])
async def test_what_is_refused_for_good_is_tried_again_much_later(rig: Rig, error: CuelightError) -> None:
    rig.twitch.refuse("1", error)
    rig.filler.want("1", wishes("1", "a"))
    rig.start()
    await rig.settled()
    assert rig.states["1"][0] == "refused"
    assert rig.counts.errors == 1
    await rig.pass_time(ASIDE_SECONDS + 20, step=1.0)
    assert rig.states["1"] == ("enabled", "")


async def test_a_conduit_that_twitch_does_not_know_ends_it(rig: Rig) -> None:
    rig.twitch.refuse("a", Rejected("conduit_id: conduit not found"))
    rig.filler.want("1", wishes("1", "a"))
    rig.start()
    assert rig.running is not None
    await rig.pass_time(1.0)
    with pytest.raises(ConduitRefused):
        await rig.running
    rig.start()  # the next one
    await rig.settled()


async def test_a_removed_channel_loses_what_it_had_and_nothing_of_others(rig: Rig) -> None:
    for channel_id in "12":
        rig.filler.want(channel_id, wishes(channel_id, "a", "b"))
    rig.start()
    await rig.settled()
    reader = RemoteSubscription(
        "reads", "chat", "1", "enabled",
        condition={"broadcaster_user_id": "2", "user_id": "1"}, method="conduit", conduit_id=CONDUIT,
    )  # fmt: skip
    rig.twitch.held["reads"] = reader
    rig.filler.forget("1")
    await rig.pass_time(2.0)
    assert (rig.twitch.of("1"), rig.twitch.of("2")) == ([], ["a", "b", "chat"])
    assert rig.filler.channels == ["2"]


async def test_what_ended_unheard_is_found_by_a_look_at_everything(rig: Rig) -> None:
    rig.filler.want("1", wishes("1", "a", "b"))
    rig.start()
    await rig.settled()
    del rig.twitch.held["1-a"]
    await rig.pass_time(LOOK_SECONDS + 20, step=5.0)
    assert rig.twitch.of("1") == ["a", "b"]
    del rig.twitch.held["1-b"]
    rig.filler.look()
    await rig.pass_time(80.0, step=1.0)
    assert rig.twitch.of("1") == ["a", "b"]
    del rig.twitch.held["1-b"]
    rig.filler.recheck("1")
    await rig.pass_time(2.0)
    assert rig.twitch.of("1") == ["a", "b"]


async def test_reading_keeps_to_the_pace_as_well(rig: Rig) -> None:
    """Else the list of thousands of channels takes all the points, and is begun again before it is read."""
    rig.twitch.points = 80  # one call a second
    for number in range(30):
        rig.twitch.leave(f"s{number}", f"t{number}", "1")
    rig.filler.want("1", wishes("1", *(f"t{number}" for number in range(30))))
    rig.start()
    await rig.pass_time(7.0)
    assert not rig.filler.progress().settled  # of ten pages
    await rig.settled(5.0)
    assert rig.twitch.calls == ["list:all"]


async def test_what_is_wanted_while_the_list_is_read_is_not_overlooked(rig: Rig) -> None:
    rig.twitch.points = 80
    for number in range(9):
        rig.twitch.leave(f"s{number}", f"t{number}", "1")
    before = wishes("1", *(f"t{number}" for number in range(9)))
    rig.filler.want("1", before)
    rig.start()
    await rig.pass_time(1.5)
    rig.filler.want("1", (*before, *wishes("1", "new")))
    await rig.settled(20.0)
    assert "new" in rig.twitch.of("1")


async def test_what_cannot_be_deleted_is_found_again(rig: Rig) -> None:
    rig.twitch.leave("left", "z", "1")
    rig.twitch.refuse("delete", TwitchDown("down"))
    rig.filler.want("1", wishes("1", "a"))
    rig.start()
    await rig.settled()
    assert "left" in rig.twitch.held
    await rig.pass_time(LOOK_SECONDS + 20, step=5.0)
    assert "left" not in rig.twitch.held
