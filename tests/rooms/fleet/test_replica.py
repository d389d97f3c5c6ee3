"""A process's view of a room: what it follows, what it tells, and how it begins."""

from __future__ import annotations

from gateways.topics.contracts import Entry, NewEntry
from rooms.entries import VERSION
from tests.rooms.house import House, once_and_in_order


async def test_every_replica_has_the_same_room_and_tells_what_counted(house: House) -> None:
    (one, other), ann = await house.open("p1", "p2")
    bea = await other.join("bea")
    await other.ask(bea, "party:chat", message="hi")
    await one.ask(ann, "party:mute", memberId="bea")
    await house.agreed()
    kinds = [entry.kind for entry in other.heard if entry is not None]
    assert kinds == ["room.opened", "chat.said", "member.muted"]
    assert {member.id for member in one.replica.roster} == {"ann", "bea"}
    for seat in house.seats:
        once_and_in_order(seat)


async def test_the_host_is_a_member_before_the_room_is_open(house: House) -> None:
    (one,), _ = await house.open("p1")
    assert one.replica.roster.get("ann") is not None
    opened = next(entry for entry in one.heard if entry is not None)
    assert opened.kind == "room.opened"
    assert opened.position.seq == 1


async def test_who_comes_later_reads_the_log_from_its_beginning(house: House) -> None:
    (one,), ann = await house.open("p1")
    for number in range(5):
        await one.ask(ann, "party:chat", message=f"m{number}")
    late = await house.seat("p2")
    await house.agreed()
    assert late.said == [f"m{number}" for number in range(5)]


async def test_who_comes_much_later_begins_from_the_base(house: House) -> None:
    """The log itself forgets its oldest entries."""
    (one,), ann = await house.open("p1")
    for number in range(45):
        await one.ask(ann, "party:chat", message=f"m{number}")
    for number in range(25):
        await one.join(f"x{number}")
    late = await house.seat("p2")
    await house.agreed()
    assert late.heard[0] is None, "it was told to begin from what the replica holds"
    told = [entry for entry in late.heard if entry is not None and entry.kind == "chat.said"]
    assert len(told) < 20, "only what came after the base was read from the log"
    assert len(late.replica.roster) == 26
    again = await late.ask(ann, "party:chat", id="p1-3", message="m2")
    assert again[0].seq == 4, "the base knows the keys of the entries before it"


async def test_an_entry_of_a_later_release_stops_a_replica_until_there_is_a_base_beyond_it(
    house: House,
) -> None:
    (one,), ann = await house.open("p1")
    await one.topics.append("room:r", NewEntry("hologram.shown", {"by": ""}, version=VERSION + 1))
    await house.until(lambda: not one.replica.is_following)
    before = one.replica.room
    # A process of that release goes on, and leaves a base.
    body = one.replica.view.body()
    body["room"] |= {"seq": before.seq + 1}
    base = await one.topics.head("room:r:base")
    await one.topics.reseed("room:r:base", body, base.position.epoch)
    await house.clock.advance(1.5)
    await house.until(lambda: one.replica.room.seq == before.seq + 1 and one.replica.is_following)
    assert await one.ask(ann, "party:chat", message="hello")


async def test_voids_are_not_told(house: House) -> None:
    (one, other), ann = await house.open("p1", "p2")
    heard: list[Entry | None] = list(other.heard)
    void = NewEntry("queue.removed", {"by": "eve", "who": "twitch:eve", "as": 1, "item": "x", "t": 1})
    await one.topics.append("room:r", void)
    await one.ask(ann, "party:chat", message="after")
    await house.agreed()
    told = [entry.kind for entry in other.heard[len(heard) :] if entry is not None]
    assert told == ["chat.said"]
