"""A room that was kept, a while later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rooms import snapshot
from rooms.fleet.restored import restored
from rooms.fleet.views import PeopleView
from rooms.people import Role, Roster
from rooms.snapshot import room_of
from tests.rooms.world import SECOND, World


def kept(world: World, *, wall_ms: int = 5_000_000) -> dict[str, object]:
    return {
        "room": snapshot.body_of(world.room, now=world.now, wall_ms=wall_ms),
        "known": [["k", "e1", 1, False]],
    }


def test_the_film_stands_where_it_would_be_by_now_on_another_clock() -> None:
    world = World()
    world.film()
    world.one.tell(world.ann, "party:play", currentTime=100)
    body = kept(world)
    later = 77 * SECOND  # what the clock of the new run shows, 60 seconds later
    bodies = restored(body, now=later, wall_ms=5_060_000)
    expected = world.room.vector.at(world.now + 60 * SECOND)
    assert room_of(bodies.room["room"]).vector.at(later) == pytest.approx(expected)
    assert bodies.room["known"] == [["k", "e1", 1, False]]


def test_the_host_counts_as_just_gone() -> None:
    world = World()
    bodies = restored(kept(world), now=9 * SECOND, wall_ms=5_000_000)
    people = PeopleView("r", tell=list)
    people.load(bodies.people)
    assert isinstance(people.roster, Roster)
    host = people.roster.get(world.ann.id)
    assert host is not None
    assert (host.subject, host.away_since, host.process) == ("twitch:ann", 9 * SECOND, "")
    assert host.role is Role.MEMBER


def test_a_room_without_a_host_has_nobody() -> None:
    world = World()
    body = {"room": snapshot.body_of(replace(world.room, host=""), now=1, wall_ms=1), "known": []}
    assert restored(body, now=1, wall_ms=1).people["members"] == []


def test_one_of_a_later_release_is_refused() -> None:
    body = {"room": {"v": snapshot.VERSION + 1}, "known": []}
    with pytest.raises(ValueError, match="later release"):
        restored(body, now=1, wall_ms=1)
