"""Two daemons listen by the shards of one conduit and share a channel's slots. One dies: at no moment are there more
VIPs than the streamer allows, nobody overtakes anybody on the waiting list, and the other attaches the orphaned shard.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from domain.channel import Channel
from domain.slots import Limits, WhenFull
from storage.channels import CHANNELS, Channels
from storage.open import open_store
from storage.slots import SLOTS, SlotsOf
from tests.journeys.fleet.faults import TAKEOVER_SECONDS
from tests.journeys.fleet.rig import SLACK_MS, Fleet, Member, fleet
from tests.journeys.stand import FAULTS, Stage

CAP = 2
VIP_SECONDS = 4
WAITS_MS = 90_000
CONDUIT = {"EVENTSUB_TRANSPORT": "conduit", "CONDUIT_SHARDS": "2"}
pytestmark = [pytest.mark.journey, pytest.mark.server, pytest.mark.timeout(180)]


async def shards_of(member: Member) -> set[str]:
    """The shards that a daemon has attached, by its own word."""
    told = (await member.program.admin("status"))["transport"]["shards_here"]
    return {shard_id for shard_id, state in told.items() if state["state"] == "live"}


async def attached(stand: Fleet) -> set[str]:
    """The shards that are attached, at Twitch's word."""
    sessions = (await stand.simulator.look("state"))["sessions"]
    return {str(session["shard"][1]) for session in sessions if session["shard"]}


async def both_serve(stand: Fleet) -> None:
    """Wait until each daemon has a shard."""

    async def one_each() -> bool:
        found = [await shards_of(member) for member in stand.members.values()]
        return all(len(shards) == 1 for shards in found) and len(await attached(stand)) == CAP

    await stand.until(one_each, "each daemon has attached a shard", seconds=40.0)


async def vips(stand: Fleet, stage: Stage) -> tuple[list[str], int]:
    """Who became VIP by us, in order, and how many there were at most at the same time."""
    order: list[str] = []
    held: set[str] = set()
    most = 0
    for entry in await stand.ledger():
        if entry["channel_id"] == stage.id and entry["kind"] == "vip_added":
            order.append(entry["user_id"])
            held.add(entry["user_id"])
        elif entry["channel_id"] == stage.id and entry["kind"] == "vip_removed":
            held.discard(entry["user_id"])
        most = max(most, len(held))
    return order, most


async def judged(stand: Fleet, stage: Stage) -> dict[str, Any]:
    """The oracle's word, which knows that one may wait for a slot here."""
    told: dict[str, Any] = await stand.simulator.order(
        "verdict",
        {
            "durations_ms": {stage.reward_id: VIP_SECONDS * 1000},
            "slack_ms": SLACK_MS + round(1000 * TAKEOVER_SECONDS),
            "waits_ms": {stage.reward_id: WAITS_MS},
        },
    )
    return told


def two_slots(held: Channel) -> Channel:
    return replace(held, settings=replace(held.settings, limits=Limits(CAP, WhenFull.WAIT)))


async def test_two_daemons_share_slots_and_shards_and_one_dies(tmp_path: Path) -> None:
    async with fleet(tmp_path, "--unthrottled", environ=CONDUIT) as stand:
        await stand.start()
        stage = await stand.enrol(vip_seconds=VIP_SECONDS)
        store = await open_store(
            f"mongodb://{stand.mongo.host}:{stand.mongo.port}/cuelight", clock=SystemClock()
        )
        try:
            await Channels(await store.collection(CHANNELS)).change(stage.id, two_slots)
            slots = SlotsOf(await store.collection(SLOTS))
            await both_serve(stand)

            viewers = [await stand.viewer() for _ in range(2 * CAP + 1)]
            seen: set[str] = set()

            async def all_seen() -> bool:
                found = await slots.get(stage.id)
                seen.update(each.viewer_id for each in (*found.held, *found.waiting))
                return seen == paid

            for number in range(2 * CAP):
                await stand.redeem(stage, viewers[number])
                paid = set(viewers[: number + 1])
                await stand.until(all_seen, "who has paid holds a slot, or waits for one")
            dead, alive = stand.members["a"], stand.members["b"]
            await dead.kill()
            await stand.redeem(stage, viewers[-1])  # told to a shard that may have nobody behind it

            for viewer in viewers:
                await stand.until(
                    lambda viewer=viewer: _is_vip(stand, viewer), "it was his turn", seconds=60.0
                )
            order, most = await vips(stand, stage)
            assert order == viewers, "first redeemed, first served"
            assert most == CAP

            async def taken_over() -> bool:
                return len(await shards_of(alive)) == len(await attached(stand)) == CAP

            await stand.until(taken_over, "the other has both shards", seconds=TAKEOVER_SECONDS + 15.0)
            await stand.settle(seconds=60.0)
            found = await slots.get(stage.id)
            assert (found.held, found.waiting) == ((), ())
        finally:
            await store.close()
        verdict = await judged(stand, stage)
        assert not [fault for fault in FAULTS if verdict[fault]], verdict["details"]
        stand.check_log(verdict)


async def _is_vip(stand: Fleet, viewer: str) -> bool:
    return "vip_added" in await stand.story_of(viewer)
