"""Listening, and stopping in stages."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from domain.errors import Rejected
from domain.events import Arrival
from tests.support.clock import ManualClock
from tests.web.world import RecordingSink, World, message, running, until
from web.server import Server

PATH = "/api/webhooks/eventsub"


class SlowSink(RecordingSink):
    """Keeps a message only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = asyncio.Event()
        self.go = asyncio.Event()

    async def notification(self, came: Arrival) -> Literal["new", "duplicate", "conflict", "ignored"]:
        self.entered.set()
        await self.go.wait()
        return await super().notification(came)


def slow_down(world: World) -> SlowSink:
    slow = SlowSink()
    world.sink.notification = slow.notification  # type: ignore[method-assign]
    return slow


async def send(world: World) -> int:
    headers, raw = message(world.clock.now())
    async with world.client.post(world.url(PATH), headers=headers, data=raw) as response:
        return response.status


async def test_port_0_takes_a_free_one() -> None:
    async with running() as one, running() as two:
        assert one.port != two.port
        assert one.port > 0


async def test_a_taken_port_is_refused_with_a_sentence(world: World) -> None:
    async with running() as other:
        second = Server(web_app=other.web_app, clock=ManualClock())
        with pytest.raises(Rejected, match=f"127.0.0.1:{world.port}") as caught:
            await second.start("127.0.0.1", world.port)
        assert caught.value.code == "web.address"
        await second.stop()


async def test_a_request_under_way_is_finished(world: World) -> None:
    slow = slow_down(world)
    sending = asyncio.ensure_future(send(world))
    await asyncio.wait_for(slow.entered.wait(), 5)
    stopping = asyncio.ensure_future(world.server.stop())
    await until(lambda: world.web_app.stopping.begun)
    with pytest.raises(OSError, match=r"."):
        await asyncio.open_connection("127.0.0.1", world.port)
    assert not stopping.done()
    slow.go.set()
    assert await asyncio.wait_for(sending, 30) == 204
    await asyncio.wait_for(stopping, 30)
    assert list(slow.kept) == ["m-1"]


async def test_a_request_that_does_not_finish_is_cut(world: World) -> None:
    slow = slow_down(world)
    sending = asyncio.ensure_future(send(world))
    await asyncio.wait_for(slow.entered.wait(), 5)
    stopping = asyncio.ensure_future(world.server.stop(finish_seconds=4))
    await until(lambda: world.clock.sleepers > 0)
    await world.clock.advance(3.9)
    assert not stopping.done()
    await world.clock.advance(0.2)
    await asyncio.wait_for(stopping, 30)
    with pytest.raises(Exception, match=r"(?i)disconnect|reset|closed"):
        await asyncio.wait_for(sending, 30)
    assert not slow.kept


async def test_a_client_that_hangs_up_does_not_cancel_what_was_verified(world: World) -> None:
    slow = slow_down(world)
    sending = asyncio.ensure_future(send(world))
    await asyncio.wait_for(slow.entered.wait(), 5)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await world.sign_in()  # a round trip later the server has seen the other connection close
    slow.go.set()
    await until(lambda: "m-1" in slow.kept)


async def test_stopping_twice_and_before_the_start_is_fine(world: World) -> None:
    await world.server.stop()
    await world.server.stop()
    assert world.server.unsent_bytes == 0


async def test_idle_connections_do_not_delay_the_end(world: World) -> None:
    async with world.client.get(world.url("/livez")):
        assert world.web_app.in_flight.count <= 1
    await asyncio.wait_for(world.server.stop(), 2)


async def test_a_herd_is_accepted(world: World) -> None:
    """More connections at once than the usual backlog of 128."""

    async def knock() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(knock() for _ in range(300)))
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
