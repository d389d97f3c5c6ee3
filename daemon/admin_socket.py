"""The daemon's side of the local admin socket: how the command line reaches the one process that holds the store.

The socket lies in the data directory with mode 0600, and the kernel says who is at the other end (`SO_PEERCRED`):
only the user of the daemon and root are heard. Protocol: `daemon/admin_protocol.py`.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from daemon.admin_protocol import ANSWER_BYTES, REQUEST_BYTES, SOCKET_NAME, socket_address
from domain.errors import Broken, CuelightError, Denied, NotFound, Rejected, Unavailable
from domain.ports import Metrics

log = structlog.get_logger("admin")

IDLE_SECONDS = 30.0
MOST_CONNECTIONS = 16

Command = Callable[..., Awaitable[Any]]
Progress = Callable[..., Awaitable[None]]


class AdminSocket:
    """Answers the commands of a table.

    A command is called with the request's arguments as keywords and returns what JSON can hold. If it has a
    parameter named `progress`, it gets a coroutine function: `await progress(done=3, of=10)` reaches the client as
    one line. A `CuelightError` that it raises is told to the client; anything else is logged and told as broken.
    """

    def __init__(self, data_dir: Path, *, commands: Mapping[str, Command], metrics: Metrics) -> None:
        self._data_dir = data_dir
        self._commands = dict(commands)
        self._metrics = metrics
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def path(self) -> Path:
        """Where the socket lies."""
        return self._data_dir / SOCKET_NAME

    async def start(self) -> None:
        """Listen. Call it once the store's lock is held: a socket that lies there is then a dead daemon's."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.unlink(missing_ok=True)
            with socket_address(self._data_dir) as address:
                listener.bind(address)
            self.path.chmod(0o600)  # before it listens, so nobody slips in between
            listener.setblocking(False)
            self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=REQUEST_BYTES)
        except OSError as error:
            listener.close()
            raise Unavailable(
                f"The admin socket {self.path} cannot be opened: {error.strerror}.",
                code="admin.socket",
                advice="Let DATA_DIR name a directory on a local disk that this user may write.",
            ) from error

    async def stop(self) -> None:
        """Close the socket and every connection, and remove the file."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._open):
            writer.close()
        await self._server.wait_closed()
        self._server = None
        self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            peer = _peer_uid(writer)
            if peer not in (0, os.geteuid()):
                log.warning("admin connection refused", uid=peer)
                error = Denied("Only the user that runs the daemon may ask it.", code="admin.denied")
                await _write(writer, _failure(error))
                return
            if len(self._open) > MOST_CONNECTIONS:
                busy = Unavailable("Too many commands run at the same time.", code="admin.busy")
                await _write(writer, _failure(busy))
                return
            while (line := await _read_line(reader)) is not None:
                await _write(writer, await self._answer(line, writer))
        except (ConnectionError, TimeoutError):
            log.debug("admin connection ended")
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> dict[str, Any]:
        name = ""
        try:
            name, args = _parse(line)
            command = self._commands.get(name)
            if command is None:
                raise NotFound(
                    f"This daemon does not know the command {name!r}.",
                    code="admin.unknown_command",
                    advice="The command line and the daemon are perhaps of different versions: restart the daemon.",
                )
            result = await command(**self._bound(name, command, args, writer))
            log.info("admin command", command=name)
            answer = {"ok": True, "result": result}
            if len(_encode(answer)) > ANSWER_BYTES:
                raise Rejected(
                    "The answer is too long.", code="admin.too_long", advice="Ask for less with --limit."
                )
            return answer
        except CuelightError as error:
            log.info("admin command refused", command=name, error=error)
            return _failure(error)
        except Exception as error:
            self._metrics.count("errors_total", where="admin")
            log.exception("admin command failed", command=name)
            broken = Broken(
                f"The command failed ({type(error).__name__}).", advice="The daemon's log says why."
            )
            return _failure(broken)

    def _bound(
        self, name: str, command: Command, args: dict[str, Any], writer: asyncio.StreamWriter
    ) -> dict[str, Any]:
        async def progress(**facts: Any) -> None:
            await _write(writer, {"progress": facts})

        signature = inspect.signature(command)
        given = {**args, "progress": progress} if "progress" in signature.parameters else args
        try:
            signature.bind(**given)
        except TypeError as error:
            raise Rejected(f"{name}: {error}.", code="admin.arguments") from None
        return given


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    """The user at the other end, as the kernel noted it when the connection was made."""
    connection = writer.get_extra_info("socket")
    _pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(uid)


async def _read_line(reader: asyncio.StreamReader) -> bytes | None:
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            line = await reader.readline()
    except ValueError:  # longer than the limit
        return b""
    return line or None


def _parse(line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise Rejected(
            f"A request is one JSON object on a line of at most {REQUEST_BYTES} bytes.", code="admin.request"
        )
    name, args = request.get("command"), request.get("args", {})
    if not isinstance(name, str) or not isinstance(args, dict):
        raise Rejected('A request is {"command": …, "args": {…}}.', code="admin.request")
    return name, args


def _failure(error: CuelightError) -> dict[str, Any]:
    return {"ok": False, "error": {"code": error.code, "message": error.message, "advice": error.advice}}


def _encode(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=True, default=str).encode("ascii") + b"\n"


async def _write(writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
    writer.write(_encode(answer))
    async with asyncio.timeout(IDLE_SECONDS):
        await writer.drain()
