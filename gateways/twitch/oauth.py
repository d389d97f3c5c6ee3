"""The endpoints of id.twitch.tv: how a grant begins, is renewed, is checked and ends.

Error bodies here are `{"status": 400, "message": "…"}`, without the `error` of Helix. A scope list may come as a list
or as one string. Sources: Twitch authentication guides (docs/facts/twitch.md).

Every call may raise `TwitchDown` (no usable answer) and `TwitchBroken` (an answer that no page foresees, or one that
says that our own client id or secret is wrong). No error carries a token, a code or the secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from domain.errors import Denied
from domain.ports import Clock, Metrics, Tasks
from gateways.http import Answer, HttpClient, HttpForbidden, HttpLost, HttpTooLarge, HttpUnreachable
from gateways.twitch.contracts import TwitchBroken, TwitchDown
from gateways.twitch.scopes import scope_text
from gateways.twitch.single_flight import SingleFlight

ID_URL = "https://id.twitch.tv/oauth2"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CALL_SECONDS = 10.0
_EARLY_SECONDS = 300  # an app token is renewed this long before its end
# What Twitch says when not the grant but the application's own registration is at fault: no grant is dead then.
_OURS = ("invalid client", "missing client", "client secret", "redirect_uri")


class GrantDead(Denied):
    """The user's grant is over (disconnected us, changed the password, token used up): only a login helps."""

    code = "twitch.grant_dead"


class LoginRefused(Denied):
    """A login did not work: the code is wrong or old, the user said no, the device code is over."""

    code = "twitch.login_refused"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token endpoint gave. `expires_in` in seconds from the answer; no refresh token for applications."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scopes: tuple[str, ...]
    expires_in: int


@dataclass(frozen=True, slots=True)
class Validation:
    """What Twitch says about a token. `user_id` and `login` are empty for an app token."""

    client_id: str
    user_id: str
    login: str
    scopes: tuple[str, ...]
    expires_in: int


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """Show `user_code` and `verification_uri`; poll each `interval` seconds, for `expires_in` seconds."""

    device_code: str = field(repr=False)
    user_code: str
    verification_uri: str
    expires_in: int
    interval: int


class TwitchOAuth:
    """One application at id.twitch.tv. `client_secret` is empty for a public client (device flow only)."""

    def __init__(
        self,
        *,
        http: HttpClient,
        id_url: str,
        client_id: str,
        client_secret: str,
        clock: Clock,
        metrics: Metrics,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._http = http
        self._id_url = id_url.rstrip("/")
        self.client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._metrics = metrics
        self._call_seconds = call_seconds

    def authorize_url(
        self,
        *,
        redirect_uri: str,
        scopes: Iterable[str],
        state: str,
        force_verify: bool = False,
        nonce: str = "",
    ) -> str:
        """Where the browser goes to consent. `state` is random, for one use; `redirect_uri` as registered."""
        query = {
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": scope_text(scopes),
            "state": state,
            "force_verify": "true" if force_verify else "false",
        }
        if nonce:
            query["nonce"] = nonce
        return f"{self._id_url}/authorize?{urlencode(query)}"

    async def exchange(self, code: str, redirect_uri: str) -> Grant:
        """The code of the redirect for a grant. Raises `LoginRefused` when Twitch does not take the code."""
        form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)]
        answer = await self._post("exchange", "/token", [*self._client(), *form])
        if answer.status in (400, 401):
            raise LoginRefused(_sentence(answer), advice="Begin the login again.")
        return _grant(answer, refreshable=True)

    async def refresh(self, refresh_token: str) -> Grant:
        """A new pair for an old one; always keep the refresh token that came back, it may be another.

        Raises `GrantDead` on 400 and 401. Never repeated here: of a public client the token is for one use.
        """
        form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)]
        answer = await self._post("refresh", "/token", [*self._client(), *form])
        if answer.status in (400, 401):
            raise GrantDead(_sentence(answer), advice="Log in again.")
        return _grant(answer, refreshable=True)

    async def validate(self, access_token: str) -> Validation | None:
        """What Twitch says about the token; none when it is not valid (any more)."""
        answer = await self._call("validate", "GET", "/validate", token=access_token)
        if answer.status == 401:
            return None
        data = _object(answer)
        try:
            return Validation(
                client_id=_text(data, "client_id"),
                user_id=_text(data, "user_id", optional=True),
                login=_text(data, "login", optional=True),
                scopes=_scopes(data.get("scopes")),
                expires_in=_seconds(data.get("expires_in")),
            )
        except ValueError as error:
            raise _unforeseen(answer) from error

    async def revoke(self, access_token: str) -> bool:
        """End a token at Twitch. False when it was not valid."""
        answer = await self._post(
            "revoke", "/revoke", [("client_id", self.client_id), ("token", access_token)]
        )
        if answer.status == 200:
            return True
        if answer.status == 400:
            return False
        raise _unforeseen(answer)

    async def app_grant(self) -> Grant:
        """A token of the application itself (client credentials): about 60 days, cannot be refreshed."""
        answer = await self._post(
            "app_token", "/token", [*self._client(), ("grant_type", "client_credentials")]
        )
        return _grant(answer, refreshable=False)

    async def start_device(self, scopes: Sequence[str]) -> DeviceCode:
        """Begin the device flow: no redirect address and no secret needed."""
        answer = await self._post(
            "device", "/device", [("client_id", self.client_id), ("scopes", scope_text(scopes))]
        )
        data = _object(answer)
        try:
            return DeviceCode(
                device_code=_text(data, "device_code"),
                user_code=_text(data, "user_code"),
                verification_uri=_text(data, "verification_uri"),
                expires_in=_seconds(data.get("expires_in", 1800)),
                interval=max(1, _seconds(data.get("interval", 5))),
            )
        except ValueError as error:
            raise _unforeseen(answer) from error

    async def poll_device(self, device_code: str, scopes: Sequence[str]) -> Grant | None:
        """None while the user has not answered. Raises `LoginRefused` when the code is wrong, used or over."""
        form = [("scopes", scope_text(scopes)), ("device_code", device_code), ("grant_type", DEVICE_GRANT)]
        answer = await self._post("device_poll", "/token", [*self._client(), *form])
        if answer.status in (400, 401):
            sentence = _sentence(answer)
            if sentence.replace(" ", "_").casefold() in ("authorization_pending", "slow_down"):
                return None
            raise LoginRefused(sentence, advice="Begin the login again.")
        return _grant(answer, refreshable=True)

    def _client(self) -> list[tuple[str, str]]:
        pairs = [("client_id", self.client_id)]
        if self._client_secret:
            pairs.append(("client_secret", self._client_secret))
        return pairs

    async def _post(self, call: str, path: str, form: Sequence[tuple[str, str]]) -> Answer:
        return await self._call(call, "POST", path, form=form)

    async def _call(
        self,
        call: str,
        method: str,
        path: str,
        *,
        form: Sequence[tuple[str, str]] | None = None,
        token: str = "",
    ) -> Answer:
        """An answer with a status that is not 5xx or 429, and that does not blame our registration."""
        begun = self._clock.monotonic()
        outcome = "failed"
        try:
            answer = await self._http.request(
                method,
                self._id_url + path,
                headers={"Authorization": f"OAuth {token}"} if token else None,
                form=form,
                timeout_seconds=self._call_seconds,
            )
            outcome = str(answer.status)
        except HttpTooLarge as error:
            outcome = error.code
            raise (TwitchDown if error.status >= 500 else TwitchBroken)(error.message) from error
        except (HttpUnreachable, HttpLost) as error:
            outcome = error.code
            raise TwitchDown(error.message) from error
        except HttpForbidden as error:
            outcome = error.code
            raise TwitchBroken(error.message) from error
        finally:
            self._metrics.count("twitch_calls_total", call=call, outcome=outcome)
            self._metrics.observe("twitch_call_seconds", self._clock.monotonic() - begun, call=call)
        if answer.status >= 500 or answer.status in (408, 429):
            raise TwitchDown(f"id.twitch.tv answered {answer.status}.", retry_after_seconds=5.0)
        if answer.status >= 400 and _is_ours(answer):
            raise TwitchBroken(
                f"id.twitch.tv does not know this application: {_sentence(answer)}.",
                status=answer.status,
                body=_sentence(answer),
            )
        return answer


class AppToken:
    """The token of the application itself, fetched when first needed and again when it ends or is refused."""

    def __init__(self, *, oauth: TwitchOAuth, clock: Clock, tasks: Tasks) -> None:
        self._oauth = oauth
        self._clock = clock
        self._token = ""
        self._good_until = 0
        self._flights: SingleFlight[str] = SingleFlight(tasks=tasks, name="twitch.app_token")

    async def access_token(self) -> str:
        """The token at hand, or a new one. Raises `TwitchDown`, `TwitchBroken`."""
        if self._token and self._clock.now() < self._good_until:
            return self._token
        return await self._flights.run("app", self._fetch)

    async def refresh(self, rejected_token: str) -> str:
        """Another one than `rejected_token`, fetched once however many ask."""
        if self._token != rejected_token:
            return await self.access_token()
        return await self._flights.run("app", self._fetch)

    async def _fetch(self) -> str:
        grant = await self._oauth.app_grant()
        self._good_until = self._clock.now() + max(60, grant.expires_in - _EARLY_SECONDS) * 1000
        self._token = grant.access_token
        return self._token


def _object(answer: Answer) -> dict[str, Any]:
    try:
        data = answer.json()
    except ValueError as error:
        raise _unforeseen(answer) from error
    if answer.status != 200 or not isinstance(data, dict):
        raise _unforeseen(answer)
    return data


def _grant(answer: Answer, *, refreshable: bool) -> Grant:
    data = _object(answer)
    try:
        return Grant(
            access_token=_text(data, "access_token"),
            refresh_token=_text(data, "refresh_token", optional=not refreshable),
            scopes=_scopes(data.get("scope")),
            expires_in=_seconds(data.get("expires_in")),
        )
    except ValueError as error:
        raise _unforeseen(answer) from error


def _text(data: dict[str, Any], name: str, *, optional: bool = False) -> str:
    value = data.get(name)
    if optional and value in (None, ""):
        return ""
    if not isinstance(value, str) or not value:
        raise ValueError(name)
    return value


def _scopes(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(value.split())
    if not isinstance(value, list) or not all(isinstance(scope, str) for scope in value):
        raise ValueError("scope")
    return tuple(value)


def _seconds(value: Any) -> int:
    """Within a year: nonsense must not end up as a date far beyond what a calendar can hold."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("expires_in")
    return min(value, 366 * 86_400)


def _sentence(answer: Answer) -> str:
    """Twitch's own words, which name no secret; "" when the body is not of the known shape."""
    try:
        data = answer.json()
    except ValueError:
        return ""
    message = data.get("message") if isinstance(data, dict) else None
    return message[:200] if isinstance(message, str) else ""


def _is_ours(answer: Answer) -> bool:
    """Also true of 4xx that are not JSON: a wrong base URL must not kill every channel's grant."""
    try:
        data = answer.json()
    except ValueError:
        return answer.status != 401 or bool(answer.body)
    if not isinstance(data, dict):
        return True
    sentence = _sentence(answer).casefold()
    return any(word in sentence for word in _OURS)


def _unforeseen(answer: Answer) -> TwitchBroken:
    # The body may hold tokens: only the status and Twitch's sentence are told.
    return TwitchBroken(
        f"id.twitch.tv answered {answer.status} in a shape that no page describes.",
        status=answer.status,
        body=_sentence(answer),
    )
