"""The overlay: its address in the settings, its stream, its page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.support.scene import Scene
from tests.web.api.choices import Choices, open_choices
from tests.web.world import Event, Events
from web import overlay
from web.overlay import OverlayStreams

SETTINGS = "/api/settings"
ROTATE = f"{SETTINGS}/overlay/rotate"


@pytest.fixture
async def choices(tmp_path: Path) -> AsyncIterator[Choices]:
    async with open_choices(tmp_path) as opened:
        yield opened


@pytest.fixture
async def stranger() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def key_of(choices: Choices) -> str:
    url = (await choices.ask("GET", SETTINGS))[1]["overlay"]["url"]
    return str(url).removeprefix("/overlay?key=")


async def look(choices: Choices, stranger: ClientSession, key: str) -> Events:
    """A stream as streaming software opens it: signed in nowhere."""
    answer = await stranger.get(choices.world.url("/api/overlay/stream"), params={"key": key})
    assert answer.status == 200, await answer.text()
    return Events(answer)


async def view(events: Events) -> Any:
    event = await events.event()
    assert event.name == "view", event
    return event.data


def streams(choices: Choices) -> OverlayStreams:
    assert choices.world.web_app.overlays is not None
    return choices.world.web_app.overlays


async def vip(scene: Scene, choices: Choices, login: str) -> None:
    await scene.settled(await scene.redeem(choices.channel, await scene.viewer(login)))


async def test_whoever_has_the_address_sees_what_happens(choices: Choices, stranger: ClientSession) -> None:
    key = await key_of(choices)
    async with await look(choices, stranger, key) as events:
        headers = events.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        first = await view(events)
        assert (first["latest"], first["next"], first["language"]) == (None, None, "en")
        await vip(choices.scene, choices, "ann")
        told = await view(events)
        assert (told["latest"]["name"], told["next"]["name"]) == ("Ann", "Ann")
        await choices.ask("PATCH", SETTINGS, {"language": "de"})
        assert (await view(events))["language"] == "de"


async def test_another_address_ends_the_old_one_at_once(choices: Choices, stranger: ClientSession) -> None:
    key = await key_of(choices)
    async with await look(choices, stranger, key) as events:
        await view(events)
        status, told = await choices.ask("POST", ROTATE)
        assert (status, told["url"].startswith("/overlay?key=")) == (200, True)
        assert [event.name for event in await events.rest() if event.name] == ["gone"]
    assert await key_of(choices) != key
    path = choices.world.url("/api/overlay/stream")
    for wrong in ({"key": key}, {"key": "x"}, {"key": "100.x"}):
        async with stranger.get(path, params=wrong) as answer:
            assert (answer.status, (await answer.json())["code"]) == (404, "overlay.key")
    for wrong in ({}, {"key": "x" * 81}, {"key": "x", "channel_id": "1"}):
        async with stranger.get(path, params=wrong) as answer:
            assert answer.status == 400
    assert streams(choices).count == 0


async def test_the_address_is_for_the_owner(choices: Choices, stranger: ClientSession) -> None:
    assert (await choices.ask("PATCH", SETTINGS, {}))[1]["overlay"]["url"]
    async with stranger.post(choices.world.url(ROTATE), json={}) as answer:
        assert answer.status == 401


async def test_there_is_a_bound(
    choices: Choices, stranger: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay, "MOST_OF_CHANNEL", 1)
    key = await key_of(choices)
    async with await look(choices, stranger, key) as events:
        await view(events)
        async with stranger.get(choices.world.url("/api/overlay/stream"), params={"key": key}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (503, "overlay.full")
            assert answer.headers["Retry-After"] == "30"


async def test_the_end_of_the_daemon_ends_it(choices: Choices, stranger: ClientSession) -> None:
    async with await look(choices, stranger, await key_of(choices)) as events:
        await view(events)
        streams(choices).stop()
        assert [event for event in await events.rest() if event.name] == list[Event]()
    assert streams(choices).count == 0


async def test_without_news_it_beats(
    choices: Choices, stranger: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay, "HEARTBEAT_SECONDS", 0.05)
    async with await look(choices, stranger, await key_of(choices)) as events:
        await view(events)
        beat = asyncio.ensure_future(events.block())
        while not beat.done():
            await choices.scene.pass_ms(100)  # the topic's own time
            await asyncio.sleep(0.001)
        block = await beat
        assert block is not None
        assert (block.comment, block.name) == ("beat", "")


async def test_the_page_is_public_and_under_the_same_policy(
    choices: Choices, stranger: ClientSession
) -> None:
    async with stranger.get(choices.world.url("/overlay?key=anything")) as answer:
        assert answer.status == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert 'id="latest"' in await answer.text()
