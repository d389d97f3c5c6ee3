"""What a whole daemon tells: in chat, on Discord, when it starts, and when somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.twitch import SimulatorSettings, TwitchSimulator
from tests.daemon.running import SECONDS, Running, joining, running
from tests.daemon.signing_in import Browser, browser, streamer

pytestmark = pytest.mark.server

POINTS = "/api/channel-points"
REWARD = {"title": "VIP for a day", "cost": 5000, "time": {"lasting": "fixed", "seconds": 86_400}}
WEBHOOK = "https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz-ABCD"


def said(run: Running, channel_id: str) -> list[str]:
    return [
        entry.detail["text"] for entry in run.sim.ledger.of("chat", channel_id=channel_id, user_id=channel_id)
    ]


async def until(run: Running, channel_id: str, heard: Callable[[list[str]], bool]) -> list[str]:
    await run.until(lambda: heard(said(run, channel_id)))
    return said(run, channel_id)


async def opened(run: Running, page: Browser) -> tuple[str, str]:
    """A channel whose streamer lets its chat be read; it and its reward."""
    channel_id = await streamer(run)
    await page.log_in("lantern", features="read_chat")
    status, made = await page.write(POINTS, REWARD)
    assert status == 201, made
    await run.until(lambda: run.state(channel_id) == "live")
    return channel_id, made["id"]


async def test_from_a_redemption_to_chat_discord_and_the_answer_to_who_asks(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page:
        channel_id, reward_id = await opened(run, page)
        change = {
            "language": "fr",
            "discord": {"url": WEBHOOK, "events": ["granted"]},
            "messages": {"texts": {"granted": "Bravo {viewer}, {duration} !"}},
        }
        status, settings = await page.write("/api/settings", change, method="PATCH")
        assert (status, settings["discord"]["fault"]) == (200, "")
        redeemed = await run.redeem(channel_id, reward_id, "ann")
        assert await until(run, channel_id, bool) == ["Bravo Ann, 1 j !"]
        await run.until(lambda: bool(run.sim.discord.heard))
        (told,) = run.sim.discord.heard
        assert told["body"]["embeds"][0]["description"] == "Bravo Ann, 1 j !"
        await run.order("say", {"channel_id": channel_id, "user_id": redeemed["user_id"], "text": "!vip"})
        lines = await until(run, channel_id, lambda lines: len(lines) == 2)
        assert lines[1].startswith("@Ann, tu es VIP encore ")
        run.sim.discord.deleted.add("123456789012345678")
        await run.redeem(channel_id, reward_id, "ben")
        async with asyncio.timeout(SECONDS):
            while not (await page.get("/api/settings"))[1]["discord"]["fault"]:
                await asyncio.sleep(0.02)
        settings = (await page.get("/api/settings"))[1]
        assert settings["discord"]["configured"] is False


async def test_a_line_that_twitch_does_not_show_is_on_the_page(tmp_path: Path) -> None:
    async with running(tmp_path) as run, browser(run) as page:
        channel_id, reward_id = await opened(run, page)
        await run.order("drop", {"channel_id": channel_id, "code": "msg_rejected"})
        await run.redeem(channel_id, reward_id, "ann")

        async def dropped(count: int) -> dict[str, Any]:
            async with asyncio.timeout(SECONDS):
                while True:
                    chat: dict[str, Any] = (await page.get("/api/connection"))[1]["chat"]
                    if chat["dropped"] + chat["sent"] == count:
                        return chat
                    await asyncio.sleep(0.02)

        told = await dropped(1)
        assert (told["dropped"], told["last_drop"]["reason"]) == (1, "msg_rejected")
        await run.redeem(channel_id, reward_id, "ben")
        told = await dropped(2)
        assert (told["sent"], told["last_drop"]["reason"]) == (1, "msg_rejected")
        (line,) = said(run, channel_id)
        assert "Ben" in line


async def test_a_start_is_told_in_chat(tmp_path: Path) -> None:
    async with TwitchSimulator(settings=SimulatorSettings(accounting_lag_s=0)) as sim:
        async with joining(sim, tmp_path / "data") as run, browser(run) as page:
            channel_id, _ = await opened(run, page)
            await page.write("/api/settings", {"messages": {"says_online": True}}, method="PATCH")
        async with joining(sim, tmp_path / "data") as run:
            (line,) = await until(run, channel_id, bool)
            assert line.startswith("Cuelight is on")
        async with joining(sim, tmp_path / "data") as run, browser(run) as page:
            await page.log_in("lantern")
            await run.until(lambda: run.state(channel_id) == "live")
            assert await page.write("/api/connection/restart", {}) is not None
            await run.until(lambda: run.state(channel_id) == "live")
            assert said(run, channel_id) == [line], "ten minutes are not over"
