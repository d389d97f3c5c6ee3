"""What a handler holds: the body, its steps, and the right to go on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.events import Malformed
from domain.inbox import Delivery, Fenced, attempted
from handlers.work import DOUBT_MS, HOLD_MARGIN_SECONDS, Work
from storage.lanes import Lease
from tests.support.scene import Scene
from tests.support.story import StoryClock


async def work_on(scene: Scene, raw: Any, *, fence: int = 5) -> Work:
    body = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    delivery = Delivery(source="s", message_id="1", kind="k", lane="l", raw=body)
    _, row = await scene.repositories.inbox.insert(delivery)
    return Work(row, lease=lease_of(scene, fence), inbox=scene.repositories.inbox, clock=scene.clock)


def lease_of(scene: Scene, fence: int = 5) -> Lease:
    return Lease("l", "me", fence, 0, scene.clock.monotonic() + 30.0)


async def test_either_transport_reads_the_same(scene: Scene) -> None:
    inner = {"subscription": {}, "event": {"id": "1"}}
    webhook = await work_on(scene, inner)
    assert webhook.payload == inner
    assert webhook.event == {"id": "1"}
    frame = {"metadata": {"message_id": "m"}, "payload": inner}
    lease = Lease("l", "me", 5, 0, 0.0)
    _, row = await scene.repositories.inbox.insert(
        Delivery(source="s", message_id="2", kind="k", lane="l", raw=json.dumps(frame).encode())
    )
    socket = Work(row, lease=lease, inbox=scene.repositories.inbox, clock=scene.clock)
    assert socket.event == {"id": "1"}


@pytest.mark.parametrize(
    "raw", [[], 7, "text", None, {"metadata": {}, "payload": 7}, {"metadata": {}}, {"event": []}, {}]
)
async def test_what_has_no_event_is_malformed(scene: Scene, raw: Any) -> None:
    work = await work_on(scene, raw)
    with pytest.raises(Malformed):
        _ = work.event


async def test_a_body_that_is_no_json_is_a_value_error(scene: Scene) -> None:
    work = await work_on(scene, b"\xff{")
    with pytest.raises(ValueError):
        _ = work.payload


async def test_steps_are_durable_before_they_return(scene: Scene) -> None:
    work = await work_on(scene, {})
    assert work.noted("grant") is None
    await work.note("grant", {"was_vip": False})
    assert work.noted("grant") == {"was_vip": False}
    assert (await scene.row("s:1")).steps == {"grant": {"was_vip": False}}
    assert (await scene.row("s:1")).fence == 5


async def test_who_was_taken_over_writes_nothing(scene: Scene) -> None:
    work = await work_on(scene, {}, fence=5)
    await scene.repositories.inbox.change("s:1", lambda row: attempted(row, fence=6))
    with pytest.raises(Fenced):
        await work.note("grant", {})
    assert (await scene.row("s:1")).steps == {}


async def test_the_right_to_call_out_ends_before_the_lease_does(scene: Scene) -> None:
    clock = scene.clock
    assert isinstance(clock, StoryClock)
    work = await work_on(scene, {})
    work.ensure_held()
    assert not work.called_out
    await clock.advance(30.0 - HOLD_MARGIN_SECONDS - 0.1)
    work.hold()
    assert work.called_out
    await clock.advance(0.2)
    for ask in (work.hold, work.ensure_held):
        with pytest.raises(Fenced):
            ask()


async def test_a_renewal_and_a_takeover_are_known_at_once(scene: Scene) -> None:
    """The lease is one object: what its keeper learns counts in the middle of a handler."""
    clock = scene.clock
    assert isinstance(clock, StoryClock)
    work = await work_on(scene, {})
    lease = lease_of(scene)
    work = Work(work.row, lease=lease, inbox=scene.repositories.inbox, clock=clock)
    await clock.advance(29.0)
    lease.deadline += 10.0
    work.hold()
    lease.lost = True
    with pytest.raises(Fenced):
        work.hold()


async def test_a_doubt_lasts_for_a_while_and_can_be_settled(scene: Scene) -> None:
    clock = scene.clock
    assert isinstance(clock, StoryClock)
    work = await work_on(scene, {})
    assert not work.doubtful, "given back in order"
    lease = lease_of(scene)
    lease.taken_over_at = clock.now()
    work = Work(work.row, lease=lease, inbox=scene.repositories.inbox, clock=clock)
    assert work.doubtful
    clock.step_wall(DOUBT_MS - 1)
    assert work.doubtful
    work.settle_doubt()
    assert not work.doubtful
    lease.taken_over_at = clock.now() - DOUBT_MS
    assert not work.doubtful


async def test_a_jump_of_the_wall_clock_does_not_move_the_lease(scene: Scene) -> None:
    clock = scene.clock
    assert isinstance(clock, StoryClock)
    work = await work_on(scene, {})
    clock.step_wall(3_600_000)
    work.hold()
