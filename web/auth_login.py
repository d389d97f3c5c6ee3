"""The endpoints under `/api/auth`: signing in with Twitch, by browser or by code, and signing out."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web

from domain.errors import CuelightError, Denied, NotFound, Rejected
from gateways.twitch.contracts import User
from handlers.accounts.consent import BOT, SIGN_IN, VIEWER, ConsentFlow, LoginFailed
from handlers.accounts.devices import DeviceLogins
from handlers.accounts.login import SigningIn
from handlers.accounts.permissions import PermissionDesk
from handlers.accounts.sessions import DEVELOPMENT
from handlers.accounts.speakers import BOT_SCOPES
from web.auth_sessions import Bindings, Sessions
from web.keys import CHANNEL, PEER, SESSION, Role, Session
from web.models.base import body_of, query_of, told
from web.models.session import (
    BotQuery,
    CsrfToken,
    DevelopmentQuery,
    DeviceAsked,
    DevicePoll,
    DeviceState,
    DeviceTold,
    Provider,
    Providers,
    SeenChannel,
    SessionTold,
    SignedInUser,
    SignedOut,
    SignedOutEverywhere,
    SignInQuery,
)
from web.ports import Channels, Newcomers
from web.return_to import local_path

SIGN_IN_PATH = "/api/auth/sign-in"
ERROR_PAGE = "/sign-in?error="
PARTIES = "/party"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

log = structlog.get_logger("web.auth")


class Auth:
    """Who is signed in, and signing out. `newcomers` says whether this installation waits for its host."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        channels: Channels,
        newcomers: Newcomers,
        development_login: bool,
    ) -> None:
        self._sessions, self._channels, self._newcomers = sessions, channels, newcomers
        self._development_login = development_login

    async def session(self, request: web.Request) -> web.Response:
        """GET `/api/auth/session`: who is signed in, and the role in each channel that may be seen."""
        return told(await self._told(await self._sessions.read(request)))

    async def csrf(self, request: web.Request) -> web.Response:
        """GET `/api/auth/csrf`: the token that writes must send as `X-CSRF-Token`."""
        token = request[SESSION].csrf
        return told(CsrfToken(token=token, csrfToken=token))

    async def sign_out(self, request: web.Request) -> web.Response:
        """POST `/api/auth/sign-out`."""
        await self._sessions.end(request[SESSION])
        response = told(SignedOut())
        self._sessions.clear(response)
        return response

    async def sign_out_everywhere(self, request: web.Request) -> web.Response:
        """POST `/api/auth/sign-out-everywhere`: every browser in which this account is signed in."""
        response = told(SignedOutEverywhere(sessions=await self._sessions.end_all(request[SESSION])))
        self._sessions.clear(response)
        return response

    async def development(self, request: web.Request) -> web.Response:
        """POST `/api/auth/dev`: sign in as everybody, on this very machine only."""
        _check_local(request)
        key, session = await self._sessions.begin(request, subject=DEVELOPMENT, login="", name="Developer")
        if "text/html" in request.headers.get("Accept", ""):  # a form, not a script
            response = web.Response(status=303, headers={"Location": "/"})
        else:
            response = told(await self._told(session))
        self._sessions.put(response, key)
        return response

    async def as_streamer(self, request: web.Request) -> web.Response:
        """GET `/api/auth/dev?login=LOGIN`: sign in as this streamer, on this very machine only, and on to the page.

        For an address that was typed or opened by the demo itself: a link or a form of another page is refused.
        """
        _check_local(request)
        if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            raise Denied("Another page may not sign you in.", code="csrf.origin")
        wanted = query_of(request, DevelopmentQuery).login
        for one in await self._channels.channels():
            if one["login"] == wanted:
                key, _ = await self._sessions.begin(
                    request, subject=one["id"], login=one["login"], name=one["name"]
                )
                response = web.Response(status=303, headers={"Location": "/"})
                self._sessions.put(response, key)
                return response
        raise NotFound("There is no such channel.", code="web.no_channel")

    async def _told(self, session: Session | None) -> SessionTold:
        seen: list[SeenChannel] = []
        if session is not None:
            for one in await self._channels.channels(session.channels):
                role = session.role_in(one["id"])
                if role is not None:
                    seen.append(
                        SeenChannel(
                            id=one["id"],
                            login=one["login"],
                            name=one["name"],
                            role="owner" if role is Role.OWNER else "moderator",
                        )
                    )
        return SessionTold(
            signed_in=session is not None,
            user=SignedInUser(id=session.subject, login=session.login, name=session.name)
            if session
            else None,
            name=session.name if session else "",
            channels=seen,
            expires_at=session.expires_at if session else None,
            sign_in_url=SIGN_IN_PATH,
            development_login=self._development_login,
            needs_setup=session is None and await self._newcomers.nobody_yet(),
        )


@dataclass(frozen=True, slots=True)
class LoginParts:
    """What a login with Twitch goes through."""

    flow: ConsentFlow
    signing_in: SigningIn
    devices: DeviceLogins
    permissions: PermissionDesk


class TwitchLogin:
    """Logins that Twitch answers."""

    def __init__(self, *, sessions: Sessions, bindings: Bindings, parts: LoginParts) -> None:
        self._sessions, self._bindings = sessions, bindings
        self._flow, self._signing_in = parts.flow, parts.signing_in
        self._devices, self._permissions = parts.devices, parts.permissions

    async def providers(self, request: web.Request) -> web.Response:
        """GET `/api/auth/providers`."""
        return told(
            Providers(
                twitch=Provider(
                    id="twitch",
                    name="Twitch",
                    type="oauth",
                    signinUrl=SIGN_IN_PATH,
                    callbackUrl=self._flow.redirect_uri,
                )
            )
        )

    async def sign_in(self, request: web.Request) -> web.Response:
        """GET `/api/auth/sign-in`: on to Twitch. Who is signed in and asks for features answers as himself."""
        asked = query_of(request, SignInQuery)
        watches = asked.role == "viewer"
        return_to = local_path(asked.return_to or (PARTIES if watches else ""))
        session = await self._sessions.read(request)
        features = [name for name in asked.features.split(",") if name and not watches]
        again = self._streamer(session) if features else ""
        binding = self._bindings.fresh(request)
        url = await self._flow.begin(
            purpose=VIEWER if watches else SIGN_IN,
            scopes=() if asked.role != "streamer" else await self._permissions.to_ask(again, features),
            return_to=return_to,
            binding=binding,
            subject=again,
            ask_who=bool(asked.choose),
        )
        return self._on_to(url, binding)

    async def bot(self, request: web.Request) -> web.Response:
        """GET `/api/auth/bot`: on to Twitch, for the account that is to speak in this channel."""
        return_to = local_path(query_of(request, BotQuery).return_to or "/account")
        channel_id = request[CHANNEL]
        if request[SESSION].subject != channel_id:
            raise Rejected("Sign in with Twitch as the streamer.", code="account.not_with_twitch")
        binding = self._bindings.fresh(request)
        url = await self._flow.begin(
            purpose=BOT,
            scopes=BOT_SCOPES,
            return_to=return_to,
            binding=binding,
            channel_id=channel_id,
            by=request[SESSION].subject,
            ask_who=True,
        )
        return self._on_to(url, binding)

    async def callback(self, request: web.Request) -> web.Response:
        """GET `/api/auth/callback/twitch`: Twitch's answer. Whatever is wrong leads to a page that says so."""
        binding = self._bindings.of(request)
        try:
            session = await self._sessions.read(request)
            arrived = await self._signing_in.answered(
                state=_short(request, "state"),
                code=_short(request, "code"),
                error=_short(request, "error"),
                binding=binding,
                by=self._streamer(session),
            )
            if arrived.again:
                return self._on_to(arrived.go_to, binding)
            response = _to(arrived.go_to)
            if arrived.user is not None:
                await self._enter(request, response, arrived.user)
        except LoginFailed as error:
            log.info("auth.login_failed", reason=error.reason, detail=error.message)
            return _to(ERROR_PAGE + quote(error.reason))
        except CuelightError as error:
            log.error("auth.login_broke", code=error.code, detail=error.message)
            return _to(ERROR_PAGE + "failed")
        return response

    async def device(self, request: web.Request) -> web.Response:
        """POST `/api/auth/device`: a code to type at Twitch."""
        asked = body_of(request, DeviceAsked)
        binding = self._bindings.fresh(request)
        session = await self._sessions.read(request)
        known = self._streamer(session) if asked.features else ""
        scopes = () if asked.role == "moderator" else await self._permissions.to_ask(known, asked.features)
        begun = await self._devices.begin(scopes=scopes, binding=binding)
        response = told(
            DeviceTold(
                handle=begun.handle,
                user_code=begun.user_code,
                verification_uri=begun.verification_uri,
                interval_seconds=begun.interval_seconds,
                expires_at=begun.expires_at,
            )
        )
        self._bindings.write(response, binding)
        return response

    async def device_poll(self, request: web.Request) -> web.Response:
        """POST `/api/auth/device/poll`: whether somebody has typed it."""
        asked = body_of(request, DevicePoll)
        answer = await self._devices.poll(handle=asked.handle, binding=self._bindings.of(request))
        response = told(DeviceState(state=answer.state))
        if answer.user is not None:
            await self._enter(request, response, answer.user)
        return response

    async def _enter(self, request: web.Request, response: web.Response, user: User) -> None:
        key, _ = await self._sessions.begin(request, subject=user.id, login=user.login, name=user.name)
        self._sessions.put(response, key)

    def _streamer(self, session: Session | None) -> str:
        return session.subject if session is not None and session.channels is not None else ""

    def _on_to(self, url: str, binding: str) -> web.Response:
        response = _to(url)
        self._bindings.write(response, binding)
        return response


def _check_local(request: web.Request) -> None:
    """Raises `Denied` unless this machine asks. The name in `Host` has to be one of this machine too: else a page
    elsewhere whose name resolves to 127.0.0.1 (DNS rebinding) would count as our own origin."""
    if not request[PEER].local or (urlsplit(f"//{request.host}").hostname or "") not in _LOCAL_NAMES:
        raise Denied("The development login answers this machine only.", code="auth.not_local")


def _to(place: str) -> web.Response:
    return web.Response(status=302, headers={"Location": place})


def _short(request: web.Request, name: str) -> str:
    """A parameter of Twitch's answer; what is longer than any of theirs is none."""
    value = request.query.get(name, "")
    return value if len(value) <= 200 else ""
