"""Rewards, settings, lists and figures of a whole daemon: who may see and change what, and what an open page hears."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.running import SECONDS, Running, running
from tests.daemon.signing_in import Browser, browser, streamer

pytestmark = pytest.mark.server

POINTS = "/api/channel-points"
READS = (
    POINTS,
    "/api/settings",
    "/api/settings/messages",
    "/api/viewers",
    "/api/analytics",
    "/api/viewers/find?login=mia",
)
REWARD = {"title": "VIP for a day", "cost": 5000, "time": {"lasting": "fixed", "seconds": 86_400}}
WRITES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", POINTS, REWARD),
    ("PATCH", f"{POINTS}/any", {"cost": 3}),
    ("DELETE", f"{POINTS}/any", {}),
    ("POST", f"{POINTS}/any/adopt", {"time": {"seconds": 60}}),
    ("PATCH", "/api/settings", {"chat": False}),
    ("POST", "/api/settings/discord/test", {}),
    ("PUT", "/api/viewers", {"viewer": "mia", "listed": "block"}),
)
PREVIEW = ("POST", "/api/settings/messages/preview", {"event": "granted", "text": "Hi {viewer}"})


async def with_team(run: Running, owner: Browser, moderator: Browser) -> str:
    """The channel of `owner`, in which `moderator` may work."""
    channel_id = await streamer(run)
    mia = (await run.order("viewers", {"login": "mia"}))["id"]
    await run.order("moderators", {"channel_id": channel_id, "user_id": mia})
    await owner.log_in("lantern")
    assert (await owner.write("/api/team", {"login": "mia"}))[0] in (200, 201)
    await moderator.log_in("mia", role="moderator")
    return channel_id


async def test_who_may_do_what(tmp_path: Path) -> None:
    async with (
        running(tmp_path, ALLOWED_CHANNELS="lantern,another") as run,
        browser(run) as owner,
        browser(run) as mia,
        browser(run) as other,
    ):
        channel_id = await with_team(run, owner, mia)
        await streamer(run, "another")
        await other.log_in("another")
        async with browser(run) as nobody:
            for path in READS:
                assert (await nobody.get(path, channel=channel_id))[0] == 401, path
            for method, path, body in (*WRITES, PREVIEW):
                assert (await nobody.write(path, body, method=method))[0] == 401, path
        for path in READS:
            assert (await owner.get(path))[0] == 200, path
            assert (await mia.get(path))[0] == 200, path
            status, told = await other.get(f"{path}{'&' if '?' in path else '?'}channel={channel_id}")
            assert (status, told["code"]) == (403, "auth.forbidden"), path
        for method, path, body in WRITES:
            for page, query in ((mia, ""), (other, f"?channel={channel_id}")):
                status, told = await page.write(path + query, body, method=method)
                assert (status, told["code"]) == (403, "auth.forbidden"), path
            forged = await owner.write(path, body, method=method, **{"X-CSRF-Token": "forged"})
            assert forged[1]["code"] == "csrf.token", path
        for page in (owner, mia):
            assert (await page.write(PREVIEW[1], PREVIEW[2]))[0] == 200
        settings = (await owner.get("/api/settings"))[1]
        assert settings["chat"] is True, "none of all this changed anything"
        assert (await owner.get(POINTS))[1]["rewards"] == []


async def test_from_the_first_reward_to_the_figures(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as owner, browser(run) as mia:
        channel_id = await with_team(run, owner, mia)
        await run.until(lambda: run.state(channel_id) == "live")
        async with mia.http.get(f"{mia.origin}/api/ws", params={"channel": channel_id}) as stream:
            heard = asyncio.ensure_future(parts_heard(stream))
            status, made = await owner.write(POINTS, REWARD)
            assert status == 201
            assert await heard == ["rewards"], "an open page hears of it"
        redeemed = await run.redeem(channel_id, made["id"], "ann")
        await run.until(lambda: run.status_of(channel_id, redeemed["id"]) == "FULFILLED")
        status, changed = await owner.write(
            "/api/settings",
            {"limits": {"cap": 1, "when_full": "wait"}, "timezone": "Europe/Berlin"},
            method="PATCH",
        )
        assert (status, changed["limits"]["cap"]) == (200, 1)
        waiting = await run.redeem(channel_id, made["id"], "ben")
        await until_waiting(owner)
        status, operation = await owner.write(f"{POINTS}/{made['id']}", method="DELETE")
        assert status == 202
        async with asyncio.timeout(SECONDS):
            while operation["state"] == "pending":
                operation = (await owner.get(f"/api/operations/{operation['id']}"))[1]
        assert operation["result"] == "deleted"
        assert run.status_of(channel_id, waiting["id"]) == "CANCELED", "nobody loses points"
        figures = (await mia.get("/api/analytics", period="7d"))[1]
        assert (figures["timezone"], figures["complete"]) == ("Europe/Berlin", True)
        assert figures["totals"] | {"bits": 0} == {
            "granted": 1,
            "extended": 0,
            "refunded": 1,
            "ended": 0,
            "points": 5000,
            "bits": 0,
            "viewers": 1,
        }
        assert figures["refund_reasons"] == [{"reason": "reward_gone", "count": 1}]
        log = (await mia.get("/api/audit-log", action="settings.changed"))[1]["entries"]
        assert [entry["actor"]["name"] for entry in log if "limits.cap" in str(entry["detail"])] == [
            "Lantern"
        ]


async def test_the_webhook_is_sealed_on_the_disk_and_survives_new_keys(tmp_path: Path) -> None:
    secret = "abcdefghijklmnopqrstuvwxyz-ABCD"
    url = f"https://discord.com/api/webhooks/123456789012345678/{secret}"
    async with running(tmp_path) as run, browser(run) as owner:
        await streamer(run)
        await owner.log_in("lantern")
        status, told = await owner.write("/api/settings", {"discord": {"url": url}}, method="PATCH")
        assert (status, told["discord"]["shown"]) == (200, "discord.com/…/…ABCD")
        stored = b"".join(file.read_bytes() for file in run.data_dir.iterdir() if file.is_file())
        assert secret.encode() not in stored
        rotated = await run.admin("keys.rotate")
        assert (rotated["documents"], rotated["rotated"], rotated["unreadable"]) == (2, 2, [])
        assert (await owner.get("/api/settings"))[1]["discord"]["shown"] == "discord.com/…/…ABCD"


async def parts_heard(stream: Any) -> list[str]:
    """The parts that the next settings entry of a stream names."""
    async with asyncio.timeout(SECONDS):
        while True:
            line = (await stream.content.readline()).decode()
            if line.startswith("event: settings"):
                data = (await stream.content.readline()).decode().removeprefix("data: ")
                parts: list[str] = json.loads(data)["parts"]
                return parts


async def until_waiting(page: Browser) -> None:
    async with asyncio.timeout(SECONDS):
        while not (await page.get("/api/waiting-list"))[1]["entries"]:
            await asyncio.sleep(0.02)
