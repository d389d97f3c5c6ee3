"""Sessions, CSRF, and the development login and its refusals."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar, DummyCookieJar
from yarl import URL

from domain.errors import Rejected
from handlers.accounts.sessions import IDLE_MS, RoleName
from tests.web.world import World, running, settings
from web.auth import check_development_login


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
    assert body == {
        "signed_in": False,
        "user": None,
        "name": "",
        "channels": [],
        "expires_at": None,
        "sign_in_url": "/api/auth/sign-in",
        "development_login": True,
        "needs_setup": False,
    }
    world.logins.nobody = True
    assert (await get(world, "/api/auth/session"))[1]["needs_setup"]


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


async def signed_in_as(world: World, subject: str, **roles: RoleName) -> dict[str, str]:
    """The headers of somebody with these roles; channels are called c100, c200."""
    world.logins.roles[subject] = {channel.removeprefix("c"): role for channel, role in roles.items()}
    key, _ = await world.logins.open(
        subject=subject, login=subject, name=subject.title(), agent="", replaces=""
    )
    return {"Cookie": f"cuelight={key}"}


async def test_one_sees_the_channels_in_which_one_has_a_role(world: World) -> None:
    headers = await signed_in_as(world, "mia", c100="moderator", c200="owner", c300="owner")
    told = (await get(world, "/api/auth/session", **headers))[1]
    assert told["user"] == {"id": "mia", "login": "mia", "name": "Mia"}
    assert [(one["id"], one["role"]) for one in told["channels"]] == [("100", "moderator"), ("200", "owner")]
    assert told["expires_at"] > world.clock.now()


async def test_a_session_that_is_over_is_none(world: World) -> None:
    await world.sign_in()
    assert (await get(world, "/api/auth/session"))[1]["signed_in"]
    world.clock.step_wall(IDLE_MS)
    assert not (await get(world, "/api/auth/session"))[1]["signed_in"]


@pytest.mark.parametrize(
    "token", ["", "rubbish", "a.b.c", "x" * 5000, "../../etc", "ü" * 43, "eyJhbGciOiJub25lIn0.e30."]
)
async def test_a_cookie_that_is_not_ours_is_no_session(token: str) -> None:
    async with running() as world, ClientSession(cookie_jar=DummyCookieJar()) as client:
        headers = {"Cookie": f"cuelight={token}"}
        async with client.get(world.url("/api/auth/session"), headers=headers) as response:
            assert response.status == 200
            assert not (await response.json())["signed_in"]


async def test_a_short_secret_is_refused() -> None:
    with pytest.raises(Rejected, match="SESSION_SECRET"):
        async with running(session_secret="too short"):
            raise AssertionError("not reached")


# roles


async def test_a_role_is_needed_and_looked_up_with_each_request(world: World) -> None:
    headers = await signed_in_as(world, "mia", c100="moderator")
    assert (await get(world, "/api/audit-log", **headers))[0] == 200, "who has one channel need not name it"
    assert (await get(world, "/api/audit-log?channel=100", **headers))[0] == 200
    assert (await get(world, "/api/audit-log?channel=200", **headers))[1]["code"] == "auth.forbidden"
    world.logins.roles["mia"] = {"100": "moderator", "200": "owner"}
    assert (await get(world, "/api/audit-log", **headers))[1]["code"] == "web.channel"
    world.logins.roles["mia"] = {}
    assert (await get(world, "/api/audit-log?channel=100", **headers))[1]["code"] == "auth.forbidden"


# writes


async def token_of(world: World) -> str:
    status, body = await get(world, "/api/auth/csrf")
    assert status == 200
    assert body["csrfToken"] == body["token"]
    return str(body["token"])


@pytest.mark.parametrize("path", ["/api/auth/sign-out", "/api/auth/signout"])
async def test_signing_out_ends_the_session_on_the_server_too(world: World, path: str) -> None:
    await world.sign_in()
    kept = cookie_of(world)
    headers = {"X-CSRF-Token": await token_of(world), "Origin": world.url("")}
    status, body, answered = await post(world, path, headers=headers)
    assert (status, body) == (200, {"signed_in": False})
    assert 'cuelight=""' in answered["Set-Cookie"]
    assert "Max-Age=0" in answered["Set-Cookie"]
    assert not (await get(world, "/api/auth/session"))[1]["signed_in"]
    assert not (await get(world, "/api/auth/session", Cookie=f"cuelight={kept}"))[1]["signed_in"]


async def test_signing_out_everywhere(world: World) -> None:
    for _ in range(2):  # the first ends when the second begins in the same browser
        await world.sign_in()
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as other:
        await world.sign_in(other)
        headers = {"X-CSRF-Token": await token_of(world), "Origin": world.url("")}
        status, body, _ = await post(world, "/api/auth/sign-out-everywhere", headers=headers)
        assert (status, body) == (200, {"signed_in": False, "sessions": 2})
        async with other.get(world.url("/api/auth/csrf")) as response:
            assert response.status == 401


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


async def test_who_may_see_every_channel_is_told_of_one_that_is_not_there(world: World) -> None:
    await world.sign_in()
    for path in ("/api/audit-log", "/api/audit-log/export", "/api/ws"):
        for channel in ("999", "100%0d%0aX-Evil:1"):
            status, told = await get(world, f"{path}?channel={channel}")
            assert (status, told["code"]) == (404, "web.no_channel"), path
            assert told["advice"]
