"""`kill -9` at random moments under load, and extensions that race with the end of their session."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from random import Random

import pytest

from tests.journeys.rig import SOUND_SECONDS, Rig, Stage, measured, rig

pytestmark = pytest.mark.journey

SEED = 20261
RATE = 3.0
"""Acts per second. Over so many channels that Twitch's pace (ten adds and ten removals per ten seconds and channel) is
not reached: what has to wait for its turn is late without fault, and that would hide what is late by fault."""
VIP_SECONDS = (6, 6, 7, 7, 8, 8)
"""One channel for each."""
RACERS = 8
"""Viewers per channel in the race, below the pace too."""


@pytest.mark.timeout(120)
async def test_random_kills_under_load(tmp_path: Path) -> None:
    """Twenty seconds of every kind of redemption."""
    async with rig(tmp_path, "--vip-slots", "6", "--seed", "11") as stand:
        await _play(stand, seconds=20, kills=5)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_random_kills_for_five_minutes(tmp_path: Path) -> None:
    async with rig(tmp_path, "--vip-slots", "6", "--seed", "12") as stand:
        await _play(stand, seconds=300, kills=40)


async def _play(stand: Rig, *, seconds: float, kills: int) -> None:
    random = Random(SEED)
    await stand.start()
    for vip_seconds in VIP_SECONDS:
        await stand.enrol(vip_seconds=vip_seconds)
    await stand.simulator.order("story/start", {"rate_per_second": RATE})
    began = ready = time.monotonic()
    for moment in sorted(random.uniform(1.0, seconds) for _ in range(kills)):
        # Short lives are those of `start_and_kill`; any more of them in a row would only loosen the verdict.
        due = max(began + moment, ready + SOUND_SECONDS)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await stand.kill()
        if random.random() < 0.4:
            await stand.start_and_kill(after_seconds=random.uniform(0.0, 1.5))
        await stand.start()
        ready = time.monotonic()
    await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
    await stand.simulator.order("story/stop")
    await stand.settle(seconds=60)
    verdict = await stand.judge()
    slowest = max(stand.starts)
    measured(f"{kills} kills, slowest start {slowest:.2f} s, slack {stand.slack_ms} ms: {verdict}")
    assert verdict["redemptions"] > seconds * RATE / 2
    for wanted in ("granted", "extended", "refunded", "removed"):
        assert verdict[wanted], f"the story had none that was {wanted}: {verdict}"


@pytest.mark.timeout(120)
async def test_an_extension_that_races_with_the_end_loses_no_time(tmp_path: Path) -> None:
    """Many viewers redeem again within the last 100 ms of their session, or just after it. Half of them meet a Twitch
    so slow that the end comes while the redemption is being looked at."""
    async with rig(tmp_path, "--unthrottled", "--vip-slots", "50") as stand:
        await stand.start()
        stages = [await stand.enrol(vip_seconds=2) for _ in range(3)]
        slow = {"method": "GET", "path": "/channels/vips", "delay_ms": 150, "chance": 0.5, "times": 1_000_000}
        await stand.simulator.order("faults", slow)
        random = Random(SEED)
        racers = [(stage, await stand.viewer("racer")) for stage in stages for _ in range(RACERS)]
        await asyncio.gather(*(_race(stand, stage, viewer, random) for stage, viewer in racers))
        await stand.settle()
        verdict = await stand.judge()
        # Each payment is a stretch of VIP or a part of one, and none was given back.
        assert verdict["granted"] + verdict["extended"] == verdict["redemptions"] == 2 * len(racers)
        assert verdict["refunded"] == 0
        assert verdict["extended"] > 0, f"nobody was in time: {verdict}"
        measured(f"extended {verdict['extended']}, granted anew {verdict['granted'] - len(racers)}")
        await _nobody_lost_time(stand)


async def _race(stand: Rig, stage: Stage, viewer: str, random: Random) -> None:
    await asyncio.sleep(random.uniform(0.0, 1.0))
    await stand.redeem(stage, viewer)
    added: list[int] = []

    async def granted() -> bool:
        added[:] = [
            entry["at"] for entry in await stand.ledger(viewer_id=viewer) if entry["kind"] == "vip_added"
        ]
        return bool(added)

    await stand.until(granted, "the VIP is granted", every=0.1)
    end = added[0] + stage.vip_seconds * 1000
    await asyncio.sleep(max(0.0, (end - stand.clock.now()) / 1000 - random.uniform(-0.02, 0.1)))
    await stand.redeem(stage, viewer)


async def _nobody_lost_time(stand: Rig) -> None:
    """By the simulator's own book, to the tenth of a second: who paid for four seconds was VIP for four."""
    promised = {stage.reward_id: stage.vip_seconds * 1000 for stage in stand.stages}
    held: dict[str, int] = {}
    paid: dict[str, int] = {}
    for entry in await stand.ledger():
        if entry["kind"] == "redeemed":
            paid[entry["user_id"]] = paid.get(entry["user_id"], 0) + promised[entry["reward_id"]]
        elif entry["kind"] == "vip_added":
            held[entry["user_id"]] = held.get(entry["user_id"], 0) - entry["at"]
        elif entry["kind"] == "vip_removed":
            held[entry["user_id"]] += entry["at"]
    short = {user: paid[user] - held[user] for user in paid if held[user] < paid[user] - 100}
    assert not short, f"milliseconds lost by viewer: {short}"
