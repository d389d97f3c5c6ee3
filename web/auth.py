"""Who may use which route, and which channel a request is about.

Reads need a session, writes need the token of `/api/auth/csrf` in `X-CSRF-Token` and an origin of our own as well. A
route that is about a channel needs the role that its row names, and what the session may do is looked up anew with it.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from aiohttp import web

from domain.errors import Denied, NotFound, Rejected
from web.auth_sessions import Sessions
from web.cron import CronAuth
from web.keys import CHANNEL, PEER, SESSION, Role, Route, Session, Who
from web.ports import Channels

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guards:
    """Who may use which route: one method, called for every route before its handler."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        channels: Channels,
        cron: CronAuth,
        metrics_token: str | None,
        public_url: str,
    ) -> None:
        self._sessions, self._channels = sessions, channels
        self._cron = cron
        self._metrics_token = metrics_token
        self._public_origin = origin_of(public_url)

    async def allow(self, request: web.Request, route: Route) -> None:
        """Return if the request may pass (and note its session), else raise `Denied`; `NotFound` for a channel that is
        not there, to who may see all of them."""
        if route.who is Who.SESSION:
            session = await self._sessions.read(request)
            if session is None:
                raise Denied(
                    "You are not signed in.", code="auth.signed_out", advice="Sign in, then try again."
                )
            request[SESSION] = session
            if route.role is not None:
                request[CHANNEL] = channel_in(session, request.query.get("channel", ""), route.role)
            if request.method not in SAFE_METHODS:
                self._same_origin(request, required=True)
                token = request.headers.get("X-CSRF-Token", "")
                if not hmac.compare_digest(token.encode("utf-8", "replace"), session.csrf.encode()):
                    raise Denied(
                        "The request lacks the right X-CSRF-Token.",
                        code="csrf.token",
                        advice="Get one from /api/auth/csrf.",
                    )
            if (
                route.role is not None and session.channels is None
            ):  # others have roles in channels that exist
                await self._exists(request[CHANNEL])
        elif route.who is Who.CRON:
            await self._cron.check(request.headers)
        elif route.who is Who.METRICS:
            self._metrics(request)
        elif route.who is Who.PUBLIC and request.method not in SAFE_METHODS:
            self._same_origin(request, required=False)

    async def _exists(self, channel_id: str) -> None:
        if await self._channels.channel(channel_id) is None:
            raise NotFound("There is no such channel.", code="web.no_channel")

    def _same_origin(self, request: web.Request, *, required: bool) -> None:
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        if site is not None and site not in {"same-origin", "none"}:
            raise _foreign()
        if origin is not None and origin != self._public_origin:
            split = urlsplit(origin) if origin.isascii() and len(origin) < 300 else None
            if split is None or split.scheme not in {"http", "https"} or split.netloc != request.host:
                raise _foreign()
        if required and origin is None and site is None:
            raise _foreign()

    def _metrics(self, request: web.Request) -> None:
        if self._metrics_token is not None:
            given = request.headers.get("Authorization", "").encode("utf-8", "replace")
            if hmac.compare_digest(given, b"Bearer " + self._metrics_token.encode()):
                return
        elif request[PEER].local:
            return
        raise Denied(
            "The metrics are not public.", code="metrics.denied", advice="Send METRICS_TOKEN as bearer token."
        )


def channel_in(session: Session, channel_id: str, role: Role) -> str:
    """The channel that a request is about, if the session has that role in it; raises `Rejected`, `Denied`."""
    if not channel_id and session.channels is not None and len(session.channels) == 1:
        channel_id = next(iter(session.channels))
    if not channel_id or len(channel_id) > 64:
        raise Rejected("Say which channel: ?channel=ID.", code="web.channel")
    held = session.role_in(channel_id)
    if held is None:
        raise Denied("You may not see this channel.", code="auth.forbidden", advice="Sign in as its owner.")
    if held < role:
        raise Denied(
            "Only the owner of the channel may do this.", code="auth.forbidden", advice="Ask the streamer."
        )
    return channel_id


def check_development_login(*, public_url: str, on_cloud_run: bool) -> None:
    """Refuse to build an application with a development login that strangers could reach."""
    why = (
        "on Cloud Run"
        if on_cloud_run
        else "with an https PUBLIC_URL"
        if public_url.startswith("https:")
        else ""
    )
    if why:
        raise Rejected(
            f"The development login is refused {why}: it lets anybody in.",
            code="web.development_login",
            advice="Use it on your own machine only, with `cuelight demo`.",
        )


def origin_of(url: str) -> str:
    """`scheme://host[:port]` of a URL."""
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}"


def _foreign() -> Denied:
    return Denied(
        "The request comes from another site.", code="csrf.origin", advice="Use the page of this daemon."
    )
