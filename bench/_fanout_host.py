"""The host in the bench `fanout`: says something over a socket of its own, and looks when the last viewer had it."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from bench._fanout_programs import Server, Sink

ROOM = "fan-out-1"
APART_SECONDS = 0.27
CHAT_APART_SECONDS = 0.6
"""Slower than the limits of film and chat commands."""

LATE_SECONDS = 5.0


async def commanded(server: Server, sink: Sink, commands: int) -> tuple[list[float], list[float], int]:
    """Milliseconds from a host's command to its receipt by the last viewer: of film commands, and of chat messages (a
    third as many). And how many receipts are missing."""
    url = f"ws://127.0.0.1:{server.port}/ws/connect?token=host"
    async with connect(url, ping_interval=None, compression=None) as socket:
        await _ask(socket, "party:join", "in", roomId=ROOM, userName="Host")
        await sink.wait(1 << 62, 1.0)
        film: list[tuple[str, dict[str, Any]]] = [
            ("party:seek", {"currentTime": float(10 + each)}) for each in range(commands)
        ]
        chat: list[tuple[str, dict[str, Any]]] = [
            ("party:chat", {"message": f"message {each}"}) for each in range(max(2, commands // 3))
        ]
        lost = 0
        found: list[list[float]] = []
        for said, apart in ((film, APART_SECONDS), (chat, CHAT_APART_SECONDS)):
            await sink.reset()
            sent: dict[int, int] = {}
            for number, (what, data) in enumerate(said):
                due = time.monotonic() + apart
                at = time.monotonic_ns()
                answer = await _ask(socket, what, f"{what}-{number}", **data)
                sent[answer["seq"]] = at
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await sink.wait(len(said) * sink.opened, LATE_SECONDS)
            seqs = await sink.seqs()
            found.append([(seqs[seq][1] - at) / 1e6 for seq, at in sent.items() if seq in seqs])
            lost += sum(sink.opened - seqs.get(seq, (0, 0))[0] for seq in sent)
        await _ask(socket, "party:leave", "out")
    return found[0], found[1], lost


async def _ask(socket: ClientConnection, type: str, name: str, **data: Any) -> dict[str, Any]:
    """The answer to a command. Raises `RuntimeError` if it is refused."""
    await socket.send(json.dumps({"type": type, "id": name, "data": data}))
    async with asyncio.timeout(30):
        while True:
            heard: dict[str, Any] = json.loads(await socket.recv())
            if heard["type"] == "party:ping":
                await socket.send('{"type": "party:pong"}')
            if heard.get("re") == name:
                break
    if heard["type"] == "party:error":
        raise RuntimeError(f"{type}: {heard['data']}")
    return heard
