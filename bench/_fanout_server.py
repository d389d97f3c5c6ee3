"""The process of the bench `fanout` that writes: `python -m bench._fanout_server KIND [JSON]`, on one core.

`party` is our room behind aiohttp, and the same sockets for bare writes; `websockets` is a server of that library with
its `broadcast()`. The first line that it prints says where it listens. Then it takes one order a line
(`{"do": …}`) and answers each with one line. Times are of the clock that all processes of the machine share (ns).
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import psutil
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_websocket import WebSocketWriter
from websockets.asyncio.server import ServerConnection, broadcast, serve

from bench._fanout_room import PartyHouse

CHUNK = 500
"""As our hub does: so many sockets between two turns of the loop."""

BACKLOG = 4096

Send = Callable[[int], Awaitable[None]]


class House(Protocol):
    """A server with its sockets. `ways`: name → what sends one message to all, made for a size of the payload."""

    address: tuple[str, int]

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def ways(self, size: int) -> Mapping[str, Send]: ...

    @property
    def sockets(self) -> int: ...


def payload(number: int, size: int) -> str:
    """A message as long as ours."""
    head = f'{{"type":"party:chat","seq":{number},"data":{{"message":"'
    return head + "x" * max(0, size - len(head) - 3) + '"}}'


def framed(text: str) -> bytes:
    """An unmasked text frame."""
    data = text.encode()
    if len(data) < 126:
        return bytes((0x81, len(data))) + data
    return b"\x81\x7e" + len(data).to_bytes(2, "big") + data


class Party:
    """Our room. Its messages come by its log. `bare` and `send_str` write to the very same sockets: the second by
    aiohttp's own response and writer, as if it had kept them."""

    def __init__(self, wishes: Mapping[str, Any]) -> None:
        self._house = PartyHouse(wishes)
        self.address = ("127.0.0.1", 0)

    async def start(self) -> None:
        self.address = ("127.0.0.1", await self._house.start(backlog=BACKLOG))

    async def stop(self) -> None:
        await self._house.stop()

    @property
    def sockets(self) -> int:
        return self._house.viewers

    def ways(self, size: int) -> dict[str, Send]:
        transports = [line._transport for line in self._house.lines]
        responses = [_response(transport) for transport in transports]

        async def bare(number: int) -> None:
            frame = framed(payload(number, size))
            for first in range(0, len(transports), CHUNK):
                for transport in transports[first : first + CHUNK]:
                    transport.write(frame)
                await asyncio.sleep(0)

        async def send_str(number: int) -> None:
            text = payload(number, size)
            for response in responses:
                await response.send_str(text)
            await asyncio.sleep(0)

        return {"bare": bare, "send_str": send_str, "film": self._house.film, "chat": self._house.chat}


def _response(transport: asyncio.Transport) -> web.WebSocketResponse:
    """What aiohttp would write to this transport with."""
    response = web.WebSocketResponse(compress=False)
    protocol = BaseProtocol(asyncio.get_running_loop())
    protocol.transport = transport
    response._writer = WebSocketWriter(protocol, transport)
    return response


class Websockets:
    """`websockets.serve` as its documentation has it, without compression, and `broadcast()`."""

    def __init__(self, wishes: Mapping[str, Any]) -> None:
        self._lines: set[ServerConnection] = set()
        self.address = ("127.0.0.1", 0)

    async def start(self) -> None:
        self._server = await serve(
            self._keep, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=BACKLOG
        )
        self.address = ("127.0.0.1", next(iter(self._server.sockets)).getsockname()[1])

    async def stop(self) -> None:
        self._server.close()

    async def _keep(self, line: ServerConnection) -> None:
        self._lines.add(line)
        try:
            await line.wait_closed()
        finally:
            self._lines.discard(line)

    @property
    def sockets(self) -> int:
        return len(self._lines)

    def ways(self, size: int) -> dict[str, Send]:
        async def to_all(number: int) -> None:
            broadcast(self._lines, payload(number, size))
            await asyncio.sleep(0)

        return {"broadcast": to_all}


HOUSES: Mapping[str, Callable[[Mapping[str, Any]], House]] = {"party": Party, "websockets": Websockets}


async def send(house: House, order: Mapping[str, Any]) -> dict[str, Any]:
    """`bursts` times `burst` messages, a burst each `apart` seconds (0: as fast as it goes)."""
    way = house.ways(order["size"])[order["way"]]
    loop = asyncio.get_running_loop()
    gc.collect()
    cpu, began, due = time.process_time(), time.monotonic_ns(), loop.time()
    for burst in range(order["bursts"]):
        for number in range(order["burst"]):
            await way(burst * order["burst"] + number + 1)
        due += order["apart"]
        await asyncio.sleep(max(0.0, due - loop.time()))
    return {"began": began, "cpu": cpu}


async def obey(house: House, order: Mapping[str, Any]) -> dict[str, Any]:
    """One order."""
    match order["do"]:
        case "send":
            return await send(house, order)
        case "cpu":
            return {"cpu": time.process_time()}
        case "weigh":
            gc.collect()
            return {"rss": psutil.Process().memory_info().rss, "sockets": house.sockets}
        case what:
            raise ValueError(f"nobody knows how to {what}")


async def main(kind: str, wishes: str) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    house = HOUSES[kind](json.loads(wishes))
    await house.start()
    gc.freeze()
    host, port = house.address
    print(json.dumps({"host": host, "port": port}), flush=True)
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await obey(house, json.loads(line))), flush=True)
        await house.stop()
    except Exception:
        traceback.print_exc()
        os._exit(1)  # at once, so that who waits for an answer does not


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "{}"))
