"""`cuelight channels list|pause|resume|reconcile` against a whole daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.admin_client import AdminError
from tests.daemon.running import running


async def test_a_channel_is_listed_paused_resumed_and_reconciled(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        channel_id, reward_id = await run.enrol()
        redeemed = await run.redeem(channel_id, reward_id, "ann")
        await run.until(lambda: run.status_of(channel_id, redeemed["id"]) == "FULFILLED")
        (row,) = (await run.admin("channels.list"))["channels"]
        assert (row["id"], row["login"], row["state"], row["vips"]) == (channel_id, "lantern", "live", 1)
        assert (row["by_hand"], row["waiting"], row["login_state"], row["login_detail"]) == (0, 0, "good", "")
        assert [reward["id"] for reward in row["rewards"]] == [reward_id]

        assert await run.admin("channels.pause", {"id": channel_id}) == {"id": channel_id, "paused": True}
        (row,) = (await run.admin("channels.list"))["channels"]
        assert (row["state"], row["paused"]) == ("paused", True)
        refused = await run.redeem(channel_id, reward_id, "ben")
        await run.until(lambda: run.status_of(channel_id, refused["id"]) == "CANCELED")

        assert await run.admin("channels.resume", {"id": channel_id}) == {"id": channel_id, "paused": False}
        granted = await run.redeem(channel_id, reward_id, "cid")
        await run.until(lambda: run.status_of(channel_id, granted["id"]) == "FULFILLED")

        told = await run.admin("channels.reconcile", {"id": channel_id})
        assert (told["id"], told["state"]) == (channel_id, "done")
        assert told["result"] == "0 redemptions, 0 sessions", "nothing was missed"
        assert told["row"].startswith(f"gap:{channel_id}:order.")


async def test_a_channel_that_is_not_there(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        for verb in ("pause", "resume", "reconcile"):
            with pytest.raises(AdminError, match="There is no channel 999"):
                await run.admin(f"channels.{verb}", {"id": "999"})
