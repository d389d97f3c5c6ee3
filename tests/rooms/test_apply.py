"""The log judges again: what was decided in good faith on a stale replica and is not right any more is void."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gateways.topics.contracts import Entry, GuardFailed, Position
from rooms.apply import MOST_REMOVED, UnknownEntry, apply
from rooms.commands import read
from rooms.entries import entry
from rooms.people import Member, Role
from rooms.state import Room
from rooms.step import step
from tests.rooms.world import EPOCH, Replica, World


def stale(world: World, sender: Member, type: str, **data: Any) -> Any:
    """Decide on a replica that has seen nothing since, and write when the others have moved on."""
    drafts = step(world.replicas[1].moment, sender, read(type, data, id=world.new_id()))

    def write() -> bool:
        replica: Replica = world.replicas[1]
        for draft in drafts:
            guard = replica.room.rev if draft.is_guarded else None
            world.log.append(draft.entry, guard=guard, key=draft.key)
        world.settle()
        return world.one.applied[-1].is_void

    return write


def test_a_message_that_a_mute_overtook_is_void() -> None:
    world = World("p1", "p2")
    bea = world.join("bea")
    write = stale(world, bea, "party:chat", message="late")
    world.one.tell(world.ann, "party:mute", memberId="bea")
    assert write() is True
    assert world.room.chat == ()


def test_so_is_one_that_a_kick_overtook() -> None:
    world = World("p1", "p2")
    bea = world.join("bea")
    write = stale(world, bea, "party:chat", message="late")
    world.one.tell(world.ann, "party:kick", memberId="bea")
    assert write() is True


def test_a_former_host_changes_nothing_any_more() -> None:
    world = World("p1", "p2")
    world.join("bea")
    write = stale(world, world.ann, "party:settings", settings={"slowSeconds": 9})
    world.one.tell(world.ann, "party:host", memberId="bea")
    assert write() is True
    assert world.room.settings.slow_seconds == 0


def test_a_guarded_command_loses_the_race_instead() -> None:
    world = World("p1", "p2")
    world.film()
    write = stale(world, world.ann, "party:play")
    world.one.tell(world.ann, "party:seek", currentTime=5)
    with pytest.raises(GuardFailed):
        write()


def test_a_void_entry_moves_seq_and_its_guard_only() -> None:
    room = Room("r", epoch=EPOCH, opened_at=1, host="ann", host_epoch=1)
    nobody = Member("zoe", "Zoe", "s", Role.GUEST, 1)
    new = entry("film.changed", {"why": "party:play", "vector": {}}, by=nobody, now=5)
    done = apply(room, Entry(Position(EPOCH, 1), 0, new.kind, new.body, new.state, new.version))
    assert done.is_void
    assert done.room == dataclasses.replace(room, seq=1, rev=1)


@pytest.mark.parametrize("why", ["given", "taken", "grace"])
def test_nobody_makes_himself_host(why: str) -> None:
    room = Room("r", epoch=EPOCH, opened_at=1, host="ann", host_epoch=1)
    bea = Member("bea", "Bea", "s", Role.MEMBER, 1)
    body = {"member": "bea", "subject": "s", "epoch": 2, "why": why}
    new = entry("host.changed", body, by=bea, now=5)
    assert apply(room, Entry(Position(EPOCH, 1), 0, new.kind, new.body, new.state, new.version)).is_void


def test_an_entry_of_a_later_release_stops_the_replica() -> None:
    room = Room("r", epoch=EPOCH)
    for kind, version in (("room.danced", 1), ("chat.said", 2)):
        with pytest.raises(UnknownEntry):
            apply(room, Entry(Position(EPOCH, 1), 0, kind, {"by": ""}, False, version))


@pytest.mark.parametrize("position", [Position(EPOCH, 2), Position(EPOCH, 0), Position("other", 1)])
def test_an_entry_out_of_turn_is_a_mistake_of_the_shell(position: Position) -> None:
    with pytest.raises(ValueError, match="does not follow"):
        apply(Room("r", epoch=EPOCH), Entry(position, 0, "room.closed", {"by": ""}, False, 1))


def test_the_list_of_those_sent_out_is_bounded() -> None:
    room = Room(
        "r", epoch=EPOCH, opened_at=1, host="ann", removed=tuple(f"x{one}" for one in range(MOST_REMOVED))
    )
    ann = Member("ann", "Ann", "s", Role.MEMBER, 1)
    new = entry("member.kicked", {"member": "bea", "subject": "t", "until": 9}, by=ann, now=5)
    after = apply(room, Entry(Position(EPOCH, 1), 0, new.kind, new.body, new.state, new.version)).room
    assert (len(after.removed), after.removed[-1]) == (MOST_REMOVED, "bea")
