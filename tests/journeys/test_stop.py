"""SIGTERM under load: everything is put down in order and taken up again at once."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from tests.journeys.rig import Rig, Stage, measured, rig

pytestmark = pytest.mark.journey

STOP_SECONDS = 8.0
READY_SECONDS = 15.0
"""Generous: the machine may be busy. The measured time is printed; `bench` judges it."""
LOAD = {
    "rate_per_second": 10,
    "seconds": 3,
    "mix": {"first": 4, "again": 2, "moderator": 1, "duplicate": 1},
}
"""Over four channels: below Twitch's pace, so that nothing has to wait for its turn."""


class Stream:
    """One dashboard: reads server-sent events until the end."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url
        self.text = ""
        self.clean = False

    async def read(self) -> None:
        async with self._http.get(self._url) as answer:
            assert answer.status == 200
            async for chunk in answer.content.iter_any():
                self.text += chunk.decode()
        self.clean = True

    @property
    def events(self) -> list[str]:
        """The names of the events so far, in order."""
        return [line.removeprefix("event: ") for line in self.text.splitlines() if line.startswith("event: ")]


async def test_stops_in_time_and_hands_everything_back(tmp_path: Path) -> None:
    async with rig(tmp_path, "--unthrottled", environ={"CUELIGHT_DEMO": "1"}) as stand:
        first = await stand.start()
        stages = [await stand.enrol(vip_seconds=2) for _ in range(4)]
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            streams = await _look(browser, stand, stages)
            async with asyncio.TaskGroup() as group:
                for stream in streams:
                    group.create_task(stream.read())
                await stand.simulator.order("story/start", LOAD)

                async def busy() -> bool:
                    return sum(stream.events.count("vip") for stream in streams) >= 3

                await stand.until(busy, "the dashboards see VIPs")
                began = time.monotonic()
                code = await stand.stop()
                took = time.monotonic() - began

        if code != 0:
            stand.fail(f"SIGTERM ended with exit code {code}.")
        assert took < STOP_SECONDS
        for stream in streams:
            assert stream.clean
            assert stream.text.endswith("\n\n"), "half an event at the end"
            assert stream.text.splitlines()[-2].startswith("retry: "), stream.text[-200:]

        again = await stand.start()
        freed = [event["leases_freed"] for event in stand.log_events() if "leases_freed" in event]
        assert freed == [0, 0], "leases were left behind"
        await stand.simulator.order("story/stop")
        await stand.settle()
        await stand.judge()
        measured(f"start to ready {first:.2f} s and {again:.2f} s, stop {took:.2f} s")
        assert max(first, again) < READY_SECONDS


async def _look(browser: aiohttp.ClientSession, stand: Rig, stages: list[Stage]) -> list[Stream]:
    headers = {"Origin": stand.daemon.url}
    async with browser.post(f"{stand.daemon.url}/api/auth/dev", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    return [Stream(browser, f"{stand.daemon.url}/api/ws?channel={stage.id}") for stage in stages]


async def test_a_waiting_lane_goes_on_at_once_after_a_stop(tmp_path: Path) -> None:
    """Redemptions that wait (Helix is down) are neither held by the old lease nor forgotten."""
    async with rig(tmp_path, "--unthrottled") as stand:
        await stand.start()
        stage = await stand.enrol(vip_seconds=2)
        fault = await stand.simulator.order(
            "faults", {"method": "POST", "path": "/helix/channels/vips", "status": 503, "times": 1000}
        )
        viewers = [await stand.viewer() for _ in range(3)]
        for viewer in viewers:
            await stand.redeem(stage, viewer)

        async def refused() -> bool:
            hits: int = (await stand.simulator.look("faults"))["faults"][0]["hits"]
            return hits >= 3

        await stand.until(refused, "Helix refused all of them")
        assert await stand.stop() == 0
        async with stand.http.delete(
            f"{stand.simulator.addresses['control_url']}/faults", json={"id": fault["id"]}
        ):
            began = time.monotonic()
        await stand.start()
        for viewer in viewers:
            await stand.happened(viewer, "redeemed", "vip_added", "fulfilled", "vip_removed")
        took = time.monotonic() - began
        measured(f"from start to the end of the last VIP: {took:.2f} s")
        assert took < 25.0, "something waited for a lease of 30 seconds"
        await stand.settle()
        await stand.judge()
