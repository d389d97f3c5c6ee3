from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.messages import EVENTS
from tests.web.api.choices import Choices, open_choices

SETTINGS = "/api/settings"
WEBHOOK = "https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz-ABCD"

FAULTS: list[tuple[object, str]] = [
    ({"language": "xx"}, "settings.language"),
    ({"timezone": "Mars/Olympus"}, "settings.timezone"),
    ({"messages": {"texts": {"granted": "{nobody}"}}}, "settings.messages"),
    ({"discord": {"url": "https://evil.example/api/webhooks/1/2"}}, "settings.discord"),
    ({"limits": {"cap": -1}}, "web.body"),
    ({"default_seconds": 0}, "web.body"),
    ({"chat": None}, "web.body"),
    ({"colour": "red"}, "web.body"),
    ({"rules": {"colour": "red"}}, "web.body"),
    ({"causes": {"bits": {"lasting": "fixed", "seconds": 0}}}, "web.body"),
    ([], "web.body"),
]


@pytest.fixture
async def choices(tmp_path: Path) -> AsyncIterator[Choices]:
    async with open_choices(tmp_path) as opened:
        yield opened


async def test_settings_are_shown_changed_and_merged(choices: Choices) -> None:
    status, before = await choices.ask("GET", SETTINGS)
    assert status == 200
    assert {"code": "de", "name": "Deutsch"} in before["languages"]
    changes = [
        {"limits": {"cap": 5}, "timezone": "Europe/Berlin"},
        {
            "limits": {"when_full": "wait"},
            "causes": {"bits": {"lasting": "per_unit", "seconds": 60, "per": 100}},
        },
        {"messages": {"texts": {"granted": "Hi {viewer}"}, "off": ["ended"]}, "wizard_done": True},
    ]
    for answer in await asyncio.gather(*(choices.ask("PATCH", SETTINGS, change) for change in changes)):
        assert answer[0] == 200, answer
    after = (await choices.ask("GET", SETTINGS))[1]
    assert after["limits"] == {"cap": 5, "when_full": "wait", "longest_wait_seconds": 21_600}
    assert after["causes"]["bits"] == {"lasting": "per_unit", "seconds": 60, "per": 100}
    assert after["messages"]["texts"] == {"granted": "Hi {viewer}"}
    assert (after["messages"]["off"], after["wizard_done"], after["timezone"]) == (
        ["ended"],
        True,
        "Europe/Berlin",
    )
    assert {name for name in after if after[name] != before[name]} == {
        "limits",
        "causes",
        "messages",
        "wizard_done",
        "timezone",
    }
    assert after["overlay"] == before["overlay"]
    assert await choices.ask("PATCH", SETTINGS, {}) == (200, after)
    (record, *_) = await choices.scene.trail(choices.channel)
    assert (record.action, record.actor.kind, record.actor.name) == (
        "settings.changed",
        "streamer",
        "Developer",
    )


async def test_what_cannot_be_is_refused(choices: Choices) -> None:
    for change, code in FAULTS:
        assert await choices.refused("PATCH", SETTINGS, change) == (400, code), change
    assert await choices.scene.repositories.channels.get(choices.channel.id) == choices.channel


async def test_the_webhook_is_shown_masked_and_tried_out(choices: Choices) -> None:
    assert await choices.refused("POST", f"{SETTINGS}/discord/test") == (400, "settings.discord")
    _, told = await choices.ask("PATCH", SETTINGS, {"discord": {"url": WEBHOOK, "events": ["granted"]}})
    assert told["discord"] == {
        "configured": True,
        "shown": "discord.com/…/…ABCD",
        "events": ["granted"],
        "fault": "",
    }
    status, tested = await choices.ask("POST", f"{SETTINGS}/discord/test")
    assert (status, tested["ok"]) == (200, False), "nobody answers there"
    _, told = await choices.ask("PATCH", SETTINGS, {"discord": {"url": None}})
    assert told["discord"] == {"configured": False, "shown": "", "events": ["granted"], "fault": ""}


async def test_messages_with_their_placeholders(choices: Choices) -> None:
    status, told = await choices.ask("GET", f"{SETTINGS}/messages?language=de")
    assert status == 200
    assert [one["event"] for one in told["events"]] == list(EVENTS)
    granted = next(one for one in told["events"] if one["event"] == "granted")
    assert "{viewer}" in granted["default"]
    assert {"name": "viewer", "what": "name of the viewer", "example": "StarlightFox"} in granted[
        "placeholders"
    ]
    assert (await choices.ask("GET", f"{SETTINGS}/messages?language=german"))[0] == 400


async def test_a_preview(choices: Choices) -> None:
    path = f"{SETTINGS}/messages/preview"
    assert await choices.ask("POST", path, {"event": "granted", "text": "Hi @{viewer}!"}) == (
        200,
        {"line": "Hi @StarlightFox!", "characters": 17, "most": 500, "faults": []},
    )
    status, told = await choices.ask("POST", path, {"event": "granted", "text": "{nobody}"})
    assert (status, len(told["faults"])) == (200, 1)
    assert await choices.refused("POST", path, {"event": "party", "text": "x"}) == (404, "settings.messages")
    assert await choices.refused("POST", path, {"event": "granted", "language": "xx"}) == (
        400,
        "settings.language",
    )
