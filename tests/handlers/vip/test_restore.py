"""A VIP that is paid for is granted again, and told of once. How it comes to that: test_zombies.py."""

from __future__ import annotations

import pytest

from domain.channel import Channel, Viewer
from domain.inbox import Delivery
from domain.vip import VipSession
from handlers.vip.announce import Announcer
from handlers.vip.endings import lane_of
from handlers.vip.restore import Restoring
from handlers.work import Work
from storage.lanes import Lease
from tests.support.scene import Scene


class Bench:
    """A session whose VIP is gone, a row in its lane, and the means to put it right."""

    def __init__(self, scene: Scene, channel: Channel, viewer: Viewer, session: VipSession) -> None:
        self.scene, self.channel, self.viewer, self.session = scene, channel, viewer, session
        self.restoring = Restoring(
            sessions=scene.repositories.sessions,
            helix=scene.helix,
            announcer=_announcer(scene),
            clock=scene.clock,
            metrics=scene.metrics,
        )

    async def work(self, *, fence: int = 10**15) -> Work:
        lane = lane_of(self.channel.id, self.viewer.id)
        _, row = await self.scene.repositories.inbox.insert(
            Delivery(source="s", message_id="1", kind="vip.removed", lane=f"held:{lane}", raw=b"{}")
        )
        self.lease = Lease(lane, "me", fence, 0, self.scene.clock.monotonic() + 9.0, self.scene.clock.now())
        return Work(row, lease=self.lease, inbox=self.scene.repositories.inbox, clock=self.scene.clock)


def _announcer(scene: Scene) -> Announcer:
    return Announcer(
        audit=scene.repositories.audit,
        live=scene.desk.live,
        intake=scene.desk.intake,
        channels=scene.repositories.channels,
    )


@pytest.fixture
async def bench(scene: Scene) -> Bench:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    session = await scene.session(channel, ann)
    assert session is not None
    return Bench(scene, channel, ann, session)


async def test_the_intent_is_durable_and_the_doubt_is_settled(bench: Bench) -> None:
    work = await bench.work()
    assert work.doubtful
    assert await bench.restoring.restore(work, bench.session)
    assert bench.scene.holds_vip(bench.channel, bench.viewer)
    assert (await bench.scene.row("s:1")).steps["restore"]["session_id"] == bench.session.id
    assert not work.doubtful
    assert work.called_out


async def test_repeating_it_doubles_nothing(bench: Bench) -> None:
    work = await bench.work()
    assert await bench.restoring.restore(work, bench.session)
    assert await bench.restoring.resume(work)
    assert await bench.scene.actions(bench.channel) == ["vip.granted", "vip.restored"]
    assert bench.scene.counted("reconciled_total", what="takeover") == 1
    entries = [entry for entry in await bench.scene.entries(bench.channel) if entry.kind == "activity"]
    assert [entry.body["action"] for entry in entries] == ["vip.granted", "vip.restored"]


async def test_nothing_begun_is_nothing_to_complete(bench: Bench) -> None:
    assert not await bench.restoring.resume(await bench.work())


async def test_a_session_that_ended_meanwhile_is_not_restored(bench: Bench) -> None:
    work = await bench.work()
    await work.note("restore", {"session_id": bench.session.id})
    await bench.scene.role("vip.remove", bench.channel, bench.viewer)

    async def ended() -> bool:
        return await bench.scene.session(bench.channel, bench.viewer) is None

    await bench.scene.until(ended)
    assert not await bench.restoring.resume(work)
    assert not bench.scene.holds_vip(bench.channel, bench.viewer)


@pytest.mark.parametrize("how", ["slots", "moderators"])
async def test_what_twitch_refuses_is_told_to_the_caller(bench: Bench, how: str) -> None:
    if how == "slots":
        await bench.scene.act("slots", channel_id=bench.channel.id, vip_slots=0)
    else:
        await bench.scene.act("moderators", channel_id=bench.channel.id, user_id=bench.viewer.id)
    assert not await bench.restoring.restore(await bench.work(), bench.session)
    assert await bench.scene.actions(bench.channel) == ["vip.granted"]


async def test_a_session_without_time_is_not_restored(bench: Bench) -> None:
    work = await bench.work()
    bench.scene.clock.step_wall(60_000)  # type: ignore[attr-defined]
    assert not await bench.restoring.restore(work, bench.session)
    assert work.noted("restore") is None
