"""Signals between processes, over a real Redis that is cut off, emptied, restarted and silent."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from daemon.clock import SystemClock
from gateways.redis.link import RedisLink
from gateways.signals.redis import RedisSignals
from tests.gateways.redis.relay import relay
from tests.servers.redis import RedisServer, start_redis

pytestmark = pytest.mark.server

SECONDS = 20.0


class Ear:
    """A listener that can be waited for."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._more = asyncio.Event()

    def __call__(self, text: str) -> None:
        self.heard.append(text)
        self._more.set()

    async def until(self, text: str, *, times: int = 1) -> None:
        async with asyncio.timeout(SECONDS):
            while self.heard.count(text) < times:
                self._more.clear()
                await self._more.wait()


class Process:
    """The signals of one process, with an ear for each of two names."""

    def __init__(self, url: str, owner: str, **options: Any) -> None:
        self.link = RedisLink(url)
        clock = SystemClock()
        self.signals = RedisSignals(
            link=self.link, owner=owner, clock=clock, random=random.Random(owner), **options
        )
        self.lanes, self.login = Ear(), Ear()
        self.signals.listen("lanes", self.lanes)
        self.signals.listen("login", self.login)


@asynccontextmanager
async def running(url: str, owner: str, **options: Any) -> AsyncIterator[Process]:
    """Subscribed when it is handed out."""
    process = Process(url, owner, **options)
    task = asyncio.ensure_future(process.signals.run())
    try:
        await process.lanes.until("")
        yield process
    finally:
        await process.signals.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await process.link.close()


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    async with start_redis() as server:
        yield server


async def test_all_others_hear_it_and_not_oneself(server: RedisServer) -> None:
    async with running(server.url, "a") as a, running(server.url, "b") as b, running(server.url, "c") as c:
        a.signals.send("lanes", "vip:1:2")
        a.signals.send("login")
        a.signals.send("nobody listens", "x")
        b.signals.send("lanes", "from b")
        await b.lanes.until("vip:1:2")
        await c.lanes.until("vip:1:2")
        await c.lanes.until("from b")
        await a.lanes.until("from b")
        await c.login.until("", times=2)
        assert a.lanes.heard == ["", "from b"]
        assert a.login.heard == [""]
        assert b.lanes.heard == ["", "vip:1:2"]


async def test_the_same_twice_is_sent_once(server: RedisServer) -> None:
    async with running(server.url, "a") as a, running(server.url, "b") as b:
        for _ in range(50):
            a.signals.send("lanes", "x")
        a.signals.send("lanes", "y")
        await b.lanes.until("y")
        assert b.lanes.heard == ["", "x", "y"]


async def test_every_listener_looks_at_everything_after_a_cut(server: RedisServer) -> None:
    async with running(server.url, "a") as a, running(server.url, "b") as b:
        with structlog.testing.capture_logs() as logs:
            await server.command("CLIENT", "KILL", "TYPE", "pubsub")
            for ear in (a.lanes, a.login, b.lanes, b.login):
                await ear.until("", times=2)
        a.signals.send("lanes", "after")
        await b.lanes.until("after")
        told = [line["event"] for line in logs]
        assert told.count("signals.lost") == 2, "once each"
        assert told.count("signals.back") == 2


async def test_a_restart_of_redis_is_outlived(server: RedisServer) -> None:
    async with running(server.url, "a") as a, running(server.url, "b") as b:
        await server.restart()
        await b.lanes.until("", times=2)
        a.signals.send("lanes", "after")
        await b.lanes.until("after")


async def test_what_could_not_be_sent_is_sent_later(server: RedisServer) -> None:
    async with relay(_nobodys_port()) as way, running(server.url, "b") as b:
        far = Process(way.url, "a")
        task = asyncio.ensure_future(far.signals.run())
        far.signals.send("lanes", "x")
        await asyncio.wait_for(way.failed.wait(), SECONDS)
        way.upstream = server.port
        await b.lanes.until("x")
        assert b.lanes.heard == ["", "x"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await far.link.close()


def _nobodys_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_process_may_start_before_redis(server: RedisServer) -> None:
    await server.kill()
    process = Process(server.url, "a")
    process.signals.send("lanes", "early")
    task = asyncio.ensure_future(process.signals.run())
    with structlog.testing.capture_logs() as logs:
        async with asyncio.timeout(SECONDS):
            while not logs:
                await asyncio.sleep(0.01)
    assert [line["event"] for line in logs][:1] == ["signals.lost"]
    await server.start()
    await process.lanes.until("")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await process.link.close()


async def test_a_silent_subscription_is_begun_anew(server: RedisServer) -> None:
    """The server hangs: nothing is closed, nothing comes."""
    async with running(server.url, "a", life_seconds=0.05, silence_seconds=0.5) as a:
        with structlog.testing.capture_logs() as logs:
            async with server.paused():
                async with asyncio.timeout(SECONDS):
                    while not any(line["event"] == "signals.lost" for line in logs):
                        await asyncio.sleep(0.01)
            await a.lanes.until("", times=2)
        (lost, *_) = [line for line in logs if line["event"] == "signals.lost"]
        assert lost["why"] == "A subscription to Redis is silent."


async def test_signs_of_life_keep_a_quiet_subscription(server: RedisServer) -> None:
    async with running(server.url, "a", life_seconds=0.05, silence_seconds=1.0) as a:
        async with asyncio.timeout(SECONDS):
            while await published(server) < 40:  # two seconds' worth of them
                await asyncio.sleep(0.02)
        assert a.lanes.heard == [""], "not begun anew, and no sign of life is told to a listener"


async def published(server: RedisServer) -> int:
    stats = await server.command("INFO", "commandstats")
    return int(stats.get("cmdstat_publish", {}).get("calls", 0))


async def test_a_listener_that_fails_makes_nobody_deaf(server: RedisServer) -> None:
    def fail(text: str) -> None:
        if text:
            raise ValueError("a bug")

    process = Process(server.url, "a")
    last = Ear()
    process.signals.listen("x", fail)
    process.signals.listen("x", last)
    task = asyncio.ensure_future(process.signals.run())
    await last.until("")
    with structlog.testing.capture_logs() as logs:
        async with running(server.url, "b") as b:
            b.signals.send("x", "1")
            await last.until("1")
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["signals.listener_failed"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await process.link.close()


@pytest.mark.parametrize("data", ["", "nonsense", '{"owner":"x"}', "x" * 1_500_000])
async def test_what_nobody_of_us_sent_is_passed_over(server: RedisServer, data: str) -> None:
    async with running(server.url, "a") as a, running(server.url, "b") as b:
        await server.command("PUBLISH", a.link.key("signals"), data)
        b.signals.send("lanes", "x")
        await a.lanes.until("x")
        assert a.lanes.heard == ["", "x"]


async def test_what_waits_is_sent_at_the_end(server: RedisServer) -> None:
    async with running(server.url, "b") as b:
        leaving = Process(server.url, "a")  # its task never ran, or was stopped already
        leaving.signals.send("lanes", "last words")
        await leaving.signals.close()
        leaving.signals.send("lanes", "too late")
        await leaving.signals.close()
        await b.lanes.until("last words")
        await leaving.link.close()
        assert b.lanes.heard == ["", "last words"]


async def test_the_end_does_not_wait_for_a_redis_that_hangs(server: RedisServer) -> None:
    leaving = Process(server.url, "a")
    leaving.signals.send("lanes", "last words")
    async with server.paused():
        with structlog.testing.capture_logs() as logs:
            await leaving.signals.close()
    assert [(line["event"], line["why"]) for line in logs] == [("signals.unsent", "TimeoutError")]
    await leaving.link.close()


async def test_it_can_be_stopped_at_any_moment(server: RedisServer) -> None:
    for turns in range(0, 120, 3):
        process = Process(server.url, "a", life_seconds=0.0)
        process.signals.send("lanes", "x")
        task = asyncio.ensure_future(process.signals.run())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        _, hanging = await asyncio.wait({task}, timeout=SECONDS)
        assert not hanging, f"after {turns} turns of the loop"
        await process.link.close()
