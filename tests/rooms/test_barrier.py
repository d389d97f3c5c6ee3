"""Whom a room waits for, and for how long: on the whole machine, with its own clock."""

from __future__ import annotations

import pytest

from rooms import barrier
from rooms.people import Member, Role
from rooms.settings import Settings, Waiting
from rooms.state import Player
from tests.rooms.world import SECOND, World


def playing(*names: str, **settings: object) -> tuple[World, list[Member]]:
    """A room in which `ann` and some others play a film, all of them ready."""
    world = World(settings=Settings(**settings))  # type: ignore[arg-type]
    members = [world.ann, *(world.join(name) for name in names)]
    world.film()
    for member in members:
        world.one.tell(member, "party:ready")
    world.one.tell(world.ann, "party:play")
    world.pass_seconds(2)
    return world, members


def test_a_quorum_goes_on_without_one_of_ten() -> None:
    world, members = playing(*(f"m{number}" for number in range(9)))
    world.one.tell(members[5], "party:buffering")
    world.settle()
    assert world.room.barrier is None
    world.one.tell(members[6], "party:buffering")
    world.one.tell(members[7], "party:buffering")
    world.settle()
    assert world.room.barrier is not None
    assert world.room.vector.playing is False
    world.one.tell(members[5], "party:ready")
    world.settle()
    assert world.room.barrier is None, "eight of ten are ready"
    assert world.room.vector.playing is True


def test_all_means_all() -> None:
    world, members = playing("bea", "cid", "dot", "eve", waiting=Waiting.ALL)
    world.one.tell(members[2], "party:buffering")
    world.settle()
    assert world.room.barrier is not None


def test_nothing_is_shown_twice_or_skipped_by_a_wait() -> None:
    world, members = playing("bea", waiting=Waiting.ALL)
    world.one.tell(members[1], "party:buffering")
    world.settle()
    stopped = world.room.vector
    world.pass_seconds(1)
    assert world.position() == stopped.pos
    world.one.tell(members[1], "party:ready")
    world.settle()
    assert world.room.vector.pos == stopped.pos


def test_a_wait_ends_in_time_and_nobody_waits_for_the_late_one_again() -> None:
    world, members = playing("bea", waiting=Waiting.ALL)
    world.one.tell(members[1], "party:buffering")
    world.settle()
    held = world.room.barrier
    assert held is not None
    assert held.until == world.now + barrier.REBUFFER_US
    world.pass_seconds(3.1)
    assert world.room.vector.playing
    assert world.room.players["bea"].is_late
    world.pass_seconds(5)
    assert world.room.barrier is None
    world.one.tell(members[1], "party:ready")
    assert not world.room.players["bea"].is_late


def test_the_third_time_within_a_minute_nobody_waits() -> None:
    world, members = playing("bea", waiting=Waiting.ALL)
    for waited in (True, True, False):
        world.one.tell(members[1], "party:buffering")
        world.settle()
        assert (world.room.barrier is not None) is waited
        world.one.tell(members[1], "party:ready")
        world.settle()
        world.pass_seconds(5)
    world.pass_seconds(60)
    world.one.tell(members[1], "party:buffering")
    world.one.tell(members[1], "party:ready")
    world.pass_seconds(61)
    world.one.tell(members[1], "party:buffering")
    world.one.tell(members[1], "party:ready")
    assert not world.room.players["bea"].is_ignored, "a minute without stalls is forgiven"


def test_who_leaves_or_is_lost_is_not_waited_for() -> None:
    for how in ("leave", "away"):
        world, members = playing("bea", waiting=Waiting.ALL)
        world.one.tell(members[1], "party:buffering")
        world.settle()
        assert world.room.barrier is not None
        getattr(world, how)(members[1])
        world.settle()
        assert world.room.barrier is None, how


def test_the_host_insists_by_playing_again() -> None:
    world, members = playing("bea", waiting=Waiting.ALL)
    world.one.tell(members[1], "party:buffering")
    world.settle()
    world.one.tell(world.ann, "party:play")
    assert world.room.barrier is None
    assert world.room.vector.playing


def test_pause_ends_a_wait_and_nothing_starts_afterwards() -> None:
    world, members = playing("bea", waiting=Waiting.ALL)
    world.one.tell(members[1], "party:buffering")
    world.settle()
    world.one.tell(world.ann, "party:pause")
    world.one.tell(members[1], "party:ready")
    world.pass_seconds(10)
    assert (world.room.barrier, world.room.vector.playing) == (None, False)


def test_a_joiner_who_has_not_tapped_stops_nobody() -> None:
    world, _ = playing("bea", waiting=Waiting.ALL)
    late = world.join("cid")
    world.one.tell(late, "party:buffering")
    world.settle()
    assert world.room.barrier is None
    assert "cid" not in world.room.players


def test_a_crowd_waits_for_nobody() -> None:
    world, members = playing("bea")
    for number in range(60):
        world.join(f"x{number}", Role.GUEST)
    before = world.room.seq
    world.one.tell(members[1], "party:buffering")
    world.settle()
    assert world.room.seq == before, "and nothing is written about its players"


def test_a_seek_waits_until_the_players_are_there() -> None:
    world, members = playing("bea", waiting=Waiting.ALL)
    world.one.tell(world.ann, "party:seek", currentTime=300)
    assert world.position() == 300.0
    assert not world.room.vector.playing
    world.pass_seconds(1)
    for member in members:
        world.one.tell(member, "party:ready")
    world.settle()
    assert world.room.vector.playing
    assert world.room.vector.ts > world.now, "everybody starts at the same instant"


@pytest.mark.parametrize(
    ("mode", "members", "waits"),
    [
        (Waiting.AUTO, 50, True),
        (Waiting.AUTO, 51, False),
        (Waiting.ALL, 500, True),
        (Waiting.QUORUM, 500, True),
        (Waiting.OFF, 2, False),
    ],
)
def test_which_rooms_wait(mode: Waiting, members: int, waits: bool) -> None:
    assert barrier.waits(Settings(waiting=mode), members) is waits


def test_stalls_of_long_ago_are_forgiven() -> None:
    player = Player(is_ready=True)
    for now in (0, 10 * SECOND, 20 * SECOND):
        player = barrier.ready(barrier.stalled(player, now=now))
    assert player.is_ignored
    assert barrier.stalled(player, now=30 * SECOND).is_ignored
    assert not barrier.stalled(player, now=90 * SECOND).is_ignored
