"""What viewers are answered in chat."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.channel import Channel, Viewer
from domain.inbox import RowState
from domain.redemption import RedemptionStatus as Status
from domain.slots import Limits, WhenFull
from handlers.vip.commands import LATE_MS
from tests.handlers.vip.test_discord_writer import choose
from tests.support.desk import open_scene
from tests.support.scene import Scene
from tests.support.story import Cut, StoryClock

CHAT = "channel.chat.message"


def event(channel: Channel, viewer: Viewer, said: str = "!vip", **changes: Any) -> dict[str, Any]:
    return {
        "broadcaster_user_id": channel.id,
        "chatter_user_id": viewer.id,
        "chatter_user_login": viewer.login,
        "chatter_user_name": viewer.name,
        "message": {"text": said, "fragments": []},
        "badges": [],
        "source_broadcaster_user_id": None,
    } | changes


async def ask(scene: Scene, channel: Channel, viewer: Viewer, said: str = "!vip", **changes: Any) -> str:
    """What came of a message."""
    row_id = await scene.deliver(event(channel, viewer, said, **changes), CHAT)
    await scene.finish()
    return (await scene.row(row_id)).result


async def test_who_is_vip_hears_how_long(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    await scene.pass_ms(15_000)
    assert await ask(scene, channel, ann) == "answered"
    assert scene.said(channel)[-1] == "@Ann, you are VIP for another 45 s."


async def test_who_is_none_hears_how_to_become_one(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    assert await ask(scene, channel, ann, "!VIP @ann") == "answered"
    told = "@Ann, you are no VIP at the moment. Redeem “VIP of streamer” for 500 points to become one."
    assert scene.said(channel) == [told]
    await scene.repositories.channels.change(channel.id, lambda held: replace(held, paused=True))
    await scene.pass_ms(10_000)
    await ask(scene, channel, ann)
    assert scene.said(channel)[-1] == "@Ann, you are no VIP at the moment."


async def test_who_was_made_vip_by_hand_has_no_end(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await ask(scene, channel, ann, badges=[{"set_id": "vip", "id": "1", "info": ""}])
    assert scene.said(channel) == ["@Ann, you are VIP, and no end is set."]


async def test_in_the_language_of_the_channel_with_its_own_words(scene: Scene) -> None:
    channel, ann, ben = await scene.channel(), await scene.viewer(), await scene.viewer("ben")
    await scene.repositories.channels.change(channel.id, lambda held: replace(held, language="de"))
    await ask(scene, channel, ann)
    assert scene.said(channel)[-1].startswith("@Ann, du bist gerade kein VIP.")
    await choose(scene, channel, texts={"vip_answer_none": "{viewer}? Nein."})
    await scene.pass_ms(3000)
    await ask(scene, channel, ben)
    assert scene.said(channel)[-1] == "Ben? Nein."


async def full(scene: Scene) -> tuple[Channel, Viewer, str]:
    """A channel with one slot, which Ann has; Ben waits."""
    channel, ann, ben = await scene.channel(), await scene.viewer(), await scene.viewer("ben")

    def one_slot(held: Channel) -> Channel:
        return replace(held, settings=replace(held.settings, limits=Limits(1, WhenFull.WAIT)))

    await scene.repositories.channels.change(channel.id, one_slot)
    await scene.redeem(channel, ann)
    await scene.finish()
    waiting = await scene.redeem(channel, ben)
    await scene.finish()
    return channel, ben, waiting


async def test_who_waits_hears_his_place_and_may_leave(scene: Scene) -> None:
    channel, ben, waiting = await full(scene)
    assert await ask(scene, channel, ben) == "answered"
    place = "@Ben, all VIP slots are taken. You are number 1 on the waiting list."
    assert scene.said(channel)[-2:] == [place, place]
    assert await ask(scene, channel, ben, "!leave") == "leaves"
    redemption = await scene.settled(waiting)
    assert (redemption.status, redemption.reason) == (Status.REFUNDED, "left")
    assert scene.status(channel, waiting) == "CANCELED"
    assert scene.said(channel)[-1] == "@Ben, you are off the waiting list. You have your points back."
    await scene.pass_ms(10_000)
    assert await ask(scene, channel, ben, "!leave") == "not_waiting"


async def test_who_waits_twice_leaves_with_both(scene: Scene) -> None:
    channel, ben, waiting = await full(scene)
    second = await scene.redeem(channel, ben)
    await scene.finish()
    assert await ask(scene, channel, ben, "!leave") == "leaves"
    await scene.finish()
    assert scene.status(channel, waiting) == scene.status(channel, second) == "CANCELED"
    assert not scene.holds_vip(channel, ben)


async def test_who_comes_from_the_list_is_told_so(scene: Scene) -> None:
    channel, _, waiting = await full(scene)
    await scene.pass_ms(61_000)
    assert (await scene.settled(waiting)).status == Status.FULFILLED
    assert scene.said(channel)[-1] == "@Ben, a VIP slot is yours now, for 1 min. Thank you for waiting!"


async def test_who_asks_again_at_once_is_not_answered(scene: Scene) -> None:
    channel, ann, ben = await scene.channel(), await scene.viewer(), await scene.viewer("ben")
    assert await ask(scene, channel, ann) == "answered"
    assert await ask(scene, channel, ben) == "too_soon", "one answer in the channel in three seconds"
    await scene.pass_ms(3000)
    assert await ask(scene, channel, ann) == "too_soon", "and one for a viewer in ten"
    assert await ask(scene, channel, ben) == "answered"
    await scene.pass_ms(7000)
    assert await ask(scene, channel, ann) == "answered"
    assert len(scene.said(channel)) == 3


async def test_an_attempt_that_was_cut_off_is_completed(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.quiet()
    scene.store.orders.fail("slots", "get")  # after the turn was taken
    await scene.deliver(event(channel, ann), CHAT, message_id="m-1")
    await scene.finish()
    row = await scene.row("twitch:m-1")
    assert (row.result, row.attempts) == ("answered", 2)
    assert len(scene.said(channel)) == 1


async def test_what_is_not_asked_of_us_is_left_alone(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    assert await ask(scene, channel, ann, "!vip ben") == "ignored"
    assert await ask(scene, channel, ann, "!raus") == "ignored", "it is an English channel"
    await choose(scene, channel, answers_vip=False)
    assert await ask(scene, channel, ann) == "off"
    assert await ask(scene, replace(channel, id="404"), ann) == "off"
    await choose(scene, channel, answers_vip=True, off=("vip_answer_none",))
    assert await ask(scene, channel, ann) == "answered"
    assert scene.said(channel) == []
    assert await scene.deliver(event(channel, ann, "hello"), CHAT, message_id="m-9") == "twitch:m-9"
    assert scene.last == "ignored"
    assert [row.kind for row in await scene.rows(RowState.OPEN)] == []


async def test_what_is_old_is_not_answered(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.quiet()
    scene.checkpoints.arm("inbox.inserted")  # stored by a process that is no more
    with pytest.raises(Cut):
        await scene.deliver(event(channel, ann), CHAT, message_id="m-1")
    assert isinstance(scene.clock, StoryClock)
    scene.clock.step_wall(LATE_MS + 1000)
    scene.desk.poke(f"chat-in:{channel.id}:{ann.id}")
    await scene.finish()
    assert (await scene.row("twitch:m-1")).result == "late"
    assert scene.said(channel) == []


async def test_our_own_bot_asks_nothing(tmp_path: Path) -> None:
    async with open_scene(tmp_path, chat_sender_id="101001", accounts=True) as scene:
        bot, channel = await scene.channel("bot"), await scene.channel("streamer")
        assert await ask(scene, channel, Viewer(bot.id, "bot", "Bot")) == "our_own"
        assert await ask(scene, channel, Viewer(channel.id, "streamer", "Streamer")) == "answered"
