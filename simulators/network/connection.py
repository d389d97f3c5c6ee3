"""One connection through the proxy: two directions, each with a task that takes in and one that passes on."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from simulators.network.conditions import DIRECTIONS, Conditions, Timetable, pieces
from simulators.network.traps import Traps, Watched

READ_BYTES = 64 << 10
QUEUE_BYTES = 256 << 10
"""What waits in one direction at most; beyond it nothing is read, as in a network whose buffers are full."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Board:
    """The conditions of a route, for all its connections at once. Whoever waits for a change is woken by it."""

    def __init__(self) -> None:
        self.now: dict[str, Conditions] = {direction: Conditions() for direction in DIRECTIONS}
        self._changed = asyncio.Event()

    def change(self, direction: str, conditions: Conditions) -> None:
        self.now[direction] = conditions
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, direction: str, holds: Callable[[Conditions], bool]) -> None:
        """Wait until the conditions of a direction are so."""
        while not holds(self.now[direction]):
            await self._changed.wait()


class _Over(Exception):
    """The connection is cut."""


@dataclass(eq=False)
class _Way:
    """One direction. The queue holds (due, bytes); an empty piece is the end of the stream, None a reset."""

    direction: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    bytes_passed: int = 0
    bytes_lost: int = 0
    queue: deque[tuple[float, bytes | None]] = field(default_factory=deque)
    queued: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    timetable: Timetable = field(default_factory=Timetable)
    watched: Watched = field(default_factory=Watched)
    _ended: bool = False

    @property
    def ended(self) -> bool:
        """Whether nothing more comes into the queue."""
        return self._ended

    def end(self) -> None:
        """The end of the stream goes out after what waits."""
        if not self._ended:
            self._ended = True
            self.put(0.0, b"")

    def put(self, due: float, piece: bytes | None) -> None:
        self.queue.append((due, piece))
        self.queued += len(piece or b"")
        self.moved.set()

    async def next(self) -> tuple[float, bytes | None]:
        while not self.queue:
            self.moved.clear()
            await self.moved.wait()
        return self.queue[0]

    def done(self) -> None:
        _, piece = self.queue.popleft()
        self.queued -= len(piece or b"")
        self.moved.set()

    async def room(self) -> None:
        while self.queued >= QUEUE_BYTES:
            self.moved.clear()
            await self.moved.wait()


class Connection:
    """Run by its route until both directions have ended or somebody cuts it."""

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        *,
        board: Board,
        traps: Traps,
        random: random.Random,
    ) -> None:
        self._board, self._traps, self._random = board, traps, random
        self._writers = (client[1], server[1])
        self._ways = {
            "up": _Way("up", client[0], server[1]),
            "down": _Way("down", server[0], client[1]),
        }
        self._cut_on: dict[str, str] = {}
        self._over = asyncio.Event()
        for writer in self._writers:
            # `drain` then means that the kernel has it: an abort throws away what the transport still holds.
            writer.transport.set_write_buffer_limits(0)

    @property
    def passed(self) -> dict[str, int]:
        """Bytes passed on, by direction."""
        return {direction: way.bytes_passed for direction, way in self._ways.items()}

    @property
    def lossy(self) -> bool:
        """Whether bytes of it are lost: a stream with a hole in it must never go on."""
        return any(way.bytes_lost for way in self._ways.values())

    async def run(self) -> None:
        """Pass on until the end."""
        try:
            async with asyncio.TaskGroup() as group:
                ending = group.create_task(self._end())
                async with asyncio.TaskGroup() as ways:
                    for way in self._ways.values():
                        ways.create_task(self._take(way))
                        ways.create_task(self._pass(way))
                ending.cancel()
        except* _Over:
            pass
        finally:
            self.cut("close")

    def cut(self, how: str) -> None:
        """End it now, on both sides: `reset` (RST) or `close` (FIN, after what the kernel holds already)."""
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            if how == "reset" and sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()
        self._over.set()

    def half_close(self, direction: str) -> None:
        """End one direction (FIN) after what waits in it; the other goes on."""
        self._ways[direction].end()

    async def _end(self) -> None:
        await self._over.wait()
        raise _Over

    async def _take(self, way: _Way) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                data = await way.reader.read(READ_BYTES)
            except OSError:
                way.put(0.0, None)
                return
            conditions = self._board.now[way.direction]
            if data and (conditions.black_hole or way.bytes_lost):
                way.bytes_lost += len(data)
                continue
            if data and way.direction in self._cut_on:
                self.cut(self._cut_on[way.direction])
                return
            if data:
                data = await self._trapped(way, data)
            if way.ended:
                return
            if not data:
                way.end()
                return
            for piece in pieces(data, conditions):
                due = way.timetable.due(loop.time(), len(piece), conditions, self._random.random())
                way.put(due, piece)
            await way.room()

    async def _trapped(self, way: _Way, data: bytes) -> bytes:
        """What of these bytes passes; a hold is waited for here, a cut happens after the last byte that passes."""
        found = self._traps.spring(way.direction, way.watched, data)
        way.watched.passed(data)
        if found is None:
            return data
        trap, at = found
        if trap.act == "hold":
            await trap.released.wait()
        elif trap.act == "cut_answer":
            other = "down" if way.direction == "up" else "up"
            self._cut_on[other] = trap.how
        else:
            await self._cut_after(way, data, max(0, at + trap.after_bytes), trap.how)
        return data

    async def _cut_after(self, way: _Way, data: bytes, size: int, how: str) -> None:
        """Pass `size` more bytes, then cut. Never returns."""
        with suppress(OSError):
            while len(data) < size and (more := await way.reader.read(READ_BYTES)):
                data += more
        if size:
            way.put(0.0, data[:size])
        while way.queue:
            way.moved.clear()
            await way.moved.wait()
        self.cut(how)
        raise _Over

    async def _pass(self, way: _Way) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, piece = await way.next()
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            await self._board.until(way.direction, lambda conditions: not conditions.paused)
            if piece is None:
                self.cut("reset")
                return
            try:
                if not piece:
                    if way.writer.can_write_eof():
                        way.writer.write_eof()
                    way.done()
                    return
                way.writer.write(piece)
                await way.writer.drain()
            except OSError:
                self.cut("reset")
                return
            way.bytes_passed += len(piece)
            way.done()
