"""The endpoints of logins, with everything behind them real but the browser. Whole logins:
tests/daemon/test_wiring_accounts.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from daemon.wiring_accounts import Accounts
from domain.errors import Unavailable
from tests.handlers.accounts.twitch_page import agree
from tests.support.desk import open_scene
from tests.support.scene import Scene
from tests.support.story import StoryClock
from tests.web.world import World, running


@dataclass
class Door:
    scene: Scene
    accounts: Accounts
    world: World

    async def get(self, path: str, **headers: str) -> tuple[int, Any, str]:
        url = URL(self.world.url(path), encoded=True)
        async with self.world.client.get(url, headers=headers, allow_redirects=False) as answer:
            told = await answer.json() if "json" in answer.content_type else None
            return answer.status, told, answer.headers.get("Location", "")

    async def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        given = {"Origin": self.world.url(""), **headers}
        async with self.world.client.post(self.world.url(path), json=body, headers=given) as answer:
            return answer.status, await answer.json(content_type=None)

    async def back(self, url: str, who: str) -> str:
        """Where our callback leads after `who` has answered at Twitch."""
        query = await agree(self.scene, url, who)
        place = URL("/api/auth/callback/twitch").with_query(query)
        return (await self.get(str(place)))[2]


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Door]:
    async with open_scene(path, accounts=True, scheduler=False) as scene:
        assert scene.accounts is not None
        ports = {
            "twitch": scene.accounts.login,
            "logins": scene.accounts.parts.logins,
            "newcomers": scene.accounts.admission,
        }
        async with running(ports=ports) as world:
            yield Door(scene, scene.accounts, world)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as door:
        await door.scene.act("channels", login="anna", name="Anna")
        yield door


async def test_the_providers_are_told_as_nextauth_does(door: Door) -> None:
    status, told, _ = await door.get("/api/auth/providers")
    assert status == 200
    assert told == {
        "twitch": {
            "id": "twitch",
            "name": "Twitch",
            "type": "oauth",
            "signinUrl": "/api/auth/sign-in",
            "callbackUrl": "http://cuelight.test/api/auth/callback/twitch",
        }
    }


@pytest.mark.parametrize("path", ["/api/auth/sign-in", "/api/auth/signin", "/api/auth/signin/twitch"])
async def test_what_twitch_is_asked_for(door: Door, path: str) -> None:
    async def scopes(query: str) -> set[str]:
        status, _, place = await door.get(path + query)
        assert status == 302
        assert place.startswith(door.scene.sim.id_url + "/authorize?")
        return set(URL(place, encoded=True).query["scope"].split())

    basics = await scopes("")
    assert {"channel:manage:redemptions", "channel:manage:vips", "moderation:read"} <= basics
    assert await scopes("?features=bits,subscribers") == basics | {"bits:read", "channel:read:subscriptions"}
    assert await scopes("?features=nonsense") == basics
    assert await scopes("?role=moderator") == set()
    assert "force_verify=true" in (await door.get(path + "?choose=1"))[2]


@pytest.mark.parametrize(
    "query",
    ["?role=owner", "?nonsense=1", "?features=" + "a" * 500, "?features=BITS", "?return_to=//evil.example"],
)
async def test_what_is_malformed_is_refused(door: Door, query: str) -> None:
    status, told, _ = await door.get("/api/auth/sign-in" + query)
    assert status == 400
    assert told["code"] in ("web.parameter", "auth.return_to")


async def test_somebody_comes_in_and_where_he_wanted_to(door: Door) -> None:
    place = (await door.get("/api/auth/sign-in?return_to=/rewards"))[2]
    assert await door.back(place, "anna") == "/rewards"
    told = (await door.get("/api/auth/session"))[1]
    assert (told["signed_in"], told["name"], told["needs_setup"]) == (True, "Anna", False)


async def test_what_goes_wrong_leads_to_a_page_that_says_so(door: Door) -> None:
    place = (await door.get("/api/auth/sign-in"))[2]
    assert await door.back(place, "deny") == "/sign-in?error=access_denied"
    place = (await door.get("/api/auth/sign-in"))[2]
    await door.scene.fault("POST", "/oauth2/token", status=503)
    assert await door.back(place, "anna") == "/sign-in?error=twitch_down"
    place = (await door.get("/api/auth/sign-in"))[2]
    door.scene.store.orders.fail("logins", "insert", error=lambda: Unavailable("the store is away"))
    assert await door.back(place, "anna") == "/sign-in?error=failed"
    assert not (await door.get("/api/auth/session"))[1]["signed_in"]


async def test_a_link_to_a_login_that_was_begun_elsewhere_signs_nobody_in(door: Door) -> None:
    """Login CSRF: an attacker sends the victim the last step of his own login."""
    attackers = await door.accounts.login.flow.begin(
        purpose="sign_in", scopes=("bits:read",), return_to="/", binding="of the attacker"
    )
    assert await door.back(attackers, "anna") == "/sign-in?error=state"
    await door.get("/api/auth/sign-in")  # the victim has a binding, too
    assert await door.back(attackers, "anna") == "/sign-in?error=state"
    assert not (await door.get("/api/auth/session"))[1]["signed_in"]


async def test_the_development_login_has_no_grant_to_speak_of(door: Door) -> None:
    await door.world.sign_in()
    told = (await door.get("/api/auth/session"))[1]
    assert not told["signed_in"], "this store is no demo's: its sessions are not in force"


async def test_a_code_for_a_machine_without_address(door: Door) -> None:
    status, begun = await door.post("/api/auth/device", {"features": ["bits"]})
    assert status == 200
    assert begun["expires_at"] == door.scene.clock.now() + 1_800_000
    assert (await door.post("/api/auth/device/poll", {"handle": begun["handle"]}))[1] == {"state": "pending"}
    anna = door.scene.sim.world.user_by_login("anna")
    assert anna is not None
    await door.scene.act("device/approve", user_code=begun["user_code"], user_id=anna.id)
    assert isinstance(door.scene.clock, StoryClock)
    door.scene.clock.step_wall(5000)
    assert (await door.post("/api/auth/device/poll", {"handle": begun["handle"]}))[1] == {
        "state": "signed_in"
    }
    assert (await door.get("/api/auth/session"))[1]["name"] == "Anna"
    held = await door.scene.tokens.standing(anna.id)
    assert held is not None
    assert "bits:read" in held.scopes


@pytest.mark.parametrize(
    "body", [{}, {"handle": ""}, {"handle": 5}, {"handle": "x" * 500}, {"handle": "x", "y": 1}, []]
)
async def test_a_poll_that_is_malformed(door: Door, body: Any) -> None:
    status, told = await door.post("/api/auth/device/poll", body)
    assert (status, told["code"]) == (400, "web.body")


async def test_who_is_not_invited_is_told_so_by_code_as_well(door: Door) -> None:
    await door.back((await door.get("/api/auth/sign-in"))[2], "anna")
    ben = await door.scene.act("channels", login="ben")
    begun = (await door.post("/api/auth/device", {}))[1]
    await door.scene.act("device/approve", user_code=begun["user_code"], user_id=ben["id"])
    assert isinstance(door.scene.clock, StoryClock)
    door.scene.clock.step_wall(5000)
    status, told = await door.post("/api/auth/device/poll", {"handle": begun["handle"]})
    assert (status, told["code"]) == (403, "login.not_invited")


async def test_a_viewer_signs_in_without_scopes_and_opens_nothing_of_a_channel(door: Door) -> None:
    channel = await door.scene.channel("streamer")
    await door.scene.viewer("ann")
    status, _, url = await door.get(
        "/api/auth/sign-in?role=viewer&return_to=/party/mint-owl-7kq4xz&features=bits"
    )
    assert status == 302
    asked = URL(url, encoded=True)
    assert asked.query["scope"] == ""
    assert await door.back(url, "ann") == "/party/mint-owl-7kq4xz"
    _, told, _ = await door.get("/api/auth/session")
    assert told["signed_in"]
    assert (told["user"]["login"], told["channels"]) == ("ann", [])
    for path in ("/api/audit-log", "/api/ws"):
        assert (await door.get(path))[0] == 400, "it says of which channel"
        assert (await door.get(f"{path}?channel={channel.id}"))[0] == 403
    _, csrf, _ = await door.get("/api/auth/csrf")
    assert (await door.post("/api/auth/sign-out", **{"X-CSRF-Token": csrf["token"]}))[0] == 200
    assert not (await door.get("/api/auth/session"))[1]["signed_in"]


async def test_a_viewers_answer_counts_once_and_in_the_browser_that_began_it(door: Door) -> None:
    await door.scene.viewer("ann")
    _, _, url = await door.get("/api/auth/sign-in?role=viewer")
    query = await agree(door.scene, url, "ann")
    place = str(URL("/api/auth/callback/twitch").with_query(query))
    assert (await door.get(place))[2] == "/party"
    assert (await door.get(place))[2] == "/sign-in?error=state"
    _, _, url = await door.get("/api/auth/sign-in?role=viewer")
    query = await agree(door.scene, url, "ann")
    door.world.client.cookie_jar.clear()
    assert (await door.get(str(URL("/api/auth/callback/twitch").with_query(query))))[
        2
    ] == "/sign-in?error=state"
