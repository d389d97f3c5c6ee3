"""On air and off air: what ends with the stream, and what a stream that only drops does not end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.channel import Channel, Lasting, Viewer
from domain.inbox import RowState
from domain.redemption import RedemptionStatus
from domain.slots import Limits, WhenFull
from domain.vip import VipSession
from handlers.vip.stream import GRACE_SECONDS, LAG_MS
from simulators.twitch.moment import rfc3339
from tests.support.orders import choose, order
from tests.support.scene import Scene

GRACE_MS = round(GRACE_SECONDS * 1000)


async def stage(scene: Scene) -> tuple[Channel, Viewer, VipSession]:
    """A stream is on, and one viewer is VIP until it ends."""
    channel, ann = await scene.channel(), await scene.viewer()
    await go(scene, channel, live=True)
    await order(scene, channel, ann, "vip.grant", until_stream_end=True)
    session = await scene.session(channel, ann)
    assert session is not None
    return channel, ann, session


async def go(scene: Scene, channel: Channel, *, live: bool, told: bool = True) -> str:
    """The stream begins or ends now, by the story's clock. The id of the row."""
    now = scene.clock.now()
    await scene.act("stream", channel_id=channel.id, live=live, since=now, silent=True)
    if not told:
        return ""
    event: dict[str, Any] = {"broadcaster_user_id": channel.id}
    if live:
        event |= {"id": "st", "type": "live", "started_at": rfc3339(now)}
    row_id = await scene.deliver(event, "stream.online" if live else "stream.offline")
    await scene.quiet()
    return row_id


async def live_since(scene: Scene, channel: Channel) -> int | None:
    return await scene.repositories.streams.live_since(channel.id)


async def test_the_start_and_the_end_are_shown_at_once(scene: Scene) -> None:
    channel = await scene.channel()
    began = scene.clock.now()
    await go(scene, channel, live=True)
    assert await live_since(scene, channel) == began
    await scene.pass_ms(60_000)
    await go(scene, channel, live=False)
    assert await live_since(scene, channel) is None
    shown = [entry.body["live_since"] for entry in await scene.entries(channel) if entry.kind == "channel"]
    assert shown == [began, None]
    assert (await scene.desk.live.snapshot(channel.id))["channel"]["live_since"] is None
    assert await scene.actions(channel) == ["stream.live", "stream.over"]


async def test_the_end_of_a_stream_ends_what_lasts_until_then(scene: Scene) -> None:
    channel, ann, session = await stage(scene)
    ben = await scene.viewer("ben")
    await order(scene, channel, ben, "vip.grant", seconds=7200)
    await go(scene, channel, live=False)
    await scene.pass_ms(GRACE_MS - 1000)
    await scene.quiet()
    assert scene.holds_vip(channel, ann), "it may come back"
    (row,) = [row for row in await scene.rows(RowState.OPEN) if row.kind == "channel.over"]
    assert (row.waiting_for, row.attempts) == ("stream.grace", 0)
    over = await scene.ended(session.id)
    assert over.ended_because == "stream_over"
    assert over.ended_at is not None
    assert not scene.holds_vip(channel, ann)
    assert scene.holds_vip(channel, ben)
    record = await scene.repositories.audit.get(f"{session.id}:ended")
    assert record is not None
    assert (record.actor.kind, record.cause) == ("system", "stream")
    assert scene.said(channel)[-1] == "@Ann's VIP time is over. Thank you!"


@pytest.mark.parametrize("told", [True, False])
async def test_a_stream_that_drops_and_comes_back_is_not_over(scene: Scene, told: bool) -> None:
    channel, ann, session = await stage(scene)
    await go(scene, channel, live=False)
    await scene.pass_ms(GRACE_MS // 2)
    back = scene.clock.now()
    await go(scene, channel, live=True, told=told)
    await scene.pass_ms(GRACE_MS)
    await scene.finish()
    assert scene.holds_vip(channel, ann)
    assert await scene.session(channel, ann) == session
    assert await live_since(scene, channel) == back, "found by asking, if nobody told"
    await go(scene, channel, live=False)
    await scene.pass_ms(GRACE_MS + 1000)
    assert (await scene.ended(session.id)).ended_because == "stream_over"


async def test_a_stream_that_begins_after_the_grace_is_the_next_one(scene: Scene) -> None:
    """The process was down, say: the end is heard late, and the next stream is on already."""
    channel, ann, session = await stage(scene)
    await go(scene, channel, live=False)
    ben = await scene.viewer("ben")
    await scene.pass_ms(GRACE_MS - 2000)
    await order(scene, channel, ben, "vip.grant", until_stream_end=True)
    await scene.pass_ms(60_000)
    assert (await scene.ended(session.id)).ended_because == "stream_over"
    await go(scene, channel, live=True)
    await scene.finish()
    assert scene.holds_vip(channel, ben), "who became VIP off air is VIP until the next one ends"
    await go(scene, channel, live=False)
    await scene.pass_ms(GRACE_MS + 1000)
    await scene.finish()
    assert not scene.holds_vip(channel, ben)
    assert not scene.holds_vip(channel, ann)


@pytest.mark.parametrize("place", ["", "vip.runs_on"])
async def test_time_by_the_clock_runs_when_the_stream_is_over(scene: Scene, place: str) -> None:
    """Five minutes are five minutes, and not the longest that a stream may last."""
    channel, ann, session = await stage(scene)
    await order(scene, channel, ann, "vip.extend", seconds=300)
    longer = await scene.session(channel, ann)
    assert longer is not None
    assert (longer.until_stream_end, longer.after_stream_ms) == (True, 300_000)
    assert longer.expires_at == session.expires_at + 300_000, "at the latest"
    assert scene.said(channel)[-1] == "@Ann stays VIP: 5 min more, the rest of this stream + 5 min in all."
    await scene.pass_ms(3_600_000)
    if place:
        scene.checkpoints.arm(place)
    over_at = scene.clock.now() + GRACE_MS
    await go(scene, channel, live=False)
    await scene.pass_ms(GRACE_MS + 1000)
    await scene.finish()
    runs = await scene.session(channel, ann)
    assert runs is not None
    assert (runs.until_stream_end, runs.after_stream_ms, runs.expires_at) == (False, 0, over_at + 300_000)
    shown = [entry.body for entry in await scene.entries(channel) if entry.kind == "vip"]
    assert (shown[-1]["until_stream_end"], shown[-1]["expires_at"]) == (False, over_at + 300_000)
    await scene.pass_ms(295_000)
    assert scene.holds_vip(channel, ann)
    over = await scene.ended(session.id)
    assert over.ended_because == "expired"
    assert over.ended_at is not None
    assert over_at + 300_000 <= over.ended_at < over_at + 302_000
    assert not scene.holds_vip(channel, ann)


async def test_what_was_by_the_clock_first_runs_on_after_the_stream(scene: Scene) -> None:
    channel, ben = await scene.channel(vip_ms=600_000), await scene.viewer("ben")
    await go(scene, channel, live=True)
    await scene.settled(await scene.redeem(channel, ben))
    stream = replace(channel.rewards[0], lasting=Lasting.STREAM, vip_ms=48 * 3_600_000)
    await scene.repositories.channels.put(channel, lambda held: replace(held, rewards=(stream,)))
    await scene.settled(await scene.redeem(channel, ben))
    both = await scene.session(channel, ben)
    assert both is not None
    assert both.until_stream_end
    await scene.pass_ms(3_600_000)
    assert scene.holds_vip(channel, ben), "ten minutes by the clock would be over"
    over_at = scene.clock.now() + GRACE_MS
    await go(scene, channel, live=False)
    await scene.pass_ms(GRACE_MS + 1000)
    await scene.finish()
    runs = await scene.session(channel, ben)
    assert runs is not None
    assert runs.expires_at == over_at + both.after_stream_ms <= over_at + 600_000


@pytest.mark.parametrize("live", [True, False])
async def test_what_was_missed_is_found_by_reconciliation(scene: Scene, live: bool) -> None:
    channel = await scene.channel()
    if not live:
        await go(scene, channel, live=True)
    await scene.pass_ms(LAG_MS + 1000)
    now = scene.clock.now()
    await go(scene, channel, live=live, told=False)
    await scene.reconcile(channel)
    await scene.quiet()
    assert await live_since(scene, channel) == (now if live else None)


async def test_what_changed_lately_is_believed_more_than_twitchs_list(scene: Scene) -> None:
    channel = await scene.channel()
    now = scene.clock.now()
    event = {"broadcaster_user_id": channel.id, "started_at": rfc3339(now)}
    await scene.deliver(event, "stream.online")  # and Helix does not know of it yet
    await scene.quiet()
    await scene.reconcile(channel)
    await scene.quiet()
    assert await live_since(scene, channel) == now


async def test_a_missed_end_and_a_missed_start_end_the_stream_before(scene: Scene) -> None:
    channel, ann, session = await stage(scene)
    await scene.pass_ms(GRACE_MS + 60_000)
    await go(scene, channel, live=False, told=False)
    await scene.pass_ms(GRACE_MS + 60_000)
    await go(scene, channel, live=True, told=False)
    await scene.reconcile(channel)
    assert (await scene.ended(session.id)).ended_because == "stream_over"
    assert await live_since(scene, channel) is not None
    assert not scene.holds_vip(channel, ann)


async def test_an_old_notice_of_a_stream_that_is_over_changes_nothing(scene: Scene) -> None:
    channel, _, session = await stage(scene)
    began = await live_since(scene, channel)
    assert began is not None
    await go(scene, channel, live=False)
    await scene.pass_ms(GRACE_MS + 1000)
    await scene.ended(session.id)
    event = {"broadcaster_user_id": channel.id, "started_at": rfc3339(began)}
    row_id = await scene.deliver(event, "stream.online")
    await scene.finish()
    assert (await scene.row(row_id)).result == "stale"
    assert await live_since(scene, channel) is None


async def test_the_waiting_list_is_let_go(scene: Scene) -> None:
    channel, ann, ben = await scene.channel(), await scene.viewer(), await scene.viewer("ben")
    await choose(scene, channel, limits=Limits(cap=1, when_full=WhenFull.WAIT))
    await go(scene, channel, live=True)
    await order(scene, channel, ann, "vip.grant", seconds=7200)
    redemption_id = await scene.redeem(channel, ben)
    await scene.quiet()
    waits = await scene.repositories.redemptions.get(redemption_id)
    assert waits is not None
    assert waits.status is RedemptionStatus.WAITING
    await go(scene, channel, live=False)
    await scene.pass_ms(GRACE_MS + 1000)
    settled = await scene.settled(redemption_id)
    assert (settled.status, settled.reason) == (RedemptionStatus.REFUNDED, "stream_over")
    assert scene.status(channel, redemption_id) == "CANCELED"


@pytest.mark.parametrize("event", [{}, {"started_at": "soon"}, {"started_at": 7}])
async def test_a_start_without_its_time_is_kept_for_a_person(scene: Scene, event: dict[str, Any]) -> None:
    channel = await scene.channel()
    row_id = await scene.deliver({"broadcaster_user_id": channel.id, **event}, "stream.online")
    await scene.finish()
    assert (await scene.row(row_id)).state == "dead"


async def test_a_channel_that_we_do_not_know_is_not_followed(scene: Scene) -> None:
    row_id = await scene.deliver({"broadcaster_user_id": "404"}, "stream.offline")
    await scene.finish()
    assert (await scene.row(row_id)).result == "not_ours"
