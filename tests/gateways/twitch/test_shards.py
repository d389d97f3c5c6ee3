"""A session becomes a shard within its ten seconds, or makes room for another."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from domain.errors import CuelightError, Rejected, Unavailable
from gateways.twitch.conduit_plan import Refusal, RemoteShard
from gateways.twitch.contracts import LoginNeeded, TwitchDown, Waiting
from gateways.twitch.helix_conduits import ConduitGone
from gateways.twitch.monitor import Monitor
from gateways.twitch.session_table import WINDOW_SECONDS
from gateways.twitch.shards import Attacher, NotAttached
from gateways.twitch.subscriptions import Wanted
from tests.gateways.twitch import eventsub_frames as frames
from tests.gateways.twitch.eventsub_server import Bell, Counts, Records, ScriptedServer, Spawned
from tests.support.clock import ManualClock


class Twitch:
    def __init__(self, *answers: Refusal | CuelightError | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, str]] = []
        self.listed: list[RemoteShard] = []

    async def attach(self, conduit_id: str, shard_id: str, session_id: str) -> Refusal | None:
        self.asked.append((conduit_id, shard_id, session_id))
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, CuelightError):
            raise answer
        return answer

    async def shards(self, conduit_id: str) -> list[RemoteShard]:
        return self.listed


class Rig:
    def __init__(self, *answers: Refusal | CuelightError | None) -> None:
        self.twitch, self.clock = Twitch(*answers), ManualClock()
        self.conduit_id, self.ours = "c1", True
        self.told: list[str] = []
        self.attacher = Attacher(
            shard_id="3",
            conduit_id=lambda: self.conduit_id,
            ours=lambda: self.ours,
            calls=self.twitch,
            clock=self.clock,
            random=random.Random(1),
        )

    async def settle(self) -> None:
        work = asyncio.create_task(
            self.attacher.settle(
                (),
                "S",
                on_first=lambda: self.told.append("first"),
                on_complete=lambda: self.told.append("complete"),
                on_wait=lambda number: None,
            )
        )
        while not work.done():
            await self.clock.advance(0.1)
        work.result()


async def test_attached() -> None:
    rig = Rig()
    await rig.settle()
    assert rig.twitch.asked == [("c1", "3", "S")]
    assert rig.told == ["first", "complete"]


@pytest.mark.parametrize("error", [TwitchDown("down"), Waiting("limit", retry_after_seconds=60.0)])
async def test_not_now_is_asked_again_while_the_window_is_open(error: CuelightError) -> None:
    rig = Rig(error, error, error)
    began = rig.clock.monotonic()
    await rig.settle()
    assert rig.told == ["first", "complete"]
    assert rig.clock.monotonic() - began < WINDOW_SECONDS / 2


@pytest.mark.parametrize(
    "answers",
    [
        (Refusal("3", "bad", "session gone"),),
        (ConduitGone("gone"),),
        (LoginNeeded("", "the application's token"),),
        (TwitchDown("down"),) * 99,
    ],
)
async def test_where_only_another_session_helps(answers: tuple[Any, ...]) -> None:
    rig = Rig(*answers)
    with pytest.raises(NotAttached) as raised:
        await rig.settle()
    assert not isinstance(raised.value, LoginNeeded)  # which would park the shard for ever
    assert raised.value.retry_after_seconds >= 1
    assert rig.told == []


@pytest.mark.parametrize("missing", ["conduit", "lease"])
async def test_without_a_conduit_or_a_lease_nothing_is_asked(missing: str) -> None:
    rig = Rig()
    rig.conduit_id, rig.ours = ("", True) if missing == "conduit" else ("c1", False)
    with pytest.raises(NotAttached):
        await rig.settle()
    assert rig.twitch.asked == []


async def test_what_nobody_foresees_is_passed_on() -> None:
    with pytest.raises(Rejected):
        await Rig(Rejected("what?")).settle()


@pytest.mark.parametrize(
    ("shard", "serves"),
    [
        (RemoteShard("3", "enabled", "S2"), True),
        (RemoteShard("3", "enabled", "S"), False),
        (RemoteShard("3", "websocket_failed_to_reconnect", "S2"), False),
        (RemoteShard("2", "enabled", "S2"), False),
    ],
)
async def test_whether_the_shard_went_along_is_looked_up(shard: RemoteShard, serves: bool) -> None:
    rig = Rig()
    rig.twitch.listed = [RemoteShard("0", "enabled", "S0"), shard]
    assert await rig.attacher.moved("S2") is serves


class Settler:
    """Settles at once, and is of the opinion that the test has."""

    def __init__(self, bell: Bell, *, moves: bool | CuelightError) -> None:
        self._bell, self._moves = bell, moves
        self.settled: list[str] = []
        self.looked: list[str] = []
        self.dropped: tuple[Wanted, ...] = ()

    async def settle(self, wanted: Any, session_id: str, **tell: Any) -> None:
        self.settled.append(session_id)
        tell["on_first"]()
        tell["on_complete"]()
        self._bell.ring()

    async def check(self) -> None:
        raise AssertionError("nobody closed it as unused")

    async def moved(self, session_id: str) -> bool:
        self.looked.append(session_id)
        self._bell.ring()
        if isinstance(self._moves, CuelightError):
            raise self._moves
        return self._moves


@pytest.mark.parametrize("moves", [True, False, TwitchDown("nobody knows")])
async def test_after_a_hand_over_what_did_not_go_along_is_settled_again(moves: bool | CuelightError) -> None:
    bell, clock, tasks, counts = Bell(), ManualClock(), Spawned(), Counts()
    records, settler = Records(bell), Settler(bell, moves=moves)
    async with ScriptedServer() as server:
        monitor = Monitor(
            url=server.url,
            settler=lambda name: settler,
            sink=records,
            on_revocation=records.on_revocation,
            on_gap=records.on_gap,
            on_state=records.on_state,
            clock=clock,
            tasks=tasks,
            random=random.Random(1),
            metrics=counts,
        )
        monitor.add("shard-0", ())
        old = await server.greet("S1")
        await bell.until(lambda: records.gaps == ["shard-0"])
        assert monitor.session_id("shard-0") == "S1"
        await old.send(frames.reconnect(f"{server.url}?challenge=x"))
        await server.greet("S2")
        await bell.until(lambda: settler.looked == ["S2"])
        if moves is True:
            await clock.advance(5.0)
            assert (settler.settled, records.gaps) == (["S1"], ["shard-0"])
        else:
            async with asyncio.timeout(30):
                while len(records.gaps) < 2:
                    await clock.advance(0.5)
                    await asyncio.sleep(0.001)
            assert settler.settled == ["S1", "S2"]
        assert monitor.session_id("shard-0") == "S2"
        await monitor.stop()
        assert monitor.session_id("shard-0") == ""
        assert tasks.running == 0


async def test_a_closed_session_asks_nothing_of_helix() -> None:
    rig = Rig(Unavailable("nothing is asked"))
    await rig.attacher.check()
    assert (rig.twitch.asked, rig.attacher.dropped) == ([], ())
