"""Who may do what, over every endpoint of a running daemon that its own description names: without a session, with
that of another streamer, as a moderator, with a forged token, from another site."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.running import running
from tests.daemon.signing_in import Browser, browser, streamer

pytestmark = pytest.mark.server

OFF = {f"RATE_LIMIT_{name}": "off" for name in ("AUTH", "WRITES", "READS")}
OF_THE_ACCOUNT = {  # what concerns who is signed in, and no channel
    ("GET", "/api/auth/csrf"),
    ("POST", "/api/auth/sign-out"),
    ("POST", "/api/auth/signout"),
    ("POST", "/api/auth/sign-out-everywhere"),
}
OF_A_ROOM = {  # of a party: whose room it is decides; here is none, so that nobody may
    ("GET", "/api/v1/party/rooms/{roomId}/quality"),
    ("DELETE", "/api/v1/party/rooms/{roomId}/invites"),
}
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Operation:
    method: str
    path: str  # with something in place of its variables
    template: str
    told: dict[str, Any]

    @property
    def needs_session(self) -> bool:
        return any("session" in choice for choice in self.told["security"])

    @property
    def of_a_channel(self) -> bool:
        return any(
            one["name"] == "channel" and one["in"] == "query" for one in self.told.get("parameters", ())
        )

    @property
    def owners_only(self) -> bool:
        return "Only the owner of the channel" in self.told.get("description", "")

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


async def operations(page: Browser) -> list[Operation]:
    described = (await page.get("/api/openapi.json"))[1]
    found = [
        Operation(method.upper(), re.sub(r"\{\w+\}", "1", path), path, told)
        for path, methods in described["paths"].items()
        for method, told in methods.items()
    ]
    assert len(found) > 40
    return found


async def code(page: Browser, one: Operation, channel: str, **headers: str) -> tuple[int, str]:
    """What an operation answers, and the code of its problem."""
    data = {"data": b"{}"} if one.method in WRITES and one.method != "DELETE" else {}
    async with page.http.request(
        one.method,
        page.origin + one.path,
        params={"channel": channel},
        headers=headers,
        allow_redirects=False,
        **data,
    ) as answer:
        told = await answer.json(content_type=None) if "json" in answer.content_type else {}
        return answer.status, str(told.get("code", "")) if isinstance(told, dict) else ""


async def own(page: Browser, **headers: str) -> dict[str, str]:
    """The headers of a write of our own page."""
    token = (await page.get("/api/auth/csrf"))[1]["token"]
    return {"X-CSRF-Token": token, "Origin": page.origin, **headers}


async def test_every_operation_keeps_out_who_may_not(tmp_path: Path) -> None:
    async with (
        running(tmp_path, ALLOWED_CHANNELS="*", **OFF) as run,
        browser(run) as page,
        browser(run) as other,
        browser(run) as helper,
        browser(run) as nobody,
    ):
        channel_id = await streamer(run)
        await streamer(run, "otherone")
        mia = (await run.order("viewers", {"login": "mia"}))["id"]
        await page.log_in("lantern")
        await other.log_in("otherone")
        assert (await page.write("/api/team", {"login": "mia"}))[0] == 201
        await helper.log_in("mia", role="moderator")
        listed = [one for one in await operations(page) if one.needs_session]
        about_channels = [
            one for one in listed if (one.method, one.template) not in OF_THE_ACCOUNT | OF_A_ROOM
        ]
        about_rooms = [one for one in listed if (one.method, one.template) in OF_A_ROOM]
        assert len(about_rooms) == len(OF_A_ROOM)
        assert [str(one) for one in about_channels if not one.of_a_channel] == []
        wrong: list[str] = []

        async def expect(what: str, one: Operation, got: tuple[int, str], wanted: tuple[int, str]) -> None:
            if got != wanted:
                wrong.append(f"{one} {what}: {got}")

        for one in listed:
            await expect(
                "without a session", one, await code(nobody, one, channel_id), (401, "auth.signed_out")
            )
        for one in about_rooms:
            got = await code(page, one, channel_id, **await own(page))
            await expect("of no room of ours", one, got, (404, "party.room_not_found"))
        for one in about_channels:
            got = await code(other, one, channel_id, **await own(other))
            await expect("with another streamer's session", one, got, (403, "auth.forbidden"))
            got = await code(page, one, "999", **await own(page))
            await expect("for a channel that is not there", one, got, (403, "auth.forbidden"))
            got = await code(helper, one, channel_id, **await own(helper))
            if one.owners_only:
                await expect("as a moderator", one, got, (403, "auth.forbidden"))
            elif got[0] in (401, 403):
                wrong.append(f"{one} refuses a moderator: {got}")
        forged = [
            ({"X-CSRF-Token": "forged", "Origin": page.origin}, "csrf.token"),
            ({"Origin": page.origin}, "csrf.token"),
            ({**await own(page), "X-CSRF-Token": (await own(other))["X-CSRF-Token"]}, "csrf.token"),
            ({**await own(page), "Origin": "https://evil.example"}, "csrf.origin"),
            ({**await own(page), "Sec-Fetch-Site": "cross-site"}, "csrf.origin"),
            ({"X-CSRF-Token": (await own(page))["X-CSRF-Token"]}, "csrf.origin"),
        ]
        for one in listed:
            if one.method in WRITES:
                for headers, reason in forged:
                    got = await code(page, one, channel_id, **headers)
                    await expect(f"with {sorted(headers)}", one, got, (403, reason))
        assert wrong == []
        assert (await page.session())["signed_in"], "none of it was carried out"
        assert [one["user_id"] for one in (await page.get("/api/team"))[1]["members"]] == [mia]


async def test_public_writes_are_for_our_own_pages(tmp_path: Path) -> None:
    async with running(tmp_path, **OFF) as run, browser(run) as page:
        public = [
            one
            for one in await operations(page)
            if not one.told["security"] and one.method in WRITES and one.template != "/api/webhooks/eventsub"
        ]
        assert {one.template for one in public} == {
            "/api/auth/device",
            "/api/auth/device/poll",
            "/api/v1/party/tickets",
        }
        for one in public:
            assert await code(page, one, "1", Origin="https://evil.example") == (403, "csrf.origin")


async def test_logins_are_limited_by_address(tmp_path: Path) -> None:
    async with (
        running(tmp_path, RATE_LIMIT_AUTH="3/600", TRUSTED_PROXIES="127.0.0.0/8") as run,
        browser(run) as page,
    ):

        async def status(path: str, address: str) -> int:
            headers = {"X-Forwarded-For": address}
            async with page.http.get(page.origin + path, headers=headers, allow_redirects=False) as answer:
                assert answer.headers["X-RateLimit-Limit"] == "3"
                return answer.status

        paths = (
            "/api/auth/sign-in",
            "/api/auth/callback/twitch",
            "/api/auth/signin/twitch",
            "/api/auth/sign-in",
        )
        assert [await status(path, "203.0.113.5") for path in paths] == [302, 302, 302, 429]
        assert await status("/api/auth/sign-in", "203.0.113.6") == 302


async def test_over_https_the_cookies_are_bound_to_the_host(tmp_path: Path) -> None:
    async with running(tmp_path, PUBLIC_URL="https://vip.example.org") as run, browser(run) as page:
        await streamer(run)
        async with page.http.get(page.origin + "/api/auth/sign-in", allow_redirects=False) as answer:
            (flags,) = answer.headers.getall("Set-Cookie")
            assert (
                "redirect_uri=https%3A%2F%2Fvip.example.org%2Fapi%2Fauth%2Fcallback%2Ftwitch"
                in answer.headers["Location"]
            )
            back = await page.agree(answer.headers["Location"], "lantern")
        assert flags.startswith("__Host-cuelight-login=")
        for flag in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/"):
            assert flag in flags
        assert "Domain" not in flags
        held = {"Cookie": flags.partition(";")[0]}
        here = page.origin + back.removeprefix("https://vip.example.org")
        async with page.http.get(page.url(here), headers=held, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, "/")
            session = next(
                one for one in answer.headers.getall("Set-Cookie") if one.startswith("__Host-cuelight=")
            )
        for flag in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/"):
            assert flag in session
        assert "Domain" not in session
        assert answer.headers["Strict-Transport-Security"]


async def test_no_login_leads_elsewhere(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page:
        await streamer(run)
        for path in (
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/%2Fevil.example",
            "/%5Cevil",
        ):
            status, told = await page.get("/api/auth/sign-in", return_to=path)
            assert (status, told["code"]) == (400, "auth.return_to"), path
        assert await page.log_in("lantern", return_to="/rewards?x=1#top") == "/rewards?x=1#top"
