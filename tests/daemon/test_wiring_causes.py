"""Causes besides points, as a streamer has them: chosen by the API, set off on Twitch's socket or by a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.daemon.running import Running, running

pytestmark = pytest.mark.server


async def asked(
    run: Running, method: str, path: str, channel_id: str, body: dict[str, Any]
) -> dict[str, Any]:
    """One request of the signed-in streamer."""
    async with run.http.get("/api/auth/csrf") as answer:
        token = (await answer.json())["token"]
    headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": token}
    async with run.http.request(
        method, path, json=body, params={"channel": channel_id}, headers=headers
    ) as answer:
        told: dict[str, Any] = await answer.json()
        assert answer.status < 300, told
        return told


async def test_bits_the_dashboard_and_the_stream(tmp_path: Path) -> None:
    async with running(tmp_path, CUELIGHT_DEMO="1", STREAM_GRACE_SECONDS="0") as run:
        channel_id, _ = await run.enrol()
        await run.http.post("/api/auth/dev", headers={"Sec-Fetch-Site": "same-origin"})
        per_100_bits = {"lasting": "per_unit", "seconds": 60, "per": 100}
        await asked(run, "PATCH", "/api/settings", channel_id, {"causes": {"bits": per_100_bits}})
        register, vips = run.sim.stage.eventsub.register, run.sim.world.channels[channel_id].vips
        await run.until(lambda: any(row.type == "channel.bits.use" and row.alive for row in register))
        ann = await run.order("viewers", {"login": "ann", "name": "Ann"})
        await run.order("bits", {"channel_id": channel_id, "user_id": ann["id"], "bits": 200})
        await run.until(lambda: ann["id"] in vips)

        ben = await run.order("viewers", {"login": "ben", "name": "Ben"})
        granted = await asked(
            run, "POST", "/api/vip", channel_id, {"viewer": "ben", "until_stream_end": True}
        )
        assert (granted["result"], granted["vip"]["until_stream_end"]) == ("granted", True)
        assert set(vips) == {ann["id"], ben["id"]}
        for live in (True, False):
            await run.order("stream", {"channel_id": channel_id, "live": live})
        await run.until(lambda: set(vips) == {ann["id"]})
