"""A server that speaks MongoDB's protocol, for one test or for a whole run: mongo-java-server, in memory.

    async with start_mongo() as mongo:
        store = await open_store(mongo.url, clock=clock)
        async with mongo.paused():   # SIGSTOP ... SIGCONT
            ...
        await mongo.restart()        # on the same port; what it held is gone

    url = shared_mongo("a name")     # a database of one's own on the server that all tests of this process share

It is not MongoDB: it ignores write concerns and has no sessions, and forgets everything when it ends. With
`MONGO_TEST_URL` in the environment (a URL without a database), `shared_mongo` uses that server instead.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import os
import select
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from tests.servers.mongo.build import launcher

GIVEN = "MONGO_TEST_URL"
READY_SECONDS = 30.0
# One processor is enough, and a start takes a quarter of a second like this.
JAVA = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms64m", "-Xmx256m")


class MongoServer:
    """One server process on 127.0.0.1. `url` and `port` stay the same over restarts."""

    def __init__(self) -> None:
        self._command = launcher()
        self._process: subprocess.Popen[str] | None = None
        self.host = "127.0.0.1"
        self.port = 0

    @property
    def url(self) -> str:
        """`mongodb://127.0.0.1:port`, without a database."""
        return f"mongodb://{self.host}:{self.port}"

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process that runs now, or ran last."""
        assert self._process is not None, "it was never started"
        return self._process

    @property
    def running(self) -> bool:
        """Whether the process lives (a stopped one does)."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it listens. The first start chooses the port, later ones keep it. Blocks."""
        if self.running:
            return
        java, classpath = self._command
        self._process = subprocess.Popen(
            [str(java), *JAVA, "-cp", classpath, "Launcher", str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = _line(self._process.stdout, READY_SECONDS)
        word, _, port = line.strip().partition(" ")
        if word != "READY":
            self.stop()
            raise AssertionError(f"mongo-java-server did not start, it said {line!r}.")
        self.port = int(port)

    def stop(self) -> None:
        """SIGKILL, also of a stopped one; returns when it is gone. Blocks."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(20)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    async def kill(self) -> None:
        """As `stop`, beside the loop."""
        await asyncio.to_thread(self.stop)

    async def restart(self) -> None:
        """Kill it and start it again on the same port; its documents are gone."""
        await self.kill()
        await asyncio.to_thread(self.start)

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    @contextlib.asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Stopped inside, going on afterwards."""
        self.pause()
        try:
            yield
        finally:
            self.resume()


@contextlib.asynccontextmanager
async def start_mongo() -> AsyncIterator[MongoServer]:
    """A server of one's own. Skips the test where Java or Maven is not installed."""
    server = MongoServer()
    try:
        await asyncio.to_thread(server.start)
        yield server
    finally:
        await server.kill()


def shared_mongo(database: str) -> str:
    """The URL of `database` on the server that the tests of this process share, or on the one that is given."""
    parts = urlsplit(os.environ.get(GIVEN) or _shared().url)
    return urlunsplit(parts._replace(path=f"/{database}"))


def is_stand_in() -> bool:
    """Whether `shared_mongo` is mongo-java-server."""
    return not os.environ.get(GIVEN)


@functools.cache
def _shared() -> MongoServer:
    server = MongoServer()
    server.start()
    atexit.register(server.stop)
    return server


def _line(pipe: IO[str], seconds: float) -> str:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([pipe], [], [], left)
        if ready:
            return pipe.readline()
    return "nothing in time"
