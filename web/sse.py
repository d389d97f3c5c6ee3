"""`GET /api/ws?channel=…`: everything that happens in a channel, as Server-Sent Events; and streams of other topics,
which differ in their `Subject` alone.

A stream is one loop in its own request: it follows its topic and writes. There is no queue per client: what a
client has not taken yet stays in the topic's ring, which all clients share and which is bounded. So a slow client costs
the kernel's buffer (`SEND_BUFFER_BYTES`), the transport's (64 KiB) and at most one chunk or snapshot, delays nobody,
and is ended when it takes nothing for `write_seconds`. If the ring has moved on meanwhile, it gets a `reset`.

Wire rules (HTML standard, "Server-sent events"): a status other than 200 ends a browser's EventSource for good, a clean
end of the body makes it come back after `retry` milliseconds with the last `id`. Hence 200 even when full or stopping.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from domain.errors import CuelightError, NotFound, Rejected, Unavailable
from domain.ports import Clock, Metrics
from gateways.topics.contracts import Follower, Position, PositionLost, Topics
from web.keys import CHANNEL, SESSION, Role, Session
from web.ports import Channels, LoginBook, Snapshots
from web.sse_frames import Frames, encode

SEND_BUFFER_BYTES = 64 << 10  # the kernel's default lets megabytes pile up behind a stalled reader
_SIGNED_OUT = b"event: auth\ndata: {}\n\n"

log = structlog.get_logger("web.sse")


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Ranges are drawn from at random, so that clients do not come back all at once."""

    max_streams: int = 2000
    max_of_subject: int = 50  # a browser has one for all its tabs; nobody takes the place of everybody else
    heartbeat_seconds: float = 15.0  # below every idle limit of proxies that we know of (nginx: 60 s)
    write_seconds: float = 10.0
    chunk_bytes: int = 64 << 10
    lifetime_seconds: tuple[int, int] = (2100, 3300)  # Cloud Run ends a request after at most 60 minutes
    retry_ms: tuple[int, int] = (2000, 6000)
    stop_retry_ms: tuple[int, int] = (1000, 8000)
    full_retry_ms: tuple[int, int] = (5000, 15000)
    recheck_retry_ms: tuple[int, int] = (0, 500)


class _Slow(Exception):
    """The client did not take what was written in time."""


class Subject(Protocol):
    """What a stream is about: the entries of a topic, after a picture of what they add up to."""

    @property
    def topic(self) -> str: ...

    @property
    def pause_seconds(self) -> float:
        """0: every entry is told. Else each is a whole picture, and the newest is told so often at most."""
        ...

    async def snapshot(self) -> dict[str, Any]:
        """The picture, with all that was appended before the call."""
        ...

    async def lasts(self) -> bool:
        """Whether whose stream it is may still see it. Raises `Unavailable` while nobody can say."""
        ...


@dataclass(frozen=True, slots=True)
class _OfChannel:
    """Implements `Subject`."""

    session: Session
    channel_id: str
    snapshots: Snapshots
    logins: LoginBook
    pause_seconds: float = 0.0

    @property
    def topic(self) -> str:
        return f"channel:{self.channel_id}"

    async def snapshot(self) -> dict[str, Any]:
        """The channel's picture, and what whose stream it is may do in it."""
        role = self.session.role_in(self.channel_id)
        picture = await self.snapshots.snapshot(self.channel_id)
        return {**picture, "me": {"role": "owner" if role is Role.OWNER else "moderator"}}

    async def lasts(self) -> bool:
        return await self.logins.lasts(self.session.id, self.channel_id)


@dataclass(eq=False, slots=True)
class _Stream:
    session: Session
    about: Subject
    ends_at: float
    writer: AbstractStreamWriter
    scope: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(None))
    running: bool = False
    check_at: float = 0.0  # monotonic: when to ask again whether the session is still in force
    rests_until: float = 0.0  # monotonic: nothing is told before

    def interrupt(self) -> None:
        """Wake the stream wherever it waits; a time long past makes its scope expire at once."""
        if self.running:
            self.running = False
            self.scope.reschedule(0.0)


class Streams:
    """All event streams of this process. `versions`: the newest shape that this release's page can read of each kind
    of entry (1 where a kind is not named). A newer one, written by a later release in the same fleet, is answered by
    a `reset`: the snapshot is ours, so the page can read it.
    """

    def __init__(
        self,
        *,
        topics: Topics,
        snapshots: Snapshots,
        channels: Channels,
        logins: LoginBook,
        clock: Clock,
        metrics: Metrics,
        versions: Mapping[str, int] | None = None,
        limits: StreamLimits | None = None,
    ) -> None:
        self._logins = logins
        logins.watch(self._sessions_changed)
        self._versions = dict(versions or {})
        self._topics = topics
        self._snapshots = snapshots
        self._channels = channels
        self._clock = clock
        self._metrics = metrics
        self._limits = limits or StreamLimits()
        self._frames = Frames()
        self._open: set[_Stream] = set()
        self._entering = 0
        self._stopping = False

    @property
    def count(self) -> int:
        """How many streams are open."""
        return len(self._open)

    def _of(self, subject: str) -> int:
        """How many streams somebody has open."""
        return sum(stream.session.subject == subject for stream in self._open)

    def stop(self) -> None:
        """Ask every client to come back after a while of its own, and end its stream; also those that come later."""
        self._stopping = True
        for stream in list(self._open):
            stream.interrupt()

    def _sessions_changed(self, subject: str) -> None:
        """Whoever lost a session or a role loses his streams; if it was another session, he comes back at once. "":
        some changes may have been missed, so every stream is looked at when it next wakes, instead of all at once."""
        for stream in list(self._open):
            if not subject:
                stream.check_at = 0.0
            elif subject == stream.session.subject:
                stream.interrupt()

    async def _lasts(self, stream: _Stream) -> bool:
        """Whether whose stream it is may still see it. While the store cannot say, it goes on."""
        try:
            return await stream.about.lasts()
        except Unavailable:
            return True

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """GET `/api/ws`. Raises only before the first byte; after that whatever happens ends the stream."""
        session, channel_id = request[SESSION], request[CHANNEL]
        if await self._channels.channel(channel_id) is None:
            raise NotFound("There is no such channel.", code="web.no_channel")
        return await self.open(request, _OfChannel(session, channel_id, self._snapshots, self._logins))

    async def open(self, request: web.Request, about: Subject) -> web.StreamResponse:
        """The stream of a subject, for who is signed in and may see it. Raises only before the first byte."""
        session = request[SESSION]
        # Who may see every channel is this machine's own developer.
        crowded = session.channels is not None and self._of(session.subject) >= self._limits.max_of_subject
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-cache, no-transform",
                "X-Accel-Buffering": "no",
            }
        )
        if self._stopping or crowded or len(self._open) + self._entering >= self._limits.max_streams:
            spread = self._limits.stop_retry_ms if self._stopping else self._limits.full_retry_ms
            reason = "shutdown" if self._stopping else "full"
            await self._turn_away(request, response, spread, reason)
            return response
        self._entering += 1
        try:
            writer = await response.prepare(request)
        finally:
            self._entering -= 1
        if writer is None:
            return response
        lifetime = _between(self._limits.lifetime_seconds)
        stream = _Stream(session, about, self._clock.monotonic() + lifetime, writer)
        self._open.add(stream)
        self._metrics.gauge("sse_streams", len(self._open))
        reason = "error"
        try:
            reason = await self._serve(request, stream)
        finally:
            self._open.discard(stream)
            self._metrics.gauge("sse_streams", len(self._open))
            self._metrics.count("sse_ended_total", reason=reason)
        return response

    async def _turn_away(
        self, request: web.Request, response: web.StreamResponse, spread: tuple[int, int], reason: str
    ) -> None:
        writer = await response.prepare(request)
        if writer is not None:
            await writer.write(_retry(spread))
        self._metrics.count("sse_ended_total", reason=reason)

    async def _serve(self, request: web.Request, stream: _Stream) -> str:
        """Run a stream to its end and say why it ended."""
        _shrink_send_buffer(request)
        farewell = b""
        try:
            async with stream.scope:
                stream.running = not self._stopping
                if self._stopping:
                    raise TimeoutError
                try:
                    reason = await self._run(request, stream)
                finally:
                    stream.running = False
            farewell = _SIGNED_OUT if reason == "signed_out" else b""
            farewell += _retry(self._limits.retry_ms)
        except TimeoutError:
            reason, farewell = await self._interrupted(stream)
        except _Slow:
            if request.transport is not None:
                request.transport.abort()
            return "slow"
        except ConnectionError:
            return "gone"
        except CuelightError as error:
            log.warning("an event stream ended early", code=error.code, detail=error.message)
            reason, farewell = "unavailable", _retry(self._limits.full_retry_ms)
        except Exception:  # the answer has begun: no problem document can be sent any more
            log.exception("an event stream broke")
            self._metrics.count("errors_total", where="web.sse")
            reason, farewell = "error", _retry(self._limits.full_retry_ms)
        try:
            await self._write(stream, farewell)
        except (_Slow, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
        return reason

    async def _interrupted(self, stream: _Stream) -> tuple[str, bytes]:
        """Why a stream was interrupted, and what it says at its end."""
        if self._stopping:
            return "shutdown", _retry(self._limits.stop_retry_ms)
        if await self._lasts(stream):
            return "rechecked", _retry(self._limits.recheck_retry_ms)
        return "signed_out", _SIGNED_OUT + _retry(self._limits.retry_ms)

    async def _run(self, request: web.Request, stream: _Stream) -> str:
        await self._write(stream, b": welcome\n" + _retry(self._limits.retry_ms))
        after = resume_position(request)
        topic = stream.about.topic
        while True:
            try:
                # Follow first, then take the snapshot: what is appended in between is in both, and entries are
                # upserts by id. The other way round it would be in neither.
                async with self._topics.follow(topic, after) as follower:
                    if after is None:
                        await self._reset(stream, follower.position)
                    return await self._pass_on(topic, follower, stream)
            except PositionLost:
                after = None

    async def _reset(self, stream: _Stream, position: Position) -> None:
        await self._write(stream, encode("reset", await stream.about.snapshot(), position))
        self._rest(stream)

    def _rest(self, stream: _Stream) -> None:
        """What comes now is told together after a while, where the newest is enough."""
        stream.rests_until = self._clock.monotonic() + stream.about.pause_seconds

    async def _pass_on(self, topic: str, follower: Follower, stream: _Stream) -> str:
        while True:
            left = stream.ends_at - self._clock.monotonic()
            if self._clock.now() >= stream.session.expires_at:
                return "signed_out"
            if left <= 0:
                return "lifetime"
            rest = stream.rests_until - self._clock.monotonic()
            if rest > 0:
                await self._clock.sleep(min(rest, left))
                continue
            entries = await follower.next(timeout_seconds=min(left, self._limits.heartbeat_seconds))
            if self._clock.monotonic() >= stream.check_at:
                if not await self._lasts(stream):
                    return "signed_out"
                stream.check_at = self._clock.monotonic() + self._limits.heartbeat_seconds
            if not entries:
                await self._write(stream, b": beat\n\n")
            if any(entry.version > self._versions.get(entry.kind, 1) for entry in entries):
                # Taken after all of them were appended, so it holds what each of them tells.
                await self._reset(stream, entries[-1].position)
                continue
            if stream.about.pause_seconds and entries:
                entries = entries[-1:]
                self._rest(stream)
            chunk = bytearray()
            for entry in entries:
                chunk += self._frames.of(topic, entry)
                if len(chunk) >= self._limits.chunk_bytes:
                    await self._write(stream, bytes(chunk))
                    chunk.clear()
            if chunk:
                await self._write(stream, bytes(chunk))

    async def _write(self, stream: _Stream, chunk: bytes) -> None:
        """Whole events only, so that an interruption never leaves half of one before the farewell."""
        try:
            async with asyncio.timeout(self._limits.write_seconds) as limit:
                await stream.writer.write(chunk)
                await stream.writer.drain()
        except TimeoutError:
            if limit.expired():
                raise _Slow from None
            raise


def resume_position(request: web.BaseRequest) -> Position | None:
    """Where the client was: the header (browsers set it when they reconnect), else the query (first connection).

    Anything that is no position counts as none: the answer is a `reset`, not an error that would end EventSource.
    """
    text = request.headers.get("Last-Event-ID") or request.query.get("last_event_id") or ""
    try:
        return Position.parse(text) if text else None
    except Rejected:
        return None


def _retry(spread: tuple[int, int]) -> bytes:
    return b"retry: %d\n\n" % _between(spread)


def _between(spread: tuple[int, int]) -> int:
    low, high = spread
    return low + secrets.randbelow(high - low + 1)


def _shrink_send_buffer(request: web.Request) -> None:
    sock = request.transport.get_extra_info("socket") if request.transport is not None else None
    if sock is not None and sock.family in {socket.AF_INET, socket.AF_INET6}:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
