"""One viewer's socket, once it is no HTTP any more: bytes to messages, and frames to bytes.

There is no task per socket, and nothing of the request is kept: at ten thousand viewers both would be most of the
memory.
What is due by time is looked at by `party_socket.py`, for all sockets.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

from domain.ports import Clock
from rooms.delivery import frames, messages
from rooms.delivery.line import Line
from rooms.fleet.clock import RoomTime
from rooms.talk.connection import Connection
from web.party_frames import TOO_MANY, FrameError, FrameReader, Op, answer_to_close, close_frame

MOST_MESSAGE_BYTES = 16 << 10
SEND_BUFFER_BYTES = 64 << 10  # the kernel's default lets megabytes pile up behind a stalled reader
FRAMES_PER_SECOND, FRAMES_AT_ONCE = 200.0, 2000.0
"""Of any kind: pings and parts of messages are work too, and tens of thousands of them fit into one reading."""

CLOSING_SECONDS = 3.0
"""How long the other side has to answer a Close, and to take what was written before it."""


class Owner(Protocol):
    """Who looks after the sockets."""

    def gone(self, line: PartyLine) -> None:
        """The socket is closed."""
        ...

    def look_at(self, line: PartyLine, at: float) -> None:
        """Look after this one at this monotonic time."""
        ...


class PartyLine(asyncio.Protocol):
    """Implements `rooms.delivery.line.Line` on the transport of an upgraded request. `talk`: who listens; None for one
    that is to be sent away at `refuse_at`, with `refusal`."""

    __slots__ = (
        "_clock", "_is_broken", "_owner", "_reader", "_time", "_transport", "close_at", "heard_at", "refusal",
        "refuse_at", "slot", "talk",
    )  # fmt: skip

    def __init__(self, transport: asyncio.Transport, *, owner: Owner, clock: Clock, time: RoomTime) -> None:
        self._transport, self._owner, self._clock, self._time = transport, owner, clock, time
        self._reader = FrameReader(MOST_MESSAGE_BYTES)
        self._reader.left = FRAMES_AT_ONCE
        self._is_broken = False
        self.talk: Connection | None = None
        self.heard_at = clock.monotonic()
        self.refusal: tuple[int, str, int] | None = None  # code, reason, milliseconds until it may come back
        self.refuse_at = 0.0
        self.close_at = 0.0  # monotonic: closing since a while before; 0 for not
        self.slot = 0  # where the owner keeps it
        own = transport.get_extra_info("socket")
        if own is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    # as a line of the room

    def write(self, frames: bytes) -> None:
        """See `rooms.delivery.line.Line`."""
        if not self.close_at:
            self._transport.write(frames)

    @property
    def unsent(self) -> int:
        """See `rooms.delivery.line.Line`."""
        return self._transport.get_write_buffer_size()

    def close(self, code: int, reason: str) -> None:
        """See `rooms.delivery.line.Line`. The other side answers, or is cut off."""
        if self.close_at:
            return
        self._transport.write(close_frame(code, reason))
        self.close_at = self._clock.monotonic() + CLOSING_SECONDS
        self._owner.look_at(self, self.close_at)

    # as a protocol of its transport

    def data_received(self, data: bytes) -> None:
        received_us = self._time.now()
        before, self.heard_at = self.heard_at, self._clock.monotonic()
        if self._is_broken:
            return
        reader = self._reader
        reader.left = min(reader.left + (self.heard_at - before) * FRAMES_PER_SECOND, FRAMES_AT_ONCE)
        try:
            for op, payload in reader.feed(data):
                self._received(op, payload, received_us)
        except FrameError as error:
            # What follows cannot be understood, but is read on: unread bytes would reset the connection, and the
            # other side might never see why it was closed.
            self._is_broken = True
            if error.code == TOO_MANY and self.talk is not None:
                self.talk.flooded()
            self.close(error.code, error.reason)
            if self._transport.can_write_eof():
                self._transport.write_eof()

    def _received(self, op: Op, payload: bytes, received_us: int) -> None:
        if op is Op.CLOSE:
            if not self.close_at:
                self._transport.write(answer_to_close(payload))
                self.close_at = self.heard_at + CLOSING_SECONDS
                self._owner.look_at(self, self.close_at)
            self._transport.close()
        elif self.close_at or self.talk is None:
            return
        elif op is Op.TEXT:
            try:
                text = payload.decode()
            except UnicodeDecodeError:
                raise FrameError(1007, "not UTF-8") from None
            self.talk.receive(text, received_us=received_us)
        elif op is Op.PING and not self.unsent:
            self._transport.write(frames.pong(payload))

    def connection_lost(self, exc: Exception | None) -> None:
        self.close_at = self.close_at or self._clock.monotonic()
        self._owner.gone(self)
        if self.talk is not None:
            self.talk.lost()
            self.talk = None

    # by the clock

    def look(self, now: float) -> float:
        """Do what is due, and return when to look again (monotonic seconds)."""
        if self.close_at:
            if now >= self.close_at:
                self._transport.abort()
            return self.close_at + CLOSING_SECONDS
        if self.talk is None:
            if now >= self.refuse_at:
                self.refuse()
            return self.close_at or self.refuse_at
        at = self.talk.look(now, self.heard_at)
        return self.close_at or at

    def refuse(self) -> None:
        """Send away who was let in for no more than that."""
        code, reason, retry_ms = self.refusal or (1008, "", 0)
        self.write(messages.bye(code, reason, retry_ms))
        self.close(code, reason)

    def abort(self) -> None:
        """Cut it off."""
        self._transport.abort()


_conforms: type[Line] = PartyLine
