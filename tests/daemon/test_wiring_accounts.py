"""Logging in at a whole daemon with the simulated Twitch, as a browser does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from domain.errors import Unavailable
from tests.daemon.running import SECONDS, running
from tests.daemon.signing_in import Browser, browser, query_of, streamer

pytestmark = pytest.mark.server

CALLBACK = "/api/auth/callback/twitch"


async def test_a_streamer_logs_in_and_is_looked_after(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page:
        channel_id = await streamer(run)
        await run.order("redirects", {"redirect_uris": [page.origin + CALLBACK]})
        told = await page.session()
        assert (told["signed_in"], told["needs_setup"]) == (False, True)
        assert await page.log_in("lantern", return_to="/rewards") == "/rewards"
        told = await page.session()
        assert told["user"] == {"id": channel_id, "login": "lantern", "name": "Lantern"}
        assert told["channels"] == [
            {"id": channel_id, "login": "lantern", "name": "Lantern", "role": "owner"}
        ]
        assert not told["needs_setup"]
        await run.until(lambda: run.state(channel_id) == "live")
        status, account = await page.get("/api/account")
        assert status == 200
        assert account["channel"]["broadcaster_type"] == "affiliate"
        assert account["speaks_as"]["kind"] == "self"
        assert [session["current"] for session in account["sessions"]] == [True]


async def test_a_login_is_for_one_use_and_for_the_browser_that_began_it(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page, browser(run) as thief:
        await streamer(run)
        back = await page.agree(await page.ask(), "lantern")
        assert await thief.leads_to(back) == "/sign-in?error=state", "another browser has no such login"
        assert await thief.log_in("deny") == "/sign-in?error=access_denied"
        assert await thief.leads_to(back) == "/sign-in?error=state", "nor with a login of its own under way"
        assert await page.leads_to(back) == "/", "the one that it was stolen from is not hindered"
        assert await page.leads_to(back) == "/sign-in?error=state", "but only once"
        assert (await page.session())["signed_in"]
        assert not (await thief.session())["signed_in"]
        code = query_of(back)["code"]
        state = query_of(await page.ask())["state"]
        assert await page.leads_to(CALLBACK, state=state, code=code) == "/sign-in?error=exchange", "used code"
        for params in ({}, {"state": "x"}, {"code": "x"}, {"error": "access_denied"}, {"state": "x" * 5000}):
            assert await page.leads_to(CALLBACK, **params) == "/sign-in?error=state"


async def test_a_new_session_begins_with_each_login_and_the_old_one_ends(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page, browser(run) as other:
        await streamer(run)
        await page.log_in("lantern")
        planted = page.cookies["cuelight"]
        other.plant(cuelight=planted)
        assert (await other.session())["signed_in"]
        await page.log_in("lantern")
        assert page.cookies["cuelight"] != planted
        assert (await page.session())["signed_in"]
        assert not (await other.session())["signed_in"], "the key that was planted opens nothing any more"


async def test_strangers_stay_outside_unless_they_are_named(tmp_path: Path) -> None:
    async with running(tmp_path, ALLOWED_CHANNELS="lantern,friend") as run, browser(run) as page:
        for login in ("lantern", "stranger", "friend"):
            await streamer(run, login)
        assert await page.log_in("stranger") == "/sign-in?error=not_invited", "although nobody is here yet"
        assert await page.log_in("lantern") == "/", "the first of them is the host"
        for who, where in (("stranger", "/sign-in?error=not_invited"), ("friend", "/"), ("lantern", "/")):
            async with browser(run) as another:
                assert await another.log_in(who) == where
        async with browser(run) as another:
            assert await another.log_in("lantern", role="moderator") == "/", (
                "who has a channel is no stranger"
            )
            assert (await another.session())["channels"][0]["role"] == "owner"


async def test_signing_out_holds_everywhere_and_ends_streams(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page, browser(run) as phone:
        channel_id = await streamer(run)
        await page.log_in("lantern")
        await phone.log_in("lantern")
        async with phone.http.get(f"{phone.origin}/api/ws", params={"channel": channel_id}) as stream:
            assert (await stream.content.readline()).startswith(b":")
            status, told = await page.write("/api/auth/sign-out-everywhere")
            assert (status, told) == (200, {"signed_in": False, "sessions": 2})
            assert b"event: auth" in await stream.content.read()
        assert not (await phone.session())["signed_in"]
        assert not (await page.session())["signed_in"]
        assert (await page.write("/api/auth/sign-out"))[0] == 401


async def test_a_team_sees_and_does_less_until_it_is_let_go(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page, browser(run) as helper:
        channel_id = await streamer(run)
        mia = (await run.order("viewers", {"login": "mia"}))["id"]
        await run.order("moderators", {"channel_id": channel_id, "user_id": mia})
        await page.log_in("lantern")
        assert await helper.log_in("mia", role="moderator") == "/sign-in?error=not_invited"
        assert (await page.write("/api/team", {"login": "nobody_at_all"}))[0] == 404
        assert (await page.write("/api/team", {"login": "lantern"}))[0] == 409
        status, told = await page.write("/api/team/moderators")
        assert status == 200
        assert [(one["login"], one["is_moderator"]) for one in told["members"]] == [("mia", True)]
        assert await helper.log_in("mia", role="moderator") == "/"
        assert (await helper.session())["channels"][0]["role"] == "moderator"
        assert (await helper.get("/api/account"))[0] == 200
        assert (await helper.get("/api/team"))[1]["code"] == "auth.forbidden"
        assert (await helper.write("/api/account/disconnect", {}))[1]["code"] == "auth.forbidden"
        await run.until(lambda: run.state(channel_id) == "live")
        await run.order("moderators", {"channel_id": channel_id, "user_id": mia, "remove": True})
        await gone(helper)
        status, told = await page.get("/api/team")
        assert told == {"members": []}


async def gone(helper: Browser) -> None:
    """Until the daemon has heard of it."""
    async with asyncio.timeout(SECONDS):
        while (await helper.get("/api/account"))[0] != 400:  # no channel is left to speak of
            await asyncio.sleep(0.01)


async def test_permissions_are_told_and_asked_for_without_losing_any(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page:
        channel_id = await streamer(run)
        await page.log_in("lantern", features="bits")
        scopes = await scopes_of(page)
        assert "bits:read" in scopes["granted"]
        needs = {need["feature"]: need for need in scopes["needed"]}
        assert needs["rewards"]["on"]
        assert needs["rewards"]["missing"] == []
        assert needs["bans"] == {
            "feature": "bans", "scopes": ["channel:moderate"], "on": False, "missing": ["channel:moderate"],
            "why": needs["bans"]["why"],
        }  # fmt: skip
        assert "bits" in scopes["consent_url"], "what is granted is asked for again"
        # A plain login asks for less; Twitch is not asked to forget the rest.
        await page.log_in("lantern")
        assert "bits:read" in (await scopes_of(page))["granted"]
        # And one that asks for other things has both in the end.
        async with browser(run) as other:
            await other.log_in("lantern", features="subscribers")
        granted = (await scopes_of(page))["granted"]
        assert {"bits:read", "channel:read:subscriptions"} <= set(granted)
        # Re-consent is for the same account.
        await streamer(run, "somebody")
        assert await page.log_in("somebody", features="bans") == "/sign-in?error=mismatch"
        assert (await page.session())["user"]["id"] == channel_id


async def test_who_disconnects_us_at_twitch_is_signed_out_and_a_login_heals_it(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page, browser(run) as phone, browser(run) as helper:
        channel_id = await streamer(run)
        mia = (await run.order("viewers", {"login": "mia"}))["id"]
        await run.order("moderators", {"channel_id": channel_id, "user_id": mia})
        await page.log_in("lantern")
        await phone.log_in("lantern")
        await page.write("/api/team/moderators")
        await helper.log_in("mia", role="moderator")
        await run.until(lambda: run.state(channel_id) == "live")
        async with phone.http.get(f"{phone.origin}/api/ws", params={"channel": channel_id}) as stream:
            await run.order("tokens/revoke", {"user_id": channel_id})
            assert b"event: auth" in await stream.content.read()
        await run.until(lambda: run.state(channel_id) == "needs_login")
        for browsers in (page, phone):
            assert not (await browsers.session())["signed_in"]
        assert (await page.get("/api/account"))[1]["code"] == "auth.signed_out"
        status, account = await helper.get("/api/account")
        assert (status, account["login_state"]) == (200, "needed"), "whose own right it is not stays"
        assert account["login_detail"]
        assert (await scopes_of(helper))["granted"] == []
        assert await page.log_in("lantern") == "/"
        await run.until(lambda: run.state(channel_id) == "live")
        assert "does not accept" not in (await page.get("/api/account"))[1]["login_detail"]
        assert not (await phone.session())["signed_in"]


async def test_an_outage_and_an_access_token_that_runs_out_sign_nobody_out(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page:
        channel_id = await streamer(run)
        await page.log_in("lantern")
        tokens = run.daemon._outside.tokens
        before = await tokens.access_token(channel_id)
        await run.order("tokens/expire", {"user_id": channel_id})
        await run.order("faults", {"match": {"path": "/oauth2/token"}, "status": 503, "times": 1})
        with pytest.raises(Unavailable):
            await tokens.validate(channel_id)
        assert (await page.session())["signed_in"]
        await tokens.validate(channel_id)
        assert await tokens.access_token(channel_id) != before
        assert (await page.session())["signed_in"]


async def scopes_of(page: Browser) -> Any:
    status, told = await page.get("/api/settings/scopes")
    assert status == 200, told
    return told


async def test_another_account_speaks_until_it_is_disconnected(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page:
        channel_id = await streamer(run)
        bot = (await run.order("viewers", {"login": "lamp_bot", "name": "LampBot"}))["id"]
        await page.log_in("lantern")
        assert await page.log_in("lantern", "/api/auth/bot") == "/sign-in?error=mismatch", "his own account"
        back = await page.agree(await page.ask("/api/auth/bot"), "lamp_bot")
        status, _ = await page.write("/api/auth/sign-out")
        assert await page.leads_to(back) == "/sign-in?error=mismatch", (
            "who began it is not signed in any more"
        )
        await page.log_in("lantern")
        assert await page.log_in("lamp_bot", "/api/auth/bot", return_to="/account") == "/account"
        assert (await page.session())["user"]["id"] == channel_id, "connecting a bot signs nobody in"
        speaks = (await page.get("/api/account"))[1]["speaks_as"]
        assert speaks == {"id": bot, "login": "lamp_bot", "name": "LampBot", "kind": "bot"}
        grants = {each["login"]: each for each in await run.admin("keys.grants")}
        assert {login: each["lacking"] for login, each in grants.items()} == {"lantern": [], "lamp_bot": []}
        assert run.sim.stage.tokens.has_grant(run.sim.client_id, bot)
        status, told = await page.write("/api/account/bot", method="DELETE")
        assert (status, told["speaks_as"]["kind"]) == (200, "self")
        assert not run.sim.stage.tokens.has_grant(run.sim.client_id, bot)
        assert (await page.write("/api/account/bot", method="DELETE"))[0] == 404


async def test_a_pc_without_address_logs_in_by_code(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page, browser(run) as thief:
        channel_id = await streamer(run)
        status, begun = await page.write("/api/auth/device", {})
        assert (status, begun["interval_seconds"]) == (200, 5)
        handle = {"handle": begun["handle"]}
        assert (await thief.write("/api/auth/device/poll", handle))[1] == {"state": "expired"}
        await run.order("device/approve", {"user_code": begun["user_code"], "user_id": channel_id})
        assert (await page.write("/api/auth/device/poll", handle))[1] == {"state": "pending"}, (
            "too early to ask"
        )
