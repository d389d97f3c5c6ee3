"""What is asked becomes a row; who asks hears what came of it, once, however often he asks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import Conflict, NotFound
from domain.inbox import RowState
from domain.ports import no_checkpoint
from handlers.intake import Intake
from handlers.vip.endings import lane_of
from handlers.vip.operations import Operation, Operations, Request
from storage.inbox import INBOX, Inbox
from tests.support.desk import open_scene
from tests.support.scene import SECONDS, Scene
from tests.support.story import StoryClock


def operations(scene: Scene, *, wait_seconds: float = 10.0) -> Operations:
    return Operations(
        inbox=scene.repositories.inbox,
        intake=scene.desk.intake,
        clock=scene.clock,
        wait_seconds=wait_seconds,
    )


def asked(channel_id: str, *, key: str = "", note: str = "", user_id: str = "7") -> Request:
    return Request(channel_id, user_id, "viewer.list", key, {"note": note})


async def ask(scene: Scene, request: Request, *, kind: str = "viewer.list") -> Operation:
    viewer = {"id": "42", "login": "ann", "name": "Ann"}
    actor = {"kind": "streamer", "id": "7", "name": "Anna"}
    return await operations(scene).carry_out(
        request,
        kind=kind,
        lane=lane_of(request.channel_id, "42"),
        body={"viewer": viewer, "listed": "allow", "actor": actor},
    )


async def test_who_asks_hears_what_came_of_it(scene: Scene) -> None:
    channel = await scene.channel()
    done = await ask(scene, asked(channel.id))
    assert (done.state, done.result, done.viewer_id) == ("done", "listed", "42")
    assert await operations(scene).look(done.id, channel_id=channel.id) == done


async def test_the_same_key_is_carried_out_once_and_answered_as_the_first_time(scene: Scene) -> None:
    channel = await scene.channel()
    request = asked(channel.id, key="raffle-17")
    first = await ask(scene, request)
    assert await operations(scene).repeated(request) == first
    assert await ask(scene, request) == first
    assert len(await scene.actions(channel)) == 1


async def test_a_key_belongs_to_a_user_a_channel_and_an_endpoint(scene: Scene) -> None:
    channel = await scene.channel()
    request = asked(channel.id, key="raffle-17")
    await ask(scene, request)
    others = [
        replace(request, user_id="8"),
        replace(request, channel_id="9"),
        replace(request, endpoint="vip.revoke"),
        replace(request, key="raffle-18"),
    ]
    for other in others:
        assert await operations(scene).repeated(other) is None
    assert len({one.message_id for one in (request, *others)}) == 5


async def test_the_same_key_for_something_else_is_refused(scene: Scene) -> None:
    channel = await scene.channel()
    await ask(scene, asked(channel.id, key="raffle-17"))
    for again in (
        operations(scene).repeated(asked(channel.id, key="raffle-17", note="other")),
        ask(scene, asked(channel.id, key="raffle-17", note="other")),
    ):
        with pytest.raises(Conflict) as refused:
            await again
        assert refused.value.code == "idempotency.conflict"


async def test_without_a_key_each_request_is_one_of_its_own(scene: Scene) -> None:
    channel = await scene.channel()
    first, second = await ask(scene, asked(channel.id)), await ask(scene, asked(channel.id))
    assert first.id != second.id
    assert await operations(scene).repeated(asked(channel.id)) is None


async def test_what_takes_longer_is_pending_and_done_in_the_end(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        channel = await scene.channel()
        clock = scene.clock
        assert isinstance(clock, StoryClock)
        viewer = await scene.viewer("ann")
        await scene.fault("GET", "/users", times=1000, status=503)
        await scene.fault("GET", "/channels/vips", times=1000, status=503)
        asking = asyncio.create_task(
            operations(scene).carry_out(
                asked(channel.id),
                kind="vip.grant",
                lane=lane_of(channel.id, viewer.id),
                body={
                    "viewer": {"id": viewer.id, "login": "ann", "name": "Ann"},
                    "seconds": 60,
                    "until_stream_end": False,
                    "adopt": False,
                    "note": "",
                    "actor": {"kind": "streamer", "id": "7", "name": "Anna"},
                },
            )
        )
        async with asyncio.timeout(SECONDS):
            while not asking.done():
                await clock.advance(0.25)
                await asyncio.sleep(0.001)
        pending = await asking
        assert (pending.state, pending.result) == ("pending", "pending")
        assert (await operations(scene).look(pending.id, channel_id=channel.id)).state == "pending"
        await scene.heal()
        await scene.finish()
        done = await operations(scene).look(pending.id, channel_id=channel.id)
        assert (done.state, done.result) == ("done", "granted")


async def test_what_waits_for_a_login_says_so_at_once(scene: Scene) -> None:
    channel = await scene.channel()
    viewer = await scene.viewer("ann")
    await scene.fault("GET", "/channels/vips", times=1000, status=401)
    await scene.fault("GET", "/moderation/moderators", times=1000, status=401)
    await scene.grants.mark_dead(channel.id, (await scene.grants.load(channel.id)).revision, "gone")  # type: ignore[union-attr]
    scene.tokens.forget(channel.id)
    pending = await operations(scene).carry_out(
        asked(channel.id),
        kind="vip.revoke",
        lane=lane_of(channel.id, viewer.id),
        body={
            "viewer": {"id": viewer.id, "login": "ann", "name": "Ann"},
            "note": "",
            "actor": {"kind": "streamer", "id": "7", "name": "Anna"},
        },
    )
    assert (pending.state, pending.code) == ("pending", "twitch.login_needed")


async def test_what_cannot_be_carried_out_has_failed(scene: Scene) -> None:
    channel = await scene.channel()
    failed = await ask(scene, asked(channel.id), kind="nobody.handles.this")
    assert (failed.state, failed.result, failed.code) == ("failed", "failed", "inbox.no_handler")
    (row,) = await scene.rows(RowState.DEAD)
    assert row.message_id == failed.id


async def test_operations_of_other_channels_and_other_rows_are_not_shown(scene: Scene) -> None:
    channel = await scene.channel()
    done = await ask(scene, asked(channel.id))
    row = await scene.reconcile(channel)
    for operation_id, channel_id in ((done.id, "999"), ("0" * 32, channel.id), (row, channel.id)):
        with pytest.raises(NotFound) as unknown:
            await operations(scene).look(operation_id, channel_id=channel_id)
        assert unknown.value.code == "operation.unknown"


async def test_what_another_process_carries_out_is_noticed(scene: Scene) -> None:
    """Its own worker tells it nothing: it looks now and then."""
    channel = await scene.channel()
    clock = scene.clock
    assert isinstance(clock, StoryClock)
    inbox = Inbox(await scene.store.collection(INBOX), clock=clock)
    intake = Intake(
        inbox=inbox,
        poke=scene.desk.poke,
        metrics=scene.metrics,
        checkpoint=no_checkpoint,
        alarm=lambda row: None,
    )
    elsewhere = Operations(inbox=inbox, intake=intake, clock=clock)
    asking = asyncio.create_task(
        elsewhere.carry_out(
            asked(channel.id),
            kind="channel.reconcile",
            lane=f"channel:{channel.id}",
            body={"channel_id": channel.id},
        )
    )
    async with asyncio.timeout(SECONDS):
        while not asking.done():
            await clock.advance(0.05)
            await asyncio.sleep(0.002)
    assert (await asking).state == "done"
