"""The story plays every kind, can be repeated from its seed, and is fair."""

from __future__ import annotations

import asyncio

from simulators.twitch import SimulatorSettings
from simulators.twitch.ids import Ids
from simulators.twitch.stage import Stage
from simulators.twitch.story import MIX, Story
from tests.simulators.twitch.faultless_app import FaultlessApp
from tests.simulators.twitch.playground import Playground, playground


def told(seed: int, acts: int) -> list[tuple[str, str, str]]:
    stage = Stage.build(SimulatorSettings(seed=seed))
    for login in ("one", "two"):
        channel = stage.world.add_channel(login, vip_slots=2)
        client_id = stage.settings.client_id
        stage.life.create_reward(channel, {"title": "VIP", "cost": 100}, client_id=client_id, by="app")
    story = Story(stage)
    for _ in range(acts):
        story.act(MIX)
    return [(entry.kind, entry.user_id, entry.redemption_id) for entry in stage.ledger]


def test_same_seed_same_story() -> None:
    assert told(7, 60) == told(7, 60)
    assert told(7, 60) != told(8, 60)


def test_ids_depend_on_the_seed_alone() -> None:
    assert [Ids(3).unique(), Ids(3).session()] == [Ids(3).unique(), Ids(3).session()]


async def test_without_a_reward_nothing_happens(play: Playground) -> None:
    await play.streamer()
    await play.sim("story/start", rate_per_second=1000, seconds=0.01)
    async with asyncio.timeout(30):
        while play.simulator.story.running:
            await asyncio.sleep(0.001)
    assert play.simulator.story.to_json() == {"running": False, "acts": {}, "skipped": 10}


async def test_start_and_stop(play: Playground) -> None:
    streamer = await play.streamer()
    await play.reward(streamer)
    assert (await play.control("story/start", rate_per_second=0)).status == 400
    assert (await play.control("story/start", rate_per_second=1, mix={"dance": 1})).status == 400
    started = await play.sim("story/start", rate_per_second=500, seconds=None, mix={"first": 1})
    assert started["running"] is True
    assert (await play.control("story/start", rate_per_second=1)).status == 409
    async with asyncio.timeout(30):
        while not play.simulator.ledger.of("redeemed"):
            await asyncio.sleep(0.001)
    assert (await play.sim("story/stop"))["running"] is False
    count = len(play.simulator.ledger)
    assert set(play.simulator.story.to_json()["acts"]) == {"first"}
    assert len(play.simulator.ledger) == count


async def test_faultless_application_is_judged_faultless() -> None:
    """Two channels, every kind of act, VIP for 1.2 s: paid, extended, refunded, removed, and nothing wrong. A machine
    that is busy makes the application late, which is not held against it."""
    settings = SimulatorSettings(seed=5).unthrottled()
    async with playground(**vars(settings)) as play:
        apps = [await FaultlessApp.open(play, login, 1.2, vip_slots=6) for login in ("one", "two")]
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for app in apps:
                group.create_task(app.run(over))
            await play.sim("story/start", rate_per_second=40, seconds=2.5)
            async with asyncio.timeout(40):
                while play.simulator.story.running:
                    await asyncio.sleep(0.01)
            over.set()
        slack_ms = 700 + round(1000 * max(app.latest_s for app in apps))
        verdict = await play.sim(
            "verdict", durations_ms={app.reward: 1200 for app in apps}, slack_ms=slack_ms
        )
        assert verdict["details"] == []
        assert verdict["pending"] == 0
        assert min(verdict["granted"], verdict["extended"], verdict["refunded"], verdict["removed"]) > 0
        acts = play.simulator.story.to_json()["acts"]
        assert set(acts) == set(MIX)
