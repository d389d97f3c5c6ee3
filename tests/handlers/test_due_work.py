"""Work that comes due by the clock."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from domain.errors import Unavailable
from domain.inbox import RowState
from domain.redemption import RedemptionStatus as Status
from domain.vip import VipSession
from handlers.due_work import AGAIN_SECONDS, LONGEST_SLEEP_SECONDS, ROUND_SECONDS, Expiries, Rounds, Waits
from handlers.vip.endings import expiry_of
from tests.handlers.fleet import ProcessClock, Wires, second_desk
from tests.handlers.vip.slots_story import WAIT, channel_with, redeemed, status_of
from tests.support.desk import open_scene
from tests.support.scene import SECONDS, VIPS_PATH, Scene
from tests.support.story import StoryClock


async def vip(scene: Scene, login: str = "ann", vip_ms: int = 60_000) -> tuple[Any, Any, VipSession]:
    channel, viewer = await scene.channel(f"c_{login}", vip_ms=vip_ms), await scene.viewer(login)
    await scene.settled(await scene.redeem(channel, viewer))
    session = await scene.session(channel, viewer)
    assert session is not None
    return channel, viewer, session


async def test_waiting_lists_are_looked_after_in_short_sleeps(scene: Scene) -> None:
    """A longest wait of forty seconds is over some seconds later at most, whatever else happens or does not."""
    limits = replace(WAIT, longest_wait_ms=40_000)
    channel = await channel_with(scene, limits, vip_ms=600_000)
    await redeemed(scene, channel, "ann")
    _, waits = await redeemed(scene, channel, "ben")
    running = asyncio.create_task(scene.desk.waits.run(), name="waits")
    clock = scene.clock
    assert isinstance(clock, StoryClock)
    looks = 0
    try:
        while (await status_of(scene, waits))[0] == "waiting":
            await scene.until(lambda: sleeps(clock))
            assert clock.until["waits"] - clock.monotonic() <= LONGEST_SLEEP_SECONDS
            await clock.advance(clock.until["waits"] - clock.monotonic())
            await scene.until(lambda: sleeps(clock))  # it has looked, and queued what it found
            await scene.quiet()
            looks += 1
            assert looks < 9
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await scene.finish()
    assert await status_of(scene, waits) == ("refunded", "waited")
    record = await scene.repositories.audit.get(f"{waits}:refunded")
    redemption = await scene.repositories.redemptions.get(waits)
    assert record is not None
    assert redemption is not None
    assert 40_000 <= record.at - redemption.received_at < 42_000


async def sleeps(clock: StoryClock) -> bool:
    return bool(clock.asleep["waits"])


async def test_waiting_lists_survive_a_store_that_does_not_answer(scene: Scene) -> None:
    class Fails:
        looks = 0

        async def look(self) -> int | None:
            self.looks += 1
            if self.looks == 1:
                raise Unavailable("Not now.")
            return None

    fails = Fails()
    clock = scene.clock
    assert isinstance(clock, StoryClock)
    running = asyncio.create_task(Waits(waiting=fails, clock=clock).run(), name="waits")
    try:
        await scene.until(lambda: sleeps(clock))
        await clock.advance(1.0)
        await scene.until(lambda: sleeps(clock))
        assert fails.looks == 2
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_each_end_is_queued_once_when_it_is_due(scene: Scene) -> None:
    _, _, session = await vip(scene, vip_ms=5000)
    await scene.pass_ms(4000)
    await scene.quiet()
    assert scene.counted("expiries_queued_total", result="new") == 0
    over = await scene.ended(session.id)
    assert over.ended_at is not None
    assert over.ended_at - over.expires_at <= 1100
    assert scene.counted("expiries_queued_total", result="new") == 1


async def test_ends_far_away_are_reached_in_short_sleeps(scene: Scene) -> None:
    channel, ann, session = await vip(scene, vip_ms=100_000)
    for _ in range(7):
        await scene.pass_ms(round(LONGEST_SLEEP_SECONDS * 1000))
        await scene.quiet()
    over = await scene.ended(session.id)
    assert over.ended_at is not None
    assert over.ended_at - over.expires_at <= 6_000
    assert not scene.holds_vip(channel, ann)


async def test_a_new_session_is_noticed_at_once(scene: Scene) -> None:
    """The scheduler sleeps up to fifteen seconds; a session of five does not wait for that."""
    await scene.quiet()
    _, _, session = await vip(scene, vip_ms=5000)
    for _ in range(7):
        await scene.pass_ms(1000)
        await scene.quiet()
    over = await scene.repositories.sessions.get(session.id)
    assert over is not None
    assert over.ended_because == "expired"


async def test_a_session_of_another_process_is_noticed_by_its_signal(scene: Scene) -> None:
    """The scheduler sleeps for fifteen seconds; the other process's grant wakes it."""
    wires = Wires()
    ours = wires.end()
    ours.listen("sessions", lambda session_id: scene.desk.expiries.look())
    async with second_desk(scene, skew_ms=0, signals=wires.end()) as other:
        channel, ann = await scene.channel(vip_ms=5000), await scene.viewer()
        event = await scene.pay(channel, ann)
        await scene.quiet()
        await other.redeemed(event)
        async with asyncio.timeout(SECONDS):
            while ("sessions", "") not in wires.sent:
                await asyncio.sleep(0.002)
        for _ in range(6):
            await scene.pass_ms(1000)
            await scene.quiet()
        over = await scene.repositories.sessions.get(event["id"])
        assert over is not None
        assert over.ended_because == "expired"


async def test_an_extension_moves_the_end(scene: Scene) -> None:
    channel, ann, session = await vip(scene, vip_ms=10_000)
    await scene.settled(await scene.redeem(channel, ann))
    for _ in range(15):
        await scene.pass_ms(1000)
        await scene.quiet()
    assert scene.holds_vip(channel, ann)
    over = await scene.ended(session.id)
    assert over.expires_at == session.expires_at + 10_000
    assert over.ended_at is not None
    assert 0 <= over.ended_at - over.expires_at <= 2000


async def test_the_scheduler_outlives_a_store_that_does_not_answer(scene: Scene) -> None:
    channel, ann, session = await vip(scene, vip_ms=5000)
    scene.store.orders.fail("vip_sessions", "find", times=4)
    await scene.ended(session.id)
    assert not scene.holds_vip(channel, ann)


async def test_the_cron_call_does_the_same_without_the_scheduler(tmp_path: Path) -> None:
    async with open_scene(tmp_path, scheduler=False) as scene:
        channel, ann, session = await vip(scene, vip_ms=5000)
        assert await scene.desk.expiries.remove_expired() == {"due": 0}
        await scene.pass_ms(5000)
        assert scene.holds_vip(channel, ann)
        assert await scene.desk.expiries.remove_expired() == {"due": 1}
        await scene.finish()
        assert not scene.holds_vip(channel, ann)
        record = await scene.repositories.audit.get(f"{session.id}:ended")
        assert record is not None
        assert (record.actor.kind, record.cause) == ("system", "cron")
        assert await scene.desk.expiries.remove_expired() == {"due": 0}


async def test_two_cron_calls_at_once_remove_once(tmp_path: Path) -> None:
    async with open_scene(tmp_path, scheduler=False) as scene:
        channel, ann, _ = await vip(scene, vip_ms=5000)
        await scene.pass_ms(5000)
        told = await asyncio.gather(*(scene.desk.expiries.remove_expired() for _ in range(5)))
        assert told == [{"due": 1}] * 5
        await scene.finish()
        assert not scene.holds_vip(channel, ann)
        assert scene.deeds("vip_removed") == 1
        assert await scene.actions(channel) == ["vip.ended", "vip.granted"]
        assert scene.counted("expiries_queued_total", result="new") == 1
        assert scene.counted("expiries_queued_total", result="duplicate") == 4


async def test_a_dead_end_is_sent_round_again_by_the_cron_call(tmp_path: Path) -> None:
    """What must happen some day and was given up on for a reason that nobody foresaw."""
    async with open_scene(tmp_path, scheduler=False) as scene:
        channel, ann, session = await vip(scene, vip_ms=5000)
        await scene.pass_ms(5000)
        await scene.fault("DELETE", VIPS_PATH, status=418, message="teapot")
        await scene.desk.expiries.queue_due(cause="clock")
        await scene.finish()
        row = await scene.row(expiry_of(session, cause="clock").row_id)
        assert row.error is not None
        assert (row.state, row.error.code) == (RowState.DEAD, "twitch.broken")
        await scene.desk.expiries.queue_due(cause="clock")
        await scene.finish()
        assert scene.holds_vip(channel, ann), "not at every look"
        told = await asyncio.gather(*(scene.desk.expiries.remove_expired() for _ in range(3)))
        assert told == [{"due": 1}] * 3
        await scene.finish()
        assert not scene.holds_vip(channel, ann)
        assert scene.deeds("vip_removed") == 1


async def test_a_dead_end_is_sent_round_again_by_the_scheduler(scene: Scene) -> None:
    channel, ann, session = await vip(scene, vip_ms=5000)
    await scene.fault("DELETE", VIPS_PATH, status=418, message="teapot")
    await scene.pass_ms(5100)
    await scene.finish()
    row = await scene.row(expiry_of(session, cause="clock").row_id)
    assert row.state is RowState.DEAD
    assert scene.holds_vip(channel, ann)
    for _ in range(5):
        await scene.pass_ms(round(AGAIN_SECONDS * 250))
        await scene.quiet()
    await scene.finish()
    assert not scene.holds_vip(channel, ann)


async def test_an_end_that_was_looked_at_too_early_comes_again(tmp_path: Path) -> None:
    """Queued by a clock that is ahead, or by one that was then set back: it is not over yet where it is handled. The
    row of that end is done; the end is not."""
    async with open_scene(tmp_path, scheduler=False) as scene:
        channel, ann, session = await vip(scene, vip_ms=5000)
        ahead = ProcessClock()
        ahead.step_wall(session.expires_at + 1000 - ahead.now())
        other = Expiries(
            sessions=scene.repositories.sessions,
            channels=scene.repositories.channels,
            intake=scene.desk.intake,
            clock=ahead,
            metrics=scene.metrics,
        )
        for _ in range(2):  # and too early a second time
            assert await other.remove_expired() == {"due": 1}
            await scene.finish()
            assert scene.holds_vip(channel, ann)
        await scene.pass_ms(6000)
        assert await scene.desk.expiries.remove_expired() == {"due": 1}
        await scene.finish()
        assert not scene.holds_vip(channel, ann)
        assert (await scene.ended(session.id)).ended_because == "expired"


async def test_after_a_restart_the_ends_are_still_there(tmp_path: Path) -> None:
    async with open_scene(tmp_path, scheduler=False) as scene:
        _, _, session = await vip(scene, vip_ms=5000)
        await scene.pass_ms(60_000)
        await scene.desk.expiries.queue_due(cause="clock")
        await scene.finish()
        again = Expiries(
            sessions=scene.repositories.sessions,
            channels=scene.repositories.channels,
            intake=scene.desk.intake,
            clock=scene.clock,
            metrics=scene.metrics,
        )
        assert await again.queue_due(cause="clock") == 0
        over = await scene.repositories.sessions.get(session.id)
        assert over is not None
        assert over.ended_because == "expired"


async def test_rounds_reconcile_every_channel_in_turn(tmp_path: Path) -> None:
    async with open_scene(tmp_path, scheduler=False) as scene:
        rounds = Rounds(channels=scene.repositories.channels, intake=scene.desk.intake, clock=scene.clock)
        running = asyncio.create_task(rounds.run(), name="rounds")
        scene.sleepers = (*scene.sleepers, "rounds")
        try:
            await scene.quiet()
            await scene.pass_ms(round(ROUND_SECONDS * 1000))  # nobody to go round for
            first, second = await scene.channel("first", vip_ms=7_200_000), await scene.channel("second")
            event = await scene.pay(first, await scene.viewer())
            for _ in range(6):
                await scene.quiet()
                await scene.pass_ms(round(ROUND_SECONDS * 500))
            await scene.quiet()
            rows = [row for row in await scene.rows(RowState.DONE) if row.kind == "channel.reconcile"]
            assert {row.channel_id for row in rows} == {first.id, second.id}
            assert (await scene.settled(event["id"])).status == Status.FULFILLED
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
