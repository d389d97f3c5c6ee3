"""id.twitch.tv: authorize (with its consent page), token, device, validate, revoke.

Who has agreed is remembered in a cookie, as a login at Twitch is: the next time the same is asked, Twitch sends the
browser back at once, unless `force_verify` is set. With `sim_user=<id or login>` in the address somebody agrees
without the page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from simulators.twitch.consent_page import Asking, consent_page, device_page, plain_page
from simulators.twitch.errors import ApiError
from simulators.twitch.moment import now_ms
from simulators.twitch.stage import KNOWN_SCOPES, Stage
from simulators.twitch.tokens import Token
from simulators.twitch.world import User

_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_LOGGED_IN = "simulated-twitch-login"
_MOST_PEOPLE = 60
_ASKED = ("client_id", "redirect_uri", "response_type", "scope", "state", "force_verify")


@dataclass
class _Code:
    """What an authorization code stands for."""

    client_id: str
    user_id: str
    scopes: tuple[str, ...]
    redirect_uri: str
    expires_at: int


@dataclass
class _Device:
    """A device flow under way; `user_id` is set once somebody has agreed."""

    client_id: str
    scopes: tuple[str, ...]
    user_code: str
    expires_at: int
    user_id: str | None = None


class Identity:
    """The endpoints under /oauth2 and the device page /activate."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._codes: dict[str, _Code] = {}
        self._devices: dict[str, _Device] = {}
        self._grants: dict[str, Callable[[Mapping[str, str]], Token]] = {
            "authorization_code": self._from_code,
            "refresh_token": self._from_refresh_token,
            "client_credentials": self._for_application,
            _DEVICE_GRANT: self._from_device,
        }

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/oauth2/authorize", self._guard(self._ask))
        app.router.add_post("/oauth2/authorize", self._guard(self._answer))
        app.router.add_post("/oauth2/token", self._guard(self._token))
        app.router.add_post("/oauth2/device", self._guard(self._device))
        app.router.add_get("/oauth2/validate", self._guard(self._validate))
        app.router.add_post("/oauth2/revoke", self._guard(self._revoke))
        app.router.add_get("/activate", self._guard(self._ask_device))
        app.router.add_post("/activate", self._guard(self._answer_device))

    def approve_device(self, user_code: str, user_id: str) -> None:
        """The user types the code and agrees. Raises ApiError 404 for an unknown code."""
        for device in self._devices.values():
            if device.user_code == user_code:
                device.user_id = user_id
                return
        raise ApiError(404, "no such user code")

    def _guard(
        self, handler: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                return await handler(request)
            except ApiError as error:
                self._stage.ledger.write(
                    "rejected",
                    by="twitch",
                    status=error.status,
                    method=request.method,
                    path=request.path,
                    message=error.message,
                )
                return web.json_response(error.identity_body(), status=error.status)

        return handle

    # Authorization code

    def _check_request(self, query: Mapping[str, str]) -> tuple[str, str, tuple[str, ...]]:
        client = self._stage.tokens.client(query.get("client_id", ""))
        redirect_uri = query.get("redirect_uri", "")
        if not redirect_uri or (client.redirect_uris and redirect_uri not in client.redirect_uris):
            raise ApiError(400, "Parameter redirect_uri does not match registered URI")
        if query.get("response_type") != "code":
            raise ApiError(400, "unsupported response_type")
        return client.id, redirect_uri, _scopes(query.get("scope", ""))

    async def _ask(self, request: web.Request) -> web.Response:
        """The page that asks; whoever is logged in and has agreed to as much before is not asked again."""
        query = request.query
        client_id, redirect_uri, scopes = self._check_request(query)
        if "sim_user" in query:
            return self._redirect(query, query["sim_user"])
        user = self._stage.world.user(request.cookies.get(_LOGGED_IN, ""))
        if user is not None and query.get("force_verify") != "true":
            granted = self._stage.tokens.scopes_granted(client_id, user.id)
            if granted.issuperset(scopes) and self._stage.tokens.has_grant(client_id, user.id):
                return self._redirect(query, user.id)
        asking = Asking(
            application=self._stage.tokens.client(client_id).name or client_id,
            at=urlsplit(redirect_uri).netloc,
            scopes=scopes,
            hidden={name: query[name] for name in _ASKED if name in query},
            chosen=user.id if user is not None else "",
        )
        return web.Response(text=consent_page(asking, self._people()), content_type="text/html")

    async def _answer(self, request: web.Request) -> web.Response:
        form = await _form(request)
        who = "deny" if form.get("deny") else form.get("user", "")
        response = self._redirect(form, who)
        if who and who != "deny":
            response.set_cookie(_LOGGED_IN, who, httponly=True, samesite="Lax")
        return response

    def _redirect(self, query: Mapping[str, str], who: str) -> web.Response:
        client_id, redirect_uri, scopes = self._check_request(query)
        state = {"state": query["state"]} if query.get("state") else {}
        if not who or who == "deny":
            answer = {"error": "access_denied", "error_description": "The user denied you access", **state}
        else:
            code = self._stage.ids.token()
            user = self._stage.world.user(who) or self._stage.world.user_by_login(who)
            if user is None:
                raise ApiError(400, "no such user")
            until = now_ms() + round(self._stage.settings.code_s * 1000)
            self._codes[code] = _Code(client_id, user.id, scopes, redirect_uri, until)
            answer = {"code": code, "scope": " ".join(scopes), **state}
        joint = "&" if "?" in redirect_uri else "?"
        return web.Response(status=302, headers={"Location": redirect_uri + joint + urlencode(answer)})

    def _people(self) -> list[User]:
        """Who may be chosen: streamers in front."""
        world = self._stage.world
        streamers = [channel.user for channel in world.channels.values()]
        others = [user for user in world.users.values() if user.id not in world.channels]
        return [user for user in (*streamers, *others) if not user.deleted][:_MOST_PEOPLE]

    # Tokens

    async def _token(self, request: web.Request) -> web.Response:
        form = await _form(request)
        grant = self._grants.get(form.get("grant_type", ""))
        if not form.get("client_id"):
            raise ApiError(400, "missing client id")
        if grant is None:
            raise ApiError(400, "missing or invalid grant type")
        token = grant(form)
        answer: dict[str, Any] = {
            "access_token": token.value,
            "expires_in": token.expires_in(),
            "token_type": "bearer",
        }
        if token.refresh_token is not None:
            answer |= {"refresh_token": token.refresh_token, "scope": sorted(token.scopes)}
        return web.json_response(answer)

    def _from_code(self, form: Mapping[str, str]) -> Token:
        client = self._stage.tokens.authenticate_client(form["client_id"], form.get("client_secret"))
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.client_id != client.id or code.expires_at < now_ms():
            raise ApiError(400, "Invalid authorization code")
        if code.redirect_uri != form.get("redirect_uri"):
            raise ApiError(400, "Parameter redirect_uri does not match registered URI")
        return self._consent(code.user_id, client.id, code.scopes)

    def _from_refresh_token(self, form: Mapping[str, str]) -> Token:
        client = self._stage.tokens.authenticate_client(form["client_id"], form.get("client_secret"))
        if not form.get("refresh_token"):
            raise ApiError(400, "missing refresh token")
        return self._stage.tokens.refresh(client.id, form["refresh_token"])

    def _for_application(self, form: Mapping[str, str]) -> Token:
        client = self._stage.tokens.authenticate_client(form["client_id"], form.get("client_secret"))
        if client.secret is None:
            raise ApiError(403, "invalid client secret")
        return self._stage.tokens.issue_app(client.id)

    def _from_device(self, form: Mapping[str, str]) -> Token:
        code = form.get("device_code", "")
        device = self._devices.get(code)
        if device is None or device.client_id != form["client_id"] or device.expires_at < now_ms():
            raise ApiError(400, "invalid device code")
        if device.user_id is None:
            raise ApiError(400, "authorization_pending")
        del self._devices[code]
        return self._consent(device.user_id, device.client_id, device.scopes)

    def _consent(self, user_id: str, client_id: str, scopes: tuple[str, ...]) -> Token:
        user = self._stage.world.user(user_id)
        if user is None:
            raise ApiError(400, "Invalid authorization code")
        return self._stage.consent(user, client_id, scopes)

    # Device flow

    async def _device(self, request: web.Request) -> web.Response:
        form = await _form(request)
        client = self._stage.tokens.client(form.get("client_id", ""))
        settings = self._stage.settings
        code = self._stage.ids.device_code()
        until = now_ms() + round(settings.device_code_s * 1000)
        scopes = _scopes(form.get("scopes", ""))
        self._devices[code] = _Device(client.id, scopes, self._stage.ids.user_code(), until)
        user_code = self._devices[code].user_code
        return web.json_response(
            {
                "device_code": code,
                "expires_in": int(settings.device_code_s),
                "interval": int(settings.device_interval_s),
                "user_code": user_code,
                "verification_uri": f"{request.url.origin()}/activate?device-code={user_code}",
            }
        )

    async def _ask_device(self, request: web.Request) -> web.Response:
        page = device_page(request.query.get("device-code", ""), self._people())
        return web.Response(text=page, content_type="text/html")

    async def _answer_device(self, request: web.Request) -> web.Response:
        form = await _form(request)
        who = "deny" if form.get("deny") else form.get("user", "deny")
        if who != "deny":
            self.approve_device(form.get("code", "").strip().upper(), who)
        return web.Response(text=plain_page("Done", "You may close this page."), content_type="text/html")

    # Validate and revoke

    async def _validate(self, request: web.Request) -> web.Response:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme not in ("OAuth", "Bearer") or not value:
            raise ApiError(401, "missing authorization token")
        token = self._stage.tokens.find(value.strip())
        if token is None:
            raise ApiError(401, "invalid access token")
        answer: dict[str, Any] = {
            "client_id": token.client_id,
            "scopes": sorted(token.scopes),
            "expires_in": token.expires_in(),
        }
        if token.user_id is not None:
            user = self._stage.world.users[token.user_id]
            answer |= {"login": user.login, "user_id": user.id}
        return web.json_response(answer)

    async def _revoke(self, request: web.Request) -> web.Response:
        form = await _form(request)
        client = self._stage.tokens.client(form.get("client_id", ""))
        token = self._stage.tokens.revoke_access(client.id, form.get("token", ""))
        if token.user_id is not None:
            self._stage.lose_access(self._stage.world.users[token.user_id], {client.id})
        return web.Response()


def _scopes(text: str) -> tuple[str, ...]:
    scopes = tuple(text.split())
    for scope in scopes:
        if scope not in KNOWN_SCOPES:
            raise ApiError(400, f"invalid scope requested: '{scope}'")
    return scopes


async def _form(request: web.Request) -> dict[str, str]:
    """Form fields; Twitch takes them from the query string as well."""
    posted = await request.post()
    return {**request.query, **{name: value for name, value in posted.items() if isinstance(value, str)}}
