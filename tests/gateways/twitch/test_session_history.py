"""Any history of a session: it never raises, and what it promises holds after every step."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateways.twitch.session import Session
from gateways.twitch.session_table import State
from gateways.twitch.session_words import Close, Live, Lost, Notified, Open, Revoked, Subscribe
from tests.gateways.twitch import eventsub_frames as frames

BASE = "ws://eventsub.test/ws"
CODES = st.sampled_from([None, 1000, 1001, 1006, 1009, *range(4000, 4008), 4999])


class SessionHistory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.wall = frames.NOW_MS
        self.opened: dict[
            int, bool
        ] = {}  # sockets that were asked for and are not gone; whether they are connected
        self.closing: set[int] = set()  # of those, the ones that the session gave up
        self.hand_overs: set[int] = set()
        self.heard: dict[str, float] = {}
        self.handed_out: list[str] = []
        self.excused = True  # whether a Subscribe may come without a Lost before it
        self.revoked = False  # since the last Subscribe
        self.session_id = ""
        self.serial = 0

    @initialize(seed=st.integers(0, 1000))
    def start(self, seed: int) -> None:
        self.session = Session(BASE, random=random.Random(seed))
        self.session.start()
        self.look()

    def look(self) -> list[Any]:
        events = self.session.events()
        for event in events:
            match event:
                case Notified():
                    self.handed_out.append(event.message_id)
                case Lost():
                    self.excused = True
                case Revoked():
                    self.excused = self.revoked = True
                case Live():
                    self.excused = self.revoked
        for action in self.session.actions():
            match action:
                case Open():
                    assert action.socket_id not in self.opened
                    assert action.hand_over or action.url == BASE
                    self.opened[action.socket_id] = False
                    if action.hand_over:
                        self.hand_overs.add(action.socket_id)
                case Close():
                    assert action.socket_id in self.opened
                    assert action.socket_id not in self.closing
                    self.closing.add(action.socket_id)
                case Subscribe():
                    assert self.excused, "subscribes again although nothing was lost"
                    assert action.session_id == self.session.session_id != ""
                    self.session_id = action.session_id
                    self.revoked = False
        return events

    def pick(self, number: int) -> int:
        """A socket, most often one that exists."""
        return sorted(self.opened)[number % len(self.opened)] if self.opened else number

    def hear(self, number: int, text: str | bytes) -> list[Any]:
        self.session.receive(self.pick(number), text, self.now, self.wall)
        return self.look()

    @rule(number=st.integers(0, 3))
    def connect(self, number: int) -> None:
        socket = self.pick(number)
        if socket in self.opened and socket not in self.closing:
            self.opened[socket] = True
            self.session.connected(socket, self.now)
            self.look()

    @rule(number=st.integers(0, 3), keepalive=st.sampled_from([10, 30, None, True, "x"]))
    def welcome(self, number: int, keepalive: Any) -> None:
        self.serial += 1
        self.hear(number, frames.welcome(f"S{self.serial}", keepalive=keepalive))

    @rule(seconds=st.floats(0, 8))
    def come_alive(self, seconds: float) -> None:
        """The usual way, so that histories do not all end early."""
        for socket in sorted(set(self.opened) - self.closing):
            if not self.opened[socket]:
                self.opened[socket] = True
                self.session.connected(socket, self.now)
                self.look()
            self.serial += 1
            self.session.receive(socket, frames.welcome(f"S{self.serial}"), self.now, self.wall)
            self.look()
        self.now += seconds
        self.session.subscribed(self.session_id, self.now)
        self.look()

    @rule(number=st.integers(0, 3))
    def keepalive(self, number: int) -> None:
        self.hear(number, frames.keepalive())

    @rule(number=st.integers(0, 3), again=st.booleans())
    def notify(self, number: int, again: bool) -> None:
        if again and self.heard:
            message_id = sorted(self.heard)[number % len(self.heard)]
        else:
            self.serial += 1
            message_id = f"n-{self.serial}"
        socket = self.pick(number)
        before = len(self.handed_out)
        self.hear(number, frames.notification(message_id, at=self.wall))
        known = self.opened.get(socket, False)
        fresh = message_id not in self.heard or self.now - self.heard[message_id] > 600.0
        assert self.handed_out[before:] == ([message_id] if known and fresh else [])
        if known and fresh:
            self.heard[message_id] = self.now

    @rule(number=st.integers(0, 3))
    def stale(self, number: int) -> None:
        self.serial += 1
        before = len(self.handed_out)
        self.hear(number, frames.notification(f"n-{self.serial}", at=self.wall - 700_000))
        assert len(self.handed_out) == before

    @rule(
        number=st.integers(0, 3),
        url=st.sampled_from(["ws://cell-a.test/ws", "ws://cell-b.test/", "wss://x/", 7]),
    )
    def told_to_move(self, number: int, url: Any) -> None:
        self.serial += 1
        self.hear(number, frames.reconnect(url, message_id=f"r-{self.serial}"))

    @rule(number=st.integers(0, 3))
    def revoke(self, number: int) -> None:
        self.serial += 1
        self.hear(number, frames.revocation(f"v-{self.serial}"))

    @rule(number=st.integers(0, 3), data=st.text(max_size=20) | st.binary(max_size=20))
    def garbage(self, number: int, data: str | bytes) -> None:
        self.hear(number, data)

    @rule(number=st.integers(0, 3), code=CODES)
    def disconnect(self, number: int, code: int | None) -> None:
        socket = self.pick(number)
        self.session.disconnected(socket, code, self.now)
        self.opened.pop(socket, None)
        self.closing.discard(socket)
        self.look()

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 9.6, 13.1, 31.0, 61.0, 601.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.wall += round(seconds * 1000)
        self.session.tick(self.now)
        self.look()

    @rule()
    def wait_for_the_deadline(self) -> None:
        deadline = self.session.next_deadline()
        if deadline is not None:
            self.now = max(self.now, deadline)
            self.session.tick(self.now)
            self.look()
            after = self.session.next_deadline()
            assert after is None or after > deadline

    @rule(answer=st.sampled_from(["window_met", "subscribed", "failed", "checked", "resync"]))
    def shell(self, answer: str) -> None:
        match answer:
            case "window_met":
                self.session.window_met(self.session_id)
            case "subscribed":
                self.session.subscribed(self.session_id, self.now)
            case "failed":
                self.session.subscribing_failed(self.session_id, self.now, rest_seconds=3.0)
            case "checked":
                self.session.checked(self.now)
            case _:
                self.session.resync(self.now)
                self.excused = self.revoked = True
        self.look()

    @rule(what=st.sampled_from(["park", "wake", "wake", "restart", "start"]))
    def outside(self, what: str) -> None:
        getattr(self.session, what)()
        self.look()

    @rule(really=st.integers(0, 30))
    def stop(self, really: int) -> None:
        if really == 0:
            self.session.stop()
            self.look()
            assert set(self.opened) == self.closing
            assert self.session.next_deadline() is None

    @invariant()
    def at_most_one_session_is_in_use(self) -> None:
        in_use = set(self.opened) - self.closing
        if self.session.state is State.MOVING:
            assert len(in_use) <= 2
            assert len(in_use - self.hand_overs) <= 1 or len(in_use & self.hand_overs) >= 1
        elif self.session.state in (State.CHECKING, State.RESTING, State.PARKED, State.STOPPED):
            assert not in_use
        else:
            assert len(in_use) == 1

    @invariant()
    def somebody_or_something_moves_it_on(self) -> None:
        waits_for_the_outside = (
            State.CONNECTING,
            State.CHECKING,
            State.PARKED,
            State.STOPPED,
            State.SUBSCRIBING,
        )
        if self.session.state not in waits_for_the_outside:
            assert self.session.next_deadline() is not None


SessionHistory.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSessionHistory = SessionHistory.TestCase
