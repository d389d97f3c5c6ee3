"""The viewers of the bench `fanout` where there is no compiler: `python -m bench._fanout_sink`, as `_fanout_sink.c`.

The commands and answers are those of the C program. Frames are counted without a library, but each socket is a protocol
of asyncio, so with many viewers it is the limit: the bench prints its CPU.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

HEAD = (
    "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PONG = b'{"type":"party:pong"}'


def masked(opcode: int, data: bytes) -> bytes:
    """A frame of a client. A mask of zeros leaves the payload as it is."""
    size = len(data)
    head = (
        bytes((0x80 | opcode, 0x80 | size))
        if size < 126
        else bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big")
    )
    return head + bytes(4) + data


@dataclass
class Tally:
    """What all viewers together have heard."""

    frames: int = 0
    bytes: int = 0
    pings: int = 0
    closed: int = 0
    last: int = 0
    seqs: dict[int, list[int]] = field(default_factory=dict)
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class Viewer(asyncio.Protocol):
    """One socket. `entered` gets True when it is open, False when that failed."""

    def __init__(self, tally: Tally, line: str, host: str, port: int) -> None:
        path, *self._texts = line.split("\t")
        self._request = HEAD.format(path=path, host=host, port=port).encode()
        self._tally = tally
        self._rest = b""
        self._upgraded = False
        self.entered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.closed += self.entered.done()
        self._enter(False)

    def data_received(self, data: bytes) -> None:
        self._tally.bytes += len(data)
        data = self._rest + data
        if not self._upgraded:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            self._upgrade(head)
        place = 0
        while len(data) - place >= 2:
            start, size = place + 2, data[place + 1] & 127
            if size >= 126:
                more = 2 if size == 126 else 8
                if len(data) < start + more:
                    break
                size = int.from_bytes(data[start : start + more], "big")
                start += more
            if len(data) < start + size:
                break
            self._heard(data[place] & 15, data[start : start + size])
            place = start + size
        self._rest = data[place:]

    def _upgrade(self, head: bytes) -> None:
        self._upgraded = True
        if head[9:12] != b"101":
            print(f"sink: {head[:60]!r}", file=sys.stderr)
            self._transport.close()
            return
        for text in self._texts:
            self._transport.write(masked(1, text.encode()))
        if not self._texts:
            self._enter(True)

    def _heard(self, opcode: int, payload: bytes) -> None:
        tally = self._tally
        if opcode == 9:
            tally.pings += 1
            self._transport.write(masked(10, payload))
        elif opcode == 8:
            self._transport.close()
        elif opcode == 1 and b"party:ping" in payload[:48]:
            tally.pings += 1
            self._transport.write(masked(1, PONG))
        elif opcode == 1:
            tally.frames += 1
            tally.last = time.monotonic_ns()
            if not self.entered.done():
                if b"resumeToken" in payload:
                    self._enter(True)
                elif b"party:error" in payload:
                    print(f"sink: {payload[:400]!r}", file=sys.stderr)
                    self._transport.close()
            else:
                self._note(payload)
            tally.moved.set()

    def _note(self, payload: bytes) -> None:
        _, found, rest = payload.partition(b'"seq":')
        if found:
            digits = rest[:20].lstrip().replace(b"}", b",").partition(b",")[0]
            one = self._tally.seqs.setdefault(int(digits), [0, 0])
            one[0], one[1] = one[0] + 1, self._tally.last

    def _enter(self, is_open: bool) -> None:
        if not self.entered.done():
            self.entered.set_result(is_open)


async def open_all(tally: Tally, file: str, at: tuple[str, int], *, sources: int, at_once: int) -> str:
    """All sockets of a file."""
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(at_once)
    ended = began = time.monotonic_ns()

    async def one(number: int, line: str) -> bool:
        nonlocal ended
        async with gate:
            try:
                _, viewer = await loop.create_connection(
                    lambda: Viewer(tally, line, *at),
                    *at,
                    local_addr=(f"127.0.0.{2 + number % sources}", 0),
                )
            except OSError as error:
                print(f"sink: {error}", file=sys.stderr)
                return False
            is_open = await viewer.entered
            ended = time.monotonic_ns()
            return is_open

    wanted = Path(file).read_text("utf-8").splitlines()
    found = await asyncio.gather(*(one(number, line) for number, line in enumerate(wanted)))
    return f"open {sum(found)} {began} {ended} {len(found) - sum(found)}"


async def wait(tally: Tally, frames: int, seconds: float) -> str:
    """Until so many frames have come, or the time is over."""
    deadline = time.monotonic() + seconds
    while tally.frames < frames and (left := deadline - time.monotonic()) > 0:
        tally.moved.clear()
        try:
            await asyncio.wait_for(tally.moved.wait(), left)
        except TimeoutError:
            break
    return f"got {tally.frames} {tally.last}"


async def obey(tally: Tally, words: list[str]) -> str:
    """One command."""
    match words:
        case ["open", file, host, port, sources, at_once]:
            return await open_all(tally, file, (host, int(port)), sources=int(sources), at_once=int(at_once))
        case ["await", frames, seconds]:
            return await wait(tally, int(frames), float(seconds))
        case ["reset"]:
            tally.frames = tally.bytes = tally.pings = tally.last = 0
            tally.seqs.clear()
            return "ok"
        case ["stats"]:
            names = ("frames", "bytes", "pings", "closed", "last")
            return json.dumps({"cpu": time.process_time(), **{name: getattr(tally, name) for name in names}})
        case ["seqs"]:
            return json.dumps([[seq, *found] for seq, found in sorted(tally.seqs.items())])
    return "what?"


async def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tally = Tally()
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(await obey(tally, line.split()), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
