"""Where events come in through a conduit: the whole daemon, and what the doctor finds."""

from __future__ import annotations

import asyncio
from pathlib import Path

from daemon.clock import SystemClock
from daemon.doctor import examine
from daemon.doctor_findings import Finding
from daemon.settings import Settings
from tests.daemon.running import SECONDS, Running, running
from tests.daemon.test_doctor import settings_of


async def finding(settings: Settings) -> Finding:
    found = {one.check: one for one in await examine(settings, clock=SystemClock())}
    return found["conduit"]


async def moved(run: Running) -> None:
    async with asyncio.timeout(SECONDS):
        while (await run.admin("status"))["transport"]["in_force"] != "conduit":
            await asyncio.sleep(0.02)


def settings(run: Running, transport: str = "conduit") -> Settings:
    return settings_of(run.sim, run.data_dir, EVENTSUB_TRANSPORT=transport)


async def test_a_conduit_at_work_lost_and_gone(tmp_path: Path) -> None:
    async with running(tmp_path, EVENTSUB_TRANSPORT="conduit") as run:
        channel_id, reward_id = await run.enrol()
        await moved(run)
        redeemed = await run.redeem(channel_id, reward_id, "ann")
        await run.until(lambda: run.status_of(channel_id, redeemed["id"]) == "FULFILLED")
        status = await run.admin("status")
        assert status["transport"]["in_force"] == "conduit"
        assert status["transport"]["keeper"]
        assert status["channels"][channel_id]["state"] == "live"
        assert b'conduit_channels{state="enabled"} 1.0' in run.daemon.metrics()

        found = await finding(settings(run))
        assert (found.state, found.detail) == (
            "ok",
            "2 of 2 shards are attached; 1 of 1 channels are subscribed.",
        )
        register, client_id = run.sim.stage.eventsub.conduits, run.sim.client_id
        (conduit,) = register.of_client(client_id)
        conduit.shards[1].status = "websocket_network_error"
        found = await finding(settings(run))
        assert found.state == "warning"
        assert found.detail.startswith("1 of 2 shards are attached")
        conduit.shards[0].status = "websocket_network_error"
        assert (await finding(settings(run))).state == "failed"
        run.daemon.lifecycle.request_stop("to be examined")
        await run.ended
        found = await finding(settings(run))
        assert (found.state, found.detail[:22]) == ("ok", "It is there. No daemon")
        register.delete(client_id, conduit.id)
        found = await finding(settings(run))
        assert found.state == "warning"
        assert "72 hours" in found.advice


async def test_without_a_conduit(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        assert (await finding(settings(run, "websocket"))).state == "skipped"
        found = await finding(settings(run))  # the daemon was started with another setting
        assert (found.state, found.detail) == ("failed", "There is no conduit of ours.")
        run.daemon.lifecycle.request_stop("to be examined")
        await run.ended
        assert (await finding(settings(run))).state == "ok"
