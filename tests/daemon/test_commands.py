"""The commands of the admin socket, over the socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.admin_client import AdminError
from tests.daemon.running import running

pytestmark = pytest.mark.server


async def test_the_inbox_is_listed_shown_and_purged(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        channel_id, reward_id = await run.enrol()
        redeemed = await run.redeem(channel_id, reward_id, "ann")
        await run.until(lambda: run.status_of(channel_id, redeemed["id"]) == "FULFILLED")
        listed = await run.admin("inbox.list", {"limit": 10})
        # The event and the first reconciliation may both bring it; one of the two rows did the work.
        rows = [row for row in listed["rows"] if row["kind"] == "redemption.add"]
        shown = [await run.admin("inbox.show", {"id": row["id"]}) for row in rows]
        grants = [row["steps"]["grant"] for row in shown if "grant" in row["steps"]]
        assert grants == [{"was_vip": False, "was_moderator": False}]
        twitch = await run.admin("inbox.list", {"source": "twitch"})
        assert {row["source"] for row in twitch["rows"]} == {"twitch"}
        row = rows[0]
        assert await run.admin("inbox.purge", {"older_than_days": 1}) == {"purged": 0, "dry_run": False}
        for command, args, code in (
            ("inbox.show", {"id": "no:such"}, "not_found"),
            ("inbox.list", {"state": "odd"}, "inbox.state"),
            ("inbox.redrive", {}, "inbox.which"),
            ("inbox.redrive", {"id": row["id"]}, "broken"),
            ("inbox.purge", {"older_than_days": 0}, "inbox.too_young"),
            ("inbox.list", {"nonsense": 1}, "admin.arguments"),
        ):
            with pytest.raises(AdminError) as caught:
                await run.admin(command, args)
            assert caught.value.code == code, command


async def test_dead_and_parked_rows_are_sent_round_again(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        channel_id, reward_id = await run.enrol()
        await run.order(
            "faults", {"match": {"method": "POST", "path": "/helix/channels/vips"}, "status": 418, "times": 1}
        )
        redeemed = await run.redeem(channel_id, reward_id, "ann")
        await run.until(lambda: run.status_of(channel_id, redeemed["id"]) == "CANCELED")
        dead = (await run.admin("inbox.list", {"state": "dead"}))["rows"]
        assert [row["error"] for row in dead] == ["twitch.broken"]
        assert (await run.admin("inbox.redrive", {"all_dead": True, "dry_run": True}))["redriven"] == 0
        assert (await run.admin("inbox.redrive", {"all_dead": True}))["redriven"] == 1


async def test_keys_are_rotated_and_tokens_stay_readable(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        channel_id, reward_id = await run.enrol()
        before = (run.data_dir / "encryption-keys").read_text()
        assert await run.admin("keys.rotate") == {"documents": 1, "rotated": 1, "unreadable": []}
        assert (run.data_dir / "encryption-keys").read_text() != before
        redeemed = await run.redeem(channel_id, reward_id, "ann")
        await run.until(lambda: run.status_of(channel_id, redeemed["id"]) == "FULFILLED")


async def test_tokens_are_sealed_on_the_disk(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        channel = await run.order("channels", {"login": "pier", "name": "Pier"})
        tokens = {name: channel[name] for name in ("access_token", "refresh_token")}
        await run.admin("channels.add", {**tokens, "reward_title": "VIP", "reward_cost": 5, "vip_seconds": 9})
        stored = b"".join(file.read_bytes() for file in run.data_dir.iterdir() if file.is_file())
        assert tokens["access_token"].encode() not in stored
        assert tokens["refresh_token"].encode() not in stored


async def test_channels_are_listed_refused_and_removed(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        channel_id, reward_id = await run.enrol()
        (listed,) = (await run.admin("channels.list"))["channels"]
        assert listed["rewards"] == [{"id": reward_id, "title": "VIP", "cost": 500, "vip_seconds": 3600}]
        with pytest.raises(AdminError) as caught:
            await run.admin("channels.add", {"access_token": "nonsense", "vip_seconds": 9})
        assert caught.value.code == "channel.token"
        status = await run.admin("status")
        assert status["channels"][channel_id]["state"] == "live"
        await run.admin("channels.remove", {"id": channel_id})
        assert (await run.admin("channels.list"))["channels"] == []
        for command in ("channels.remove", "channels.restart"):
            with pytest.raises(AdminError) as caught:
                await run.admin(command, {"id": channel_id})
            assert caught.value.code == "not_found"
