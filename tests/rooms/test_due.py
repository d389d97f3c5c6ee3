"""What a room does by itself, once, whichever replicas notice."""

from __future__ import annotations

from rooms.due import due, wakes_at
from rooms.settings import Settings, Waiting
from tests.rooms.world import SECOND, World


def item(name: str, seconds: float = 60) -> dict[str, object]:
    return {"url": f"https://films.example/{name}", "title": name, "duration": seconds}


def test_the_next_one_plays_when_the_film_is_over() -> None:
    world = World("p1", "p2", settings=Settings(waiting=Waiting.OFF))
    world.film(60)
    world.one.tell(world.ann, "party:queue:add", item=item("b"))
    world.one.tell(world.ann, "party:play")
    world.settle()
    ends = world.room.vector.ends_at()
    assert wakes_at(world.one.moment) == ends
    world.pass_seconds(60.2)
    assert world.room.item is not None
    assert world.room.item.title == "b"
    assert world.room.vector.playing
    assert [one.kind for one in world.log.entries].count("film.loaded") == 2


def test_without_a_queue_the_film_stands_at_its_end() -> None:
    world = World(settings=Settings(waiting=Waiting.OFF))
    world.film(60)
    world.one.tell(world.ann, "party:play")
    world.pass_seconds(100)
    assert world.position() == 60.0
    assert wakes_at(world.one.moment) is None


def test_nothing_follows_by_itself_where_that_is_not_wished() -> None:
    world = World(settings=Settings(waiting=Waiting.OFF, plays_next=False))
    world.film(60)
    world.one.tell(world.ann, "party:queue:add", item=item("b"))
    world.one.tell(world.ann, "party:play")
    world.pass_seconds(100)
    assert world.position() == 60.0


def test_half_of_those_present_skip() -> None:
    world = World()
    members = [world.join(name) for name in ("bea", "cid", "dot")]
    world.film(60)
    world.one.tell(world.ann, "party:queue:add", item=item("b"))
    world.one.tell(members[0], "party:queue:skip")
    world.settle()
    assert len(world.room.queue) == 1
    world.one.tell(members[0], "party:queue:skip", wants=False)
    world.one.tell(members[1], "party:queue:skip")
    world.one.tell(members[2], "party:queue:skip")
    world.settle()
    assert world.room.queue == ()
    assert world.room.skips == frozenset()


def test_a_wait_is_woken_for_its_deadline() -> None:
    world = World(settings=Settings(waiting=Waiting.ALL))
    bea = world.join("bea")
    world.film()
    world.one.tell(bea, "party:ready")
    world.one.tell(world.ann, "party:play")
    world.pass_seconds(2)
    world.one.tell(bea, "party:buffering")
    world.settle()
    assert wakes_at(world.one.moment) == world.now + 3 * SECOND


def test_a_stall_in_the_first_moments_is_looked_at_when_they_are_over() -> None:
    world = World(settings=Settings(waiting=Waiting.ALL))
    bea = world.join("bea")
    world.film()
    world.one.tell(bea, "party:ready")
    world.one.tell(world.ann, "party:play")
    world.one.tell(bea, "party:buffering")
    world.settle()
    assert world.room.barrier is None
    assert wakes_at(world.one.moment) == world.room.vector.ts + SECOND // 2
    world.pass_seconds(1)
    assert world.room.barrier is not None


def test_a_lost_host_is_woken_for() -> None:
    world = World()
    world.join("bea")
    world.away(world.ann)
    assert wakes_at(world.one.moment) == world.now + 20 * SECOND


def test_a_host_who_was_sent_out_a_moment_before_does_not_leave_the_room_without_one() -> None:
    world = World("p1", "p2")
    world.join("bea")
    world.join("cid")
    world.away(world.ann)
    world.now += 21 * SECOND
    one, other = world.replicas
    (draft,) = due(other.moment)
    assert draft.entry.body["member"] == "bea"
    one.tell(world.ann, "party:kick", memberId="bea")
    world.log.append(draft.entry, guard=other.room.rev, key=draft.key)  # it comes to nothing
    world.settle()
    assert world.room.host == "cid"


def test_a_room_that_is_closed_or_not_open_does_nothing() -> None:
    world = World()
    world.one.tell(world.ann, "party:close")
    world.leave(world.ann)
    assert not due(world.one.moment)
    assert wakes_at(world.one.moment) is None


def test_a_crowd_ends_a_wait() -> None:
    world = World()
    bea = world.join("bea")
    world.film()
    world.one.tell(bea, "party:ready")
    world.one.tell(world.ann, "party:play")
    world.pass_seconds(2)
    world.one.tell(bea, "party:buffering")
    world.settle()
    assert world.room.barrier is not None
    for number in range(60):
        world.join(f"x{number}")
    world.settle()
    assert world.room.barrier is None
    assert world.room.vector.playing
