"""Everything joined: what a person or a platform sees of a running daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.daemon.running import running

pytestmark = pytest.mark.server


async def test_a_redemption_becomes_a_vip_and_can_be_read_everywhere(tmp_path: Path) -> None:
    async with running(tmp_path, CUELIGHT_DEMO="1") as run:
        channel_id, reward_id = await run.enrol()
        redeemed = await run.redeem(channel_id, reward_id, "ann")
        await run.until(lambda: run.status_of(channel_id, redeemed["id"]) == "FULFILLED")
        # Counted when it is told, which is after Twitch knows it.
        await run.until(lambda: b"vip_granted_total 1.0" in run.daemon.metrics())
        await run.http.post("/api/auth/dev", headers={"Sec-Fetch-Site": "same-origin"})
        async with run.http.get("/api/ws", params={"channel": channel_id}) as stream:
            assert stream.status == 200
            data = ""
            async for line in stream.content:
                if line.startswith(b"data:"):
                    data = line.decode().removeprefix("data:")
                    break
            snapshot = json.loads(data)
        assert [vip["viewer_name"] for vip in snapshot["vips"]] == ["Ann"]
        async with run.http.get("/api/audit-log", params={"channel": channel_id}) as answer:
            trail = await answer.json()
        assert "vip.granted" in json.dumps(trail)
        async with run.http.get("/metrics") as answer:
            assert "vip_granted_total 1.0" in await answer.text()


async def test_an_expired_vip_is_removed_and_cron_may_ask_for_it(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        channel_id, reward_id = await run.enrol(vip_seconds=1)
        redeemed = await run.redeem(channel_id, reward_id, "ben")
        await run.until(lambda: run.status_of(channel_id, redeemed["id"]) == "FULFILLED")
        cron = "/api/cron/remove-expired-vips"
        async with run.http.post(cron) as answer:
            assert answer.status == 401
        async with run.http.post(cron, headers={"X-Cron-Secret": "a-cron-secret-of-the-test"}) as answer:
            assert answer.status == 200
        await run.until(lambda: not run.sim.world.channels[channel_id].vips)


async def test_health_pages_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        for path in ("/livez", "/readyz", "/api/health", "/", "/api/openapi.json"):
            async with run.http.get(path) as answer:
                assert answer.status == 200, path


async def test_what_was_redeemed_while_the_daemon_was_down_is_found(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        channel_id, reward_id = await run.enrol()
        await run.order("eventsub/drop", {"count": 1})
        redeemed = await run.redeem(channel_id, reward_id, "cleo")
        await run.admin("channels.restart", {"id": channel_id})
        await run.until(lambda: run.status_of(channel_id, redeemed["id"]) == "FULFILLED")
