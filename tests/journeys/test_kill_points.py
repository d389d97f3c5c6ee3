"""The daemon dies at each checkpoint and comes back: nothing is lost, nothing happens twice.

Every name of `CHECKPOINTS` is one case. A checkpoint that its story does not reach fails the test, so none can rot.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from domain.channel import ChannelSettings, RewardAction
from domain.ports import CHECKPOINTS
from domain.slots import Limits, WhenFull
from tests.journeys.rig import Rig, Stage, rig

pytestmark = pytest.mark.journey

GRANTED = ("redeemed", "vip_added", "fulfilled", "vip_removed")
REFUNDED = ("redeemed", "refunded")
Play = Callable[[Rig, Stage, str], Awaitable[None]]


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path, "--unthrottled") as made:
        yield made


async def by_webhook(stand: Rig, stage: Stage, point: str) -> None:
    """The redemption comes as a webhook alone; Twitch sends it again until it is answered."""
    viewer = await stand.viewer()
    await stand.hide_next(stage)
    redemption = await stand.redeem(stage, viewer)
    stand.arm()
    assert not await stand.try_to_deliver(redemption, message_id="webhook-1")
    await stand.died(point)
    await stand.start()
    await stand.deliver(redemption, message_id="webhook-1")
    await stand.happened(viewer, *GRANTED)


async def by_socket(stand: Rig, stage: Stage, point: str) -> None:
    """The redemption comes over the WebSocket."""
    viewer = await stand.viewer()
    stand.arm()
    await stand.redeem(stage, viewer)
    await stand.died(point)
    await stand.start()
    await stand.happened(viewer, *GRANTED)


async def refund(stand: Rig, stage: Stage, point: str) -> None:
    """A moderator redeems, who cannot be VIP."""
    viewer = await stand.viewer()
    await stand.simulator.order("moderators", {"channel_id": stage.id, "user_id": viewer})
    stand.arm()
    await stand.redeem(stage, viewer)
    await stand.died(point)
    await stand.start()
    await stand.happened(viewer, *REFUNDED)


async def expiry(stand: Rig, stage: Stage, point: str) -> None:
    """A VIP comes to its end."""
    viewer = await stand.viewer()
    stand.arm()
    await stand.redeem(stage, viewer)
    await stand.died(point)
    assert (await stand.story_of(viewer))[:3] == list(GRANTED[:3])
    await stand.start()
    await stand.happened(viewer, *GRANTED)


async def reconciliation(stand: Rig, stage: Stage, point: str) -> None:
    """Redemptions are made while no daemon runs; the one that is to find them dies over it."""
    await stand.kill()
    viewers = [await stand.viewer() for _ in range(3)]
    for viewer in viewers:
        await stand.redeem(stage, viewer)
    await stand.start_armed(point, at_once=True)
    await stand.died(point)
    await stand.start()
    for viewer in viewers:
        await stand.happened(viewer, *GRANTED)


async def slots(stand: Rig, stage: Stage, point: str) -> None:
    """One slot, and two who want it: the first becomes VIP, the second waits for him to go."""
    await stand.kill()
    await stand.choose(stage, ChannelSettings(limits=Limits(cap=1, when_full=WhenFull.WAIT)))
    await stand.start_armed(point)
    await stand.live(stage)
    first, second = await stand.viewer(), await stand.viewer()

    async def waits() -> bool:
        rows = await stand.rows(lane=f"vip:{stage.id}:{second}", state="done")
        return any(row["result"] == "waiting" for row in rows)

    if point == "slots.reserved":
        stand.arm()
        await stand.redeem(stage, first)
    else:
        await stand.redeem(stage, first)
        await stand.happened(first, *GRANTED[:3])
        if point == "slots.waiting":
            stand.arm()
        await stand.redeem(stage, second)
        if point == "slots.freed":
            await stand.until(waits, "the second one is on the waiting list")
            stand.arm()
    await stand.died(point)
    await stand.start()
    if point == "slots.reserved":
        await stand.redeem(stage, second)
    await stand.happened(first, *GRANTED)
    await stand.happened(second, *GRANTED)
    book = [(entry["kind"], entry["user_id"]) for entry in await stand.ledger()]
    assert book.index(("vip_removed", first)) < book.index(("vip_added", second)), "one VIP at a time"


async def party(stand: Rig, stage: Stage, point: str) -> None:
    """A viewer opens the channel's watch party: once, however often the daemon dies over it."""
    await stand.kill()
    await stand.promise(stage, RewardAction.PARTY_OPEN)
    await stand.start_armed(point)
    await stand.live(stage)
    viewer = await stand.viewer()
    stand.arm()
    await stand.redeem(stage, viewer)
    await stand.died(point)
    await stand.start()
    await stand.happened(viewer, "redeemed", "fulfilled")
    async with stand.http.get(f"{stand.daemon.url}/api/v1/party/rooms") as answer:
        rooms = (await answer.json())["rooms"]
    assert [room["channel"] for room in rooms] == [stage.id]


PLAYS: dict[str, Play] = {
    "party": party,
    "slots": slots,
    "webhook": by_webhook,
    "inbox": by_webhook,
    "worker": by_socket,
    "vip": by_socket,
    "vip.refund_intended": refund,
    "vip.refunded": refund,
    "expiry": expiry,
    "reconcile": reconciliation,
}
"""By name, else by the first word of the name. A checkpoint that is new without a story fails here."""


VIP_SECONDS = {"vip": 2, "slots": 3}
"""By the first word of the name, where one second is too short for the story."""


@pytest.mark.parametrize("point", CHECKPOINTS)
async def test_dies_there_and_loses_nothing(stand: Rig, point: str) -> None:
    play = PLAYS.get(point) or PLAYS[point.partition(".")[0]]
    await stand.start_armed(point)
    stage = await stand.enrol(vip_seconds=VIP_SECONDS.get(point.partition(".")[0], 1))
    await play(stand, stage, point)
    await stand.settle()
    await stand.judge()


async def test_dies_at_every_step_of_one_redemption(stand: Rig) -> None:
    """One redemption, five lives: each ends at the next step."""
    points = ("worker.claimed", "vip.intended", "vip.granted", "vip.recorded", "vip.fulfilled")
    await stand.start_armed(points[0])
    stage = await stand.enrol(vip_seconds=2)
    viewer = await stand.viewer()
    stand.arm()
    await stand.redeem(stage, viewer)
    await stand.died(points[0])
    for point in points[1:]:
        await stand.start_armed(point, at_once=True)
        await stand.died(point)
    await stand.start()
    await stand.happened(viewer, *GRANTED)
    await stand.settle()
    await stand.judge()


async def test_a_notice_that_came_three_ways_grants_once(stand: Rig) -> None:
    """WebSocket, webhook (twice) and, after a kill, reconciliation: one VIP."""
    await stand.start_armed("vip.recorded")
    stage = await stand.enrol(vip_seconds=2)
    viewer = await stand.viewer()
    stand.arm()
    redemption = await stand.redeem(stage, viewer)
    await stand.died("vip.recorded")
    await stand.start()
    await stand.deliver(redemption, message_id="webhook-1")
    await stand.deliver(redemption, message_id="webhook-2")
    await stand.deliver(redemption, message_id="webhook-1")
    await stand.happened(viewer, *GRANTED)
    await stand.settle()
    await stand.judge()


@pytest.mark.parametrize("point", ["vip.counted", "vip.recorded", "vip.fulfilled"])
async def test_an_extension_counts_once(stand: Rig, point: str) -> None:
    """The second payment is written down, then the daemon dies: its time is neither lost nor added twice."""
    await stand.start_armed(point)
    stage = await stand.enrol(vip_seconds=3)
    viewer = await stand.viewer()
    await stand.redeem(stage, viewer)
    await stand.happened(viewer, *GRANTED[:3])
    stand.arm()
    await stand.redeem(stage, viewer)
    await stand.died(point)
    await stand.start()
    await stand.happened(viewer, *GRANTED[:3], "redeemed", "fulfilled", "vip_removed")
    await stand.settle()
    await stand.judge()
    at = {entry["kind"]: entry["at"] for entry in await stand.ledger(viewer_id=viewer)}
    held = at["vip_removed"] - at["vip_added"]
    assert 5900 <= held < 8500, "twice three seconds were paid for; nine would be one too many"


async def test_cancelled_by_a_moderator_while_the_daemon_was_dead(stand: Rig) -> None:
    """Granted, not yet fulfilled, then a crash; meanwhile a moderator gives the points back: the VIP has to go."""
    await stand.start_armed("vip.recorded")
    stage = await stand.enrol(vip_seconds=30)
    viewer = await stand.viewer()
    stand.arm()
    redemption = await stand.redeem(stage, viewer)
    await stand.died("vip.recorded")
    order = {"channel_id": stage.id, "redemption_id": redemption["id"], "status": "CANCELED"}
    await stand.simulator.order("resolve", order)
    await stand.start()
    await stand.happened(viewer, "redeemed", "vip_added", "refunded", "vip_removed")
    await stand.settle()
    await stand.judge()


async def test_taken_away_by_hand_while_the_daemon_was_dead(stand: Rig) -> None:
    """The streamer removes a VIP of ours; the next start notices and gives back neither the VIP nor the points."""
    await stand.start()
    stage = await stand.enrol(vip_seconds=60)
    viewer = await stand.viewer()
    await stand.redeem(stage, viewer)
    await stand.happened(viewer, *GRANTED[:3])
    await stand.kill()
    await stand.simulator.order("vips", {"channel_id": stage.id, "user_id": viewer, "remove": True})
    await stand.start()

    async def noticed() -> bool:
        rows = await stand.rows(source="reconcile", state="done")
        return [(row["kind"], row["result"]) for row in rows] == [("vip.removed", "removed_by_hand")]

    await stand.until(noticed, "the reconciliation closed the session")
    # Paid again, it is a new VIP of full length, not an extension of the one that was taken away.
    await stand.redeem(stage, viewer)
    await stand.happened(viewer, *GRANTED, *GRANTED[:3])
    await stand.settle(vips_gone=False)
    verdict = await stand.judge()
    assert (verdict["granted"], verdict["extended"]) == (2, 0)
