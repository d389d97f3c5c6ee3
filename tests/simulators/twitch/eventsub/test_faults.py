"""Duplicate, reorder and drop on order."""

from __future__ import annotations

from tests.simulators.twitch.playground import Playground, Socket, Streamer, playground


async def ready(play: Playground) -> tuple[Streamer, Socket, str, str]:
    streamer, socket = await play.streamer(), await play.socket()
    await play.subscribe(streamer, socket)
    return streamer, socket, await play.reward(streamer), await play.viewer()


async def next_id(socket: Socket) -> tuple[str, str]:
    frame = await socket.of_type("notification")
    return frame["payload"]["event"]["id"], frame["metadata"]["message_id"]


async def test_duplicate_has_the_same_message_id(play: Playground) -> None:
    streamer, socket, reward, viewer = await ready(play)
    await play.sim("eventsub/duplicate", times=1)
    first = await play.redeem(streamer, reward, viewer)
    second = await play.redeem(streamer, reward, viewer)
    seen = [await next_id(socket) for _ in range(3)]
    assert [redemption for redemption, _ in seen] == [first, first, second]
    assert seen[0] == seen[1]


async def test_copies_of_one_redemption(play: Playground) -> None:
    streamer, socket, reward, viewer = await ready(play)
    await play.redeem(streamer, reward, viewer, copies=3)
    assert len({await next_id(socket) for _ in range(3)}) == 1


async def test_reorder_sends_the_last_first(play: Playground) -> None:
    streamer, socket, reward, viewer = await ready(play)
    await play.sim("eventsub/reorder", times=3)
    made = [await play.redeem(streamer, reward, viewer) for _ in range(4)]
    assert [(await next_id(socket))[0] for _ in range(4)] == [made[2], made[1], made[0], made[3]]


async def test_reorder_does_not_hold_for_ever() -> None:
    async with playground(reorder_hold_s=0.05) as play:
        streamer, socket, reward, viewer = await ready(play)
        await play.sim("eventsub/reorder", times=5)
        made = await play.redeem(streamer, reward, viewer)
        assert (await next_id(socket))[0] == made


async def test_drop_loses_only_what_fits(play: Playground) -> None:
    streamer, socket, reward, viewer = await ready(play)
    await play.sim("eventsub/drop", times=1, broadcaster_id="elsewhere")
    await play.sim("eventsub/drop", times=1, type="channel.channel_points_custom_reward_redemption.add")
    await play.redeem(streamer, reward, viewer)
    second = await play.redeem(streamer, reward, viewer)
    assert (await next_id(socket))[0] == second
    assert len(play.simulator.ledger.of("event_dropped")) == 1


async def test_clearing_releases_what_was_held(play: Playground) -> None:
    streamer, socket, reward, viewer = await ready(play)
    await play.sim("eventsub/reorder", times=5)
    made = await play.redeem(streamer, reward, viewer)
    assert (await play.control("faults", method="DELETE")).status == 200
    assert (await next_id(socket))[0] == made
