"""`GET /api/overlay/stream?key=…`: what the overlay in streaming software shows, as Server-Sent Events.

Whoever has the key may look, so it is asked again while the stream lasts: another key ends it. `view` is always whole;
`gone` says that the address is not in force any more. A stream follows the topic of its channel and reads the view anew
when something happened there, at most once in `PAUSE_SECONDS`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from typing import Any, Protocol

import structlog
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from domain.errors import CuelightError, NotFound, Unavailable
from domain.ports import Clock, Metrics
from gateways.topics.contracts import Follower, PositionLost, Topics
from web.models.base import query_of
from web.models.overlay import OverlayAsked

HEARTBEAT_SECONDS = 15.0
PAUSE_SECONDS = 0.5
WRITE_SECONDS = 10.0
LIFETIME_SECONDS = 3000.0  # Cloud Run ends a request after at most 60 minutes
MOST_STREAMS = 500
MOST_OF_CHANNEL = 20
_GONE = b"event: gone\ndata: {}\n\n"
_SHOWN = frozenset({"vip", "channel", "settings"})

log = structlog.get_logger("web.overlay")


class Views(Protocol):
    """`handlers.vip.overlay.Overlay`."""

    async def channel_of(self, key: str) -> str | None: ...

    async def view(self, channel_id: str) -> dict[str, Any] | None: ...


class OverlayStreams:
    """All streams of overlays of this process."""

    def __init__(self, *, views: Views, topics: Topics, clock: Clock, metrics: Metrics) -> None:
        self._views, self._topics, self._clock, self._metrics = views, topics, clock, metrics
        self._open: Counter[str] = Counter()
        self._scopes: set[asyncio.Timeout] = set()
        self._stopping = False

    @property
    def count(self) -> int:
        """How many streams are open."""
        return self._open.total()

    def stop(self) -> None:
        """End every stream; its page comes back after a while."""
        self._stopping = True
        for scope in self._scopes:
            scope.reschedule(0.0)
        self._scopes.clear()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """GET `/api/overlay/stream`. Raises `NotFound` for a key that opens nothing."""
        key = query_of(request, OverlayAsked).key
        channel_id = await self._views.channel_of(key)
        if channel_id is None:
            raise NotFound(
                "This overlay's address is not in force any more.",
                code="overlay.key",
                advice="Copy the address from the settings again.",
            )
        if self._stopping or self.count >= MOST_STREAMS or self._open[channel_id] >= MOST_OF_CHANNEL:
            raise Unavailable(
                "Too many overlays are open.",
                code="overlay.full",
                advice="Close some of them.",
                retry_after_seconds=30,
            )
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-cache, no-transform",
                "X-Accel-Buffering": "no",
            }
        )
        self._open[channel_id] += 1
        reason = "error"
        try:
            writer = await response.prepare(request)
            if writer is not None:
                reason = await self._serve(request, writer, channel_id, key)
        finally:
            self._open[channel_id] -= 1
            self._open += Counter()  # forgets who has none
            self._metrics.count("overlay_ended_total", reason=reason)
        return response

    async def _serve(
        self, request: web.Request, writer: AbstractStreamWriter, channel_id: str, key: str
    ) -> str:
        """Run a stream to its end and say why it ended."""
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._scopes.add(scope)
                try:
                    return await self._run(writer, channel_id, key)
                finally:
                    self._scopes.discard(scope)
        except TimeoutError:
            if self._stopping:
                return "shutdown"
            reason = "slow"
        except ConnectionError:
            reason = "gone"
        except CuelightError as error:
            log.warning("an overlay's stream ended early", code=error.code, detail=error.message)
            return "unavailable"
        if request.transport is not None:
            request.transport.abort()
        return reason

    async def _run(self, writer: AbstractStreamWriter, channel_id: str, key: str) -> str:
        ends_at = self._clock.monotonic() + LIFETIME_SECONDS
        await _write(writer, b"retry: %d\n\n" % (2000 + secrets.randbelow(4000)))
        before = b""
        while self._clock.monotonic() < ends_at:
            try:
                # First follow, then look: what happens in between wakes us at once.
                async with self._topics.follow(f"channel:{channel_id}") as follower:
                    while self._clock.monotonic() < ends_at:
                        opens = await self._views.channel_of(key) == channel_id
                        view = await self._views.view(channel_id) if opens else None
                        if view is None:
                            await _write(writer, _GONE)
                            return "rotated"
                        now = view.pop("now")
                        told = json.dumps(view, ensure_ascii=False, sort_keys=True).encode()
                        if told == before:
                            await _write(writer, b": beat\n\n")
                        else:
                            await _write(writer, _event({"now": now, **view}))
                        before = told
                        await self._until_news(follower)
            except PositionLost:
                continue
        return "lifetime"

    async def _until_news(self, follower: Follower) -> None:
        """Wait for something that may show, or for the next heartbeat; then let what comes at once come together."""
        until = self._clock.monotonic() + HEARTBEAT_SECONDS
        while (left := until - self._clock.monotonic()) > 0:
            entries = await follower.next(timeout_seconds=left)
            if any(entry.kind in _SHOWN for entry in entries):
                await self._clock.sleep(PAUSE_SECONDS)
                return


def _event(view: dict[str, Any]) -> bytes:
    data = json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return b"event: view\ndata: %s\n\n" % data


async def _write(writer: AbstractStreamWriter, chunk: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await writer.write(chunk)
        await writer.drain()
