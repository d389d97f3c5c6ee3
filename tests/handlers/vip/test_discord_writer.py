"""Discord hears once what its streamer wants told there, and nobody hears the address."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import structlog

from domain.channel import Channel, Messages
from domain.errors import Broken
from domain.inbox import Delivery, RowState, noted
from domain.words import Line, line_shown
from handlers.vip.discord_writer import OLDEST_MS, opener
from storage.channels import SEALED
from storage.sealing import Sealer, by_id_and_field, generate_key
from tests.support.scene import Scene

TOKEN = "abcdefghijklmnopqrstuvwxyz-ABCD"
WEBHOOK_ID = "123456789012345678"
WEBHOOK = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}"
PATH = f"/api/webhooks/{WEBHOOK_ID}/{TOKEN}"


@pytest.fixture
async def logged() -> AsyncIterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


async def with_discord(scene: Scene, *, events: Sequence[str] = ("granted",), **more: Any) -> Channel:
    channel = await scene.channel(**more)
    place = by_id_and_field({"_id": channel.id}, SEALED[0])
    sealed = scene.grants.sealer.seal(WEBHOOK, bound_to=place)
    return await choose(scene, channel, discord_url=sealed, discord=tuple(events))


async def choose(scene: Scene, channel: Channel, **messages: Any) -> Channel:
    def apply(held: Channel) -> Channel:
        chosen = replace(held.settings.messages, **messages)
        return replace(held, settings=replace(held.settings, messages=chosen))

    return (await scene.repositories.channels.change(channel.id, apply))[1]


async def messages_of(scene: Scene, channel: Channel) -> Messages:
    held = await scene.repositories.channels.get(channel.id)
    assert held is not None
    return held.settings.messages


def heard(scene: Scene) -> list[dict[str, Any]]:
    return [told["body"]["embeds"][0] for told in scene.sim.discord.heard]


def news(channel: Channel, id: str = "n-1", **body: Any) -> Delivery:
    told = {"channel_id": channel.id, "line": line_shown(Line("granted", "Ann")), "at": 5} | body
    return Delivery(
        source="discord",
        message_id=id,
        kind="discord.say",
        lane=f"discord:{channel.id}",
        channel_id=channel.id,
        raw=json.dumps(told).encode(),
    )


async def test_a_grant_is_told_in_its_own_lane_and_the_chat_is_another_matter(scene: Scene) -> None:
    channel, ann = await with_discord(scene, events=("granted", "refunded"), chat=False), await scene.viewer()
    redemption = await scene.redeem(channel, ann)
    await scene.finish()
    assert scene.said(channel) == []
    (embed,) = heard(scene)
    assert embed["description"] == "Ann is VIP now, for 1 min. Enjoy!"
    assert [field["value"] for field in embed["fields"]][:2] == ["VIP of streamer", "500"]
    row = await scene.row(f"discord:{redemption}:fulfilled")
    assert (row.lane, row.result) == (f"discord:{channel.id}", "sent")


async def test_families_and_the_language_of_the_channel(scene: Scene) -> None:
    channel, ann = await with_discord(scene, events=("refunded",)), await scene.viewer()
    await scene.repositories.channels.change(channel.id, lambda held: replace(held, language="de"))
    await scene.act("moderators", channel_id=channel.id, user_id=ann.id)
    await scene.settled(await scene.redeem(channel, ann))
    (embed,) = heard(scene)
    assert embed["description"] == "Ann, wer moderiert, kann nicht VIP sein. Du hast deine Punkte zurück."
    assert embed["fields"][0]["name"] == "Belohnung"


async def test_what_is_not_chosen_is_not_told(scene: Scene) -> None:
    channel, ann = await with_discord(scene, events=("ended",)), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    assert heard(scene) == []
    await choose(scene, channel, discord_url="")
    await scene.desk.intake.accept(news(channel))
    await scene.finish()
    assert (await scene.row("discord:n-1")).result == "off"


async def test_it_is_noted_before_it_is_sent_and_not_sent_again(scene: Scene) -> None:
    channel = await with_discord(scene)
    _, row = await scene.repositories.inbox.insert(
        news(channel)
    )  # by a process that was killed while it sent it
    await scene.repositories.inbox.change(row.id, lambda held: noted(held, fence=1, step="sending", data={}))
    scene.desk.poke(row.lane)
    await scene.finish()
    assert (await scene.row("discord:n-1")).result == "perhaps_sent"
    assert heard(scene) == []


async def test_an_answer_that_is_lost_counts_as_said(scene: Scene, logged: list[Any]) -> None:
    channel = await with_discord(scene)
    await scene.fault("POST", PATH, status=500, after_effect=True)
    await scene.desk.intake.accept(news(channel))
    await scene.finish()
    assert (await scene.row("discord:n-1")).result == "down"
    assert len(heard(scene)) == 1
    assert TOKEN not in str(logged)


async def test_it_waits_as_long_as_discord_wants(scene: Scene) -> None:
    channel = await with_discord(scene)
    scene.sim.discord.waits.extend([7.5, 3.5])
    before = scene.clock.now()
    await scene.desk.intake.accept(news(channel))
    await scene.desk.intake.accept(news(channel, "n-2"))
    await scene.quiet()
    assert (await scene.row("discord:n-1")).waiting_for == "discord.waiting"
    assert await scene.repositories.inbox.oldest_open() is None, "that is no backlog"
    await scene.finish()
    assert scene.clock.now() - before >= 10_000
    assert len(heard(scene)) == 2
    assert (await scene.row("discord:n-1")).attempts == 1, "a wait is no attempt"


async def test_old_news_are_no_news(scene: Scene) -> None:
    channel = await with_discord(scene)
    scene.sim.discord.waits.extend([3600.0] * 10)
    await scene.desk.intake.accept(news(channel))
    await scene.finish()
    row = await scene.row("discord:n-1")
    assert (row.result, heard(scene)) == ("wait", [])
    assert (row.finished_at or 0) - row.received_at >= OLDEST_MS


async def test_a_webhook_that_is_gone_is_let_go_of(scene: Scene, logged: list[Any]) -> None:
    channel = await with_discord(scene)
    scene.sim.discord.deleted.add(WEBHOOK_ID)
    for number in range(3):
        await scene.desk.intake.accept(news(channel, f"n-{number}"))
    await scene.finish()
    results = [(await scene.row(f"discord:n-{number}")).result for number in range(3)]
    assert results == ["gone", "off", "off"], "it is called once"
    held = await messages_of(scene, channel)
    assert (held.discord_url, held.discord_fault) == ("", "The webhook does not exist any more.")
    (record,) = [one for one in await scene.trail(channel) if one.action == "settings.changed"]
    assert record.actor.kind == "system"
    assert "settings" in [entry.kind for entry in await scene.entries(channel)], "an open page hears of it"
    assert TOKEN not in str(logged) + str(record)


async def test_an_address_that_was_put_in_its_place_meanwhile_stays(scene: Scene) -> None:
    channel = await with_discord(scene)
    place = by_id_and_field({"_id": channel.id}, SEALED[0])
    scene.sim.discord.deleted.add(WEBHOOK_ID)
    await scene.fault("POST", PATH, delay_ms=400)
    await scene.desk.intake.accept(news(channel))

    async def asked() -> bool:
        return "sending" in (await scene.row("discord:n-1")).steps

    await scene.until(asked)
    fresh = scene.grants.sealer.seal(WEBHOOK.replace("ABCD", "EFGH"), bound_to=place)
    await choose(scene, channel, discord_url=fresh)
    await scene.finish()
    assert (await messages_of(scene, channel)).discord_url == fresh


async def test_an_address_that_no_key_opens_is_let_go_of(scene: Scene) -> None:
    channel = await with_discord(scene)
    place = by_id_and_field({"_id": channel.id}, SEALED[0])
    lost = Sealer([generate_key()]).seal(WEBHOOK, bound_to=place)
    channel = await choose(scene, channel, discord_url=lost)
    await scene.desk.intake.accept(news(channel))
    await scene.finish()
    assert (await scene.row("discord:n-1")).result == "off"
    assert (await messages_of(scene, channel)).discord_fault
    assert heard(scene) == []


async def test_a_row_without_its_facts_is_kept_for_a_person(scene: Scene) -> None:
    channel = await with_discord(scene)
    await scene.desk.intake.accept(news(channel, at="soon"))
    await scene.finish()
    assert (await scene.row("discord:n-1")).state == RowState.DEAD


def test_an_address_opens_in_its_own_channel_only() -> None:
    sealer = Sealer([generate_key()])
    sealed = sealer.seal(WEBHOOK, bound_to=by_id_and_field({"_id": "1"}, SEALED[0]))
    mine = Channel(
        "1",
        "a",
        "A",
        settings=replace(Channel("1", "a", "A").settings, messages=Messages(discord_url=sealed)),
    )
    assert opener(sealer)(mine) == WEBHOOK
    with pytest.raises(Broken):
        opener(sealer)(replace(mine, id="2"))
