"""A channel's party from outside of its room: found, opened, added to, closed, by any process."""

from __future__ import annotations

import pytest

from domain.rules import Refusal
from gateways.topics.memory import MemoryTopics
from handlers.party.from_twitch import USUAL, FromTwitch, item_of
from rooms.fleet.clock import OwnTime
from rooms.fleet.visit import Visits
from rooms.people import LONGEST_NAME, Role
from rooms.snapshot import room_of as room_of_body
from storage.parties import PARTY_STATES, names_subject, without_subject
from tests.handlers.party.test_rewards import open_party, party_of, room_of
from tests.support.scene import Scene

FILM = "https://films.example/a.mp4"


async def nobody() -> bool:
    return False


def test_what_a_viewer_wrote_as_an_item_under_his_name() -> None:
    item = item_of(f"this: {FILM}", id="tw-1", by_name="An\u202ena")
    assert item is not None
    assert (item.id, item.kind, item.url, item.by, item.by_name) == ("tw-1", "video", FILM, "", "Anna")
    long = item_of(FILM, id="tw-1", by_name="a" * 100)
    assert long is not None
    assert len(long.by_name) == LONGEST_NAME


@pytest.mark.parametrize(
    "text", ["", "nothing", "https://user:pw@films.example/a.mp4", f"{FILM}?{'x' * 2000}"]
)
def test_what_could_not_be_played_is_no_item(text: str) -> None:
    assert item_of(text, id="tw-1", by_name="Ann") is None


async def test_the_party_is_the_open_room_that_was_opened_last(scene: Scene) -> None:
    channel, party = await scene.channel(), party_of(scene)
    assert await party.current(channel.id) is None
    for name in ("first", "second"):
        assert await party.open(channel, room_id=f"room-{name}", key=name, settings={}) is None
        await scene.pass_ms(1000)
    current = await party.current(channel.id)
    assert current is not None
    assert current.id == "room-second"
    await party.close("room-second", key="c")
    current = await party.current(channel.id)
    assert current is not None
    assert current.id == "room-first"
    other = await scene.channel("other")
    assert await party.current(other.id) is None


async def test_a_party_that_was_opened_has_the_channels_rules(scene: Scene) -> None:
    channel = await scene.channel()
    room = await room_of(scene, await open_party(scene, channel, {"vipOnly": True}))
    assert (room.settings.hosting, room.settings.host_returns) == (USUAL.hosting, USUAL.host_returns)
    assert (room.settings.hosting, room.settings.host_returns) == (Role.COHOST, True)
    assert room.settings.title == channel.name


async def test_the_same_key_opens_and_adds_once(scene: Scene) -> None:
    channel, party = await scene.channel(), party_of(scene)
    for _ in range(2):
        assert await party.open(channel, room_id="room-one", key="k", settings={"title": "One"}) is None
    item = item_of(FILM, id="tw-1", by_name="Ann")
    assert item is not None
    for _ in range(2):
        assert await party.add("room-one", item, subject="twitch:1", key="a", is_vip=nobody) is None
    room = await room_of(scene, "room-one")
    assert [one.id for one in room.queue] == ["tw-1"]
    await party.take_back(channel.id, "tw-1", key="back")
    await party.take_back(channel.id, "tw-1", key="back")
    assert (await room_of(scene, "room-one")).queue == ()


async def test_whoever_is_away_longer_than_its_keys_does_not_add_twice(scene: Scene) -> None:
    """The log remembers so many keys; the item's own id says the rest."""
    channel, party = await scene.channel(), party_of(scene)
    room_id = await open_party(scene, channel)
    item = item_of(FILM, id="tw-1", by_name="Ann")
    assert item is not None
    assert await party.add(room_id, item, subject="twitch:1", key="a", is_vip=nobody) is None
    assert await party.add(room_id, item, subject="twitch:1", key="another", is_vip=nobody) is None
    assert len((await room_of(scene, room_id)).queue) == 1


async def test_a_closed_room_is_found_no_more_and_takes_nothing(scene: Scene) -> None:
    channel, party = await scene.channel(), party_of(scene)
    room_id = await open_party(scene, channel)
    await party.close(room_id, key="c")
    assert await party.seen(channel.id) is None
    item = item_of(FILM, id="tw-1", by_name="Ann")
    assert item is not None
    refused = await party.add(room_id, item, subject="twitch:1", key="a", is_vip=nobody)
    assert refused is Refusal.NO_PARTY
    assert await party.open(channel, room_id=room_id, key="again", settings={}) is Refusal.NO_PARTY


async def test_a_room_outlives_a_restart(scene: Scene) -> None:
    """Another process, which has the store and nothing of the log."""
    channel, party = await scene.channel(), party_of(scene)
    room_id = await open_party(scene, channel)
    item = item_of(FILM, id="tw-1", by_name="Ann")
    assert item is not None
    assert await party.add(room_id, item, subject="twitch:1", key="a", is_vip=nobody) is None
    assert scene.visits is not None
    topics = MemoryTopics(clock=scene.clock)
    visits = Visits(
        topics=topics,
        clock=scene.clock,
        time=OwnTime(clock=scene.clock, name="k2"),
        keep=scene.visits.keep,
    )
    again = FromTwitch(visits=visits, registry=party.registry)
    assert await again.add(room_id, item, subject="twitch:1", key="a", is_vip=nobody) is None
    seen = await again.seen(channel.id)
    await topics.close()
    assert seen is not None
    assert [one.id for one in seen.room.queue] == ["tw-1"]


async def test_who_paid_for_an_item_is_found_and_forgotten(scene: Scene) -> None:
    channel, party = await scene.channel(), party_of(scene)
    room_id = await open_party(scene, channel)
    for number in (1, 2):
        item = item_of(FILM, id=f"tw-{number}", by_name=f"Ann{number}", subject=f"twitch:{number}")
        assert item is not None
        key = f"a{number}"
        assert await party.add(room_id, item, subject=f"twitch:{number}", key=key, is_vip=nobody) is None
    kept = await (await scene.store.collection(PARTY_STATES)).get(room_id)
    assert kept is not None
    body = kept["body"]
    assert names_subject(body, "twitch:1")
    assert not names_subject(body, "twitch:3")
    after = without_subject(body, "twitch:1")
    assert not names_subject(after, "twitch:1")
    assert "Ann1" not in str(after)
    room = room_of_body(after["room"])
    assert [(one.id, one.by_name) for one in room.queue] == [("tw-1", ""), ("tw-2", "Ann2")]
