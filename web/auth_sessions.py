"""What a browser holds: the key of its session, and what binds a login that is under way to it.

The session itself is on the server (`handlers/accounts/sessions.py`). Both cookies are HttpOnly, so that no script
reads them, and SameSite=Lax, so that they come along when Twitch sends the browser back, but with no request that
another site makes behind the user's back. Over https they are Secure and bound to this very host.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from aiohttp import web

from domain.errors import Rejected
from handlers.accounts.sessions import LONGEST_MS, SignedIn
from web.keys import FOUND, Found, Role, Session
from web.ports import LoginBook

BINDING_SECONDS = 1800  # as long as a device code lives
_ROLES: Mapping[str, Role] = {"owner": Role.OWNER, "moderator": Role.MODERATOR}


def cookie_name(name: str, *, secure: bool) -> str:
    """With the prefix browsers themselves refuse a cookie that another subdomain planted."""
    return f"__Host-{name}" if secure else name


class Sessions:
    """Session cookies. `secure` where browsers come by https."""

    def __init__(self, *, logins: LoginBook, secure: bool) -> None:
        self._logins, self._secure = logins, secure
        self.cookie = cookie_name("cuelight", secure=secure)

    async def begin(
        self, request: web.Request, *, subject: str, login: str, name: str
    ) -> tuple[str, Session]:
        """Sign somebody in: always under a new key, and what the browser had before ends. `put` hands the key out."""
        key, signed_in = await self._logins.open(
            subject=subject,
            login=login,
            name=name,
            agent=request.headers.get("User-Agent", ""),
            replaces=request.cookies.get(self.cookie, ""),
        )
        return key, _session(signed_in)

    def put(self, response: web.Response, key: str) -> None:
        """Give the browser the key of its session."""
        response.set_cookie(
            self.cookie,
            key,
            max_age=LONGEST_MS // 1000,  # the server decides; a session that is over is none
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="Lax",
        )

    async def read(self, request: web.Request) -> Session | None:
        """The session of a request, looked up once; `None` when there is none or it is over. Raises what the store
        raises."""
        found = request.get(FOUND)
        if found is None:
            key = request.cookies.get(self.cookie, "")
            signed_in = await self._logins.read(key) if key else None
            found = request[FOUND] = Found(None if signed_in is None else _session(signed_in))
        return found.session

    async def end(self, session: Session) -> None:
        """End a session, here and in every process."""
        await self._logins.end(session.id, session.subject)

    async def end_all(self, session: Session) -> int:
        """End all sessions of whose this one is; returns how many there were."""
        return await self._logins.end_all(session.subject)

    def clear(self, response: web.Response) -> None:
        """Make the browser forget its cookie."""
        response.del_cookie(self.cookie, path="/", httponly=True, secure=self._secure, samesite="Lax")


class Bindings:
    """A random text that a browser holds while a login is under way, signed, so that only those count that we gave.

    All tabs of a browser share one. Raises `Rejected` for a secret of less than 32 bytes.
    """

    def __init__(self, *, secret: str, secure: bool) -> None:
        if len(secret.encode()) < 32:
            raise Rejected(
                "SESSION_SECRET is too short.", code="web.session_secret", advice="Use 32 characters or more."
            )
        self._key, self._secure = secret.encode(), secure
        self.cookie = cookie_name("cuelight-login", secure=secure)

    def of(self, request: web.Request) -> str:
        """What this browser holds, "" when that is nothing or none of ours."""
        given = request.cookies.get(self.cookie, "")
        text, _, signature = given.partition(".")
        good = len(given) < 200 and hmac.compare_digest(signature.encode(), self._sign(text).encode())
        return text if text and good else ""

    def write(self, response: web.Response, text: str) -> None:
        response.set_cookie(
            self.cookie,
            f"{text}.{self._sign(text)}",
            max_age=BINDING_SECONDS,
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="Lax",
        )

    def fresh(self, request: web.Request) -> str:
        """The text to begin a login with; `write` gives it to the browser once the answer is there."""
        return self.of(request) or secrets.token_urlsafe(32)

    def _sign(self, text: str) -> str:
        made = hmac.new(self._key, b"cuelight-login:" + text.encode("utf-8", "replace"), hashlib.sha256)
        return base64.urlsafe_b64encode(made.digest()).decode().rstrip("=")


def _session(signed_in: SignedIn) -> Session:
    roles = signed_in.roles
    return Session(
        subject=signed_in.subject,
        name=signed_in.name,
        channels=None if roles is None else {channel: _ROLES[role] for channel, role in roles.items()},
        csrf=signed_in.csrf,
        expires_at=signed_in.expires_at,
        id=signed_in.id,
        login=signed_in.login,
    )
