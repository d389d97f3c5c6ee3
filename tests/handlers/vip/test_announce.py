"""Each announcement exactly once, and chat lines that hold up nobody."""

from __future__ import annotations

import json
from pathlib import Path

from domain.audit import SYSTEM, Action, AuditRecord
from domain.inbox import Delivery, RowState
from domain.redemption import RedemptionStatus as Status
from handlers.vip.announce import LATE_MS, Announcer, Line
from simulators.twitch.settings import SimulatorSettings
from tests.support.desk import open_scene
from tests.support.scene import CHAT_PATH, Scene, grant_of


def line(channel_id: str, number: int) -> Delivery:
    body = {"channel_id": channel_id, "text": f"line {number}"}
    return Delivery(
        source="chat",
        message_id=f"line-{number}",
        kind="chat.say",
        lane=f"chat:{channel_id}",
        channel_id=channel_id,
        raw=json.dumps(body).encode(),
    )


async def test_a_channel_that_wants_no_chat_gets_none(scene: Scene) -> None:
    channel, ann = await scene.channel(chat=False), await scene.viewer()
    assert (await scene.settled(await scene.redeem(channel, ann))).status == Status.FULFILLED
    assert scene.said(channel) == []
    assert await scene.actions(channel) == ["vip.granted"]


async def test_grants_do_not_wait_for_chat(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.fault("POST", CHAT_PATH, status=500, times=1000)
    assert (await scene.settled(await scene.redeem(channel, ann))).status == Status.FULFILLED
    assert scene.said(channel) == []


async def test_a_line_is_noted_before_it_is_sent_and_not_sent_again(scene: Scene) -> None:
    """Sent, and then the answer was lost: a missing line is a lesser evil than a double one."""
    channel = await scene.channel()
    await scene.fault("POST", CHAT_PATH, status=500, after_effect=True)
    await scene.desk.intake.accept(line(channel.id, 1))
    await scene.finish()
    row = await scene.row("chat:line-1")
    assert (row.result, row.attempts) == ("perhaps_sent", 2)
    assert row.steps["sending"] == {"text": "line 1"}
    assert scene.said(channel) == ["line 1"]


async def test_a_line_whose_note_failed_is_sent_once(scene: Scene) -> None:
    channel = await scene.channel()
    await scene.quiet()
    scene.checkpoints.arm("inbox.inserted")
    scene.store.orders.fail("inbox", "change", times=2)
    try:
        await scene.desk.intake.accept(line(channel.id, 1))
    except RuntimeError:
        await scene.desk.intake.accept(line(channel.id, 1))
    await scene.finish()
    assert scene.said(channel) == ["line 1"]
    assert (await scene.row("chat:line-1")).result == "sent"


async def test_lines_over_the_pace_wait_and_are_sent_in_order(scene: Scene) -> None:
    channel = await scene.channel()
    for number in range(23):
        await scene.desk.intake.accept(line(channel.id, number))
    await scene.quiet()
    assert len(scene.said(channel)) == 20
    await scene.finish()
    assert scene.said(channel) == [f"line {number}" for number in range(23)]
    assert scene.counted("chat_lines_total", outcome="sent") == 23


async def test_lines_wait_for_a_login_and_are_sent_after_it(scene: Scene) -> None:
    channel = await scene.channel()
    await scene.act("tokens/revoke", user_id=channel.id)
    await scene.desk.intake.accept(line(channel.id, 1))
    await scene.quiet()
    assert (await scene.row("chat:line-1")).waiting_for == "login"
    await scene.tokens.put(channel.id, channel.login, grant_of(await scene.act("login", user_id=channel.id)))
    await scene.finish()
    assert scene.said(channel) == ["line 1"]


async def test_what_was_news_long_ago_is_not_said_any_more(scene: Scene) -> None:
    channel = await scene.channel()
    await scene.act("tokens/revoke", user_id=channel.id)
    await scene.desk.intake.accept(line(channel.id, 1))
    await scene.quiet()  # a call that is under way while minutes pass may have been heard
    await scene.pass_ms(LATE_MS - 60_000)
    await scene.desk.intake.accept(line(channel.id, 2))
    await scene.pass_ms(120_000)
    await scene.quiet()
    await scene.tokens.put(channel.id, channel.login, grant_of(await scene.act("login", user_id=channel.id)))
    await scene.finish()
    assert scene.said(channel) == ["line 2"]
    assert (await scene.row("chat:line-1")).result == "late"
    assert scene.counted("chat_lines_total", outcome="late") == 1


async def test_what_is_told_again_after_an_extension_is_no_other_line(scene: Scene) -> None:
    """The time that was left is read off the session, which ends later by now."""
    channel, ann = await scene.channel(), await scene.viewer()
    event = await scene.pay(channel, ann)
    await scene.deliver(event)
    await scene.finish()
    await scene.settled(await scene.redeem(channel, ann))
    told = scene.said(channel)
    await scene.deliver(event, transport="webhook")
    await scene.finish()
    assert scene.said(channel) == told
    assert scene.counted("inbox_conflicts_total", source="chat") == 0
    assert await scene.rows(RowState.PARKED) == []


async def test_a_line_that_twitch_drops_is_over(tmp_path: Path) -> None:
    settings = SimulatorSettings(chat_messages_privileged=1)
    async with open_scene(tmp_path, settings=settings) as scene:
        channel = await scene.channel()
        await scene.desk.intake.accept(line(channel.id, 1))
        await scene.desk.intake.accept(line(channel.id, 2))
        await scene.finish()
        assert (await scene.row("chat:line-2")).result == "dropped rate_limited"
        assert scene.counted("chat_lines_total", outcome="dropped") == 1
        tally = await scene.repositories.chats.get(channel.id)
        assert (tally.sent, tally.dropped) == (1, 1)
        assert tally.last_drop is not None
        assert (tally.last_drop.reason, tally.last_drop.at) == ("rate_limited", scene.clock.now())
        assert [entry.kind for entry in await scene.entries(channel)] == ["channel"], (
            "an open page asks again"
        )


async def test_a_line_is_not_said_again_because_it_could_not_be_counted(scene: Scene) -> None:
    channel = await scene.channel()
    scene.store.orders.fail("chats", "change")
    await scene.desk.intake.accept(line(channel.id, 1))
    await scene.finish()
    assert scene.said(channel) == ["line 1"]
    assert (await scene.row("chat:line-1")).result == "sent"


async def test_the_bot_speaks_where_there_is_one(tmp_path: Path) -> None:
    async with open_scene(tmp_path, chat_sender_id="101001") as scene:
        bot, channel = await scene.channel("bot"), await scene.channel("streamer")
        assert bot.id == "101001"
        await scene.desk.intake.accept(line(channel.id, 1))
        await scene.finish()
        (entry,) = scene.sim.ledger.of("chat")
        assert (entry.channel_id, entry.user_id) == (channel.id, bot.id)


async def test_a_line_without_text_is_kept_for_a_person(scene: Scene) -> None:
    channel = await scene.channel()
    await scene.desk.intake.accept(
        Delivery(source="chat", message_id="x", kind="chat.say", lane="chat:1", raw=b'{"channel_id": "1"}')
    )
    await scene.finish()
    row = await scene.row("chat:x")
    assert row.state == RowState.DEAD
    assert scene.said(channel) == []


async def test_records_are_announced_once(scene: Scene) -> None:
    channel = await scene.channel()
    announcer = Announcer(
        audit=scene.repositories.audit,
        live=scene.desk.live,
        intake=scene.desk.intake,
        channels=scene.repositories.channels,
    )
    record = AuditRecord("a-1", channel.id, 5, Action.NOTICED, SYSTEM, "twitch")
    assert await announcer.announce(record, line=Line("ended", "Ann")) is True
    assert await announcer.announce(record, line=Line("ended", "Ann")) is False
    await scene.finish()
    assert len(await scene.entries(channel)) == 1
    assert len(scene.said(channel)) == 1
    nowhere = AuditRecord("a-2", "404", 5, Action.NOTICED, SYSTEM, "twitch")
    assert await announcer.announce(nowhere, line=Line("ended", "Ann")) is True
