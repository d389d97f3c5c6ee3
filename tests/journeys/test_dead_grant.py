"""The streamer disconnects the application and logs in again: what came in between waits, then is settled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.rig import Rig, Stage, rig

pytestmark = pytest.mark.journey


async def test_redemptions_wait_for_the_login(tmp_path: Path) -> None:
    async with rig(tmp_path, "--unthrottled") as stand:
        await stand.start()
        stage = await stand.enrol(vip_seconds=2)
        other = await stand.enrol(vip_seconds=2)

        await stand.simulator.order("tokens/revoke", {"user_id": stage.id})
        await _needs_login(stand, stage)

        # One comes as a webhook (its row waits), one is only in Twitch's queue: nobody tells us of it any more.
        told, untold = await stand.viewer(), await stand.viewer()
        message_id = await stand.deliver(await stand.redeem(stage, told))
        await stand.redeem(stage, untold)
        await _waits(stand, message_id)

        # The other channel does not notice, and a restart changes nothing.
        neighbour = await stand.viewer()
        await stand.redeem(other, neighbour)
        await stand.happened(neighbour, "redeemed", "vip_added", "fulfilled", "vip_removed")
        await stand.kill()
        await stand.start()
        await _needs_login(stand, stage)
        await _waits(stand, message_id)
        for viewer in (told, untold):
            assert await stand.story_of(viewer) == ["redeemed"]

        await stand.login(await stand.simulator.order("login", {"user_id": stage.id}), stage.vip_seconds)
        for viewer in (told, untold):
            await stand.happened(viewer, "redeemed", "vip_added", "fulfilled", "vip_removed")
        await stand.live(stage)
        await stand.settle()
        verdict = await stand.judge()
        assert verdict["redemptions"] == verdict["granted"] == verdict["removed"] == 3


async def test_a_vip_whose_end_fell_into_the_gap_is_removed_after_the_login(tmp_path: Path) -> None:
    async with rig(tmp_path, "--unthrottled") as stand:
        await stand.start()
        stage = await stand.enrol(vip_seconds=1)
        viewer = await stand.viewer()
        await stand.redeem(stage, viewer)
        await stand.happened(viewer, "redeemed", "vip_added", "fulfilled")
        await stand.simulator.order("tokens/revoke", {"user_id": stage.id})
        await _needs_login(stand, stage)

        async def end_waits() -> bool:
            rows = await stand.rows(state="open", source="clock")
            return [row["waiting_for"] for row in rows] == ["login"]

        await stand.until(end_waits, "the end of the session waits for the login")
        await stand.login(await stand.simulator.order("login", {"user_id": stage.id}), stage.vip_seconds)
        await stand.happened(viewer, "redeemed", "vip_added", "fulfilled", "vip_removed")
        await stand.settle()
        await stand.judge()


async def _needs_login(stand: Rig, stage: Stage) -> None:
    async def parked() -> bool:
        channel = (await stand.daemon.admin("status"))["channels"].get(stage.id, {})
        return bool(channel.get("state") == "needs_login")

    async def shown() -> bool:
        listed = (await stand.daemon.admin("channels.list"))["channels"]
        return any(
            channel["id"] == stage.id and channel["connection"]["state"] == "needs_login"
            for channel in listed
        )

    await stand.until(parked, "the session waits for a login")
    await stand.until(shown, "the page says that a login is needed")


async def _waits(stand: Rig, message_id: str) -> None:
    """The redemption is neither lost nor given up: its row waits for the login."""

    async def waits() -> bool:
        row = await stand.daemon.admin("inbox.show", {"id": f"twitch:{message_id}"})
        return bool(row["state"] == "open" and row["waiting_for"] == "login")

    await stand.until(waits, "the row waits for the login")
