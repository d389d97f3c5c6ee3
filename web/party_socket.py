"""`GET /ws/connect`: the sockets of watch parties.

The request is upgraded here, and its transport is handed over to a `PartyLine`: for aiohttp the request ends with the
answer 101. How many come at once is limited; who is one too many is let in, told so after a while, and sent away, since
a browser that is refused at once comes back at once.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import structlog
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

from domain.errors import CuelightError, Rejected, Unavailable
from domain.ports import Metrics
from handlers.party.standing import of_twitch
from rooms.fleet.ports import Person
from rooms.talk.connection import Connection
from rooms.talk.conversation import Desk
from web.auth_sessions import Sessions
from web.keys import PEER
from web.limits import block_of
from web.party_lines import PartyLine

BYE_STOPPING, BYE_TOO_MANY, BYE_ORIGIN = 4000, 4013, 4503
_KEY_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_CREDENTIALS = ("token", "ticket", "invite")

log = structlog.get_logger("web.party")


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Ranges in seconds are drawn from at random, so that clients do not come back all at once."""

    accepts_per_second: int = 400
    most_sockets: int = 20_000
    most_refusals: int = 1000  # that wait to be told
    lifetime_seconds: tuple[int, int] = (2100, 3300)  # Cloud Run ends a request after at most 60 minutes
    refuse_seconds: tuple[float, float] = (1.0, 3.0)
    refuse_retry_ms: tuple[int, int] = (2000, 10_000)
    drain_retry_ms: tuple[int, int] = (0, 5000)


class PartySocket:
    """All sockets of this process. `own_origin`: as browsers name pages of ours, whose cookie counts; `origins`: other
    pages that may connect ("*" for all). Run `run`; `drain` at the end."""

    def __init__(
        self,
        *,
        desk: Desk,
        sessions: Sessions,
        own_origin: str,
        origins: Sequence[str] = (),
        metrics: Metrics,
        random: Random,
        limits: SocketLimits | None = None,
    ) -> None:
        self._desk, self._sessions, self._metrics, self._random = desk, sessions, metrics, random
        self._own_origin, self._origins = own_origin, frozenset(origins)
        self._limits = limits or SocketLimits()
        self._clock = desk.clock
        self._lines: set[PartyLine] = set()
        self._slots: dict[int, set[PartyLine]] = {}
        self._looked_at = math.floor(desk.clock.monotonic())
        self._refused = 0
        self._accepts_full_at = 0.0
        self._stopping = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def count(self) -> int:
        """How many sockets are open."""
        return len(self._lines)

    # -- coming in ----------------------------------------------------------------------------------------------

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Upgrade. Raises `Rejected` (`party.no_upgrade`) for what is no WebSocket request, `Unavailable` where there
        is not even room to refuse."""
        key = _key_of(request)
        origin = request.headers.get("Origin")
        given = {name: request.query[name] for name in _CREDENTIALS if request.query.get(name)}
        person: Person | None = None
        is_own = origin is not None and self._is_own(origin, request.host)
        if not given and is_own:
            person = await self._by_cookie(request)
        room_id = request.query.get("roomId", "")[:64]
        why = self._why_not(None if is_own else origin)
        if why is not None and self._refused >= self._limits.most_refusals:
            raise Unavailable(
                "Too many come at once.", code="party.busy", advice="Try again.", retry_after_seconds=5.0
            )
        address = block_of(request[PEER])
        line = self._upgrade(request, key)
        if why is not None:
            self._refuse(line, *why)
            return _Upgraded()
        low, high = self._limits.lifetime_seconds
        now = self._clock.monotonic()
        line.talk = Connection(
            line=line,
            address=address,
            desk=self._desk,
            opened_at=now,
            ends_at=now + self._random.uniform(low, high),
            person=person,
        )
        self.look_at(line, line.look(now))
        if given:
            line.talk.identify(room_id=room_id, **given)
        return _Upgraded()

    async def _by_cookie(self, request: web.Request) -> Person | None:
        """Whose page this is. Without a session it is nobody's; while the store is away too: there are other ways."""
        try:
            session = await self._sessions.read(request)
        except CuelightError as error:
            log.warning("party.no_session", code=error.code)
            return None
        return None if session is None else Person(of_twitch(session.subject), session.name)

    def _is_own(self, origin: str, host: str) -> bool:
        """As `Guards` has it: by the address that the operator names, or by the one that this request was sent to."""
        scheme, _, place = origin.partition("://")
        return origin == self._own_origin or (scheme in ("http", "https") and place == host)

    def _why_not(self, origin: str | None) -> tuple[int, str, tuple[int, int]] | None:
        """Code, reason and range of the time after which to come back, of who has to go again. `origin`: of a page that
        is not ours."""
        limits = self._limits
        if origin is not None and not {origin, "*"} & self._origins:
            return BYE_ORIGIN, "origin", (0, 0)
        if self._stopping:
            return BYE_STOPPING, "stopping", limits.drain_retry_ms
        if len(self._lines) - self._refused >= limits.most_sockets or not self._is_in_time():
            return BYE_TOO_MANY, "too many", limits.refuse_retry_ms
        return None

    def _is_in_time(self) -> bool:
        """Whether one more may come in now: evenly so many a second, and those of a second at once."""
        now = self._clock.monotonic()
        full_at = max(self._accepts_full_at, now)
        if full_at - now > 1.0:
            return False
        self._accepts_full_at = full_at + 1 / self._limits.accepts_per_second
        return True

    def _upgrade(self, request: web.Request, key: bytes) -> PartyLine:
        """Answer 101 and take the transport over; in one turn of the loop, so that no byte goes to the wrong one."""
        protocol, transport = request.protocol, request.transport
        if transport is None or transport.is_closing():
            raise Unavailable("The connection is gone.", code="party.gone", advice="Come back.")
        accept = base64.b64encode(hashlib.sha1(key + _KEY_GUID, usedforsecurity=False).digest())
        transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        line = PartyLine(transport, owner=self, clock=self._clock, time=self._desk.rooms.time)
        protocol.transport = None  # it is not its own any more, so it will not close it
        transport.set_protocol(line)
        protocol.connection_lost(None)
        transport.resume_reading()
        self._lines.add(line)
        self._empty.clear()
        self._metrics.gauge("party_sockets", len(self._lines))
        return line

    def _refuse(self, line: PartyLine, code: int, reason: str, retry_ms: tuple[int, int]) -> None:
        """Say so after a while. What it says meanwhile is not listened to."""
        self._refused += 1
        self._metrics.count("party_refused_total", reason=reason)
        line.refusal = (code, reason, self._random.randint(*retry_ms))
        line.refuse_at = self._clock.monotonic() + self._random.uniform(*self._limits.refuse_seconds)
        self.look_at(line, line.refuse_at)

    # -- by the clock -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look after all sockets, until cancelled: each when something may be due for it, and no sooner."""
        while True:
            await self._clock.sleep(1.0)
            self.sweep()

    def sweep(self) -> None:
        """Look at the sockets whose time has come."""
        now = self._clock.monotonic()
        for slot in range(self._looked_at, math.floor(now)):
            for line in self._slots.pop(slot, ()):
                line.slot = 0
                self.look_at(line, line.look(now))
        self._looked_at = math.floor(now)

    def look_at(self, line: PartyLine, at: float) -> None:
        """See `party_lines.Owner`. In whole seconds, and never in one that is over."""
        if line not in self._lines:
            return
        self._take_out(line)
        line.slot = max(math.floor(at), self._looked_at)
        self._slots.setdefault(line.slot, set()).add(line)

    def _take_out(self, line: PartyLine) -> None:
        slot = self._slots.get(line.slot)
        if slot is not None:
            slot.discard(line)
            if not slot:
                del self._slots[line.slot]

    def gone(self, line: PartyLine) -> None:
        """See `party_lines.Owner`."""
        if line not in self._lines:
            return
        self._lines.discard(line)
        self._take_out(line)
        self._refused -= line.refusal is not None
        if not self._lines:
            self._empty.set()
        self._metrics.gauge("party_sockets", len(self._lines))

    # -- the end ------------------------------------------------------------------------------------------------

    async def drain(self, seconds: float = 3.0) -> None:
        """Send everybody away, within about `seconds`: each with a time of its own after which to come back. Who comes
        now is sent away too."""
        self._stopping = True
        lines = list(self._lines)
        self._random.shuffle(lines)
        steps = 20
        for step in range(steps):
            for line in lines[step::steps]:
                if line.talk is not None:
                    line.talk.end(
                        BYE_STOPPING, "stopping", self._random.randint(*self._limits.drain_retry_ms)
                    )
                else:
                    line.refuse()
            if len(lines) > steps:
                await self._clock.sleep(seconds / 2 / steps)
        await self._clock.wait(self._empty, seconds / 2)
        for line in list(self._lines):
            line.abort()


class _Upgraded(web.StreamResponse):
    """The answer of a request whose transport is somebody else's by now: there is nothing to be sent."""

    def __init__(self) -> None:
        super().__init__(status=101)
        self._keep_alive = False

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return


def _key_of(request: web.Request) -> bytes:
    """The key of a WebSocket request (RFC 6455, section 4.2.1)."""
    headers = request.headers
    key = headers.get("Sec-WebSocket-Key", "")
    try:
        is_key = len(base64.b64decode(key, validate=True)) == 16
    except (ValueError, binascii.Error):
        is_key = False
    if (
        not is_key
        or headers.get("Upgrade", "").lower() != "websocket"
        or "upgrade" not in headers.get("Connection", "").lower()
        or headers.get("Sec-WebSocket-Version") != "13"
    ):
        raise Rejected(
            "This address is a WebSocket.",
            code="party.no_upgrade",
            advice="Connect with a WebSocket, version 13.",
        )
    return key.encode()
