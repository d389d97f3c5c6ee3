"""What is kept beside a request on its way through the layers, and beside the application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from aiohttp import web

from web.peers import Peer
from web.spec import Spec

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Who(StrEnum):
    """Who may use a route. Whatever is not listed in the table of routes does not exist."""

    PUBLIC = "public"  # anybody
    WEBHOOK = "webhook"  # anybody, but only a valid signature gets anywhere
    CRON = "cron"  # who has the shared secret or the right OIDC token
    SESSION = "session"  # who is signed in; writes need the CSRF token as well
    METRICS = "metrics"  # who has the token, or this machine


class Rate(StrEnum):
    """Which allowance of requests a route is counted against (`web/limits.py`)."""

    AUTH = "auth"
    WRITES = "writes"
    READS = "reads"
    WEBHOOKS = "webhooks"
    TICKETS = "tickets"  # of watch parties: a classroom shares one address
    NONE = "none"  # not counted


class Role(IntEnum):
    """What somebody who is signed in may do in a channel; each may do what those below it may."""

    MODERATOR = 1  # see everything; grant, extend and remove VIPs
    OWNER = 2  # the broadcaster: rewards, rules, settings, team, leaving us


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table. `body_limit` in bytes: 0 means that no body is read. `quiet` ones log at debug level.

    With a `role` the route concerns one channel: the query's `channel` (it may be left out by who has only one), in
    which the session has that role at least. The guard checks it and leaves the id in `request[CHANNEL]`. `rate`: the
    allowance, where it is not the one that follows from the row (`web.limits.rate_of`).
    """

    method: str
    path: str
    handler: Handler
    who: Who
    body_limit: int = 0
    quiet: bool = False
    role: Role | None = None
    spec: Spec | None = None  # what the description of the API says of it
    rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in. `channels`: the role in each channel that may be seen, `None` means owner of all of them. `id`
    is that of the stored session, which opens nothing."""

    subject: str
    name: str
    channels: Mapping[str, Role] | None
    csrf: str
    expires_at: int
    id: str = ""
    login: str = ""

    def role_in(self, channel_id: str) -> Role | None:
        """`None`: the channel must not be seen."""
        return Role.OWNER if self.channels is None else self.channels.get(channel_id)

    def may_see(self, channel_id: str) -> bool:
        return self.role_in(channel_id) is not None


@dataclass(frozen=True, slots=True)
class Found:
    """What the look for a request's session came to."""

    session: Session | None


REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
PEER: web.RequestKey[Peer] = web.RequestKey("peer", Peer)
CHANNEL: web.RequestKey[str] = web.RequestKey("channel", str)
BODY: web.RequestKey[bytes] = web.RequestKey("body", bytes)
ROUTE: web.RequestKey[Route] = web.RequestKey("route", Route)
SESSION: web.RequestKey[Session] = web.RequestKey("session", Session)
FOUND: web.RequestKey[Found] = web.RequestKey("found", Found)
