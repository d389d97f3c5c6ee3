"""Sessions, CSRF, and the development login and its refusals."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from aiohttp import ClientSession, CookieJar, DummyCookieJar
from yarl import URL

from domain.errors import Denied, NotFound, Rejected
from tests.support.clock import ManualClock
from tests.web.world import SESSION_SECRET, World, running, settings
from web.auth import Sessions, check_development_login, visible_channel
from web.keys import Session


def cookie_of(world: World) -> str:
    return world.client.cookie_jar.filter_cookies(URL(world.url("/")))["cuelight"].value


async def get(world: World, path: str, **headers: str) -> tuple[int, Any]:
    async with world.client.get(world.url(path), headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def post(world: World, path: str, **options: Any) -> tuple[int, Any, Any]:
    async with world.client.post(world.url(path), allow_redirects=False, **options) as response:
        body = (
            await response.json(content_type=None)
            if "json" in response.content_type
            else await response.text()
        )
        return response.status, body, response.headers


# the session


async def test_nobody_is_signed_in_at_first(world: World) -> None:
    status, body = await get(world, "/api/auth/session")
    assert status == 200
    assert body == {"signed_in": False, "name": "", "channels": [], "development_login": True}


async def test_signing_in_shows_the_channels_and_sets_a_careful_cookie(world: World) -> None:
    status, body, headers = await post(world, "/api/auth/dev")
    assert status == 200
    assert body["signed_in"]
    assert [channel["id"] for channel in body["channels"]] == ["100", "200"]
    cookie = headers["Set-Cookie"]
    assert cookie.startswith("cuelight=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie
    assert (await get(world, "/api/auth/session"))[1] == body


async def test_a_form_is_sent_back_to_the_page(world: World) -> None:
    status, _, headers = await post(
        world, "/api/auth/dev", headers={"Accept": "text/html,*/*"}, data={"go": "1"}
    )
    assert (status, headers["Location"]) == (303, "/")
    assert (await get(world, "/api/auth/session"))[1]["signed_in"]


async def test_over_https_the_cookie_is_secure_and_bound_to_the_host() -> None:
    async with running(public_url="https://vip.example.org", development_login=False) as world:
        sessions = Sessions(clock=world.clock, secret=SESSION_SECRET, secure=True)
        from aiohttp import web

        response = web.Response()
        sessions.put(response, sessions.new(subject="1", name="Anna", channels=frozenset({"100"})))
        morsel = response.cookies["__Host-cuelight"]
        assert morsel["secure"]
        assert morsel["httponly"]
        headers = {"Cookie": f"__Host-cuelight={morsel.value}"}
        status, body = await get(world, "/api/auth/session", **headers)
        assert status == 200
        assert body["name"] == "Anna"
        assert [channel["id"] for channel in body["channels"]] == ["100"]
        status, body = await get(world, "/api/ws?channel=200", **headers)
        assert (status, body["code"]) == (403, "auth.forbidden")


async def test_a_session_ends_after_twelve_hours(world: World) -> None:
    await world.sign_in()
    world.clock.step_wall(12 * 3600 * 1000 - 2000)
    assert (await get(world, "/api/auth/session"))[1]["signed_in"]
    world.clock.step_wall(3000)
    assert not (await get(world, "/api/auth/session"))[1]["signed_in"]


def forged(**changes: Any) -> dict[str, Any]:
    claims = {"iss": "cuelight", "sub": "x", "name": "X", "channels": None, "csrf": "c", "exp": 4_000_000_000}
    return {name: value for name, value in (claims | changes).items() if value is not ...}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rubbish",
        "a.b.c",
        "x" * 5000,
        jwt.encode(forged(), "another secret of at least 32 bytes!", algorithm="HS256"),
        jwt.encode(forged(), None, algorithm="none"),
        jwt.encode(forged(iss="other"), SESSION_SECRET, algorithm="HS256"),
        jwt.encode(forged(exp=...), SESSION_SECRET, algorithm="HS256"),
        jwt.encode(forged(exp="soon"), SESSION_SECRET, algorithm="HS256"),
        jwt.encode(forged(csrf=...), SESSION_SECRET, algorithm="HS256"),
        jwt.encode(forged(channels=...), SESSION_SECRET, algorithm="HS256"),
        jwt.encode(forged(channels=5), SESSION_SECRET, algorithm="HS256"),
        jwt.encode(forged(), SESSION_SECRET + SESSION_SECRET, algorithm="HS512"),
    ],
)
async def test_a_cookie_that_is_not_ours_is_no_session(token: str) -> None:
    async with running() as world, ClientSession(cookie_jar=DummyCookieJar()) as client:
        headers = {"Cookie": f"cuelight={token}"}
        async with client.get(world.url("/api/auth/session"), headers=headers) as response:
            assert response.status == 200
            assert not (await response.json())["signed_in"]


async def test_our_own_cookie_made_by_hand_is_a_session(world: World) -> None:
    """So that the test above refuses for the right reasons."""
    token = jwt.encode(forged(), SESSION_SECRET, algorithm="HS256")
    assert (await get(world, "/api/auth/session", Cookie=f"cuelight={token}"))[1]["signed_in"]


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(Rejected, match="SESSION_SECRET"):
        Sessions(clock=ManualClock(), secret="too short", secure=False)


# writes


async def token_of(world: World) -> str:
    status, body = await get(world, "/api/auth/csrf")
    assert status == 200
    return str(body["token"])


async def test_signing_out(world: World) -> None:
    await world.sign_in()
    headers = {"X-CSRF-Token": await token_of(world), "Origin": world.url("")}
    status, body, _ = await post(world, "/api/auth/sign-out", headers=headers)
    assert (status, body) == (200, {"signed_in": False})
    assert not (await get(world, "/api/auth/session"))[1]["signed_in"]


async def test_a_write_without_the_right_token_is_refused(world: World) -> None:
    await world.sign_in()
    for token in (None, "", "wrong", "ü"):
        headers = {"Origin": world.url("")} | ({} if token is None else {"X-CSRF-Token": token})
        status, body, _ = await post(world, "/api/auth/sign-out", headers=headers)
        assert (status, body["code"]) == (403, "csrf.token")
    assert (await get(world, "/api/auth/session"))[1]["signed_in"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "ü"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_a_write_from_elsewhere_is_refused_even_with_the_token(
    world: World, headers: dict[str, str]
) -> None:
    await world.sign_in()
    given = headers | {"X-CSRF-Token": await token_of(world)}
    status, body, _ = await post(world, "/api/auth/sign-out", headers=given)
    assert (status, body["code"]) == (403, "csrf.origin")


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://127.0.0.1"}])
async def test_a_write_of_our_own_page_is_let_through(world: World, headers: dict[str, str]) -> None:
    await world.sign_in()
    given = headers | {"X-CSRF-Token": await token_of(world)}
    assert (await post(world, "/api/auth/sign-out", headers=given))[0] == 200


async def test_the_token_of_one_session_is_not_that_of_another(world: World) -> None:
    await world.sign_in()
    first = await token_of(world)
    await world.sign_in()
    status, body, _ = await post(
        world, "/api/auth/sign-out", headers={"X-CSRF-Token": first, "Origin": world.url("")}
    )
    assert (status, body["code"]) == (403, "csrf.token")


@pytest.mark.parametrize("path", ["/api/auth/csrf", "/api/audit-log?channel=100"])
async def test_what_needs_a_session_says_401_without(world: World, path: str) -> None:
    status, body = await get(world, path)
    assert (status, body["code"]) == (401, "auth.signed_out")


# the development login


async def test_it_does_not_exist_unless_asked_for() -> None:
    async with running(development_login=False) as world:
        status, body, _ = await post(world, "/api/auth/dev")
        assert (status, body["code"]) == (404, "http.not_found")
        assert not (await get(world, "/api/auth/session"))[1]["development_login"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"public_url": "https://vip.example.org"}, "https"),
        ({"on_cloud_run": True}, "Cloud Run"),
        ({"public_url": "https://vip.example.org", "on_cloud_run": True}, "Cloud Run"),
    ],
)
async def test_building_with_it_is_refused_where_strangers_come(options: dict[str, Any], words: str) -> None:
    with pytest.raises(Rejected, match=words) as caught:
        async with running(**options):
            raise AssertionError("not reached")
    assert caught.value.code == "web.development_login"
    assert settings(**options)


def test_it_may_be_built_on_ones_own_machine() -> None:
    check_development_login(public_url="http://127.0.0.1:8080", on_cloud_run=False)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-Ip": "127.0.0.1"},
        {"Host": "rebound.example"},
        {"Host": "127.0.0.1.rebound.example:80"},
    ],
)
async def test_it_refuses_who_may_come_from_elsewhere(world: World, headers: dict[str, str]) -> None:
    status, body, answer = await post(world, "/api/auth/dev", headers=headers)
    assert (status, body["code"]) == (403, "auth.not_local")
    assert "Set-Cookie" not in answer


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "localhost:8080"])
async def test_it_answers_to_the_names_of_this_machine(world: World, host: str) -> None:
    assert (await post(world, "/api/auth/dev", headers={"Host": host}))[0] == 200


async def test_another_site_cannot_sign_us_in(world: World) -> None:
    status, body, _ = await post(world, "/api/auth/dev", headers={"Origin": "http://evil.example"})
    assert (status, body["code"]) == (403, "csrf.origin")


async def test_behind_a_trusted_proxy_the_client_counts() -> None:
    import ipaddress

    async with running(trusted_proxies=(ipaddress.ip_network("127.0.0.0/8"),)) as world:
        status, _, _ = await post(world, "/api/auth/dev", headers={"X-Forwarded-For": "203.0.113.9"})
        assert status == 403
        assert (await post(world, "/api/auth/dev"))[0] == 200


async def test_signed_cookies_of_two_clients_differ(world: World) -> None:
    await world.sign_in()
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as other:
        await world.sign_in(other)
        assert cookie_of(world) != other.cookie_jar.filter_cookies(URL(world.url("/")))["cuelight"].value


# channels


async def test_visible_channel(world: World) -> None:
    anna = Session("1", "Anna", frozenset({"100", "300"}), "c", 0)
    assert (await visible_channel(anna, "100", world.outside))["login"] == "anna"
    with pytest.raises(Denied):
        await visible_channel(anna, "200", world.outside)
    with pytest.raises(NotFound):
        await visible_channel(anna, "300", world.outside)
    with pytest.raises(Rejected):
        await visible_channel(anna, "", world.outside)
