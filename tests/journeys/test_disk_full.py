"""The store is full: Twitch is told to come back, the daemon lives, and nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import pytest

from tests.journeys.deliveries import redemption_body
from tests.journeys.rig import Rig, rig

pytestmark = pytest.mark.journey

SMALL, LARGE = str(1 << 20), str(64 << 20)
FILLERS = (40_000, 4_000, 400, 0)
"""Ever smaller, until not even the smallest event fits."""


async def test_full_means_503_and_heals(tmp_path: Path) -> None:
    async with rig(tmp_path, "--unthrottled") as stand:
        await stand.start(STORAGE_MAX_BYTES=SMALL)
        stage = await stand.enrol(vip_seconds=2)
        lucky = await stand.viewer()
        await stand.deliver(await stand.redeem(stage, lucky))
        await stand.happened(lucky, "redeemed", "vip_added", "fulfilled")
        full_since = time.monotonic()
        await _fill(stand)  # the end of that VIP falls into the time without room

        # A redemption that comes now: 503, with the time to come back; the process stays alive.
        unlucky = await stand.viewer()
        redemption = await stand.redeem(stage, unlucky)
        status, headers, told = await stand.post(redemption_body(redemption), message_id="late-1")
        assert status == 503
        assert int(headers["Retry-After"]) > 0
        assert b"Traceback" not in told
        async with stand.http.get(f"{stand.daemon.url}/livez") as alive:
            assert alive.status == 200
        await stand.check_acknowledged()

        # More room: everything goes on where it stood.
        assert await stand.stop() == 0
        await stand.start(STORAGE_MAX_BYTES=LARGE)
        stand.outages.append((full_since, time.monotonic()))
        await stand.deliver(redemption, message_id="late-1")
        for viewer in (lucky, unlucky):
            await stand.happened(viewer, "redeemed", "vip_added", "fulfilled", "vip_removed")
        await stand.settle()
        await stand.judge()


async def test_full_and_killed_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Full, `kill -9`, and again full: it starts all the same, says so, and heals with more room."""
    async with rig(tmp_path, "--unthrottled") as stand:
        await stand.start(STORAGE_MAX_BYTES=SMALL)
        stage = await stand.enrol(vip_seconds=2)
        await _fill(stand)
        viewers = [await stand.viewer() for _ in range(3)]
        for viewer in viewers:
            await stand.redeem(stage, viewer)
        await stand.kill()
        await stand.start(STORAGE_MAX_BYTES=SMALL)
        await stand.check_acknowledged()
        await stand.kill()
        await stand.start(STORAGE_MAX_BYTES=LARGE)
        for viewer in viewers:
            await stand.happened(viewer, "redeemed", "vip_added", "fulfilled", "vip_removed")
        await stand.settle()
        await stand.judge()


async def _fill(stand: Rig) -> None:
    """Send events of an unknown type (kept, never handled) until nothing is taken any more."""
    for size in FILLERS:
        body = json.dumps({"subscription": {}, "event": {"text": "x" * size}}).encode()
        refused = 0
        for _ in range(400):
            status, headers, told = await stand.post(
                body, message_id=str(uuid.uuid4()), type="channel.filler"
            )
            assert status in (204, 503), told
            refused = refused + 1 if status == 503 else 0
            if status == 503:
                assert int(headers["Retry-After"]) > 0
                assert headers["Content-Type"].startswith("application/problem+json")
                assert json.loads(told)["code"] == "storage.full"
            if refused == 5:
                break
        else:
            stand.fail("The store never became full.")
    assert stand.acknowledged, "nothing was taken at all"
