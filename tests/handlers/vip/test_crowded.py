"""More redeem at the same time than may wait: points go back at once, and nobody who has his moment loses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.inbox import RowState
from handlers.vip.quotas import BURST_SECONDS, Quota
from tests.handlers.vip.slots_story import status_of, stored
from tests.support.desk import open_scene
from tests.support.scene import QUEUE_PATH, Scene

A_MINUTE, MAY_WAIT = 6, 2
QUOTA = Quota(per_minute=A_MINUTE, waiting=MAY_WAIT)
AT_ONCE = int(BURST_SECONDS * A_MINUTE / 60) + 1


async def burst(scene: Scene, more: int) -> list[str]:
    """So many different viewers redeem as go through at once, as may wait, and `more`."""
    channel = await scene.channel(vip_ms=7_200_000)
    viewers = [await scene.viewer(f"v{number}") for number in range(AT_ONCE + MAY_WAIT + more)]
    events = [await scene.pay(channel, viewer) for viewer in viewers]
    for event in events:
        await scene.deliver(event)
    await scene.quiet()
    return [event["id"] for event in events]


async def statuses(scene: Scene, ids: list[str]) -> list[str]:
    found = [await scene.repositories.redemptions.get(each) for each in ids]
    return sorted("held back" if each is None else each.status.value for each in found)


async def test_who_comes_when_as_many_wait_as_may_has_his_points_back_at_once(tmp_path: Path) -> None:
    async with open_scene(tmp_path, quota=QUOTA) as scene:
        ids = await burst(scene, more=3)
        assert await statuses(scene, ids) == (
            ["fulfilled"] * AT_ONCE + ["held back"] * MAY_WAIT + ["refunded"] * 3
        )
        back = [each for each in ids if scene.deeds("refunded", redemption_id=each)]
        assert {(await stored(scene, each)).reason for each in back} == {"crowded"}
        (channel,) = await scene.repositories.channels.all()
        assert any("too many redeem this at the same time" in line for line in scene.said(channel))
        assert scene.counted("quota_turned_away_total") == 3
        await scene.finish()
        assert await statuses(scene, ids) == ["fulfilled"] * (AT_ONCE + MAY_WAIT) + ["refunded"] * 3
        assert scene.deeds("refunded") == 3, "who had his moment kept it"


@pytest.mark.parametrize("place", ["vip.refund_intended", "vip.refunded"])
async def test_cut_off_in_the_middle_it_is_one_refund(tmp_path: Path, place: str) -> None:
    async with open_scene(tmp_path, quota=QUOTA) as scene:
        scene.checkpoints.arm(place)
        ids = await burst(scene, more=1)
        await scene.finish()
        assert await statuses(scene, ids) == ["fulfilled"] * (AT_ONCE + MAY_WAIT) + ["refunded"]
        assert scene.deeds("refunded") == 1


async def test_told_again_by_a_reconciliation_it_stays_what_it_was(tmp_path: Path) -> None:
    async with open_scene(tmp_path, quota=QUOTA) as scene:
        ids = await burst(scene, more=1)
        (channel,) = await scene.repositories.channels.all()
        await scene.reconcile(channel)
        await scene.finish()
        assert await statuses(scene, ids) == ["fulfilled"] * (AT_ONCE + MAY_WAIT) + ["refunded"]
        assert scene.deeds("refunded") == 1


async def test_a_refund_that_twitch_does_not_take_is_tried_again(tmp_path: Path) -> None:
    async with open_scene(tmp_path, quota=QUOTA) as scene:
        await scene.fault("PATCH", QUEUE_PATH, status=500, times=3, query={"status": "CANCELED"})
        ids = await burst(scene, more=1)
        await scene.finish()
        assert "refunded" in await statuses(scene, ids)
        assert not await scene.rows(RowState.DEAD)
        (back,) = [each for each in ids if scene.deeds("refunded", redemption_id=each)]
        assert await status_of(scene, back) == ("refunded", "crowded")


async def test_what_is_none_of_ours_is_left_alone(tmp_path: Path) -> None:
    async with open_scene(tmp_path, quota=QUOTA) as scene:
        await burst(scene, more=0)
        (channel,) = await scene.repositories.channels.all()
        event = await scene.pay(channel, await scene.viewer("zoe"))
        event["reward"] = {**event["reward"], "id": "another"}
        row_id = await scene.deliver(event)
        await scene.quiet()
        assert (await scene.row(row_id)).result == "not_ours"
        assert scene.status(channel, event["id"]) == "UNFULFILLED"
