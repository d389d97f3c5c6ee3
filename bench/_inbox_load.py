"""The load of the bench `inbox`: a program that sends signed EventSub webhooks as fast as they are answered.

It is made to cost less than what it measures: every request is built and signed before the first is sent, connections
stay open, one request is under way on each, and an answer is recognised by its first line and the blank line alone.
It reads one order (a line of JSON) from standard input and prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from domain.signatures import sign_eventsub

REDEMPTION = "channel.channel_points_custom_reward_redemption.add"
CHANNELS = 200
"""The events are spread over so many channels, none of which is known to the daemon."""


@dataclass(frozen=True, slots=True)
class Order:
    """`connections` stay open for `seconds`; at most `requests` are sent. `secret` signs them."""

    port: int
    connections: int
    seconds: float
    requests: int
    secret: str


def request_bytes(number: int, *, secret: bytes, stamp: str, run: str) -> bytes:
    """One complete request: a redemption by a viewer of his own in a channel that is not ours."""
    channel, viewer = str(900_000_000 + number % CHANNELS), str(800_000_000 + number)
    event = {
        "id": f"{run}-{number}",
        "broadcaster_user_id": channel,
        "broadcaster_user_login": f"channel{channel}",
        "broadcaster_user_name": f"Channel{channel}",
        "user_id": viewer,
        "user_login": f"viewer{viewer}",
        "user_name": f"Viewer{viewer}",
        "user_input": "",
        "status": "unfulfilled",
        "reward": {"id": "92af127c-7326-4483-a52b-b0da0be61c01", "title": "VIP", "cost": 500, "prompt": ""},
        "redeemed_at": stamp,
    }
    subscription = {
        "id": "f1c2a387-161a-49f9-a165-0f21d7a4e1c4",
        "type": REDEMPTION,
        "version": "1",
        "status": "enabled",
        "cost": 0,
        "condition": {"broadcaster_user_id": channel, "reward_id": ""},
        "transport": {"method": "webhook", "callback": "https://vip.example.org/api/webhooks/eventsub"},
        "created_at": stamp,
    }
    body = json.dumps({"subscription": subscription, "event": event}).encode()
    message_id = f"{run}.{number}"
    signature = sign_eventsub(message_id=message_id, timestamp=stamp, body=body, secret=secret)
    head = (
        "POST /api/webhooks/eventsub HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"Twitch-Eventsub-Message-Id: {message_id}\r\n"
        "Twitch-Eventsub-Message-Retry: 0\r\n"
        "Twitch-Eventsub-Message-Type: notification\r\n"
        f"Twitch-Eventsub-Message-Signature: {signature}\r\n"
        f"Twitch-Eventsub-Message-Timestamp: {stamp}\r\n"
        f"Twitch-Eventsub-Subscription-Type: {REDEMPTION}\r\n"
        "Twitch-Eventsub-Subscription-Version: 1\r\n\r\n"
    )
    return head.encode("ascii") + body


@dataclass(slots=True)
class Measured:
    """What all connections saw together. Latencies in milliseconds, in the order of the answers."""

    latencies_ms: list[float]
    refused: int = 0
    broken: int = 0


class Sender(asyncio.Protocol):
    """One connection with one request under way."""

    def __init__(self, requests: deque[bytes], measured: Measured) -> None:
        self._requests, self._measured = requests, measured
        self.until = 0.0
        self._transport: asyncio.WriteTransport | None = None
        self._sent_at = 0.0
        self._answer = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def next(self) -> None:
        """Send the next request, or end when the time or the requests are over."""
        assert self._transport is not None
        now = time.perf_counter()
        if now >= self.until or not self._requests:
            self._transport.close()
            self._end()
            return
        self._sent_at = now
        self._transport.write(self._requests.popleft())

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if b"\r\n\r\n" not in self._answer:
            return
        if self._answer.startswith(b"HTTP/1.1 204"):
            self._measured.latencies_ms.append((time.perf_counter() - self._sent_at) * 1000)
        else:
            self._measured.refused += 1
        self._answer = b""
        self.next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self._measured.broken += 1
            self._end()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def send(order: Order) -> dict[str, Any]:
    """Carry an order out; returns `accepted`, `refused`, `broken`, `seconds` and `latencies_ms` (sorted)."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    run, secret = uuid.uuid4().hex, order.secret.encode()
    requests = deque(
        request_bytes(number, secret=secret, stamp=stamp, run=run) for number in range(order.requests)
    )
    measured = Measured([])
    loop = asyncio.get_running_loop()
    senders = [
        (await loop.create_connection(lambda: Sender(requests, measured), "127.0.0.1", order.port))[1]
        for _ in range(order.connections)
    ]
    began, cpu = time.perf_counter(), time.process_time()
    for sender in senders:
        sender.until = began + order.seconds
        sender.next()
    await asyncio.gather(*(sender.ended for sender in senders))
    return {
        **asdict(measured),
        "latencies_ms": sorted(measured.latencies_ms),
        "accepted": len(measured.latencies_ms),
        "seconds": time.perf_counter() - began,
        "own_cpu_seconds": time.process_time() - cpu,
    }


def main() -> None:
    order = Order(**json.loads(sys.stdin.readline()))
    print(json.dumps(asyncio.run(send(order))))


if __name__ == "__main__":
    main()
