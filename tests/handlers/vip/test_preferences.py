"""What a streamer chose: shown, changed, tried out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from domain.audit import Actor
from domain.channel import Channel
from domain.errors import NotFound, Rejected
from domain.redemption import RedemptionStatus as Status
from gateways.discord import Discord
from handlers.vip.preferences import Preferences, preview
from storage.channels import CHANNELS
from storage.sealing import Sealer, generate_key
from tests.support.scene import Scene

OWNER = Actor("streamer", "1", "Streamer")
TOKEN = "abcdefghijklmnopqrstuvwxyz-ABCD"
WEBHOOK = f"https://discord.com/api/webhooks/123456789012345678/{TOKEN}"


@dataclass
class Wall:
    """Stands where Discord would be."""

    status: int = 204
    heard: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    origin: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.paths.append(request.path)
        self.heard.append(json.loads(await request.text()))
        return web.Response(status=self.status)


@pytest.fixture
async def wall() -> AsyncIterator[Wall]:
    wall, application = Wall(), web.Application()
    application.router.add_post("/{path:.*}", wall.answer)
    async with TestServer(application) as server:
        wall.origin = f"http://127.0.0.1:{server.port}"
        yield wall


@pytest.fixture
def preferences(scene: Scene, wall: Wall) -> Preferences:
    return Preferences(
        channels=scene.repositories.channels,
        grants=scene.grants,
        watch=scene.watch,
        room=scene.desk.slotting.room,
        discord=Discord(http=scene.http, origin=wall.origin),
        book=scene.desk.book,
        live=scene.desk.live,
    )


async def held(scene: Scene, channel: Channel) -> Channel:
    found = await scene.repositories.channels.get(channel.id)
    assert found is not None
    return found


async def test_a_change_is_kept_written_down_and_shown(scene: Scene, preferences: Preferences) -> None:
    channel = await scene.channel()
    told = await preferences.change(
        channel.id, {"rules": {"subscribers_only": True}, "limits": {"cap": 3}}, actor=OWNER
    )
    assert (told["rules"]["subscribers_only"], told["limits"]["cap"]) == (True, 3)
    assert await preferences.read(channel.id) == told
    assert (await held(scene, channel)).settings.rules.subscribers_only
    (record,) = await scene.trail(channel)
    assert (record.action, record.actor) == ("settings.changed", OWNER)
    assert record.detail == {
        "parts": ["rules"],
        "changes": {
            "rules.subscribers_only": {"before": False, "after": True},
            "limits.cap": {"before": 0, "after": 3},
        },
    }
    parts = [entry.body["parts"] for entry in await scene.entries(channel) if entry.kind == "settings"]
    assert parts == [["rules"]]
    await preferences.change(channel.id, {"limits": {"cap": 3}}, actor=OWNER)
    assert len(await scene.trail(channel)) == 1, "nothing changed, nothing to tell"


async def test_two_at_once_are_merged(scene: Scene, preferences: Preferences) -> None:
    channel = await scene.channel()
    changes: list[dict[str, Any]] = [
        {"limits": {"cap": 3}},
        {"limits": {"when_full": "wait"}},
        {"rules": {"cooldown_seconds": 60}},
        {"messages": {"texts": {"granted": "Hi {viewer}"}}},
        {"messages": {"texts": {"ended": "Bye {viewer}"}}},
        {"language": "de"},
    ]
    await asyncio.gather(*(preferences.change(channel.id, one, actor=OWNER) for one in changes))
    told = await preferences.read(channel.id)
    assert (told["limits"]["cap"], told["limits"]["when_full"]) == (3, "wait")
    assert told["rules"]["cooldown_seconds"] == 60
    assert told["messages"]["texts"] == {"granted": "Hi {viewer}", "ended": "Bye {viewer}"}
    assert told["language"] == "de"
    assert len(await scene.trail(channel)) == len(changes)


async def test_what_cannot_be_changes_nothing(scene: Scene, preferences: Preferences) -> None:
    channel = await scene.channel()
    with pytest.raises(Rejected):
        await preferences.change(channel.id, {"chat": False, "timezone": "Mars/X"}, actor=OWNER)
    with pytest.raises(Rejected):
        await preferences.change(channel.id, {"chat": False, "discord": {"url": "https://x"}}, actor=OWNER)
    assert await held(scene, channel) == channel
    assert await scene.trail(channel) == []
    for call in (preferences.read("404"), preferences.change("404", {"chat": False}, actor=OWNER)):
        with pytest.raises(NotFound):
            await call


async def test_the_webhook_is_sealed_masked_and_never_told(
    scene: Scene, preferences: Preferences, wall: Wall
) -> None:
    channel = await scene.channel()
    told = await preferences.change(channel.id, {"discord": {"url": WEBHOOK}}, actor=OWNER)
    assert told["discord"] == {
        "configured": True,
        "shown": "discord.com/…/…ABCD",
        "events": [],
        "fault": "",
    }
    stored = await (await scene.store.collection(CHANNELS)).get(channel.id)
    spread = json.dumps([stored, told, [record.detail for record in await scene.trail(channel)]])
    spread += str(await scene.entries(channel))
    assert TOKEN not in spread
    assert await preferences.discord_url(await held(scene, channel)) == WEBHOOK
    assert await preferences.test_discord(channel.id) == (
        True,
        "It has arrived: look at the channel on Discord.",
    )
    assert wall.paths == [f"/api/webhooks/123456789012345678/{TOKEN}"]
    assert wall.heard[0]["embeds"][0]["title"] == "Streamer: this is a test"
    await preferences.change(channel.id, {"discord": {"url": None}}, actor=OWNER)
    assert (await preferences.read(channel.id))["discord"]["configured"] is False
    with pytest.raises(Rejected):
        await preferences.test_discord(channel.id)


@pytest.mark.parametrize(
    ("status", "words"), [(404, "Make a new one"), (429, "Try again in"), (500, "in a while")]
)
async def test_a_test_that_does_not_arrive_says_what_to_do(
    scene: Scene, preferences: Preferences, wall: Wall, status: int, words: str
) -> None:
    channel = await scene.channel()
    await preferences.change(channel.id, {"discord": {"url": WEBHOOK}}, actor=OWNER)
    wall.status = status
    ok, detail = await preferences.test_discord(channel.id)
    assert not ok
    assert words in detail
    assert TOKEN not in detail


async def test_the_address_of_another_channel_does_not_open_here(
    scene: Scene, preferences: Preferences
) -> None:
    one, two = await scene.channel(), await scene.channel("other")
    await preferences.change(one.id, {"discord": {"url": WEBHOOK}}, actor=OWNER)
    sealed = (await held(scene, one)).settings.messages.discord_url
    documents = await scene.store.collection(CHANNELS)

    def moved(document: dict[str, Any]) -> dict[str, Any]:
        document["settings"]["messages"]["discord_url"] = sealed
        return document

    await documents.change(two.id, moved)
    assert (await preferences.read(two.id))["discord"] == {
        "configured": True,
        "shown": "",
        "events": [],
        "fault": "",
    }


async def test_a_lost_key_shows_that_something_is_set(scene: Scene, preferences: Preferences) -> None:
    channel = await scene.channel()
    await preferences.change(channel.id, {"discord": {"url": WEBHOOK}}, actor=OWNER)
    scene.grants.sealer = Sealer([generate_key()])
    assert (await preferences.read(channel.id))["discord"]["configured"] is True
    again = await preferences.change(channel.id, {"discord": {"url": WEBHOOK}}, actor=OWNER)
    assert again["discord"]["shown"] == "discord.com/…/…ABCD"


async def test_a_paused_channel_is_shown_and_grants_nothing(scene: Scene, preferences: Preferences) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await preferences.change(channel.id, {"paused": True}, actor=OWNER)
    shown = [entry.body for entry in await scene.entries(channel) if entry.kind == "channel"]
    assert [body["paused"] for body in shown] == [True]
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert (redemption.status, redemption.reason) == (Status.REFUNDED, "paused")


async def test_a_higher_cap_lets_in_who_waits(scene: Scene, preferences: Preferences) -> None:
    channel = await scene.channel(vip_ms=3_600_000)
    await preferences.change(channel.id, {"limits": {"cap": 1, "when_full": "wait"}}, actor=OWNER)
    viewers = [await scene.viewer(name) for name in ("ann", "ben")]
    ids = [await scene.redeem(channel, viewer) for viewer in viewers]
    await scene.quiet()
    assert not scene.holds_vip(channel, viewers[1])
    await preferences.change(channel.id, {"limits": {"cap": 2}}, actor=OWNER)
    assert (await scene.settled(ids[1])).status is Status.FULFILLED
    assert scene.holds_vip(channel, viewers[1])


async def test_subscriptions_follow_what_is_switched_on(scene: Scene, preferences: Preferences) -> None:
    channel = await scene.channel()
    await preferences.change(channel.id, {"language": "fr"}, actor=OWNER)
    assert ("add", channel.id) not in scene.watch.told
    await preferences.change(channel.id, {"messages": {"answers_vip": False}}, actor=OWNER)
    assert scene.watch.told[-1] == ("add", channel.id)


def test_a_preview() -> None:
    shown = preview("granted", "Hi @{viewer}, {duration}!", "en")
    assert (shown.line, shown.characters, shown.faults) == ("Hi @StarlightFox, 2 h!", 22, ())
    usual = preview("granted", "", "en")
    assert "StarlightFox" in usual.line
    assert usual.faults == ()
    assert preview("granted", "{nobody}", "en").faults
    with pytest.raises(NotFound):
        preview("party", "x", "en")
    with pytest.raises(Rejected):
        preview("granted", "x", "xx")
