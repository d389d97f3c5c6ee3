"""Commands that are no film: queue, chat, people and the room itself. Refused ones write nothing (`World.refused`)."""

from __future__ import annotations

import pytest

from rooms.people import Role, guest_of
from tests.rooms.world import World


def test_chat_is_kept_in_one_order_with_its_sender() -> None:
    world = World("p1", "p2")
    bea = world.join("bea")
    world.replicas[0].tell(world.ann, "party:chat", message="that cut!")
    world.replicas[1].tell(bea, "party:chat", message="which?")
    world.settle()
    assert [(one.name, one.text) for one in world.room.chat] == [("Ann", "that cut!"), ("Bea", "which?")]
    assert world.replicas[1].room.chat == world.room.chat


def test_a_muted_member_hears_so_and_may_speak_again_in_time() -> None:
    world = World()
    bea = world.join("bea")
    world.one.tell(world.ann, "party:mute", memberId="bea", seconds=60)
    assert world.one.refused(bea, "party:chat", message="hi") == "party.muted"
    world.pass_seconds(61)
    assert world.one.refused(bea, "party:chat", message="hi") == ""
    world.one.tell(world.ann, "party:mute", memberId="bea")
    world.pass_seconds(10**6)
    assert world.one.refused(bea, "party:chat", message="hi") == "party.muted"
    world.one.tell(world.ann, "party:unmute", memberId="bea")
    assert world.one.refused(bea, "party:chat", message="hi") == ""


def test_slow_mode_is_for_members() -> None:
    world = World(slowSeconds=5)
    bea = world.join("bea")
    for sender, code in ((bea, ""), (bea, "party.slow_mode"), (world.ann, ""), (world.ann, "")):
        assert world.one.refused(sender, "party:chat", message="hi") == code
    world.pass_seconds(5)
    assert world.one.refused(bea, "party:chat", message="hi") == ""


def test_words_that_the_room_does_not_want() -> None:
    world = World(words=["spoiler"])
    bea = world.join("bea")
    assert world.one.refused(bea, "party:chat", message="Spoiler: he dies") == "party.message_refused"
    assert world.one.refused(world.ann, "party:chat", message="no spoiler please") == ""


def test_a_message_is_deleted_by_its_author_or_a_co_host_and_reported_by_anybody() -> None:
    world = World()
    bea, gus = world.join("bea"), world.join("gus", Role.GUEST)
    world.one.tell(bea, "party:chat", message="hi")
    line = world.room.chat[0].id
    assert world.one.refused(gus, "party:chat:delete", chatId=line) == "party.forbidden"
    world.one.tell(gus, "party:chat:report", chatId=line)
    assert world.room.chat[0].reports == 1
    world.one.tell(bea, "party:chat:delete", chatId=line)
    assert (world.room.chat[0].text, world.room.chat[0].is_deleted) == ("", True)
    assert world.one.refused(world.ann, "party:chat:delete", chatId=line) == "party.no_message"


def test_kicked_is_gone_and_banned_stays_away() -> None:
    world = World()
    bea, cid = world.join("bea"), world.join("cid")
    world.one.tell(cid, "party:chat", message="rude")
    world.one.tell(world.ann, "party:kick", memberId="bea")
    assert world.one.refused(bea, "party:chat", message="hi") == "party.forbidden"
    assert not world.room.is_banned(bea.subject, world.now)
    world.one.tell(world.ann, "party:ban", memberId="cid", seconds=3600)
    assert world.room.is_banned(cid.subject, world.now)
    assert world.room.chat[0].is_deleted
    world.one.tell(world.ann, "party:unban", subject=cid.subject)
    assert not world.room.is_banned(cid.subject, world.now)
    assert world.one.tell(world.ann, "party:unban", subject=cid.subject) == []


def test_roles_are_given_and_taken() -> None:
    world = World()
    bea = world.join("bea")
    assert world.one.refused(bea, "party:media", item={"url": "https://a.example/x"}) == "party.forbidden"
    world.one.tell(world.ann, "party:role", memberId="bea", role="cohost")
    assert world.one.refused(bea, "party:media", item={"url": "https://a.example/x"}) == ""
    assert world.one.tell(world.ann, "party:role", memberId="bea", role="cohost") == []
    world.one.tell(world.ann, "party:role", memberId="bea", role="guest")
    assert world.room.role_of(bea) is Role.GUEST


def test_the_queue_in_use() -> None:
    world = World()
    bea = world.join("bea")
    for name in ("a", "b", "c"):
        world.one.tell(bea, "party:queue:add", item={"url": f"https://films.example/{name}", "title": name})
        world.now += 1
    world.settle()
    ids = {one.title: one.id for one in world.room.queue}
    world.one.tell(bea, "party:queue:vote", itemId=ids["c"])
    assert [one.title for one in world.room.queue] == ["c", "a", "b"]
    world.one.tell(world.ann, "party:queue:move", itemId=ids["b"], place=1)
    assert [one.title for one in world.room.queue] == ["c", "b", "a"]
    world.one.tell(world.ann, "party:queue:remove", itemId=ids["b"])
    world.one.tell(world.ann, "party:queue:next")
    assert world.room.item is not None
    assert (world.room.item.title, [one.title for one in world.room.queue]) == ("c", ["a"])
    assert world.one.refused(bea, "party:queue:vote", itemId="gone") == "party.not_queued"


def test_the_next_of_nothing() -> None:
    world = World()
    assert world.one.refused(world.ann, "party:queue:next") == "party.queue_empty"


def test_who_may_control_may_play_the_next() -> None:
    world = World(control="member")
    bea = world.join("bea")
    world.one.tell(bea, "party:queue:add", item={"url": "https://films.example/a"})
    world.one.tell(bea, "party:queue:next")
    assert world.room.item is not None


def test_settings_are_the_hosts() -> None:
    world = World()
    bea = world.join("bea")
    assert world.one.refused(bea, "party:settings", settings={"slowSeconds": 5}) == "party.forbidden"
    assert world.one.refused(world.ann, "party:settings", settings={"slowSeconds": -5}) == "party.bad_field"
    world.one.tell(world.ann, "party:settings", settings={"slowSeconds": 5})
    assert world.room.settings.slow_seconds == 5
    assert world.one.tell(world.ann, "party:settings", settings={"slowSeconds": 5}) == []


def test_a_closed_room_takes_nothing_more() -> None:
    world = World()
    world.film()
    world.one.tell(world.ann, "party:play")
    world.pass_seconds(5)
    world.one.tell(world.ann, "party:close")
    assert world.one.refused(world.ann, "party:chat", message="bye") == "party.room_closed"
    stands = world.position()
    world.pass_seconds(60)
    assert world.position() == stands


@pytest.mark.parametrize("replica", [0, 1])
def test_the_same_id_twice_is_one_effect(replica: int) -> None:
    world = World("p1", "p2")
    world.replicas[0].tell(world.ann, "party:chat", id="c-1", message="once")
    world.replicas[replica].tell(world.ann, "party:chat", id="c-1", message="once")
    world.settle()
    assert len(world.room.chat) == 1


def test_a_ban_is_of_all_tabs() -> None:
    world = World()
    first, second = world.join("bea"), world.join("bea2", subject="twitch:bea")
    world.one.tell(world.ann, "party:ban", memberId="bea", seconds=60)
    for tab in (first, second):
        assert world.one.refused(tab, "party:chat", message="hi") == "party.forbidden"
    world.pass_seconds(61)
    assert world.one.refused(second, "party:chat", message="hi") == ""
    assert world.one.refused(first, "party:chat", message="hi") == "party.forbidden", "sent out for good"


def test_guests_of_one_invite_are_not_each_others_tabs() -> None:
    world = World()
    world.join("gus", Role.GUEST, subject=guest_of("n1", "a"))
    other = world.join("gil", Role.GUEST, subject=guest_of("n1", "b"))
    world.one.tell(world.ann, "party:ban", memberId="gus")
    assert world.one.refused(other, "party:chat", message="hi") == ""


def test_nobody_reaches_the_host_by_another_tab() -> None:
    world = World()
    cat = world.join("cat", Role.COHOST)
    world.join("ann2", subject=world.ann.subject)
    for command in ("party:ban", "party:mute"):
        assert world.one.refused(cat, command, memberId="ann2") == "party.forbidden"
        assert world.one.refused(world.ann, command, memberId="ann2") == "party.forbidden"
    assert world.one.refused(cat, "party:kick", memberId="ann2") == ""
