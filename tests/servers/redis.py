"""A real redis-server for one test: started on a free port, without persistence, gone afterwards.

async with start_redis() as redis:
    link = RedisLink(redis.url)
    await redis.restart()        # on the same port; what it held is gone, unless `durable=True`
    async with redis.paused():   # SIGSTOP ... SIGCONT
        ...
    await redis.command("CLIENT", "KILL", "TYPE", "pubsub")
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tests.support.need import need

READY_SECONDS = 20.0
TRIES = 5


class RedisServer:
    """One redis-server process on 127.0.0.1. `url` and `port` stay the same over restarts."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        *,
        password: str = "",
        durable: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self._program = program
        self._folder = folder
        self._durable = durable
        self._options = dict(options or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.host = "127.0.0.1"
        self.password = password
        self.port = 0

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:port`, with the password if there is one."""
        return f"redis://{f':{self.password}@' if self.password else ''}{self.host}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the process lives (a stopped one does)."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start it and wait until it answers. The first start chooses the port, later ones keep it."""
        if self.running:
            return
        chosen = self.port
        for _ in range(TRIES):
            self.port = chosen or _free_port()
            log = (self._folder / "redis.log").open("ab")
            with log:
                self._process = subprocess.Popen(
                    [str(self._program), *self._arguments()], stdout=log, stderr=log, cwd=self._folder
                )
            if await self._ready():
                return
            await self.kill()
        raise AssertionError(f"redis-server did not start:\n{self.log()[-2000:]}")

    async def kill(self) -> None:
        """SIGKILL, also of a stopped one; returns when it is gone."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait, 20)

    async def restart(self) -> None:
        """Kill it and start it again on the same port."""
        await self.kill()
        await self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @contextlib.asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Stopped inside, going on afterwards."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    async def command(self, *words: str | bytes | int | float) -> Any:
        """One command on a connection of its own; the driver shapes the answer."""
        retry = Retry(NoBackoff(), 0)
        async with Redis(host=self.host, port=self.port, password=self.password or None, retry=retry) as one:
            return await one.execute_command(*words)  # type: ignore[no-untyped-call]

    def log(self) -> str:
        """What it wrote."""
        return (self._folder / "redis.log").read_text("utf-8", "replace")

    def _arguments(self) -> list[str]:
        options = {
            "bind": self.host,
            "port": str(self.port),
            "dir": str(self._folder),
            "save": "",
            "appendonly": "yes" if self._durable else "no",
            "appendfsync": "always" if self._durable else "everysec",
            "enable-debug-command": "local",
            **({"requirepass": self.password} if self.password else {}),
            **self._options,
        }
        return [word for name, value in options.items() for word in (f"--{name}", value)]

    async def _ready(self) -> bool:
        """Whether it answers a PING in time; false at once when it ended (its port was taken meanwhile)."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                while self.running:
                    if await self._pings():
                        return self.running
                    await asyncio.sleep(0.01)
        return False

    async def _pings(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            return False
        try:
            login = f"AUTH {self.password}\r\n" if self.password else ""
            writer.write(f"{login}PING\r\n".encode())
            answers = [await reader.readline() for _ in range(2 if self.password else 1)]
            return answers[-1] == b"+PONG\r\n"
        except OSError:
            return False
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def start_redis(
    *, password: str = "", durable: bool = False, options: Mapping[str, str] | None = None
) -> AsyncIterator[RedisServer]:
    """A server of one's own. `durable`: an append-only file, each write synced, so that a restart loses nothing.
    `options`: further lines of redis.conf. Skips the test where redis-server is not installed."""
    program = need("redis-server")
    with tempfile.TemporaryDirectory(prefix="cuelight-redis-") as folder:
        server = RedisServer(program, Path(folder), password=password, durable=durable, options=options)
        try:
            await server.start()
            yield server
        finally:
            await server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
