"""Commands, people and timers on several replicas: the log decides, and what was acknowledged is everywhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.errors import Conflict, Denied, NotFound, Unavailable
from gateways.topics.contracts import GuardFailed, NewEntry, Position, Topics
from rooms.people import Role
from rooms.settings import Settings, Waiting
from tests.rooms.house import FILM, House, Seat, once_and_in_order


def kinds(seat: Seat) -> list[str]:
    return [one.kind for one in seat.heard if one is not None]


async def test_a_command_is_known_here_when_it_is_acknowledged(house: House) -> None:
    (one, other), ann = await house.open("p1", "p2")
    await one.ask(ann, "party:media", item=FILM)
    positions = await one.ask(ann, "party:play")
    assert one.replica.room.vector.playing
    assert positions == [one.replica.view.position]
    await house.agreed()
    assert other.replica.room.vector == one.replica.room.vector


async def test_the_same_id_is_one_effect_and_one_answer_at_any_process(house: House) -> None:
    (one, other), ann = await house.open("p1", "p2")
    await one.ask(ann, "party:media", item=FILM)
    first = await one.ask(ann, "party:chat", id="c1", message="once")
    assert await other.ask(ann, "party:chat", id="c1", message="once") == first
    played = await one.ask(ann, "party:play", id="c2")
    assert await one.ask(ann, "party:play", id="c2") == played, "though it plays by now"
    assert await other.ask(ann, "party:play", id="c2") == played
    await house.agreed()
    assert other.said == ["once"]


async def test_what_changes_nothing_writes_nothing(house: House) -> None:
    (one,), ann = await house.open("p1")
    await one.ask(ann, "party:media", item=FILM)
    before = one.replica.view.position
    assert await one.ask(ann, "party:pause") == []
    assert one.replica.view.position == before


async def test_two_who_decide_at_once_are_put_in_an_order(house: House) -> None:
    (one, other), ann = await house.open("p1", "p2", control="member")
    bea = await other.join("bea")
    await one.ask(ann, "party:media", item=FILM)
    await house.agreed()
    for number in range(10):
        await asyncio.gather(
            one.ask(ann, "party:seek", currentTime=100.0 + number),
            other.ask(bea, "party:seek", currentTime=200.0 + number),
        )
    await house.agreed()
    assert kinds(one).count("film.changed") == 20, "who lost the race decided again"
    for seat in house.seats:
        once_and_in_order(seat)


class Racing:
    """Topics in which somebody else is always faster."""

    def __init__(self, topics: Topics) -> None:
        self._topics, self.tries = topics, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._topics, name)

    async def append(
        self, topic: str, entry: NewEntry, *, guard: int | None = None, key: str | None = None
    ) -> Position:
        if guard is None:
            return await self._topics.append(topic, entry, key=key)
        self.tries += 1
        raise GuardFailed("somebody was faster")


async def test_who_loses_every_race_is_told_to_try_again(house: House) -> None:
    (one,), ann = await house.open("p1")
    await one.ask(ann, "party:media", item=FILM)
    racing = Racing(one.topics)
    one.table._topics = racing
    asked = asyncio.ensure_future(one.ask(ann, "party:play"))
    while not asked.done():
        await house.clock.advance(0.5)
        await asyncio.wait({asked}, timeout=0.0 if house.server is None else 0.5)
    error = asked.exception()
    assert isinstance(error, Unavailable)
    assert error.code == "party.busy"
    assert racing.tries == 10


async def test_the_hosts_command_is_not_starved_by_chat(house: House) -> None:
    (one, other), ann = await house.open("p1", "p2")
    await one.ask(ann, "party:media", item=FILM)
    await house.agreed()
    bea = await other.join("bea")
    racing = Counting(one.topics)
    one.table._topics = racing
    talking = [
        asyncio.ensure_future(other.ask(bea, "party:chat", message=f"m{number}")) for number in range(300)
    ]
    for number in range(10):
        await one.ask(ann, "party:seek", currentTime=float(number + 1))
    await asyncio.gather(*talking)
    assert racing.guarded == 10, "each was decided once"
    await house.agreed()
    assert kinds(one).count("chat.said") == 300


class Counting:
    """Topics that count the guarded appends."""

    def __init__(self, topics: Topics) -> None:
        self._topics, self.guarded = topics, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._topics, name)

    async def append(
        self, topic: str, entry: NewEntry, *, guard: int | None = None, key: str | None = None
    ) -> Position:
        self.guarded += guard is not None
        return await self._topics.append(topic, entry, guard=guard, key=key)


class Muting(Counting):
    """Topics in which a mute comes just before the message."""

    def __init__(self, topics: Topics, mute: NewEntry) -> None:
        super().__init__(topics)
        self._mute = mute

    async def append(
        self, topic: str, entry: NewEntry, *, guard: int | None = None, key: str | None = None
    ) -> Position:
        if entry.kind == "chat.said":
            await self._topics.append(topic, self._mute)
        return await super().append(topic, entry, guard=guard, key=key)


async def test_who_was_muted_a_moment_before_is_told(house: House) -> None:
    """The replica that decides does not know it yet; the log does."""
    (one,), _ = await house.open("p1")
    bea = await one.join("bea")
    body = {"by": "ann", "who": "twitch:ann", "as": 2, "t": house.time.now(), "member": "bea"}
    mute = NewEntry("member.muted", body | {"subject": "twitch:bea", "until": 2**62})
    one.table._topics = Muting(one.topics, mute)
    for _ in range(2):  # the same answer to the same id
        with pytest.raises(Conflict) as late:
            await one.ask(bea, "party:chat", id="c1", message="ha")
        assert late.value.code == "party.too_late"
    with pytest.raises(Denied) as refused:
        await one.ask(bea, "party:chat", message="ha")
    assert refused.value.code == "party.muted"
    assert one.said == []


async def test_a_room_that_nobody_opened_is_not_found(house: House) -> None:
    one = await house.seat("p1")
    ann = await one.join("ann")
    with pytest.raises(NotFound) as refused:
        await one.ask(ann, "party:play")
    assert refused.value.code == "party.room_not_found"


async def test_a_room_is_opened_once(house: House) -> None:
    one, other = await house.seat("p1"), await house.seat("p2")
    people = [house.member(name, Role.MEMBER, seat) for name, seat in (("ann", one), ("bea", other))]
    opened = await asyncio.gather(
        one.table.open(people[0], Settings()), other.table.open(people[1], Settings()), return_exceptions=True
    )
    assert sorted(type(result) for result in opened if result is not None) == [Conflict]
    agreed = await house.agreed()
    assert {member.id for member in agreed.replica.roster} == {agreed.replica.room.host}


async def test_a_timer_fires_once_on_all_replicas(house: House) -> None:
    seats, ann = await house.open("p1", "p2", "p3", settings=Settings(waiting=Waiting.OFF))
    one = seats[0]
    await one.ask(ann, "party:media", item=FILM | {"duration": 5.0})
    for name in ("b", "c"):
        await one.ask(
            ann, "party:queue:add", item={"url": f"https://films.example/{name}.mp4", "duration": 5.0}
        )
    await one.ask(ann, "party:play")
    for title in ("b", "c"):
        await house.clock.advance(5.5)
        await house.until(
            lambda title=title: all(
                seat.replica.room.item is not None and title in seat.replica.room.item.url for seat in seats
            )
        )
    await house.agreed()
    assert kinds(one).count("film.loaded") == 3


async def test_a_lost_host_is_replaced_after_the_grace_and_a_leaving_one_at_once(house: House) -> None:
    (one, other), ann = await house.open("p1", "p2")
    await house.clock.advance(60)
    bea, cid = await other.join("bea"), await other.join("cid")
    await one.table.away(ann.id)
    await house.agreed()
    assert one.replica.room.host == "ann"
    await house.clock.advance(20.1)
    await house.until(lambda: other.replica.room.host == "bea")
    await house.clock.advance(60)
    await other.table.leave(bea.id)
    await house.until(lambda: one.replica.room.host == "cid")
    assert one.replica.room.host_epoch == 3
    assert kinds(one).count("host.changed") == 2
    assert cid.id == "cid"


async def test_who_left_is_waited_for_no_more(house: House) -> None:
    (one,), ann = await house.open("p1")
    bea = await one.join("bea")
    await one.ask(ann, "party:media", item=FILM)
    await one.ask(bea, "party:ready")
    assert "bea" in one.replica.room.players
    await one.table.leave("bea")
    assert "bea" not in one.replica.room.players
    assert one.replica.roster.get("bea") is None


async def test_who_is_away_and_comes_back_elsewhere_is_there(house: House) -> None:
    (one, other), _ = await house.open("p1", "p2")
    bea = await one.join("bea")
    await one.table.away("bea")
    await other.table.back(bea)
    held = (await house.agreed()).replica.roster.get("bea")
    assert held is not None
    assert held.is_here
    assert held.process == "p2"


async def test_what_a_process_knows_better_is_said_again(house: House) -> None:
    (one, other), _ = await house.open("p1", "p2")
    await one.join("bea")
    await other.table.say_gone("p1")  # which lives
    await house.until(lambda: other.heard_people.count("member.back") == 2)
    held = (await house.agreed()).replica.roster.get("bea")
    assert held is not None
    assert held.is_here


async def test_a_membership_ends_after_ten_minutes_away(house: House) -> None:
    (one, other), _ = await house.open("p1", "p2")
    await one.join("bea")
    await one.table.away("bea")
    await house.clock.advance(599)
    await house.agreed()
    await other.table.mend()
    assert other.replica.roster.get("bea") is not None
    await house.clock.advance(2)
    await other.table.mend()
    await house.until(lambda: other.replica.roster.get("bea") is None)
