"""A process that was stopped in the middle of a call to Twitch, and wakes up when another has gone on without it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from domain import vip
from domain.channel import Channel, Viewer
from domain.inbox import Delivery, RowState
from domain.redemption import RedemptionStatus as Status
from domain.vip import Method, VipSession
from handlers.vip.endings import expiry_of, lane_of
from handlers.work import DOUBT_MS
from tests.handlers.fleet import SECONDS, SecondDesk, second_desk
from tests.support.scene import VIPS_PATH, Scene
from tests.support.story import StoryClock


@pytest.fixture
async def other(scene: Scene) -> AsyncIterator[SecondDesk]:
    """The process that will be stopped. Its clock is 2 s ahead."""
    async with second_desk(scene) as joined:
        yield joined


async def reached(event: asyncio.Event) -> None:
    async with asyncio.timeout(SECONDS):
        await event.wait()


async def a_vip(scene: Scene, vip_ms: int = 60_000) -> tuple[Channel, Viewer, VipSession]:
    channel, ann = await scene.channel(vip_ms=vip_ms), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    session = await scene.session(channel, ann)
    assert session is not None
    return channel, ann, session


async def stopped_while_it_removes(
    scene: Scene, other: SecondDesk
) -> tuple[Channel, Viewer, VipSession, VipSession]:
    """The other process is about to take an expired VIP away and is stopped; we take over, end the session, and the
    viewer redeems again."""
    channel, ann, first = await a_vip(scene, vip_ms=60_000)
    await scene.pass_ms(59_000)
    other.helix.hold("remove_vip")
    other.clock.jump(59.0)
    await other.desk.intake.accept(expiry_of(first, cause="clock"))
    await reached(other.helix.reached)
    over = await scene.ended(first.id)
    assert over.ended_because == "expired"
    await scene.settled(await scene.redeem(channel, ann))
    second = await scene.session(channel, ann)
    assert second is not None
    assert second.id != first.id
    assert scene.holds_vip(channel, ann)
    return channel, ann, first, second


async def restored(scene: Scene, channel: Channel, viewer: Viewer) -> None:
    async def told() -> bool:
        return "vip.restored" in await scene.actions(channel)

    await scene.until(told)
    assert scene.holds_vip(channel, viewer)


# What happens


async def test_a_removal_that_comes_too_late_is_put_right_by_who_wakes_up(
    scene: Scene, other: SecondDesk
) -> None:
    channel, ann, first, second = await stopped_while_it_removes(scene, other)
    other.clock.jump(60.0)
    other.helix.open.set()
    await reached(other.helix.landed)
    assert not scene.holds_vip(channel, ann), "Twitch knows no fences"
    other.helix.back.set()
    await restored(scene, channel, ann)
    record = next(record for record in await scene.trail(channel) if record.action == "vip.restored")
    assert (record.cause, record.actor.kind, record.viewer.id) == ("takeover", "system", ann.id)
    assert record.detail == {"session_id": second.id, "expires_at": second.expires_at}
    row = await scene.row(f"fence:{expiry_of(first, cause='clock').row_id}:{_fence(record.id)}")
    assert (row.kind, row.lane) == ("vip.check", lane_of(channel.id, ann.id))
    await scene.finish()
    await scene.pass_ms(45_000)
    over = await scene.ended(second.id)
    assert over.expires_at == second.expires_at, "no time was lost or won"
    assert not scene.holds_vip(channel, ann)
    assert len(scene.said(channel)) == 4, "granted and ended, twice: nobody is told of our trouble"


def _fence(record_id: str) -> str:
    return record_id.removesuffix(":restored").rpartition(":")[2]


async def test_a_removal_that_comes_too_late_is_put_right_by_the_notice_of_it(
    scene: Scene, other: SecondDesk
) -> None:
    """The other process never wakes up; its call was on the way already."""
    channel, ann, _, second = await stopped_while_it_removes(scene, other)
    other.helix.open.set()
    await reached(other.helix.landed)
    assert not scene.holds_vip(channel, ann)
    row_id = await scene.role("vip.remove", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "restored"
    assert scene.holds_vip(channel, ann)
    assert (await scene.actions(channel)).count("vip.restored") == 1
    assert scene.counted("reconciled_total", what="takeover") == 1
    # Once: the next removal is the streamer's.
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    row_id = await scene.role("vip.remove", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "removed_by_hand"
    over = await scene.repositories.sessions.get(second.id)
    assert over is not None
    assert over.ended_because == "removed_by_hand"


async def test_a_reconciliation_finds_what_nobody_was_told_of(scene: Scene, other: SecondDesk) -> None:
    channel, ann, _, _ = await stopped_while_it_removes(scene, other)
    other.helix.open.set()
    await reached(other.helix.landed)
    await scene.reconcile(channel)
    await scene.finish()
    assert scene.holds_vip(channel, ann)
    assert "vip.restored" in await scene.actions(channel)


async def test_the_next_redemption_finds_it_and_adds_its_time(scene: Scene, other: SecondDesk) -> None:
    channel, ann, _, second = await stopped_while_it_removes(scene, other)
    other.helix.open.set()
    await reached(other.helix.landed)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert (redemption.outcome, redemption.session_id) == ("extended", second.id)
    assert scene.holds_vip(channel, ann)
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.expires_at == second.expires_at + 60_000


async def test_after_a_while_a_removal_is_a_removal(scene: Scene, other: SecondDesk) -> None:
    channel, ann, _, second = await stopped_while_it_removes(scene, other)
    clock = scene.clock
    assert isinstance(clock, StoryClock)
    await scene.repositories.sessions.change(
        second.id, lambda held: replace(held, expires_at=held.expires_at + 2 * DOUBT_MS)
    )
    await scene.pass_ms(DOUBT_MS)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    row_id = await scene.role("vip.remove", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "removed_by_hand"


async def test_who_became_a_moderator_meanwhile_is_left_alone(scene: Scene, other: SecondDesk) -> None:
    channel, ann, _, _ = await stopped_while_it_removes(scene, other)
    await scene.act("moderators", channel_id=channel.id, user_id=ann.id)
    row_id = await scene.role("vip.remove", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "became_moderator"
    assert not scene.holds_vip(channel, ann)


async def test_a_grant_that_comes_too_late_is_taken_back(scene: Scene, other: SecondDesk) -> None:
    """The other process is about to grant; we take over, find no free slot and give the points back; then a slot is
    free, and the late call makes a VIP that nobody has paid for."""
    channel, ann = await scene.channel(), await scene.viewer()
    other.helix.hold("add_vip")
    event = await scene.pay(channel, ann)
    await other.redeemed(event)
    await reached(other.helix.reached)
    await scene.act("slots", channel_id=channel.id, vip_slots=0)
    redemption = await scene.settled(event["id"])
    assert (redemption.status, redemption.reason) == (Status.REFUNDED, "slots_full")
    await scene.act("slots", channel_id=channel.id, vip_slots=5)
    other.clock.jump(60.0)
    other.helix.open.set()
    await reached(other.helix.landed)
    assert scene.holds_vip(channel, ann)
    other.helix.back.set()

    async def withdrawn() -> bool:
        return "vip.withdrawn" in await scene.actions(channel)

    await scene.until(withdrawn)
    assert not scene.holds_vip(channel, ann)
    assert await scene.session(channel, ann) is None, "it wrote nothing after it woke up"
    stored = await scene.repositories.redemptions.get(event["id"])
    assert stored is not None
    assert stored.status == Status.REFUNDED
    assert scene.status(channel, event["id"]) == "CANCELED"
    await scene.finish()


async def test_a_grant_that_comes_too_late_is_taken_back_by_the_notice_of_it(
    scene: Scene, other: SecondDesk
) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    other.helix.hold("add_vip")
    event = await scene.pay(channel, ann)
    await other.redeemed(event)
    await reached(other.helix.reached)
    await scene.act("slots", channel_id=channel.id, vip_slots=0)
    await scene.settled(event["id"])
    await scene.act("slots", channel_id=channel.id, vip_slots=5)
    other.helix.open.set()
    await reached(other.helix.landed)
    assert scene.holds_vip(channel, ann)
    row_id = await scene.role("vip.add", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "withdrawn"
    assert not scene.holds_vip(channel, ann)
    # A VIP that the streamer makes afterwards is his.
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    row_id = await scene.role("vip.add", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "by_hand"
    assert scene.holds_vip(channel, ann)


async def test_a_giving_up_by_who_was_overtaken_gives_nothing_back(scene: Scene, other: SecondDesk) -> None:
    """Its call fails for good when it wakes up, while the other is about to try again: no refund is queued."""
    channel, ann = await scene.channel(), await scene.viewer()
    other.helix.hold("add_vip")
    event = await scene.pay(channel, ann)
    await other.redeemed(event)
    await reached(other.helix.reached)
    await scene.fault("POST", VIPS_PATH, status=500, times=4)
    row = await scene.row(f"twitch:second-{event['id']}")
    for _ in range(20):
        if row.attempts == 2:
            break
        await scene.pass_ms(1000)
        await scene.quiet()
        row = await scene.row(row.id)
    assert (row.attempts, row.due_at > scene.clock.now()) == (2, True), (
        "taken over, failed, tried again later"
    )
    await scene.heal()
    await scene.fault("POST", VIPS_PATH, status=418, message="teapot")
    other.clock.jump(60.0)
    other.helix.open.set()
    other.helix.back.set()

    async def queued() -> bool:
        rows = [*await scene.rows(RowState.OPEN), *await scene.rows(RowState.DONE)]
        return any(row.kind == "vip.check" for row in rows)

    await scene.until(queued)
    await scene.finish()
    assert not [row for row in await scene.rows(RowState.DONE) if row.kind == "redemption.refund"]
    stored = await scene.repositories.redemptions.get(event["id"])
    assert stored is not None
    assert stored.status == Status.FULFILLED
    assert scene.holds_vip(channel, ann)


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


# The check, whatever it finds


async def check(scene: Scene, channel: Channel, viewer: Viewer, row_id: str) -> str:
    delivery = Delivery(
        source="fence",
        message_id=f"{row_id}:{next(scene.numbers)}",
        kind="vip.check",
        lane=lane_of(channel.id, viewer.id),
        channel_id=channel.id,
        raw=_json({"row_id": row_id, "channel_id": channel.id, "viewer_id": viewer.id}),
    )
    await scene.desk.intake.accept(delivery)
    await scene.finish()
    return (await scene.row(delivery.row_id)).result


async def redeemed(scene: Scene, vip_ms: int = 60_000) -> tuple[Channel, Viewer, str, str]:
    """A redemption and the row that brought it."""
    channel, ann = await scene.channel(vip_ms=vip_ms), await scene.viewer()
    event = await scene.pay(channel, ann)
    row_id = await scene.deliver(event)
    await scene.settled(event["id"])
    return channel, ann, event["id"], row_id


async def test_a_check_of_what_is_in_order_changes_nothing(scene: Scene) -> None:
    channel, ann, _, row_id = await redeemed(scene)
    assert await check(scene, channel, ann, row_id) == "as_it_should_be"
    assert await check(scene, channel, ann, "no:such row") == "as_it_should_be"
    assert await scene.actions(channel) == ["vip.granted"]
    assert scene.deeds("vip_added") == 1


async def test_a_check_leaves_moderators_to_their_notice(scene: Scene) -> None:
    channel, ann, _, row_id = await redeemed(scene)
    await scene.act("moderators", channel_id=channel.id, user_id=ann.id)
    assert await check(scene, channel, ann, row_id) == "as_it_should_be"


async def test_a_check_that_cannot_restore_leaves_it_to_the_notice(scene: Scene) -> None:
    channel, ann, _, row_id = await redeemed(scene)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    await scene.act("slots", channel_id=channel.id, vip_slots=0)
    assert await check(scene, channel, ann, row_id) == "as_it_should_be"
    row_id = await scene.role("vip.remove", channel, ann)
    await scene.finish()
    assert (await scene.row(row_id)).result == "removed_by_hand"


async def test_a_check_takes_back_a_vip_whose_time_is_over(scene: Scene) -> None:
    channel, ann, redemption_id, row_id = await redeemed(scene, vip_ms=5000)
    await scene.ended(redemption_id)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    assert await check(scene, channel, ann, row_id) == "withdrawn"
    assert not scene.holds_vip(channel, ann)
    record = next(record for record in await scene.trail(channel) if record.action == "vip.withdrawn")
    assert (record.cause, record.viewer.id, record.detail) == (
        "takeover", ann.id, {"redemption_id": redemption_id},
    )  # fmt: skip


async def test_a_check_leaves_a_vip_alone_that_this_row_never_meant_to_grant(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    event = await scene.pay(channel, ann)
    row_id = await scene.deliver(event)
    assert (await scene.settled(event["id"])).reason == "vip_by_hand"
    assert await check(scene, channel, ann, row_id) == "as_it_should_be"
    assert scene.holds_vip(channel, ann)


async def test_a_check_closes_a_session_whose_points_were_given_back(scene: Scene) -> None:
    """Left by a write that was on its way to the store when the process was stopped."""
    channel, ann = await scene.channel(vip_slots=0), await scene.viewer()
    event = await scene.pay(channel, ann)
    row_id = await scene.deliver(event)
    assert (await scene.settled(event["id"])).status == Status.REFUNDED
    await scene.act("slots", channel_id=channel.id, vip_slots=5)
    await scene.repositories.sessions.create(
        vip.opened(
            id=event["id"], channel_id=channel.id, viewer=ann, cause=event["id"], added_ms=60_000,
            now=scene.clock.now(), method=Method.REDEMPTION, granted_by=ann.id,
        )
    )  # fmt: skip
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    assert await check(scene, channel, ann, row_id) == "closed"
    assert not scene.holds_vip(channel, ann)
    assert await scene.session(channel, ann) is None


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_check_that_is_cut_off_is_completed_and_told_once(scene: Scene, after_effect: bool) -> None:
    channel, ann, _, row_id = await redeemed(scene)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    scene.store.orders.fail("audit", "insert", times=2, after_effect=after_effect)
    assert await check(scene, channel, ann, row_id) == "restored"
    assert scene.holds_vip(channel, ann)
    assert await scene.actions(channel) == ["vip.granted", "vip.restored"]
    assert [entry.body["action"] for entry in await scene.entries(channel) if entry.kind == "activity"] == [
        "vip.granted",
        "vip.restored",
    ]


@pytest.mark.parametrize("collection", ["audit", "inbox"])
async def test_a_withdrawal_that_is_cut_off_is_completed_and_told_once(scene: Scene, collection: str) -> None:
    channel, ann, redemption_id, row_id = await redeemed(scene, vip_ms=5000)
    await scene.ended(redemption_id)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    scene.store.orders.fail(collection, "insert" if collection == "audit" else "change", times=2)
    assert await check(scene, channel, ann, row_id) == "withdrawn"
    assert (await scene.actions(channel)).count("vip.withdrawn") == 1
    assert not scene.holds_vip(channel, ann)
