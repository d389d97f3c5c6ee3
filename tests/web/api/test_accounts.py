"""The account, the permissions and the team, over HTTP; everything behind them is real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.wiring_accounts import Accounts, team_api
from domain.inbox import RowState
from gateways.twitch.contracts import User
from handlers.vip.operations import Operations
from tests.support.desk import open_scene
from tests.support.scene import Scene
from tests.web.world import World, running
from web.api.accounts import AccountApi
from web.routes import Api


class Office:
    """A streamer who is signed in, and his moderator."""

    def __init__(self, scene: Scene, accounts: Accounts, world: World) -> None:
        self.scene, self.accounts, self.world = scene, accounts, world

    async def sign_in(self, subject: str, name: str = "Somebody") -> dict[str, str]:
        """The headers of a browser in which somebody is signed in, good for writes, too."""
        key, session = await self.accounts.parts.logins.open(
            subject=subject, login=name.lower(), name=name, agent="Firefox"
        )
        return {"Cookie": f"cuelight={key}", "X-CSRF-Token": session.csrf, "Origin": self.world.url("")}

    async def ask(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, Any]:
        async with self.world.client.request(
            method, self.world.url(path), headers=headers, json=body
        ) as answer:
            return answer.status, await answer.json(content_type=None)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_scene(tmp_path, accounts=True, scheduler=False) as scene:
        accounts = scene.accounts
        assert accounts is not None
        account = AccountApi(
            channels=scene.repositories.channels,
            permissions=accounts.login.permissions,
            speakers=accounts.parts.speakers,
            logins=accounts.parts.logins,
            operations=Operations(
                inbox=scene.repositories.inbox, intake=scene.desk.intake, clock=scene.clock, wait_seconds=0.0
            ),
            helix=scene.helix,
            clock=scene.clock,
        )
        ports = {"logins": accounts.parts.logins, "api": Api(account=account, team=team_api(accounts))}
        async with running(ports=ports, development_login=False) as world:
            yield Office(scene, accounts, world)


async def test_the_account_of_a_streamer(office: Office) -> None:
    channel = await office.scene.channel("anna")
    headers = await office.sign_in(channel.id, "Anna")
    await office.sign_in(channel.id, "Anna")
    status, told = await office.ask("GET", "/api/account", headers)
    assert status == 200
    assert told["channel"] == {
        "id": channel.id, "login": "anna", "name": "Anna", "broadcaster_type": "affiliate",
        "added_at": channel.added_at,
    }  # fmt: skip
    assert told["speaks_as"] == {"id": channel.id, "login": "anna", "name": "Anna", "kind": "self"}
    assert told["role"] == "owner"
    assert [one["agent"] for one in told["sessions"]] == ["Firefox", "Firefox"]
    assert sorted(one["current"] for one in told["sessions"]) == [False, True]
    assert (told["login_state"], told["login_detail"]) == ("good", "")


async def test_while_twitch_is_away_the_page_still_works(office: Office) -> None:
    channel = await office.scene.channel("anna")
    headers = await office.sign_in(channel.id)
    await office.scene.fault("GET", "/helix/users", times=9, status=500)
    status, told = await office.ask("GET", "/api/account", headers)
    assert (status, told["channel"]["broadcaster_type"]) == (200, "")
    assert told["speaks_as"]["name"] == "Anna"


async def test_a_moderator_sees_his_own_sessions_and_may_change_nothing(office: Office) -> None:
    channel, mia = await office.scene.channel("anna"), await office.scene.viewer("mia")
    owner, helper = await office.sign_in(channel.id), await office.sign_in(mia.id, "Mia")
    status, told = await office.ask("POST", "/api/team", owner, {"login": "mia"})
    assert status == 201
    assert told["members"] == [
        {
            "user_id": mia.id, "login": "mia", "name": "Mia", "role": "moderator", "is_moderator": False,
            "since": office.scene.clock.now(), "last_seen_at": office.scene.clock.now(),
        }
    ]  # fmt: skip
    status, told = await office.ask("GET", "/api/account", helper)
    assert (status, told["role"]) == (200, "moderator")
    assert len(told["sessions"]) == 1
    for method, path in (
        ("GET", "/api/team"), ("POST", "/api/team"), ("POST", "/api/team/moderators"), ("DELETE", "/api/team/1"),
        ("DELETE", "/api/account/bot"), ("POST", "/api/account/disconnect"),
    ):  # fmt: skip
        assert (await office.ask(method, path, helper, {}))[1]["code"] == "auth.forbidden"
    status, told = await office.ask("DELETE", f"/api/team/{mia.id}", owner)
    assert (status, told) == (200, {"members": []})
    assert (await office.ask("GET", f"/api/account?channel={channel.id}", helper))[0] == 403


@pytest.mark.parametrize("login", ["", "a b", "<b>", "x" * 26, "ü", 5, None])
async def test_only_a_login_can_be_let_in(office: Office, login: Any) -> None:
    channel = await office.scene.channel("anna")
    status, told = await office.ask("POST", "/api/team", await office.sign_in(channel.id), {"login": login})
    assert (status, told["code"]) == (400, "web.body")


async def test_permissions(office: Office) -> None:
    channel = await office.scene.channel("anna")
    status, told = await office.ask("GET", "/api/settings/scopes", await office.sign_in(channel.id))
    assert status == 200
    assert told["missing"] == []
    assert told["consent_url"].startswith("/api/auth/sign-in?return_to=%2Faccount&features=rewards")
    assert told["checked_at"] == office.scene.clock.now()
    assert all(need["why"] and need["scopes"] for need in told["needed"])


async def test_another_account_is_let_go(office: Office) -> None:
    channel = await office.scene.channel("anna")
    headers = await office.sign_in(channel.id)
    assert (await office.ask("DELETE", "/api/account/bot", headers))[1]["code"] == "account.no_bot"
    lamp = await office.scene.viewer("lamp")
    await office.accounts.parts.speakers.connect(channel.id, User(lamp.id, "lamp", "Lamp"))
    assert (await office.ask("GET", "/api/account", headers))[1]["speaks_as"]["kind"] == "bot"
    status, told = await office.ask("DELETE", "/api/account/bot", headers)
    assert (status, told["speaks_as"]["kind"]) == (200, "self")


async def test_leaving_is_confirmed_and_carried_out(office: Office) -> None:
    channel = await office.scene.channel("anna")
    headers = await office.sign_in(channel.id, "Anna")
    wish = {"remove_vips": True, "erase": False, "confirm": "somebody_else"}
    status, told = await office.ask("POST", "/api/account/disconnect", headers, wish)
    assert (status, told["code"]) == (400, "account.confirm")
    for missing in ("remove_vips", "erase", "confirm"):
        body = {name: value for name, value in wish.items() if name != missing}
        assert (await office.ask("POST", "/api/account/disconnect", headers, body))[0] == 400
    wish["confirm"] = "ANNA"
    once = {**headers, "Idempotency-Key": "k"}
    status, told = await office.ask("POST", "/api/account/disconnect", once, wish)
    assert status == 202
    assert len(told["id"]) == 32
    await office.scene.finish()
    row = await office.scene.row(f"dashboard:{told['id']}")
    assert (row.state, row.result, row.kind) == (RowState.DONE, "left", "channel.leave")
    assert await office.scene.repositories.channels.get(channel.id) is None
    assert (await office.ask("GET", "/api/account", headers))[0] == 401, "and signed out"
