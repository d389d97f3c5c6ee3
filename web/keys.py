"""What is kept beside a request on its way through the layers, and beside the application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from web.peers import Peer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Who(StrEnum):
    """Who may use a route. Whatever is not listed in the table of routes does not exist."""

    PUBLIC = "public"  # anybody
    WEBHOOK = "webhook"  # anybody, but only a valid signature gets anywhere
    CRON = "cron"  # who has the shared secret or the right OIDC token
    SESSION = "session"  # who is signed in; writes need the CSRF token as well
    METRICS = "metrics"  # who has the token, or this machine


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table. `body_limit` in bytes: 0 means that no body is read. `quiet` ones log at debug level."""

    method: str
    path: str
    handler: Handler
    who: Who
    body_limit: int = 0
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in. `channels` are the ids that may be seen, `None` means all of them."""

    subject: str
    name: str
    channels: frozenset[str] | None
    csrf: str
    expires_at: int

    def may_see(self, channel_id: str) -> bool:
        return self.channels is None or channel_id in self.channels


REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
PEER: web.RequestKey[Peer] = web.RequestKey("peer", Peer)
BODY: web.RequestKey[bytes] = web.RequestKey("body", bytes)
ROUTE: web.RequestKey[Route] = web.RequestKey("route", Route)
SESSION: web.RequestKey[Session] = web.RequestKey("session", Session)
