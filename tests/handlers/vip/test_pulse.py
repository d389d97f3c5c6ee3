"""What comes in is heard at once, written now and then, and never lost to a store that is away for a moment."""

from __future__ import annotations

import asyncio

from domain.events import Arrival, format_time
from handlers.vip.pulse import MOST_TYPES, WRITE_SECONDS, PulseKeeper
from tests.support.clock import ManualClock
from tests.support.scene import Scene, role_event


async def test_events_are_heard_and_written_each_fifteen_seconds(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer("ann")
    sent_at = scene.clock.now() - 250
    await scene.desk.eventsub.notification(
        Arrival(
            message_id="m-1",
            type="channel.vip.add",
            version="1",
            payload={"event": role_event(channel, ann)},
            raw=b"{}",
            headers={"twitch-eventsub-message-timestamp": format_time(sent_at)},
            key_id="",
            transport="webhook",
        )
    )
    heard = await scene.desk.keeper.get(channel.id)
    assert (heard.last_event_at, heard.lag_ms) == (scene.clock.now(), 250)
    assert (await scene.repositories.pulses.get(channel.id)).last_event_at == 0
    running = asyncio.create_task(scene.desk.keeper.run(), name="pulses")
    try:
        await asyncio.sleep(0)
        clock = scene.clock
        assert isinstance(clock, ManualClock)
        await clock.advance(WRITE_SECONDS)

        async def written() -> bool:
            return (await scene.repositories.pulses.get(channel.id)).last_event_at == heard.last_event_at

        await scene.until(written)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert (await scene.desk.keeper.get(channel.id)).subscriptions == heard.subscriptions


async def test_what_names_no_channel_is_passed_over(scene: Scene) -> None:
    await scene.channel()
    for event in (None, {}, {"broadcaster_user_id": 5}, {"broadcaster_user_id": "x" * 600}):
        await scene.deliver(event, "channel.vip.add")
    await scene.desk.keeper.write()


async def test_what_the_store_does_not_take_is_written_the_next_time(scene: Scene) -> None:
    keeper = PulseKeeper(pulses=scene.repositories.pulses, clock=scene.clock)
    keeper.heard("1", "channel.ban", "1", None)
    scene.store.orders.fail("pulses", "change")
    await keeper.write()
    keeper.heard("1", "stream.online", "1", None)
    await keeper.write()
    pulse = await scene.repositories.pulses.get("1")
    assert [one.type for one in pulse.subscriptions] == ["channel.ban", "stream.online"]
    assert pulse.lag_ms == 0


async def test_types_are_bounded(scene: Scene) -> None:
    keeper = PulseKeeper(pulses=scene.repositories.pulses, clock=scene.clock)
    for number in range(MOST_TYPES + 10):
        keeper.heard("1", f"type.{number}", "1", None)
    assert len((await keeper.get("1")).subscriptions) == MOST_TYPES


async def test_what_is_not_written_yet_is_known_besides(scene: Scene) -> None:
    keeper = PulseKeeper(pulses=scene.repositories.pulses, clock=scene.clock)
    for channel_id in ("1", "2"):
        keeper.heard(channel_id, "stream.online", "1", None)
    await keeper.write()
    written = await keeper.last_events()
    assert written == {"1": scene.clock.now(), "2": scene.clock.now()}
    await scene.pass_ms(1000)
    keeper.heard("2", "stream.online", "1", None)
    assert await keeper.last_events() == {**written, "2": scene.clock.now()}
