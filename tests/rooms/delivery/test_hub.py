"""What viewers of a room get, when, and in which order."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator

import pytest

from gateways.topics.contracts import Entry
from rooms.delivery.broadcast import AT_ONCE
from rooms.delivery.viewer import Viewer
from rooms.entries import entry, vector_body
from rooms.people import Role
from tests.rooms.hall import Client, Hall, chain, open_hall
from tests.rooms.house import FILM
from tests.rooms.lines import MemoryLine


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    async with open_hall() as hall:
        yield hall


async def test_the_film_is_told_in_the_same_turn_and_chat_with_the_tick(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    bea = await hall.join(ann.seat, "bea")
    await ann.ask("party:media", item=FILM)
    await hall.quiet()
    for one in (ann, bea):
        one.line.forget()
    await bea.say("one")
    await ann.say("two")
    assert bea.line.types() == []
    await ann.ask("party:play")
    assert bea.line.types() == ["party:play"]
    assert bea.line.writes == 1
    await hall.clock.advance(0.02)
    assert bea.line.types() == ["party:play", "party:chat", "party:chat"]
    assert bea.line.writes == 2
    assert bea.said() == ["one", "two"]
    (played,) = bea.line.of("party:play")
    assert (played["isHost"], ann.line.of("party:play")[0]["isHost"]) == (False, True)
    assert played["state"]["playing"] is True


async def test_what_must_be_kept_stays_in_order_though_a_film_is_told_at_once(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    bea = await hall.join(ann.seat, "bea")
    await hall.quiet()
    bea.line.forget()
    await bea.say("before")
    await ann.ask("party:media", item=FILM)
    assert bea.line.types() == ["party:chat", "party:media"]
    await ann.ask("party:host", memberId="bea")
    assert bea.line.types()[-1] == "party:host"
    assert bea.line.messages()[-1]["data"]["isHost"] is True


async def test_who_comes_gets_the_room_and_then_all_that_follows(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    await ann.say("old")
    bea = await hall.join(ann.seat, "bea")  # in the middle of a tick
    await ann.say("new")
    await hall.quiet()
    welcome = bea.line.messages()[0]
    assert (welcome["type"], welcome["re"]) == ("party:join", "c-1")
    assert [one["message"] for one in welcome["data"]["history"]] == ["old"]
    assert bea.said() == ["new"]
    assert len(bea.chain()) == 1
    assert ann.said() == ["old", "new"]
    assert len(ann.chain()) == 2


async def test_who_comes_back_gets_what_was_missed(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    bea = await hall.join(ann.seat, "bea")
    await ann.say("one")
    await hall.quiet()
    kept = bea.chain()[-1]
    hub = hall.hubs["p1"]
    hub.leave(bea.viewer)
    await ann.say("two")
    await ann.ask("party:media", item=FILM)
    line = MemoryLine()
    viewer = Viewer(line, member=bea.member, budget=hall.budget)
    epoch = ann.seat.replica.room.epoch

    def welcome() -> bytes:
        return hub.welcome(bea.member, type="party:resume")

    assert not hub.resume(viewer, reply_of=welcome, epoch="other", last_seq=kept)
    assert not hub.resume(viewer, reply_of=welcome, epoch=epoch, last_seq=10_000)
    assert hub.resume(viewer, reply_of=welcome, epoch=epoch, last_seq=kept)
    await ann.say("three")
    await hall.quiet()
    assert line.types()[:3] == ["party:resume", "party:chat", "party:media"]
    assert line.messages()[0]["data"]["kept"] == kept
    assert [one["message"] for one in line.of("party:chat")] == ["two", "three"]
    assert len(chain(line.messages())) == 3
    again = Viewer(MemoryLine(), member=bea.member, budget=hall.budget)
    assert hub.resume(again, reply_of=welcome, epoch=epoch, last_seq=chain(line.messages())[-1])
    assert line.closed == (4509, "replaced")


async def test_who_is_sent_out_hears_it_first(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    bea, cid = [await hall.join(ann.seat, name) for name in ("bea", "cid")]
    await bea.say("hello")
    await ann.ask("party:kick", memberId="bea")
    assert bea.line.types()[-3:] == ["party:chat", "party:kick", "party:bye"]
    assert bea.line.closed == (4510, "kicked")
    await ann.ask("party:ban", memberId="cid")
    assert cid.line.closed == (4511, "banned")
    assert cid.line.of("party:ban")[0]["until"] == 0
    late = hall.enter(ann.seat, bea.member)  # let in a moment before
    assert late.line.closed == (4510, "kicked")
    assert set(hall.hubs["p1"].viewers) == {"ann"}
    await ann.ask("party:close")
    assert ann.line.types()[-1] == "party:closed"
    assert ann.line.closed is None  # there is still an answer to come
    await hall.quiet()
    assert ann.line.types()[-1] == "party:bye"
    assert ann.line.closed == (4504, "room_closed")


async def test_who_comes_in_at_another_process_is_away_here(hall: Hall) -> None:
    ann, guest = await hall.open("p1", "p2")
    member = hall.house.member("guest0", Role.MEMBER, ann.seat)
    await ann.seat.table.back(member)
    await hall.quiet()
    assert guest.line.closed == (4509, "replaced")


async def test_reports_are_for_host_and_cohosts(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    bea = await hall.join(ann.seat, "bea")
    cid = await hall.join(ann.seat, "cid")
    await ann.ask("party:role", memberId="cid", role="cohost")
    await bea.say("rude")
    await hall.quiet()
    await bea.ask("party:chat:report", chatId=bea.line.of("party:chat")[0]["chatId"])
    assert [len(one.line.of("party:chat:report")) for one in (ann, cid, bea)] == [1, 1, 0]
    await ann.ask("party:settings", settings={"words": ["spoiler"]})
    await hall.quiet()
    assert ann.line.of("party:settings")[0]["settings"]["words"] == ["spoiler"]
    assert "words" not in bea.line.of("party:settings")[0]["settings"]


async def test_lost_data_begin_anew_for_all(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    bea = await hall.join(ann.seat, "bea")
    view = ann.seat.replica.view
    old = view.body()
    await ann.say("lost")
    await ann.seat.topics.reseed(view.topic, old, view.position.epoch)
    await hall.quiet()
    resets = bea.line.of("party:sync")
    assert [(one["why"], one["gap"], one["self"]) for one in resets] == [("data_lost", True, "bea")]
    await ann.say("after")
    await hall.quiet()
    assert bea.chain() != []
    assert bea.line.messages()[-1]["data"]["message"] == "after"


async def test_a_lost_roster_alone_resets_nobody(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    people = ann.seat.replica.people
    await ann.seat.topics.reseed(people.topic, people.body(), people.position.epoch)
    await hall.quiet()
    await ann.say("still here")
    await hall.quiet()
    assert ann.line.of("party:sync") == []
    assert ann.said() == ["still here"]


async def test_a_large_room_is_told_in_parts_a_part_a_turn(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    await ann.ask("party:media", item=FILM)
    crowd = hall.crowd(ann.seat, 2 * AT_ONCE + 10)
    await hall.quiet()
    for one in crowd:
        one.line.forget()
    told: list[int] = []
    hub, counted = hall.hubs["p1"], hall.hubs["p1"].counted

    def look(entry: Entry) -> None:
        counted(entry)
        told.append(sum(one.line.writes for one in crowd))

    hub.counted = look  # type: ignore[method-assign]
    await ann.ask("party:play")
    assert told == [AT_ONCE - 1]  # and ann, in the turn in which it was counted
    await hall.clock.advance(0.001)
    assert {tuple(one.line.types()) for one in crowd} == {("party:play",)}
    assert hub.delays.fan_out >= 0.0


async def test_a_stalled_viewer_delays_nobody_and_has_the_newest_when_it_reads(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    bea = await hall.join(ann.seat, "bea", kernel=10)
    cid = await hall.join(ann.seat, "cid")
    await ann.ask("party:media", item=FILM)
    bea.line.stall()
    for second in range(20):
        await ann.ask("party:seek", currentTime=float(10 * second + 10))
        await ann.say(f"{second}")
        await hall.clock.advance(0.1)
    assert len(cid.line.of("party:seek")) == 20
    bea.line.resume()
    await hall.quiet()
    seeks = bea.line.of("party:seek")
    assert len(seeks) < 5
    assert seeks[-1] == cid.line.of("party:seek")[-1]
    assert bea.said() == cid.said()
    assert bea.chain() == cid.chain()


async def test_an_idle_room_sends_pings_only_and_never_all_at_once(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    await ann.say("hello")
    crowd = hall.crowd(ann.seat, 120)
    await hall.quiet()
    for one in crowd:
        one.line.forget()
    most = 0
    for _ in range(120):
        before = sum(one.line.writes for one in crowd)
        await hall.clock.advance(0.25)
        most = max(most, sum(one.line.writes for one in crowd) - before)
    assert {tuple(one.line.types()) for one in crowd} == {("party:ping", "party:ping")}
    assert most <= 4
    ping = crowd[0].line.of("party:ping")[0]
    room = ann.seat.replica.room
    assert (ping["epoch"], ping["kept"], ping["rev"]) == (room.epoch, room.kept, room.rev)
    assert len(ping["hash"]) == 16
    ann.chain()


async def test_a_ping_comes_after_what_it_says_was_kept(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    await hall.quiet()
    hub = hall.hubs["p1"]
    at = hub._rounds.next_at()
    assert at is not None
    await hall.clock.advance(at - hall.clock.monotonic() - 0.005)
    await ann.say("just before")
    await hall.clock.advance(0.006)
    assert ann.line.types()[-2:] == ["party:chat", "party:ping"]
    ann.chain()


async def test_a_rev_that_nothing_told_of_is_told_before_the_ping(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    bea = await hall.join(ann.seat, "bea")
    await ann.ask("party:media", item=FILM)
    room = ann.seat.replica.room
    body = {"why": "party:play", "vector": vector_body(room.vector)}
    void = entry("film.changed", body, by=bea.member, now=ann.seat.replica.time.now())
    await ann.seat.topics.append(ann.seat.replica.view.topic, void)
    await hall.clock.advance(16.0)
    assert ann.seat.replica.room.rev == room.rev + 1
    for one in (ann, bea):
        (told,) = one.line.of("party:pause")
        ping = one.line.of("party:ping")[-1]
        assert told["state"]["rev"] == ping["rev"] == room.rev + 1


async def test_two_thousand_who_came_and_went_leave_nothing(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    hub = hall.hubs["p1"]

    async def cycle(count: int) -> None:
        for place in range(count):
            client = hall.enter(ann.seat, hall.house.member(f"y{place % 7}", Role.MEMBER, ann.seat))
            if place % 3 == 0:
                client.line.stall()
                await_frames(client)
            hub.report(client.id, {"driftMs": 3})
            if place % 2:
                hub.leave(client.viewer)
            else:
                client.viewer.give_up()
                hub.leave(client.viewer)
        await hall.quiet()

    def await_frames(client: Client) -> None:
        for _ in range(3):
            client.viewer.send(b"\x81\x02{}")

    def held() -> int:
        gc.collect()
        # By its type: `isinstance` asks a weak proxy of somebody else's for what may be gone.
        return sum(type(one) in (Viewer, MemoryLine) for one in gc.get_objects())

    await cycle(7)
    before = held()
    await cycle(2000)
    assert held() == before
    assert (hall.budget.held, len(hall.budget.waiting)) == (0, 0)
    assert set(hub.viewers) == {"ann"}
    assert hall.tasks.names() == []
    assert len(hub._aside._reports) == 0
    assert sum(map(len, hub._rounds._slots)) == 1


async def test_a_room_that_stops_says_goodbye_to_all(hall: Hall) -> None:
    (ann,) = await hall.open("p1")
    bea = await hall.join(ann.seat, "bea")
    await ann.say("last words")
    hall.hubs["p1"].close(4000, "going_away", 700)
    for one in (ann, bea):
        assert one.line.types()[-2:] == ["party:chat", "party:bye"]
        assert one.line.of("party:bye")[0]["retryAfterMs"] == 700
    assert hall.hubs["p1"].viewers == {}
