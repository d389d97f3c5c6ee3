"""Redemptions that open the channel's watch party, or add to its queue: every outcome, cut off at every place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.channel import Channel, RewardAction, Viewer
from domain.redemption import Redemption
from domain.redemption import RedemptionStatus as Status
from domain.viewer import Listed
from handlers.party.from_twitch import FromTwitch
from rooms import queue
from rooms.entries import Draft, entry
from rooms.fleet.visit import Visit, Visits
from rooms.moment import Moment
from rooms.people import Member, Role
from rooms.queue import Item
from rooms.state import FOREVER, Room
from storage.parties import PARTY_STATES
from tests.handlers.vip.test_redeem import refunded
from tests.support.desk import open_scene
from tests.support.scene import REDEMPTION_UPDATE, Scene

FILM = "https://films.example/a.mp4"
OPEN, QUEUE = RewardAction.PARTY_OPEN, RewardAction.PARTY_QUEUE


async def channel_with(scene: Scene, action: RewardAction, login: str = "streamer") -> Channel:
    channel = await scene.channel(login)
    return await scene.repositories.channels.put(
        channel,
        lambda held: replace(
            held, rewards=(replace(held.rewards[0], action=action, vip_ms=0, title=str(action)),)
        ),
    )


def party_of(scene: Scene) -> FromTwitch:
    assert scene.party is not None
    return scene.party


def visits_of(scene: Scene) -> Visits:
    assert scene.visits is not None
    return scene.visits


async def open_party(scene: Scene, channel: Channel, settings: Mapping[str, Any] = {}) -> str:
    wanted = {"isPublic": True, **settings}
    room_id = f"room-of-{channel.login}"
    assert await party_of(scene).open(channel, room_id=room_id, key="by-hand", settings=wanted) is None
    return room_id


async def room_of(scene: Scene, room_id: str) -> Room:
    async def look(visit: Visit) -> Room:
        return visit.moment.room

    return await visits_of(scene).visit(room_id, look)


async def say(
    scene: Scene, room_id: str, kind: str, body: dict[str, Any], *, by: Member | None = None
) -> None:
    """Somebody, or the room itself, says something."""

    async def do(visit: Visit) -> bool:
        def decide(moment: Moment) -> Draft:
            return Draft(entry(kind, body, by=by, now=moment.now), f"{kind}:{body}"[:100])

        return await visit.write(decide)

    assert await visits_of(scene).visit(room_id, do)


# Opening


async def test_a_redemption_opens_the_party_for_everybody(scene: Scene) -> None:
    channel, ann = await channel_with(scene, OPEN), await scene.viewer()
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert (redemption.status, redemption.outcome) == (Status.FULFILLED, "opened")
    seen = await party_of(scene).seen(channel.id)
    assert seen is not None
    assert (seen.party.channel_id, seen.party.is_public, seen.party.title) == (channel.id, True, channel.name)
    assert (seen.room.settings.is_public, seen.room.settings.vip_only) == (True, False)
    assert (seen.room.host, seen.room.host_subject) == ("", f"twitch:{channel.id}")
    assert (seen.members, seen.here, seen.party.here) == (0, 0, 0)
    assert scene.status(channel, redemption.id) == "FULFILLED"
    assert await scene.actions(channel) == ["party.opened"]
    assert scene.said(channel) == ["@Ann opened the watch party. Come in!"]
    assert scene.counted("party_opened_total") == 1
    assert not scene.holds_vip(channel, ann)
    assert [name for name in scene.checkpoints.passed if name.startswith("party.")] == [
        "party.intended",
        "party.written",
        "party.recorded",
    ]


async def test_a_party_of_vips_is_made_public_again_and_a_public_one_costs_nothing(scene: Scene) -> None:
    channel, ann = await channel_with(scene, OPEN), await scene.viewer()
    room_id = await open_party(scene, channel, {"isPublic": False, "vipOnly": True, "title": "Friday"})
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert redemption.outcome == "opened"
    room = await room_of(scene, room_id)
    assert (room.settings.is_public, room.settings.vip_only, room.settings.title) == (True, False, "Friday")
    current = await party_of(scene).current(channel.id)
    assert current is not None
    assert (current.id, current.is_public, current.vip_only) == (room_id, True, False)
    await refunded(scene, channel.id, await scene.redeem(channel, ann), "party_is_open")
    assert scene.said(channel)[-1] == "@Ann, the watch party is open already. You have your points back."


async def test_after_the_party_was_closed_another_one_is_opened(scene: Scene) -> None:
    channel, ann = await channel_with(scene, OPEN), await scene.viewer()
    room_id = await open_party(scene, channel)
    await party_of(scene).close(room_id, key="enough")
    assert await party_of(scene).current(channel.id) is None
    await scene.settled(await scene.redeem(channel, ann))
    current = await party_of(scene).current(channel.id)
    assert current is not None
    assert current.id != room_id


# Adding


async def test_a_redemption_adds_a_title_under_the_viewers_name(scene: Scene) -> None:
    channel, ann = await channel_with(scene, QUEUE), await scene.viewer()
    room_id = await open_party(scene, channel)
    redemption = await scene.settled(await scene.redeem(channel, ann, user_input=f"please: {FILM}!"))
    assert (redemption.status, redemption.outcome) == (Status.FULFILLED, "queued")
    (item,) = (await room_of(scene, room_id)).queue
    assert item == Item(
        id=f"tw-{redemption.id}", kind="video", url=FILM, by="", by_name="Ann", by_subject=f"twitch:{ann.id}"
    )
    record = await scene.repositories.audit.get(f"{redemption.id}:fulfilled")
    assert record is not None
    assert (record.action, record.detail["user_input"]) == ("party.queued", f"please: {FILM}!")
    assert scene.said(channel) == ["@Ann, it is in the queue of the watch party. Thank you!"]
    assert scene.counted("party_queued_total") == 1


async def no_party(scene: Scene, channel: Channel, ann: Viewer) -> None:
    """Nobody has opened one."""


async def no_address(scene: Scene, channel: Channel, ann: Viewer) -> None:
    await open_party(scene, channel)


async def full(scene: Scene, channel: Channel, ann: Viewer) -> None:
    await open_party(scene, channel)
    for number in range(queue.MOST_ITEMS):
        await say_item(scene, f"room-of-{channel.login}", number)


async def say_item(scene: Scene, room_id: str, number: int) -> None:
    key = f"fill-{number}"
    item = Item(id=key, kind="video", url=FILM)

    async def is_vip() -> bool:
        return False

    assert await party_of(scene).add(room_id, item, subject="twitch:0", key=key, is_vip=is_vip) is None


async def vips_only(scene: Scene, channel: Channel, ann: Viewer) -> None:
    await open_party(scene, channel, {"isPublic": False, "vipOnly": True})


def barred(kind: str) -> Callable[[Scene, Channel, Viewer], Awaitable[None]]:
    async def bar(scene: Scene, channel: Channel, ann: Viewer) -> None:
        room_id = await open_party(scene, channel)
        subject = f"twitch:{ann.id}"
        host = Member("h", "Host", "twitch:9", Role.COHOST, since=1)
        named = {"member": host.id, "subject": host.subject, "epoch": 2, "why": "grace"}
        await say(scene, room_id, "host.changed", named)
        body = {"member": "m1", "subject": subject, "name": "Ann", "until": FOREVER}
        await say(scene, room_id, kind, body, by=host)

    return bar


async def blocked(scene: Scene, channel: Channel, ann: Viewer) -> None:
    await open_party(scene, channel)
    await scene.repositories.viewers.change(channel.id, ann, lambda held: replace(held, listed=Listed.BLOCK))


@pytest.mark.parametrize(
    ("prepare", "said", "reason", "told"),
    [
        (no_party, FILM, "no_party", "no watch party is open at the moment"),
        (
            no_address,
            "my favourite",
            "party_address",
            "write the web address of a video when you redeem this",
        ),
        (vips_only, FILM, "party_vips", "only VIPs are let into this watch party"),
        (barred("member.banned"), FILM, "party_barred", "you cannot take part in this watch party"),
        (barred("member.muted"), FILM, "party_barred", "you cannot take part in this watch party"),
        (blocked, FILM, "party_barred", "you cannot take part in this watch party"),
    ],
)
async def test_what_cannot_be_added_gives_the_points_back(
    scene: Scene,
    prepare: Callable[[Scene, Channel, Viewer], Awaitable[None]],
    said: str,
    reason: str,
    told: str,
) -> None:
    channel, ann = await channel_with(scene, QUEUE), await scene.viewer()
    await prepare(scene, channel, ann)
    await refunded(scene, channel.id, await scene.redeem(channel, ann, user_input=said), reason)
    assert scene.said(channel) == [f"@Ann, {told}. You have your points back."]
    assert await scene.actions(channel) == ["vip.refunded"]


async def test_a_full_queue_gives_the_points_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for where in ("rooms.queue.MOST_ITEMS", "rooms.errand.MOST_ITEMS"):
        monkeypatch.setattr(where, 2)
    channel, ann = await channel_with(scene, QUEUE), await scene.viewer()
    await full(scene, channel, ann)
    await refunded(scene, channel.id, await scene.redeem(channel, ann, user_input=FILM), "party_full")


async def test_vips_and_moderators_may_add_to_a_party_of_vips(scene: Scene) -> None:
    channel = await channel_with(scene, QUEUE)
    ann, ben = await scene.viewer("ann"), await scene.viewer("ben")
    await vips_only(scene, channel, ann)
    await scene.act("vips", channel_id=channel.id, user_id=ann.id)
    await scene.act("moderators", channel_id=channel.id, user_id=ben.id)
    for viewer in (ann, ben):
        assert (await scene.settled(await scene.redeem(channel, viewer, user_input=FILM))).outcome == "queued"
    assert [one.by_name for one in (await room_of(scene, f"room-of-{channel.login}")).queue] == ["Ann", "Ben"]


async def test_without_watch_parties_the_points_come_back(tmp_path: Path) -> None:
    async with open_scene(tmp_path, parties=False) as scene:
        channel, ann = await channel_with(scene, OPEN), await scene.viewer()
        await refunded(scene, channel.id, await scene.redeem(channel, ann), "no_party")


async def test_the_streamers_own_redemption_is_a_test(scene: Scene) -> None:
    channel = await channel_with(scene, OPEN)
    streamer = Viewer(channel.id, channel.login, "S")
    await refunded(scene, channel.id, await scene.redeem(channel, streamer), "broadcaster")
    assert await party_of(scene).current(channel.id) is None


# Cut off

PLACES = ["party.intended", "party.written", "party.recorded", "vip.fulfilled"]


@pytest.mark.parametrize("place", PLACES)
async def test_opening_that_was_cut_off_goes_on_as_if_nothing_had_been(scene: Scene, place: str) -> None:
    channel, ann = await channel_with(scene, OPEN), await scene.viewer()
    scene.checkpoints.arm(place, times=2)
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert (redemption.status, redemption.outcome) == (Status.FULFILLED, "opened")
    assert await scene.actions(channel) == ["party.opened"]
    assert len(scene.said(channel)) == scene.deeds("fulfilled") == 1
    assert await party_of(scene).current(channel.id) is not None


@pytest.mark.parametrize("place", PLACES)
async def test_adding_that_was_cut_off_adds_once(scene: Scene, place: str) -> None:
    channel, ann = await channel_with(scene, QUEUE), await scene.viewer()
    room_id = await open_party(scene, channel)
    scene.checkpoints.arm(place, times=2)
    redemption = await scene.settled(await scene.redeem(channel, ann, user_input=FILM))
    assert redemption.outcome == "queued"
    assert [one.id for one in (await room_of(scene, room_id)).queue] == [f"tw-{redemption.id}"]
    assert await scene.actions(channel) == ["party.queued"]
    assert scene.deeds("fulfilled") == 1


async def test_what_was_added_before_the_party_closed_is_paid_for(scene: Scene) -> None:
    """The attempt that wrote it was cut off, and then the streamer closed the room: the retry finds its entry."""
    channel, ann = await channel_with(scene, QUEUE), await scene.viewer()
    room_id = await open_party(scene, channel)
    scene.checkpoints.arm("party.written", times=1)
    redemption_id = await scene.redeem(channel, ann, user_input=FILM)
    await scene.quiet()
    await say(scene, room_id, "room.closed", {})
    assert (await scene.settled(redemption_id)).outcome == "queued"


async def test_alone_what_was_added_is_durable(scene: Scene) -> None:
    channel, ann = await channel_with(scene, QUEUE), await scene.viewer()
    room_id = await open_party(scene, channel)
    redemption = await scene.settled(await scene.redeem(channel, ann, user_input=FILM))
    kept = await scene.store.collection(PARTY_STATES)
    document = await kept.get(room_id)
    assert document is not None
    assert [one["id"] for one in document["body"]["room"]["queue"]] == [f"tw-{redemption.id}"]


# Afterwards


async def test_what_a_moderator_gives_back_is_taken_off_the_queue(scene: Scene) -> None:
    channel, ann = await channel_with(scene, QUEUE), await scene.viewer()
    room_id = await open_party(scene, channel)
    redemption = await scene.settled(await scene.redeem(channel, ann, user_input=FILM))
    await cancelled(scene, channel, redemption)
    assert (await room_of(scene, room_id)).queue == ()
    assert await scene.actions(channel) == ["party.queued", "redemption.cancelled"]


async def cancelled(scene: Scene, channel: Channel, redemption: Redemption) -> None:
    """A moderator gives the points back; Twitch itself lets that happen until they are taken."""
    event = {
        "id": redemption.id,
        "broadcaster_user_id": channel.id,
        "broadcaster_user_login": channel.login,
        "broadcaster_user_name": channel.name,
        "user_id": redemption.viewer_id,
        "user_login": redemption.viewer_login,
        "user_name": redemption.viewer_name,
        "user_input": redemption.user_input,
        "status": "canceled",
        "reward": {"id": redemption.reward_id, "title": redemption.reward_title, "cost": 500, "prompt": ""},
        "redeemed_at": "2026-01-01T00:00:00Z",
    }
    await scene.deliver(event, REDEMPTION_UPDATE)
    await scene.finish()
