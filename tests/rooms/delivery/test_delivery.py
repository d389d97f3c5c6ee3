"""Any schedule of what is said, of viewers who stop reading, read again, lose their connection, come back, and of data
that are lost: whoever is connected in the end has had all that must be kept, once and in order, or was told to begin
anew; and has the newest state of the film."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rooms.delivery import shown
from rooms.delivery.viewer import MOST_BYTES, Viewer
from rooms.people import Member, Role
from tests.rooms.hall import Hall, open_hall
from tests.rooms.house import FILM, Seat
from tests.rooms.lines import MemoryLine

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["say", "say", "seek", "stall", "read", "cut", "back", "later", "wait", "lose"]),
        st.integers(0, 2),
    ),
    max_size=25,
)


class Player:
    """A client that keeps what it read over all its connections."""

    def __init__(self, hall: Hall, seat: Seat, member: Member) -> None:
        self.hall, self.seat, self.member, self.hub = hall, seat, member, hall.hubs[seat.name]
        self.texts: list[str] = []
        self.kept, self.epoch, self.state = -1, "", {"rev": -1}
        self.resets = 0
        self._begin()
        self.hub.enter(self.viewer, reply=self._welcome("party:join"))

    def _begin(self) -> None:
        self.line = MemoryLine(kernel=50)
        self.viewer = Viewer(
            self.line,
            member=self.member,
            budget=self.hall.budget,
            sync=lambda why: self._welcome("party:sync", why),
        )

    def _welcome(self, type: str, why: str = "") -> bytes:
        return self.hub.welcome(self.member, type=type, why=why)

    @property
    def is_connected(self) -> bool:
        return self.line.closed is None

    def cut(self) -> None:
        """The connection is gone, with all that had not arrived."""
        if self.is_connected:
            self.line.close(1006, "")
        self.hub.leave(self.viewer)

    def back(self) -> None:
        self.cut()
        self.take()
        self._begin()
        resumed = self.hub.resume(
            self.viewer, reply_of=lambda: self._welcome("party:resume"), epoch=self.epoch, last_seq=self.kept
        )
        if not resumed:
            self.hub.enter(self.viewer, reply=self._welcome("party:sync", "resume_gap"))

    def take(self) -> None:
        """Read what has arrived, as a client does."""
        for one in self.line.messages():
            self._read(one["type"], one, one["data"])
        self.line.forget()

    def _read(self, type: str, message: dict[str, Any], data: dict[str, Any]) -> None:
        if type in ("party:join", "party:sync"):
            self.resets += type == "party:sync"
            self.texts = [one["message"] for one in data["history"]]
            self.kept, self.epoch, self.state = data["kept"], data["epoch"], data["state"]
        elif type == "party:resume":
            assert (data["kept"], data["epoch"]) == (self.kept, self.epoch)
        elif type == "party:ping":
            assert (data["kept"], data["rev"]) == (self.kept, self.state["rev"])
        if "after" in message:
            assert message["after"] == self.kept, "a hole, or a double"
            self.kept = message["seq"]
        if "state" in data and data["state"]["rev"] >= self.state["rev"]:
            self.state = data["state"]
        if type == "party:chat":
            self.texts.append(data["message"])


async def story(steps: list[tuple[str, int]]) -> None:
    async with open_hall() as hall:
        (ann,) = await hall.open("p1")
        seat, view = ann.seat, ann.seat.replica.view
        await ann.ask("party:media", item=FILM)
        players = [Player(hall, seat, await seat.join(name, Role.MEMBER)) for name in ("bea", "cid", "dan")]
        losses = 0
        for place, (step, number) in enumerate(steps):
            player = players[number]
            if step == "say":
                await ann.say(f"{place}")
            elif step == "seek":
                await ann.ask("party:seek", currentTime=float(10 + place))
            elif step == "stall":
                player.line.stall()
            elif step == "read":
                player.line.resume()
            elif step == "cut":
                player.cut()
            elif step == "back":
                player.back()
            elif step == "later":
                await hall.clock.advance((0.005, 0.02, 0.5)[number])
            elif step == "wait":
                await hall.clock.advance((2.0, 6.0, 16.0)[number])
            else:
                losses += 1
                await seat.topics.reseed(view.topic, view.body(), view.position.epoch)
                await hall.quiet()
            for one in players:
                waits = one.viewer.waiting_bytes - one.line.unsent
                assert waits <= MOST_BYTES
        for one in players:
            one.line.resume()
            if not one.is_connected:
                one.back()
        await hall.quiet()
        room = seat.replica.room
        for one in players:
            one.take()
            assert one.is_connected
            assert one.kept == room.kept
            assert one.texts[-100:] == [line.text for line in room.chat]
            assert one.state == shown.state_of(room)
            assert one.resets <= losses, "what is missed is sent again, if nothing was lost"
        assert (hall.budget.held, len(hall.budget.waiting)) == (0, 0)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_any_schedule(steps: list[tuple[str, int]]) -> None:
    asyncio.run(story(steps))
