"""The set-up page of a daemon that knows no Twitch application yet, and all that it answers meanwhile.

Whoever sees the terminal has the address with the token; it opens once, and from then on the browser holds a cookie.
There is no way in from "this very machine" alone: a proxy on it looks the same. Everything else does not exist here.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import Field

from domain.errors import Conflict, Denied, Unavailable
from domain.ports import Clock, Metrics
from web.answers import json_answer
from web.app import WebApp, build_plain_app
from web.auth_sessions import cookie_name
from web.health import Health
from web.keys import Route, Who
from web.models import base
from web.models.base import Told, body_of, told
from web.pages import PARTY_PATHS, PATHS, Pages
from web.peers import Network
from web.ports import LoopProbe

PAGE = "setup/index.html"
COOKIE_SECONDS = 3600
BODY = 4096
TRIES, TRIES_SECONDS = 10, 60.0
"""How often Twitch is asked about an application; enough for a person, too little for guessing."""


@dataclass(frozen=True, slots=True)
class SetupSettings:
    """`redirect_url` makes the address to register from the public one; `secure`: browsers come by https."""

    token: str = field(repr=False)
    version: str
    console: str
    redirect_url: Callable[[str], str]
    secure: bool = False
    trusted_proxies: Sequence[Network] = ()


class Asked(base.Asked):
    """What the form sends."""

    client_id: str = Field(max_length=400)
    client_secret: str = Field(max_length=400, repr=False)
    public_url: str = Field(max_length=400)


class State(Told):
    """What the page shows."""

    address: str
    redirect_url: str
    console: str


class Done(Told):
    """`go_to`: where the daemon is in a moment."""

    go_to: str


Take = Callable[[Asked], Awaitable[str]]
"""Checks and stores an application, and returns the address that browsers are to use."""


def build_setup_app(
    *,
    settings: SetupSettings,
    address: Callable[[], str],
    take: Take,
    clock: Clock,
    loop_probe: LoopProbe,
    metrics: Metrics,
) -> WebApp:
    """The whole application. `address`: how browsers come, known once it listens."""
    pages, door = Pages(), Door(settings)
    desk = SetupDesk(settings=settings, address=address, take=take, clock=clock)
    health = Health(
        clock=clock, loop=loop_probe, checks=(NeedsSetup(),), version=settings.version, stopping=lambda: False
    )

    async def page(request: web.Request) -> web.Response:
        """GET `/setup`: the page, or with the token the cookie for it."""
        if "token" in request.query:
            return door.opened(request)
        return pages.file(request, PAGE)

    routes = (
        *(Route("GET", path, _to_setup, Who.PUBLIC) for path in (*PATHS, *PARTY_PATHS)),
        Route("GET", "/setup", page, Who.PUBLIC),
        Route("GET", "/api/setup", desk.state, Who.SESSION),
        Route("POST", "/api/setup", desk.take, Who.SESSION, body_limit=BODY),
        Route("GET", "/static/{path:.+}", pages.static, Who.PUBLIC, quiet=True),
        Route("GET", "/livez", health.livez, Who.PUBLIC, quiet=True),
        Route("GET", "/readyz", health.readyz, Who.PUBLIC, quiet=True),
        Route("GET", "/api/health", health.health, Who.PUBLIC, quiet=True),
        Route("GET", "/api/auth/session", _nobody, Who.PUBLIC, quiet=True),
    )
    return build_plain_app(
        routes,
        door.allow,
        clock=clock,
        metrics=metrics,
        trusted=settings.trusted_proxies,
        https=settings.secure,
    )


class NeedsSetup:
    """The line of `/readyz` that says why it is not ready."""

    name = "setup"
    critical = True

    async def check(self) -> str:
        raise Unavailable(
            "The daemon needs setup: open the address that it shows on its terminal.", code="setup.needed"
        )


class Door:
    """Who may use the page: whoever came with the token first."""

    def __init__(self, settings: SetupSettings) -> None:
        self._token, self._secure = settings.token, settings.secure
        self._key = ""
        self._cookie = cookie_name("cuelight-setup", secure=settings.secure)

    def opened(self, request: web.Request) -> web.Response:
        """The address with the token: once, for one browser. The token does not stay in the address bar."""
        given = request.query.get("token", "")
        good = hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode())
        if self._holds_key(request):
            return _to("/setup")
        if not good or self._key:
            return _to("/setup?why=used" if good else "/setup?why=token")
        self._key = secrets.token_urlsafe(32)
        response = _to("/setup")
        response.set_cookie(
            self._cookie,
            self._key,
            max_age=COOKIE_SECONDS,
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="Strict",
        )
        return response

    async def allow(self, request: web.Request, route: Route) -> None:
        """Raises `Denied`."""
        if route.who is not Who.SESSION:
            return
        if not self._holds_key(request):
            raise Denied(
                "This page opens with the address that is shown on the terminal.",
                code="setup.closed",
                advice="Start Cuelight again for a new address, if that one was used.",
            )
        if request.method != "GET":
            _same_origin(request)

    def _holds_key(self, request: web.Request) -> bool:
        given = request.cookies.get(self._cookie, "")
        return bool(self._key) and hmac.compare_digest(given.encode("utf-8", "replace"), self._key.encode())


class SetupDesk:
    """What the page asks and sends."""

    def __init__(
        self, *, settings: SetupSettings, address: Callable[[], str], take: Take, clock: Clock
    ) -> None:
        self._settings, self._address, self._take, self._clock = settings, address, take, clock
        self._busy = asyncio.Lock()
        self._tries: list[float] = []
        self._done = False

    async def state(self, request: web.Request) -> web.Response:
        """GET `/api/setup`."""
        address = self._address()
        return told(
            State(
                address=address,
                redirect_url=self._settings.redirect_url(address),
                console=self._settings.console,
            )
        )

    async def take(self, request: web.Request) -> web.Response:
        """POST `/api/setup`: check at Twitch, store, go on. One at a time."""
        asked = body_of(request, Asked)
        async with self._busy:
            if self._done:
                raise Conflict("The application is set up already.", code="setup.done")
            self._spend()
            go_to = await self._take(asked)
            self._done = True
        return told(Done(go_to=go_to))

    def _spend(self) -> None:
        now = self._clock.monotonic()
        self._tries = [at for at in self._tries if now - at < TRIES_SECONDS]
        if len(self._tries) >= TRIES:
            raise Unavailable(
                "That was tried often in a short time.",
                code="setup.too_often",
                advice="Wait a minute.",
                retry_after_seconds=TRIES_SECONDS,
            )
        self._tries.append(now)


async def _to_setup(request: web.Request) -> web.Response:
    return _to("/setup")


async def _nobody(request: web.Request) -> web.Response:
    """GET `/api/auth/session`: a page of a daemon that ran before goes to the set-up page by itself."""
    return json_answer({"signed_in": False, "needs_setup": True}, status=503)


def _to(place: str) -> web.Response:
    return web.Response(status=303, headers={"Location": place})


def _same_origin(request: web.Request) -> None:
    """Raises `Denied` for a write that another page makes."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    foreign = site is not None and site not in {"same-origin", "none"}
    if origin is not None:
        foreign = foreign or not origin.isascii() or urlsplit(origin).netloc != request.host
    if foreign or (origin is None and site is None):
        raise Denied("The request comes from another site.", code="csrf.origin", advice="Use the page.")
