"""Who is the host, whoever comes and goes."""

from __future__ import annotations

from rooms.people import Role
from tests.rooms.world import SECOND, World


def test_a_lost_host_is_waited_for_and_the_film_goes_on() -> None:
    world = World()
    world.join("bea")
    world.film()
    world.one.tell(world.ann, "party:play")
    world.away(world.ann)
    world.pass_seconds(19)
    assert world.room.host == "ann"
    world.pass_seconds(2)
    assert (world.room.host, world.room.host_epoch) == ("bea", 2)
    assert world.room.vector.playing
    assert world.position() > 20


def test_a_host_who_is_back_in_time_stays_host() -> None:
    world = World()
    world.join("bea")
    world.away(world.ann)
    world.pass_seconds(19)
    world.back(world.ann)
    world.pass_seconds(60)
    assert (world.room.host, world.room.host_epoch) == ("ann", 1)


def test_co_hosts_first_then_the_longest_present_then_guests() -> None:
    world = World()
    world.join("gus", Role.GUEST)
    world.join("bea")
    world.join("cid")
    dot = world.join("dot")
    world.one.tell(world.ann, "party:role", memberId="dot", role="cohost")
    world.away(world.ann)
    world.pass_seconds(21)
    assert world.room.host == "dot"
    for leaver, heir in (
        (dot, "bea"),
        (world.one.roster.get("bea"), "cid"),
        (world.one.roster.get("cid"), "gus"),
    ):
        assert leaver is not None
        world.leave(leaver)
        world.pass_seconds(21)
        assert world.room.host == heir


def test_one_who_is_away_is_not_chosen_and_an_empty_room_has_no_host() -> None:
    world = World()
    bea = world.join("bea")
    world.away(bea)
    world.away(world.ann)
    world.pass_seconds(30)
    assert world.room.host == "ann", "nobody is there who could be"
    world.leave(bea)
    world.leave(world.ann)
    world.pass_seconds(30)
    assert world.room.host == ""
    world.join("cid")
    world.settle()
    assert world.room.host == "cid"


def test_two_replicas_elect_once() -> None:
    world = World("p1", "p2", "p3")
    world.join("bea")
    world.away(world.ann)
    world.now += 30 * SECOND
    for replica in world.replicas:
        replica.look()
    assert [one.kind for one in world.log.entries].count("host.changed") == 1


def test_a_former_host_comes_back_into_his_room_only_where_that_is_wished() -> None:
    for wished in (True, False):
        world = World(hostReturns=wished)
        world.join("bea")
        world.away(world.ann)
        world.pass_seconds(25)
        assert world.room.host == "bea"
        world.back(world.ann)
        world.pass_seconds(1)
        assert world.room.host == ("ann" if wished else "bea")


def test_after_two_minutes_the_room_is_the_new_hosts() -> None:
    world = World(hostReturns=True)
    world.join("bea")
    world.away(world.ann)
    world.pass_seconds(25)
    world.pass_seconds(121)
    world.back(world.ann)
    world.pass_seconds(1)
    assert world.room.host == "bea"


def test_a_room_is_handed_over_and_the_giver_goes_on_helping() -> None:
    world = World()
    bea = world.join("bea")
    world.one.tell(world.ann, "party:host", memberId="bea")
    assert world.room.role_of(bea) is Role.HOST
    assert world.room.role_of(world.ann) is Role.COHOST


def test_a_co_host_takes_over_only_from_one_who_is_away() -> None:
    world = World()
    bea = world.join("bea")
    assert world.one.refused(bea, "party:host:take") == "party.forbidden"
    world.one.tell(world.ann, "party:role", memberId="bea", role="cohost")
    assert world.one.refused(bea, "party:host:take") == "party.forbidden"
    world.away(world.ann)
    world.one.tell(bea, "party:host:take")
    assert world.room.host == "bea"


def test_nobody_acts_upon_somebody_of_the_same_rank() -> None:
    world = World()
    bea = world.join("bea")
    world.join("cid")
    for name in ("bea", "cid"):
        world.one.tell(world.ann, "party:role", memberId=name, role="cohost")
    assert world.one.refused(bea, "party:kick", memberId="cid") == "party.forbidden"
    assert world.one.refused(bea, "party:kick", memberId="ann") == "party.forbidden"
    assert world.one.refused(world.ann, "party:kick", memberId="ann") == "party.forbidden"
    assert world.one.refused(bea, "party:kick", memberId="nobody") == "party.not_in_room"


def test_in_a_room_of_a_channel_only_its_own_people_become_host_by_themselves() -> None:
    world = World(hosting="cohost")
    bea = world.join("bea")
    world.leave(world.ann)
    world.pass_seconds(60)
    assert world.room.host == "ann", "nobody else is fit for it, however long it takes"
    world.join("mia", Role.COHOST)
    world.pass_seconds(1)
    assert (world.room.host, world.room.role_of(bea)) == ("mia", Role.MEMBER)
