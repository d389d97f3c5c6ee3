"""Sessions in a signed cookie, the guards of the routes, and the endpoints under `/api/auth`.

The cookie is a JSON Web Token (HS256). It is HttpOnly, so that no script reads it, and SameSite=Lax; writes need the
token of `/api/auth/csrf` in `X-CSRF-Token` and an origin of our own as well. Nothing is stored: signing out forgets the
cookie, and changing SESSION_SECRET ends every session.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

import jwt
from aiohttp import web

from domain.errors import Denied, NotFound, Rejected
from domain.ports import Clock
from web.answers import json_answer
from web.cron import CronAuth
from web.keys import PEER, SESSION, Route, Session, Who
from web.ports import Channel, Channels

SESSION_SECONDS = 12 * 3600
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_ISSUER = "cuelight"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Sessions:
    """Issues and reads session cookies. `secure` where browsers come by https."""

    def __init__(self, *, clock: Clock, secret: str, secure: bool) -> None:
        if len(secret.encode()) < 32:
            raise Rejected(
                "SESSION_SECRET is too short.", code="web.session_secret", advice="Use 32 characters or more."
            )
        self._clock = clock
        self._secret = secret
        self._secure = secure
        # With the prefix browsers themselves refuse a cookie that another subdomain planted.
        self.cookie = "__Host-cuelight" if secure else "cuelight"

    def new(self, *, subject: str, name: str, channels: frozenset[str] | None) -> Session:
        """A session that begins now."""
        expires_at = self._clock.now() + SESSION_SECONDS * 1000
        return Session(subject, name, channels, secrets.token_urlsafe(24), expires_at)

    def put(self, response: web.Response, session: Session) -> None:
        """Sign the session into the answer's cookie."""
        claims = {
            "iss": _ISSUER,
            "sub": session.subject,
            "name": session.name,
            "channels": None if session.channels is None else sorted(session.channels),
            "csrf": session.csrf,
            "exp": session.expires_at // 1000,
        }
        response.set_cookie(
            self.cookie,
            jwt.encode(claims, self._secret, algorithm="HS256"),
            max_age=SESSION_SECONDS,
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="Lax",
        )

    def clear(self, response: web.Response) -> None:
        """Make the browser forget its cookie."""
        response.del_cookie(self.cookie, path="/", httponly=True, secure=self._secure, samesite="Lax")

    def read(self, request: web.Request) -> Session | None:
        """The session of a request, or `None` when there is none, it was tampered with, or it is over."""
        token = request.cookies.get(self.cookie, "")
        if not token or len(token) > 4096 or not token.isascii():
            return None
        try:
            # PyJWT would read the clock by itself: we judge the end of the session, by our own.
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                issuer=_ISSUER,
                options={
                    "require": ["exp", "sub", "csrf"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            channels = claims["channels"]
            session = Session(
                subject=str(claims["sub"]),
                name=str(claims["name"]),
                channels=None if channels is None else frozenset(map(str, channels)),
                csrf=str(claims["csrf"]),
                expires_at=int(claims["exp"]) * 1000,
            )
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            return None
        return session if session.expires_at > self._clock.now() else None


class Guards:
    """Who may use which route: one method, called for every route before its handler."""

    def __init__(
        self, *, sessions: Sessions, cron: CronAuth, metrics_token: str | None, public_url: str
    ) -> None:
        self._sessions = sessions
        self._cron = cron
        self._metrics_token = metrics_token
        self._public_origin = origin_of(public_url)

    async def allow(self, request: web.Request, route: Route) -> None:
        """Return if the request may pass (and note its session), else raise `Denied`."""
        if route.who is Who.SESSION:
            session = self._sessions.read(request)
            if session is None:
                raise Denied(
                    "You are not signed in.", code="auth.signed_out", advice="Sign in, then try again."
                )
            request[SESSION] = session
            if request.method not in SAFE_METHODS:
                self._same_origin(request, required=True)
                token = request.headers.get("X-CSRF-Token", "")
                if not hmac.compare_digest(token.encode("utf-8", "replace"), session.csrf.encode()):
                    raise Denied(
                        "The request lacks the right X-CSRF-Token.",
                        code="csrf.token",
                        advice="Get one from /api/auth/csrf.",
                    )
        elif route.who is Who.CRON:
            await self._cron.check(request.headers)
        elif route.who is Who.METRICS:
            self._metrics(request)
        elif route.who is Who.PUBLIC and request.method not in SAFE_METHODS:
            self._same_origin(request, required=False)

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


class Auth:
    """The endpoints under `/api/auth`."""

    def __init__(self, *, sessions: Sessions, channels: Channels, development_login: bool) -> None:
        self._sessions = sessions
        self._channels = channels
        self._development_login = development_login

    async def session(self, request: web.Request) -> web.Response:
        """GET `/api/auth/session`: who is signed in and which channels they may see."""
        return json_answer(await self._told(self._sessions.read(request)))

    async def csrf(self, request: web.Request) -> web.Response:
        """GET `/api/auth/csrf`: the token that writes must send as `X-CSRF-Token`."""
        return json_answer({"token": request[SESSION].csrf})

    async def sign_out(self, request: web.Request) -> web.Response:
        """POST `/api/auth/sign-out`."""
        response = json_answer({"signed_in": False})
        self._sessions.clear(response)
        return response

    async def development(self, request: web.Request) -> web.Response:
        """POST `/api/auth/dev`: sign in as everybody, on this very machine only.

        The name in `Host` has to be one of this machine too: else a page elsewhere whose name resolves to 127.0.0.1
        (DNS rebinding) would count as our own origin.
        """
        if not request[PEER].local or (urlsplit(f"//{request.host}").hostname or "") not in _LOCAL_NAMES:
            raise Denied("The development login answers this machine only.", code="auth.not_local")
        session = self._sessions.new(subject="development", name="Developer", channels=None)
        if "text/html" in request.headers.get("Accept", ""):  # a form, not a script
            response = web.Response(status=303, headers={"Location": "/"})
        else:
            response = json_answer(await self._told(session))
        self._sessions.put(response, session)
        return response

    async def _told(self, session: Session | None) -> dict[str, object]:
        seen: list[Channel] = []
        if session is not None:
            seen = [one for one in await self._channels.channels() if session.may_see(one["id"])]
        return {
            "signed_in": session is not None,
            "name": session.name if session else "",
            "channels": seen,
            "development_login": self._development_login,
        }


async def visible_channel(session: Session, channel_id: str, channels: Channels) -> Channel:
    """The channel if it exists and the session may see it; raises `Rejected`, `Denied`, `NotFound`."""
    if not channel_id or len(channel_id) > 64:
        raise Rejected("Say which channel: ?channel=ID.", code="web.channel")
    if not session.may_see(channel_id):
        raise Denied("You may not see this channel.", code="auth.forbidden", advice="Sign in as its owner.")
    for channel in await channels.channels():
        if channel["id"] == channel_id:
            return channel
    raise NotFound("There is no such channel.", code="web.no_channel")


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
