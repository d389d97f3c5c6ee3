"""Drives a session machine by hand: time, sockets, and everything that it says."""

from __future__ import annotations

import random
from typing import Any

from gateways.twitch.session import Session
from tests.gateways.twitch import eventsub_frames as frames

BASE = "ws://eventsub.test/ws?keepalive_timeout_seconds=10"
CELL = "ws://cell-a.test/ws?challenge=abc"


class Driver:
    """A session, a time that moves by hand, and all that it said and asked for."""

    def __init__(self, url: str = BASE) -> None:
        self.session = Session(url, random=random.Random(7))
        self.now = 100.0
        self.wall = frames.NOW_MS

    def drain(self) -> list[Any]:
        return [*self.session.events(), *self.session.actions()]

    def hear(self, socket_id: int, text: str | bytes) -> list[Any]:
        self.session.receive(socket_id, text, self.now, self.wall)
        return self.drain()

    def gone(self, socket_id: int, code: int | None = None) -> list[Any]:
        self.session.disconnected(socket_id, code, self.now)
        return self.drain()

    def up(self, socket_id: int) -> list[Any]:
        self.session.connected(socket_id, self.now)
        return self.drain()

    def later(self, seconds: float) -> list[Any]:
        self.now += seconds
        self.wall += round(seconds * 1000)
        self.session.tick(self.now)
        return self.drain()

    def to_deadline(self) -> list[Any]:
        deadline = self.session.next_deadline()
        assert deadline is not None
        return self.later(deadline - self.now)

    def greeted(self) -> Driver:
        self.session.start()
        self.up(1)
        self.hear(1, frames.welcome("S1"))
        return self

    def live(self) -> Driver:
        self.greeted()
        self.session.window_met("S1")
        self.session.subscribed("S1", self.now)
        self.drain()
        return self

    def moving(self) -> Driver:
        self.live()
        self.hear(1, frames.reconnect(CELL))
        return self


def of(kind: type, things: list[Any]) -> list[Any]:
    return [thing for thing in things if isinstance(thing, kind)]
