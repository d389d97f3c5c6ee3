"""Badges that were given by hand: remembered from when they were seen, shown, forgotten."""

from __future__ import annotations

from domain.channel import Channel, Viewer
from handlers.vip.announce import Announcer
from handlers.vip.hands import Hands
from tests.support.scene import Scene


def hands(scene: Scene) -> Hands:
    desk, r = scene.desk, scene.repositories
    announcer = Announcer(audit=r.audit, live=desk.live, intake=desk.intake, channels=r.channels)
    return Hands(
        viewers=r.viewers, room=desk.slotting.room, announcer=announcer, live=desk.live, clock=scene.clock
    )


async def shown(scene: Scene, channel: Channel) -> list[tuple[str, str]]:
    entries = await scene.entries(channel)
    return [(entry.body["id"], entry.body["status"]) for entry in entries if entry.kind == "vip"]


async def test_the_first_sight_counts(scene: Scene) -> None:
    channel, ann = await scene.channel(), Viewer("7", "ann", "Ann")
    await hands(scene).made(channel.id, ann, since=5)
    record = await hands(scene).made(channel.id, ann, since=9)
    assert record.by_hand_since == 5
    assert await shown(scene, channel) == [("hand:7", "active")]


async def test_what_is_forgotten_is_shown_once_and_can_come_again(scene: Scene) -> None:
    channel, ann = await scene.channel(), Viewer("7", "ann", "Ann")
    await hands(scene).made(channel.id, ann, since=5)
    await hands(scene).forget(channel.id, ann)
    await hands(scene).forget(channel.id, ann)
    assert await shown(scene, channel) == [("hand:7", "active"), ("hand:7", "ended")]
    assert (await scene.repositories.viewers.get(channel.id, "7")).by_hand_since == 0
    await hands(scene).made(channel.id, ann, since=8)
    assert (await shown(scene, channel))[-1] == ("hand:7", "active")


async def test_who_has_no_badge_is_not_shown(scene: Scene) -> None:
    channel, ann = await scene.channel(), Viewer("7", "ann", "Ann")
    record = await scene.repositories.viewers.get(channel.id, ann.id)
    await hands(scene).show(record, key="k")
    assert await shown(scene, channel) == []


async def test_a_badge_that_was_taken_away_may_be_a_slot(scene: Scene) -> None:
    channel, ann = await scene.channel(), Viewer("7", "ann", "Ann")
    room = scene.desk.slotting.room
    await room.reserve(channel, viewer_id="8", session_id="s")
    await room.no_slot(channel, viewer_id="8", session_id="s")
    assert (await room.of(channel.id)).full_since
    await hands(scene).made(channel.id, ann, since=5)
    await hands(scene).taken_away(channel.id, ann)
    assert not (await room.of(channel.id)).full_since
