"""Before data goes, VIPs of ours end and points go back; cut off anywhere, the next attempt completes it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.audit import Action, Actor
from domain.channel import Channel
from domain.inbox import RowState
from domain.slots import Limits, WhenFull
from handlers.erasure_rows import CHANNEL, LONGEST_WAIT_MS, VIEWER, order_of
from handlers.vip.operations import OUTCOME
from storage.audit import AUDIT
from storage.inbox import INBOX
from tests.handlers.test_erasure import linked, lived, traces
from tests.support.desk import open_scene
from tests.support.scene import VIPS_PATH, Scene
from tests.support.story import StoryClock


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, accounts=True) as scene:
        yield scene


async def ask(scene: Scene, channel: Channel, viewer_id: str = "", *, key: str = "a" * 32) -> str:
    """The row that erases."""
    actor = Actor("streamer", channel.id, channel.name)
    kind = VIEWER if viewer_id else CHANNEL
    order = order_of(kind, channel.id, message_id=key, viewer_id=viewer_id, actor=actor)
    await scene.desk.intake.accept(order)
    return order.row_id


async def test_the_vip_ends_first(scene: Scene) -> None:
    channel, zoe = await scene.channel(), await scene.viewer("zebrina")
    await scene.settled(await scene.redeem(channel, zoe))
    assert scene.holds_vip(channel, zoe)
    row = await ask(scene, channel, zoe.id)
    await scene.finish()
    done = await scene.row(row)
    assert (done.result, done.raw) == ("erased", "{}")
    assert done.steps[OUTCOME]["counts"]["vip_sessions"] == 1
    assert not scene.holds_vip(channel, zoe)
    assert await traces(scene, "zebrina", zoe.id) == []
    [note] = [record for record in await scene.trail(channel) if record.action is Action.ERASURE]
    assert (note.actor.kind, note.cause) == ("streamer", "dashboard")
    assert not (await linked(scene, channel)).faults
    again = await ask(scene, channel, zoe.id, key="b" * 32)
    await scene.finish()
    assert (await scene.row(again)).result == "nothing"
    assert await traces(scene, "zebrina", zoe.id) == []


async def test_who_waits_gets_his_points_back(scene: Scene) -> None:
    channel = await scene.channel()
    limits = Limits(cap=1, when_full=WhenFull.WAIT)
    await scene.repositories.channels.put(
        channel, lambda held: replace(held, settings=replace(held.settings, limits=limits))
    )
    await scene.settled(await scene.redeem(channel, await scene.viewer("other")))
    zoe = await scene.viewer("zebrina")
    waits = [await scene.redeem(channel, zoe) for _ in range(2)]
    await scene.quiet()
    assert len((await scene.repositories.slots.get(channel.id)).waiting) == 2
    await ask(scene, channel, zoe.id)
    await scene.finish()
    assert [scene.status(channel, each) for each in waits] == ["CANCELED", "CANCELED"]
    assert (await scene.repositories.slots.get(channel.id)).waiting == ()
    assert await traces(scene, "zebrina", zoe.id) == []


async def test_a_login_that_is_over_stops_no_erasure(scene: Scene) -> None:
    channel, zoe = await scene.channel(), await scene.viewer("zebrina")
    await scene.settled(await scene.redeem(channel, zoe))
    held = await scene.tokens.standing(channel.id)
    assert held is not None
    await scene.act("tokens/revoke", user_id=channel.id)
    await scene.tokens.condemn(channel.id, held.access_token, "revoked")
    row = await ask(scene, channel, zoe.id)
    await scene.until(lambda: _is_done(scene, row))
    assert (await scene.row(row)).result == "erased_unfinished"
    left = await traces(scene, "zebrina", zoe.id)
    assert left in ([], [("lanes", f"vip:{channel.id}:{zoe.id}")]), "a lane goes by age"
    assert scene.holds_vip(channel, zoe), "Twitch could not be told"


async def _is_done(scene: Scene, row_id: str) -> bool:
    clock = scene.clock
    assert isinstance(clock, StoryClock)
    await clock.advance(1.0)
    return (await scene.row(row_id)).state is RowState.DONE


async def test_twitch_that_does_not_answer_holds_it_up_for_a_while_only(scene: Scene) -> None:
    channel, zoe = await scene.channel(), await scene.viewer("zebrina")
    await scene.settled(await scene.redeem(channel, zoe))
    await scene.fault("DELETE", VIPS_PATH, times=10_000, status=503)
    row = await ask(scene, channel, zoe.id)
    await scene.quiet()
    assert (await scene.row(row)).state is RowState.OPEN
    await scene.pass_ms(LONGEST_WAIT_MS + 60_000)
    await scene.until(lambda: _is_done(scene, row))
    assert (await scene.row(row)).result == "erased_unfinished"


@pytest.mark.parametrize(
    ("collection", "method"), [(AUDIT.name, "change"), (INBOX.name, "change"), (AUDIT.name, "insert")]
)
@pytest.mark.parametrize("after_effect", [False, True])
async def test_cut_off_anywhere_the_row_completes_it(
    scene: Scene, collection: str, method: str, after_effect: bool
) -> None:
    channel = await scene.channel()
    zoe = await lived(scene, channel)
    scene.store.orders.fail(collection, method, times=2, after_effect=after_effect)
    row = await ask(scene, channel, zoe.id)
    await scene.finish()
    assert (await scene.row(row)).result == "erased"
    assert await traces(scene, "zebrina", zoe.id) == []
    notes = [record for record in await scene.trail(channel) if record.action is Action.ERASURE]
    assert len(notes) == 1
    assert not (await linked(scene, channel)).faults


async def test_a_channel_that_left_is_erased_with_its_grant(scene: Scene) -> None:
    channel = await scene.channel()
    await lived(scene, channel)
    await scene.enrolment.remove(channel.id)
    row = await ask(scene, channel)
    await scene.finish()
    done = await scene.row(row)
    assert done.result == "erased"
    assert await scene.grants.load(channel.id) is None
    assert not scene.sim.stage.tokens.has_grant(scene.sim.client_id, channel.id)
    assert await traces(scene, "zebrina") == []
    again = await ask(scene, channel, key="c" * 32)
    await scene.finish()
    assert json.loads((await scene.row(again)).raw)["viewer_id"] == ""
