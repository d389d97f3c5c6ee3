from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.api.choices import POINTS, Choices, open_choices

WANTED = {"title": "VIP for a day", "cost": 5000, "time": {"lasting": "fixed", "seconds": 86_400}}

FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"title": "x" * 46}, "reward.title"),
    ({"title": " "}, "reward.title"),
    ({"title": "VIP of streamer"}, "reward.title"),
    ({"cost": 0}, "reward.cost"),
    ({"prompt": "x" * 201}, "reward.prompt"),
    ({"color": "red"}, "reward.color"),
    ({"cooldown_seconds": 59}, "reward.cooldown_seconds"),
    ({"max_per_stream": -1}, "reward.max_per_stream"),
    ({"time": {"lasting": "per_unit", "seconds": 1, "per": 10_000}}, "reward.time"),
    ({"skip_the_queue": True}, "web.body"),
    ({"cost": "many"}, "web.body"),
    ({"time": {"lasting": "forever", "seconds": 1}}, "web.body"),
    ({"time": None}, "web.body"),
]


@pytest.fixture
async def choices(tmp_path: Path) -> AsyncIterator[Choices]:
    async with open_choices(tmp_path) as opened:
        yield opened


async def test_a_reward_is_made_listed_changed_and_deleted(choices: Choices) -> None:
    status, made = await choices.ask("POST", POINTS, {**WANTED, "color": "#00ff00", "cooldown_seconds": 60})
    assert status == 201
    assert made == {
        "id": made["id"],
        "title": "VIP for a day",
        "cost": 5000,
        "prompt": "",
        "color": "#00FF00",
        "enabled": True,
        "paused": False,
        "paused_by_us": False,
        "pauses_when_full": False,
        "cooldown_seconds": 60,
        "max_per_stream": 0,
        "max_per_viewer_per_stream": 0,
        "user_input": False,
        "action": "vip",
        "time": {"lasting": "fixed", "seconds": 86_400, "per": 1},
        "rules": None,
        "in_stock": True,
        "redeemed_now": None,
        "pending": 0,
        "missing_on_twitch": False,
        "advice": "",
    }
    change = {"paused": True, "rules": {"subscribers_only": True}, "cooldown_seconds": 0}
    status, changed = await choices.ask("PATCH", f"{POINTS}/{made['id']}", change)
    assert status == 200
    assert (changed["paused"], changed["cooldown_seconds"], changed["title"]) == (True, 0, "VIP for a day")
    assert changed["rules"]["subscribers_only"] is True
    status, listed = await choices.ask("GET", POINTS)
    assert status == 200
    assert listed["rewards"][1] == changed
    assert listed["limits"] == {"rewards": 50, "used": 2, "title_characters": 45, "prompt_characters": 200}
    assert (listed["others"], listed["can_create"], listed["why_not"]) == ([], True, "")
    status, operation = await choices.ask("DELETE", f"{POINTS}/{made['id']}")
    assert status == 202
    assert (operation["state"], operation["result"]) == ("done", "deleted")
    assert await choices.ask("GET", f"/api/operations/{operation['id']}") == (200, operation)
    assert len((await choices.ask("GET", POINTS))[1]["rewards"]) == 1


async def test_deleting_under_a_key_is_done_once(choices: Choices) -> None:
    path = f"{POINTS}/{choices.channel.rewards[0].id}"
    first = await choices.ask("DELETE", path, Idempotency_Key="once")
    assert first[0] == 202
    assert await choices.ask("DELETE", path, Idempotency_Key="once") == first
    assert await choices.refused("DELETE", path) == (404, "reward.unknown")


async def test_others_are_shown_with_the_reason_and_adopted_where_possible(choices: Choices) -> None:
    scene, channel = choices.scene, choices.channel
    foreign = await scene.act("rewards", channel_id=channel.id, title="Hydrate", cost=1)
    ours = await scene.helix.create_reward(channel.id, {"title": "Orphan", "cost": 5})
    others = (await choices.ask("GET", POINTS))[1]["others"]
    assert [(one["title"], one["adoptable"], bool(one["why"])) for one in others] == [
        ("Hydrate", False, True),
        ("Orphan", True, False),
    ]
    adopt = {"time": {"seconds": 60}, "pauses_when_full": True}
    status, told = await choices.ask("POST", f"{POINTS}/{ours.id}/adopt", adopt)
    assert (status, told["time"]["seconds"], told["pauses_when_full"]) == (200, 60, True)
    refused = await choices.refused("POST", f"{POINTS}/{foreign['id']}/adopt", adopt)
    assert refused == (400, "reward.not_ours")


async def test_what_cannot_be_is_a_400_that_says_what_to_do(choices: Choices) -> None:
    for change, code in FAULTS:
        assert await choices.refused("POST", POINTS, {**WANTED, **change}) == (400, code), change


async def test_a_reward_that_is_gone_on_twitch_says_so(choices: Choices) -> None:
    reward_id = choices.channel.rewards[0].id
    await choices.scene.act("rewards", channel_id=choices.channel.id, reward_id=reward_id, remove=True)
    (shown,) = (await choices.ask("GET", POINTS))[1]["rewards"]
    assert shown["missing_on_twitch"]
    assert shown["advice"]
    assert await choices.refused("PATCH", f"{POINTS}/{reward_id}", {"cost": 3}) == (404, "reward.missing")
    assert (await choices.ask("DELETE", f"{POINTS}/{reward_id}"))[0] == 202
    assert (await choices.ask("GET", POINTS))[1]["rewards"] == []


async def test_where_twitch_does_not_let_us_it_says_why(choices: Choices) -> None:
    scene, channel = choices.scene, choices.channel
    scene.sim.world.channels[channel.id].user.broadcaster_type = ""
    listed = (await choices.ask("GET", POINTS))[1]
    assert not listed["can_create"]
    assert "affiliate" in listed["why_not"]
    assert await choices.refused("POST", POINTS, WANTED) == (400, "reward.status")
    refused = await choices.refused("DELETE", f"{POINTS}/{channel.rewards[0].id}")
    assert refused == (409, "twitch.reward_forbidden")


async def test_a_reward_of_the_watch_party_needs_no_time_and_asks_for_an_address(choices: Choices) -> None:
    body = {"title": "Add a video", "cost": 300, "action": "party_queue", "user_input": False}
    status, made = await choices.ask("POST", POINTS, body)
    assert status == 201
    assert (made["action"], made["user_input"], made["time"]["seconds"]) == ("party_queue", True, 0)
    one = f"{POINTS}/{made['id']}"
    status, told = await choices.ask("PATCH", one, {"user_input": False})
    assert (status, told["user_input"]) == (200, True), "without it nobody could name a video"
    status, told = await choices.ask("PATCH", one, {"action": "party_open", "user_input": False})
    assert (status, told["action"], told["user_input"]) == (200, "party_open", False)
    status, told = await choices.ask("PATCH", one, {"action": "party_queue"})
    assert (status, told["user_input"]) == (200, True)
    assert await choices.refused("PATCH", one, {"action": "vip"}) == (400, "reward.time")
    assert await choices.refused("POST", POINTS, {"title": "x", "cost": 1}) == (400, "reward.time")
    assert (await choices.ask("PATCH", one, {"action": "raffle"}))[0] == 400
    records = await choices.scene.trail(choices.channel)
    changes = [one.detail["changes"] for one in records if one.action == "reward.changed"]
    assert {"before": "party_queue", "after": "party_open"} in [each.get("action") for each in changes]
