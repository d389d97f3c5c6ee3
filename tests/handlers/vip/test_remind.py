"""Who is reminded, when, and how often."""

from __future__ import annotations

from dataclasses import replace

from domain.channel import Channel, Viewer
from handlers.vip.remind import CHANNELS_MS, reminder_of
from tests.handlers.vip.test_discord_writer import choose
from tests.support.scene import Scene

MINUTE = 60_000
SOON = "your VIP time ends soon"


async def with_vip(
    scene: Scene, *, vip_ms: int = 10 * MINUTE, lead_ms: int = MINUTE
) -> tuple[Channel, Viewer]:
    channel, ann = await scene.channel(vip_ms=vip_ms), await scene.viewer()
    channel = await choose(scene, channel, ends_soon_ms=lead_ms)
    await scene.settled(await scene.redeem(channel, ann))
    return channel, ann


async def look(scene: Scene) -> int | None:
    due = await scene.desk.telling.reminders.look()
    await scene.finish()
    return due


def reminders(scene: Scene, channel: Channel) -> list[str]:
    return [line for line in scene.said(channel) if SOON in line]


async def test_once_and_in_time(scene: Scene) -> None:
    channel, ann = await with_vip(scene)
    assert await look(scene) is None, "it is far off"
    await scene.pass_ms(9 * MINUTE - 10_000)
    assert reminders(scene, channel) == []
    session = await scene.session(channel, ann)
    assert session is not None
    assert await look(scene) == session.expires_at - MINUTE, "known before it is due"
    await scene.pass_ms(10_000)
    for _ in range(3):
        assert await look(scene) is None
        await scene.pass_ms(1000)
    assert reminders(scene, channel) == ["@Ann, your VIP time ends soon: 1 min left."]
    session = await scene.session(channel, ann)
    assert session is not None
    assert session.reminded_for == session.expires_at


async def test_an_extension_arms_it_anew(scene: Scene) -> None:
    channel, ann = await with_vip(scene)
    await scene.pass_ms(9 * MINUTE)
    await look(scene)
    await scene.settled(await scene.redeem(channel, ann))
    await look(scene)
    assert len(reminders(scene, channel)) == 1
    await scene.pass_ms(10 * MINUTE)
    await look(scene)
    assert len(reminders(scene, channel)) == 2


async def test_after_a_restart_nobody_is_told_twice(scene: Scene) -> None:
    channel, ann = await with_vip(scene)
    await scene.pass_ms(9 * MINUTE)
    session = await scene.session(channel, ann)
    assert session is not None
    await look(scene)
    await scene.desk.intake.accept(reminder_of(session))
    await scene.desk.intake.accept(replace(reminder_of(session), message_id="of another release"))
    await scene.finish()
    assert len(reminders(scene, channel)) == 1
    assert (await scene.row("clock:of another release")).result == "told"


async def test_what_changed_on_the_way_is_not_said(scene: Scene) -> None:
    channel, ann = await with_vip(scene)
    await scene.pass_ms(9 * MINUTE)
    before = await scene.session(channel, ann)
    assert before is not None
    await scene.redeem(channel, ann)
    await scene.desk.intake.accept(reminder_of(before))
    await scene.finish()
    assert (await scene.row(f"clock:{before.id}:soon:{before.expires_at}")).result == "extended"
    await choose(scene, channel, ends_soon_ms=0)
    after = await scene.session(channel, ann)
    assert after is not None
    await scene.desk.intake.accept(reminder_of(after))
    await scene.finish()
    assert (await scene.row(f"clock:{after.id}:soon:{after.expires_at}")).result == "off"
    gone = replace(after, id="gone")
    await scene.desk.intake.accept(reminder_of(gone))
    await scene.finish()
    assert (await scene.row(f"clock:gone:soon:{after.expires_at}")).result == "over"
    assert reminders(scene, channel) == []


async def test_short_times_and_the_end_of_the_stream_are_not_reminded_of(scene: Scene) -> None:
    channel, ann = await with_vip(scene, vip_ms=10 * MINUTE, lead_ms=6 * MINUTE)
    await scene.pass_ms(5 * MINUTE)
    await look(scene)
    assert reminders(scene, channel) == [], "the reminder would come in the first half"
    session = await scene.session(channel, ann)
    assert session is not None
    await scene.repositories.sessions.change(session.id, lambda held: replace(held, until_stream_end=True))
    await choose(scene, channel, ends_soon_ms=5 * MINUTE)
    await scene.pass_ms(CHANNELS_MS)
    await look(scene)
    assert reminders(scene, channel) == []


async def test_only_where_it_is_wanted_and_vips_end_by_themselves(scene: Scene) -> None:
    channel, _ = await with_vip(scene, lead_ms=5 * MINUTE)
    await scene.repositories.channels.change(
        channel.id, lambda held: replace(held, settings=replace(held.settings, removes=False))
    )
    await scene.pass_ms(6 * MINUTE)
    await look(scene)
    assert reminders(scene, channel) == []
    await scene.repositories.channels.change(
        channel.id, lambda held: replace(held, settings=replace(held.settings, removes=True))
    )
    await look(scene)
    assert reminders(scene, channel) == [], "the list of channels is a minute old at most"
    await scene.pass_ms(CHANNELS_MS)
    await look(scene)
    assert reminders(scene, channel) == ["@Ann, your VIP time ends soon: 3 min left."]
