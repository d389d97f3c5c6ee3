"""id.twitch.tv, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import CuelightError
from gateways.http import Answer
from gateways.twitch.contracts import TwitchBroken, TwitchDown
from gateways.twitch.oauth import Grant, GrantDead, LoginRefused, TwitchOAuth
from tests.gateways.twitch.scripted import CLIENT_ID, CLIENT_SECRET, Rig, Says, html, rigged

GRANT = {
    "access_token": "newnewnewnewnewnewnewnewnew001",
    "refresh_token": "rrrrrrrrrrrrrrrrrrrrrrrrrrrr01",
    "expires_in": 14000,
    "scope": ["bits:read"],
    "token_type": "bearer",
}
APP = {"access_token": "appappappappappappappappapp001", "expires_in": 5_000_000, "token_type": "bearer"}


def no(status: int, message: str) -> Says:
    """The error object of id.twitch.tv: no `error`."""
    return Says(status, {"status": status, "message": message})


def form(rig: Rig, call: int = -1) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(rig.twitch.heard[call].body).items()}


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


def test_authorize_url(rig: Rig) -> None:
    url = rig.oauth.authorize_url(
        redirect_uri="https://a.example/back?x=1",
        scopes=["bits:read", "user:bot"],
        state="s&t",
        force_verify=True,
    )
    assert url.startswith(f"{rig.twitch.url}/oauth2/authorize?")
    assert {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()} == {
        "client_id": CLIENT_ID,
        "redirect_uri": "https://a.example/back?x=1",
        "response_type": "code",
        "scope": "bits:read user:bot",
        "state": "s&t",
        "force_verify": "true",
    }
    assert "nonce=n" in rig.oauth.authorize_url(redirect_uri="https://a/", scopes=[], state="s", nonce="n")


async def test_exchange(rig: Rig) -> None:
    rig.twitch.on("POST", "/token", Says(200, GRANT))
    grant = await rig.oauth.exchange("the code", "https://a.example/back")
    assert grant == Grant(GRANT["access_token"], GRANT["refresh_token"], ("bits:read",), 14000)  # type: ignore[arg-type]
    assert form(rig) == {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "grant_type": "authorization_code",
        "code": "the code",
        "redirect_uri": "https://a.example/back",
    }


async def test_refresh_sends_the_token_encoded(rig: Rig) -> None:
    rig.twitch.on("POST", "/token", Says(200, {**GRANT, "scope": "bits:read user:bot"}))
    grant = await rig.oauth.refresh("a+b/c=&d")
    assert grant.scopes == ("bits:read", "user:bot"), "scopes may come as one string"
    assert form(rig)["refresh_token"] == "a+b/c=&d"
    assert rig.twitch.heard[0].query == ()


async def test_a_public_client_sends_no_secret(rig: Rig) -> None:
    rig.twitch.on("POST", "/token", Says(200, GRANT))
    public = TwitchOAuth(
        http=rig.http,
        id_url=f"{rig.twitch.url}/oauth2/",
        client_id="public",
        client_secret="",
        clock=rig.clock,
        metrics=rig.counts,
    )
    await public.refresh("r")
    assert "client_secret" not in form(rig)


async def test_validate(rig: Rig) -> None:
    answers = {"client_id": "c", "login": "ann", "scopes": ["bits:read"], "user_id": "7", "expires_in": 60}
    rig.twitch.on("GET", "/validate", Says(200, answers))
    seen = await rig.oauth.validate("token")
    assert seen is not None
    assert (seen.client_id, seen.user_id, seen.login, seen.scopes, seen.expires_in) == (
        "c",
        "7",
        "ann",
        ("bits:read",),
        60,
    )
    assert rig.twitch.heard[0].headers["Authorization"] == "OAuth token"


async def test_validate_of_an_app_token(rig: Rig) -> None:
    rig.twitch.on(
        "GET", "/validate", Says(200, {"client_id": "c", "login": None, "scopes": None, "expires_in": 60})
    )
    seen = await rig.oauth.validate("token")
    assert seen is not None
    assert (seen.user_id, seen.login, seen.scopes) == ("", "", ())


@pytest.mark.parametrize("answer", [no(401, "invalid access token"), Says(401, body=b"")])
async def test_validate_of_a_bad_token(rig: Rig, answer: Says) -> None:
    rig.twitch.on("GET", "/validate", answer)
    assert await rig.oauth.validate("token") is None


@pytest.mark.parametrize(
    ("answer", "ended"), [(Says(200, body=b""), True), (no(400, "Invalid token"), False)]
)
async def test_revoke(rig: Rig, answer: Says, ended: bool) -> None:
    rig.twitch.on("POST", "/revoke", answer)
    assert await rig.oauth.revoke("token") is ended
    assert form(rig) == {"client_id": CLIENT_ID, "token": "token"}


async def test_device_flow(rig: Rig) -> None:
    code = {
        "device_code": "dc",
        "user_code": "ABCD",
        "verification_uri": "https://www.twitch.tv/activate",
        "expires_in": 1800,
        "interval": 5,
    }
    rig.twitch.on("POST", "/device", Says(200, code))
    rig.twitch.on(
        "POST", "/token", no(400, "authorization_pending"), Says(200, GRANT), no(400, "invalid device code")
    )
    device = await rig.oauth.start_device(["bits:read"])
    assert (device.user_code, device.interval, device.expires_in) == ("ABCD", 5, 1800)
    assert "dc" not in repr(device).replace("device_code", "")
    assert await rig.oauth.poll_device("dc", ["bits:read"]) is None
    grant = await rig.oauth.poll_device("dc", ["bits:read"])
    assert grant is not None
    with pytest.raises(LoginRefused):
        await rig.oauth.poll_device("dc", ["bits:read"])


CALLS: dict[str, Callable[[TwitchOAuth], Awaitable[Any]]] = {
    "exchange": lambda oauth: oauth.exchange("code", "https://a/"),
    "refresh": lambda oauth: oauth.refresh("r"),
    "validate": lambda oauth: oauth.validate("t"),
    "revoke": lambda oauth: oauth.revoke("t"),
    "app_grant": lambda oauth: oauth.app_grant(),
    "start_device": lambda oauth: oauth.start_device(["bits:read"]),
    "poll_device": lambda oauth: oauth.poll_device("d", ["bits:read"]),
}
PATHS = [("POST", "/token"), ("GET", "/validate"), ("POST", "/revoke"), ("POST", "/device")]


def everywhere(rig: Rig, *answers: Says) -> None:
    for method, path in PATHS:
        rig.twitch.on(method, path, *answers)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (html(500), TwitchDown),
        (html(503), TwitchDown),
        (no(429, "slow down"), TwitchDown),
        (Says(drop=True), TwitchDown),
        (Says(500, body=b"x" * 3_000_000), TwitchDown),
        (html(404), TwitchBroken),
        (html(401), TwitchBroken),
        (no(400, "invalid client"), TwitchBroken),
        (no(403, "invalid client secret"), TwitchBroken),
        (Says(302, headers={"Location": "/"}), TwitchBroken),
        (Says(418, body=b"[]"), TwitchBroken),
    ],
)
async def test_answers_that_decide_nothing(
    rig: Rig, call: str, answer: Says, error: type[CuelightError]
) -> None:
    everywhere(rig, answer)
    with pytest.raises(error):
        await CALLS[call](rig.oauth)


@pytest.mark.parametrize("call", [name for name in CALLS if name != "revoke"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b"null",
        b'{"access_token":5}',
        b'{"access_token":"a","refresh_token":"","expires_in":5}',
        b'{"access_token":"a","refresh_token":"r","expires_in":true}',
        b'{"access_token":"a","refresh_token":"r","expires_in":-5}',
        b'{"access_token":"","refresh_token":"r","expires_in":5}',
        b'{"access_token":"a","refresh_token":"r","expires_in":5,"scope":[1]}',
        b"x" * 3_000_000,
    ],
)
async def test_successes_of_a_wrong_shape(rig: Rig, call: str, body: bytes) -> None:
    if call == "app_grant" and b'"refresh_token":""' in body:
        return  # an app token has none
    everywhere(rig, Says(200, body=body))
    with pytest.raises(TwitchBroken):
        await CALLS[call](rig.oauth)


@pytest.mark.parametrize("message", ["Invalid refresh token", "missing refresh token", ""])
@pytest.mark.parametrize("status", [400, 401])
async def test_a_dead_grant(rig: Rig, status: int, message: str) -> None:
    everywhere(rig, no(status, message))
    with pytest.raises(GrantDead):
        await rig.oauth.refresh("r")


async def test_a_code_that_is_not_taken(rig: Rig) -> None:
    everywhere(rig, no(400, "Invalid authorization code"))
    with pytest.raises(LoginRefused, match="Invalid authorization code"):
        await rig.oauth.exchange("c", "https://a/")


async def test_no_answer_in_time() -> None:
    async with rigged(call_seconds=0.1) as rig:
        hold = asyncio.Event()
        rig.twitch.on("POST", "/token", Says(hold=hold))
        with pytest.raises(TwitchDown):
            await rig.oauth.refresh("r")
        hold.set()


async def test_no_secret_in_any_repr_or_error(rig: Rig) -> None:
    grant = Grant("access-secret", "refresh-secret", (), 5)
    assert "secret" not in repr(grant)
    everywhere(rig, Says(200, {"access_token": "access-secret", "refresh_token": 5}))
    with pytest.raises(TwitchBroken) as caught:
        await rig.oauth.exchange("code-secret", "https://a/")
    told = f"{caught.value!r} {caught.value.body} {caught.value.message}"
    assert "access-secret" not in told
    assert "code-secret" not in told


async def test_the_app_token_is_kept_and_fetched_once(rig: Rig) -> None:
    rig.twitch.on("POST", "/token", Says(200, APP), Says(200, {**APP, "access_token": "second"}))
    tokens = await asyncio.gather(*(rig.app_token.access_token() for _ in range(50)))
    assert set(tokens) == {APP["access_token"]}
    assert len(rig.twitch.heard) == 1
    assert form(rig)["grant_type"] == "client_credentials"
    refreshed = await asyncio.gather(*(rig.app_token.refresh(str(APP["access_token"])) for _ in range(50)))
    assert set(refreshed) == {"second"}
    assert len(rig.twitch.heard) == 2
    assert await rig.app_token.refresh("older") == "second"


async def test_the_app_token_is_renewed_before_its_end(rig: Rig) -> None:
    rig.twitch.on("POST", "/token", Says(200, {**APP, "expires_in": 1000}))
    await rig.app_token.access_token()
    await rig.clock.advance(699)
    await rig.app_token.access_token()
    assert len(rig.twitch.heard) == 1
    await rig.clock.advance(2)
    await rig.app_token.access_token()
    assert len(rig.twitch.heard) == 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(200, 599), st.binary(max_size=60), st.sampled_from(sorted(CALLS)))
def test_whatever_comes_is_an_answer_or_one_of_our_errors(status: int, body: bytes, call: str) -> None:
    class Far:
        async def request(self, *args: Any, **kwargs: Any) -> Answer:
            return Answer(status, {}, body)

    async def run() -> None:
        from domain.ports import NullMetrics
        from tests.support.clock import ManualClock

        oauth = TwitchOAuth(
            http=Far(),  # type: ignore[arg-type]
            id_url="http://x",
            client_id="c",
            client_secret="s",
            clock=ManualClock(),
            metrics=NullMetrics(),
        )
        try:
            await CALLS[call](oauth)
        except CuelightError:
            return

    asyncio.run(run())
