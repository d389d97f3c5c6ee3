"""The two cookies: their flags, what they hold, and what they are worth."""

from __future__ import annotations

from http.cookies import Morsel

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from domain.errors import Rejected
from tests.support.clock import ManualClock
from tests.web.logins import MemoryLogins
from web.auth_sessions import BINDING_SECONDS, Bindings, Sessions, cookie_name
from web.keys import Role

SECRET = "a session secret of more than 32 bytes"


def asked(**cookies: str) -> web.Request:
    headers = {
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "User-Agent": "Firefox",
    }
    return make_mocked_request("GET", "/", headers=headers)


def careful(morsel: Morsel[str], *, secure: bool) -> None:
    assert morsel["httponly"]
    assert morsel["samesite"] == "Lax"
    assert morsel["path"] == "/"
    assert morsel["domain"] == ""
    assert bool(morsel["secure"]) is secure


@pytest.mark.parametrize("secure", [True, False])
async def test_the_cookie_of_a_session(secure: bool) -> None:
    logins = MemoryLogins(ManualClock(), roles={"1": {"1": "owner", "2": "moderator"}})
    sessions = Sessions(logins=logins, secure=secure)
    assert sessions.cookie == ("__Host-cuelight" if secure else "cuelight")
    planted = "p" * 43
    logins.held[planted] = (await logins.open(subject="9", login="x", name="X", agent="", replaces=""))[1]
    key, session = await sessions.begin(
        asked(**{sessions.cookie: planted}), subject="1", login="anna", name="Anna"
    )
    assert planted not in logins.held, "what the browser had before is over"
    assert logins.agents[-1] == "Firefox"
    response = web.Response()
    sessions.put(response, key)
    careful(response.cookies[sessions.cookie], secure=secure)
    assert response.cookies[sessions.cookie].value == key
    read = await sessions.read(asked(**{sessions.cookie: key}))
    assert read == session
    assert (session.subject, session.login, session.name) == ("1", "anna", "Anna")
    assert session.channels == {"1": Role.OWNER, "2": Role.MODERATOR}
    assert await sessions.read(asked(**{sessions.cookie: session.id})) is None, "the id is no key"
    wrong = "cuelight" if secure else "__Host-cuelight"
    assert await sessions.read(asked(**{wrong: key})) is None
    sessions.clear(response)
    careful(response.cookies[sessions.cookie], secure=secure)
    assert response.cookies[sessions.cookie]["max-age"] == "0"


async def test_a_request_is_looked_up_once() -> None:
    logins = MemoryLogins(ManualClock())
    sessions = Sessions(logins=logins, secure=False)
    request = asked(cuelight="k" * 43)
    assert await sessions.read(request) is None
    assert await sessions.read(request) is None
    assert logins.looked == 1


def test_a_binding_is_ours_or_none() -> None:
    bindings = Bindings(secret=SECRET, secure=False)
    response = web.Response()
    text = bindings.fresh(asked())
    bindings.write(response, text)
    morsel = response.cookies["cuelight-login"]
    careful(morsel, secure=False)
    assert morsel["max-age"] == str(BINDING_SECONDS)
    again = asked(**{"cuelight-login": morsel.value})
    assert bindings.of(again) == text
    assert bindings.fresh(again) == text, "all tabs share one"
    assert bindings.fresh(asked()) != text
    for value in (
        "",
        text,
        f"{text}.",
        f"{text}.x",
        f".{morsel.value}",
        f"x{morsel.value}",
        "." * 300,
        "ü.ü",
    ):
        assert bindings.of(asked(**{"cuelight-login": value})) == ""
    other = Bindings(secret=SECRET + "!", secure=False)
    assert other.of(again) == ""


def test_over_https_it_is_bound_to_the_host() -> None:
    bindings = Bindings(secret=SECRET, secure=True)
    response = web.Response()
    bindings.write(response, "x")
    careful(response.cookies["__Host-cuelight-login"], secure=True)
    assert cookie_name("a", secure=False) == "a"


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(Rejected, match="SESSION_SECRET"):
        Bindings(secret="too short", secure=False)
