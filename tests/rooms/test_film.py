"""Play, pause, seek, rate and loading, as decided and as everybody sees it."""

from __future__ import annotations

import pytest

from rooms.settings import Settings, Waiting
from tests.rooms.world import SECOND, World


def world_with_film(**settings: object) -> World:
    world = World(settings=Settings(waiting=Waiting.OFF, **settings))  # type: ignore[arg-type]
    world.film()
    return world


def test_play_starts_everybody_at_one_instant_ahead() -> None:
    world = world_with_film()
    world.one.tell(world.ann, "party:play", currentTime=312.5)
    vector = world.room.vector
    assert 150_000 <= vector.ts - world.now <= 1_000_000
    assert vector.at(world.now) == 312.5
    world.pass_seconds(10)
    assert world.position() == pytest.approx(312.5 + 10 - 0.15)


def test_play_again_changes_nothing_and_play_elsewhere_is_a_seek() -> None:
    world = world_with_film()
    world.one.tell(world.ann, "party:play")
    world.pass_seconds(10)
    assert world.one.tell(world.ann, "party:play") == []
    assert world.one.tell(world.ann, "party:play", currentTime=world.position() + 0.4) == []
    world.one.tell(world.ann, "party:play", currentTime=100)
    world.pass_seconds(1)
    assert world.position() == pytest.approx(100.85)


def test_pause_freezes_where_the_film_is_by_then() -> None:
    world = world_with_film()
    world.one.tell(world.ann, "party:play")
    world.pass_seconds(10)
    world.one.tell(world.ann, "party:pause")
    at = world.room.vector.ts
    assert world.now + 150_000 <= at <= world.now + 200_000
    world.pass_seconds(10)
    assert world.position() == pytest.approx(10 - 0.15 + (at - world.now + 10 * SECOND) / 1e6)
    assert world.one.tell(world.ann, "party:pause") == []


def test_a_seek_while_paused_shows_at_once_and_only_if_it_moves() -> None:
    world = world_with_film()
    world.one.tell(world.ann, "party:seek", currentTime=50)
    assert world.position() == 50.0
    assert world.one.tell(world.ann, "party:seek", currentTime=50.0001) == []
    world.one.tell(world.ann, "party:seek", currentTime=9999)
    assert world.position() == 600.0


def test_another_rate_bends_the_line_without_a_jump() -> None:
    world = world_with_film()
    world.one.tell(world.ann, "party:play")
    world.pass_seconds(10)
    before = world.room.vector
    world.one.tell(world.ann, "party:rate", rate=1.5)
    after = world.room.vector
    assert after.at(after.ts) == pytest.approx(before.at(after.ts))
    assert world.one.tell(world.ann, "party:rate", rate=1.5) == []


def test_a_rate_right_after_play_does_not_start_the_film_early() -> None:
    world = world_with_film()
    world.one.tell(world.ann, "party:play")
    starts = world.room.vector.ts
    world.one.tell(world.ann, "party:rate", rate=2.0)
    assert world.room.vector.at(starts) == pytest.approx(world.room.vector.pos)
    assert world.room.vector.ts >= starts


def test_without_a_film_nothing_plays() -> None:
    world = World()
    for name, data in (("party:play", {}), ("party:pause", {}), ("party:rate", {"rate": 1.5})):
        assert world.one.refused(world.ann, name, **data) == "party.nothing_loaded"


def test_viewers_with_a_film_of_their_own_share_a_time_line() -> None:
    """Who names a position has loaded something elsewhere, as the client of the first draft."""
    world = World()
    world.one.tell(world.ann, "party:play", currentTime=1800)
    world.pass_seconds(10)
    assert 1808 < world.position() <= 1810
    world.one.tell(world.ann, "party:pause")
    world.pass_seconds(10)
    assert 1808 < world.position() <= 1811
    world.one.tell(world.ann, "party:seek", currentTime=60)
    assert world.position() == 60


def test_loading_while_playing_waits_for_the_players() -> None:
    world = World()
    bea = world.join("bea")
    world.film()
    world.one.tell(world.ann, "party:ready")
    world.one.tell(bea, "party:ready")
    world.one.tell(world.ann, "party:play")
    world.pass_seconds(2)
    world.film(90)
    assert (world.position(), world.room.vector.playing) == (0.0, False)
    assert world.room.barrier is not None
    world.one.tell(world.ann, "party:ready")
    assert world.room.barrier is not None
    world.one.tell(bea, "party:ready")
    world.settle()
    assert world.room.vector.playing


def test_a_film_loaded_while_paused_stays_paused() -> None:
    world = world_with_film()
    world.film(90)
    world.pass_seconds(20)
    assert (world.position(), world.room.vector.duration) == (0.0, 90.0)


def test_a_scheduled_command_is_refused_by_revision() -> None:
    world = world_with_film()
    rev = world.room.rev
    world.one.tell(world.ann, "party:play", expectedRev=rev)
    assert world.one.refused(world.ann, "party:pause", expectedRev=rev) == "party.rev_conflict"
