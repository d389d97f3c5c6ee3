"""One route: a port of ours, the server behind it, and the connections between them."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Mapping
from typing import Any

from simulators.network.conditions import DIRECTIONS, Conditions
from simulators.network.connection import Board, Connection
from simulators.network.errors import Refused
from simulators.network.traps import HOWS, Trap, Traps

CONNECT_SECONDS = 5.0
MOST_CONNECTIONS = 4096
BACKLOG = 512


class Route:
    """Built by `Network.add`. `port` is known once it has started."""

    def __init__(self, name: str, upstream: tuple[str, int], *, host: str, port: int, seed: int) -> None:
        self.name, self.upstream, self.host, self.port = name, upstream, host, port
        self._random = random.Random(seed)
        self._board = Board()
        self._traps = Traps()
        self._traps_made = 0
        self._connections: dict[Connection, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepted = 0
        self._server: asyncio.Server | None = None
        self._socket: socket.socket | None = None

    async def start(self) -> None:
        """Listen. Raises `OSError` if the port cannot be had."""
        self._socket = _bound(self.host, self.port)
        self.port = self._socket.getsockname()[1]
        await self._listen()

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        self._close()
        self._traps.release()
        self.cut("reset")
        if self._tasks:
            await asyncio.wait(self._tasks)

    # -- orders --------------------------------------------------------------------------------------------------

    def conditions(self, order: Mapping[str, Any]) -> None:
        """`{"up": {...}, "down": {...}}`: change what is given of each direction. Raises `Refused`."""
        if not order or not set(order) <= set(DIRECTIONS):
            raise Refused("conditions are given for up, down or both")
        changed = {direction: self._board.now[direction].changed(order[direction]) for direction in order}
        for direction, conditions in changed.items():
            self._board.change(direction, conditions)
        self._end_lossy()

    def calm(self) -> None:
        """No fault any more: good conditions, no traps, new connections are let in."""
        for direction in DIRECTIONS:
            self._board.change(direction, Conditions())
        self._traps.release()
        self._end_lossy()

    def cut(self, how: str = "reset") -> int:
        """Cut every connection now; returns how many there were. Raises `Refused`."""
        if how not in HOWS:
            raise Refused(f"how is one of {', '.join(HOWS)}")
        connections = list(self._connections)
        for connection in connections:
            connection.cut(how)
        return len(connections)

    def half_close(self, direction: str) -> int:
        """End one direction of every connection with a FIN; returns how many. Raises `Refused`."""
        if direction not in DIRECTIONS:
            raise Refused(f"direction is one of {', '.join(DIRECTIONS)}")
        for connection in self._connections:
            connection.half_close(direction)
        return len(self._connections)

    def trap(self, order: Mapping[str, Any]) -> Trap:
        """Lay a trap. Raises `Refused`."""
        trap = Trap.ordered(self._traps_made + 1, order)
        self._traps_made += 1
        self._traps.add(trap)
        return trap

    def release(self) -> int:
        """Take the traps away and let go of what they hold; returns how many there were."""
        return self._traps.release()

    async def refuse(self, *, refuse: bool) -> None:
        """Refuse new connections (as a machine does on which nobody listens), or take them again."""
        if refuse and self._server is not None:
            self._close()
            # Bound and not listening: a connection is refused, and nobody else can take the port.
            self._socket = _bound(self.host, self.port)
        elif not refuse and self._server is None:
            await self._listen()

    def to_json(self) -> dict[str, Any]:
        conditions = {
            direction: {name: getattr(held, name) for name in held.__slots__}
            for direction, held in self._board.now.items()
        }
        return {
            "name": self.name,
            "port": self.port,
            "upstream": f"{self.upstream[0]}:{self.upstream[1]}",
            "refusing": self._server is None,
            "accepted": self._accepted,
            "connections": [connection.passed for connection in self._connections],
            "traps": self._traps.to_json(),
            **conditions,
        }

    # -- connections ---------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        assert self._socket is not None
        self._server = await asyncio.start_server(self._accept, sock=self._socket, backlog=BACKLOG)

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _end_lossy(self) -> None:
        """Once a black hole is gone, what went through it is cut: the missing bytes cannot come any more."""
        for connection in list(self._connections):
            holes = any(conditions.black_hole for conditions in self._board.now.values())
            if connection.lossy and not holes:
                connection.cut("reset")

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._accepted += 1
        try:
            await self._serve(reader, writer)
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MOST_CONNECTIONS:
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                server = await asyncio.open_connection(*self.upstream)
        except (OSError, TimeoutError):
            return
        connection = Connection(
            (reader, writer), server, board=self._board, traps=self._traps, random=self._random
        )
        self._connections[connection] = None
        try:
            await connection.run()
        finally:
            del self._connections[connection]


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setblocking(False)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
