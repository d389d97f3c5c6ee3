"""Custom rewards: limits of the fields, ownership, deletion."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulators.twitch.playground import Playground, playground

PATH = "/channel_points/custom_rewards"


async def test_create_and_read(play: Playground) -> None:
    streamer = await play.streamer()
    reward = await play.reward(streamer, "VIP for a week", cost=50_000, prompt="7 days")
    answer = await play.helix("GET", PATH, streamer.token, broadcaster_id=streamer.id, id=reward)
    row = answer.json["data"][0]
    assert (row["title"], row["cost"], row["prompt"]) == ("VIP for a week", 50_000, "7 days")
    assert (row["is_enabled"], row["is_paused"], row["is_in_stock"]) == (True, False, True)
    assert row["should_redemptions_skip_request_queue"] is False
    assert row["global_cooldown_setting"] == {"is_enabled": False, "global_cooldown_seconds": 0}


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "x"},
        {"cost": 5},
        {"title": "", "cost": 5},
        {"title": "x" * 46, "cost": 5},
        {"title": "x", "cost": 0},
        {"title": "x", "cost": True},
        {"title": "x", "cost": "5"},
        {"title": 5, "cost": 5},
        {"title": "x", "cost": 5, "prompt": "x" * 201},
        {"title": "x", "cost": 5, "background_color": "red"},
        {"title": "x", "cost": 5, "is_enabled": "yes"},
        {"title": "x", "cost": 5, "is_max_per_stream_enabled": True, "max_per_stream": 0},
        {"title": "x", "cost": 5, "is_max_per_user_per_stream_enabled": True},
        {"title": "x", "cost": 5, "is_global_cooldown_enabled": True, "global_cooldown_seconds": 604_801},
    ],
)
async def test_bad_fields_are_400(play: Playground, fields: dict[str, Any]) -> None:
    streamer = await play.streamer()
    answer = await play.helix("POST", PATH, streamer.token, json=fields, broadcaster_id=streamer.id)
    assert answer.status == 400
    rows = await play.helix("GET", PATH, streamer.token, broadcaster_id=streamer.id)
    assert rows.json["data"] == []


async def test_title_is_unique(play: Playground) -> None:
    streamer = await play.streamer()
    await play.reward(streamer, "one")
    other = await play.reward(streamer, "two", is_enabled=False)
    body = {"title": "one", "cost": 5}
    answer = await play.helix("POST", PATH, streamer.token, json=body, broadcaster_id=streamer.id)
    assert (answer.status, answer.message) == (400, "CREATE_CUSTOM_REWARD_DUPLICATE_REWARD")
    answer = await play.helix("PATCH", PATH, streamer.token, json=body, broadcaster_id=streamer.id, id=other)
    assert (answer.status, answer.message) == (400, "UPDATE_CUSTOM_REWARD_DUPLICATE_REWARD")


async def test_fifty_rewards_at_most() -> None:
    async with playground(rewards_per_channel=2) as play:
        streamer = await play.streamer()
        await play.reward(streamer, "one")
        await play.reward(streamer, "two")
        body = {"title": "three", "cost": 5}
        answer = await play.helix("POST", PATH, streamer.token, json=body, broadcaster_id=streamer.id)
        assert answer.status == 400


async def test_pausing_changes_one_field_and_tells(play: Playground) -> None:
    streamer, socket = await play.streamer(), await play.socket()
    reward = await play.reward(streamer)
    await play.subscribe(streamer, socket, "channel.channel_points_custom_reward.update")
    answer = await play.helix(
        "PATCH", PATH, streamer.token, json={"is_paused": True}, broadcaster_id=streamer.id, id=reward
    )
    assert (answer.status, answer.json["data"][0]["is_paused"]) == (200, True)
    event = (await socket.of_type("notification"))["payload"]["event"]
    assert (event["is_paused"], event["max_per_stream"]) == (True, {"is_enabled": False, "value": 0})
    viewer = await play.viewer()
    refused = await play.control("redeem", channel_id=streamer.id, reward_id=reward, viewer_id=viewer)
    assert refused.status == 409


async def test_only_the_maker_manages_a_reward(play: Playground) -> None:
    streamer = await play.streamer()
    own = await play.reward(streamer, "ours")
    theirs = (await play.sim("rewards", channel_id=streamer.id, title="hand-made", cost=5))["id"]
    params = {"broadcaster_id": streamer.id, "id": theirs}
    assert (await play.helix("PATCH", PATH, streamer.token, json={"cost": 9}, **params)).status == 403
    assert (await play.helix("DELETE", PATH, streamer.token, **params)).status == 403
    everything = await play.helix("GET", PATH, streamer.token, broadcaster_id=streamer.id)
    assert len(everything.json["data"]) == 2
    mine = await play.helix(
        "GET", PATH, streamer.token, broadcaster_id=streamer.id, only_manageable_rewards="true"
    )
    assert [row["id"] for row in mine.json["data"]] == [own]


async def test_not_affiliate_is_403(play: Playground) -> None:
    streamer = await play.streamer(broadcaster_type="")
    body = {"title": "x", "cost": 5}
    assert (
        await play.helix("POST", PATH, streamer.token, json=body, broadcaster_id=streamer.id)
    ).status == 403
    assert (await play.helix("GET", PATH, streamer.token, broadcaster_id=streamer.id)).status == 403


async def test_unknown_rewards_are_404(play: Playground) -> None:
    streamer = await play.streamer()
    params = {"broadcaster_id": streamer.id, "id": "nothing"}
    assert (await play.helix("GET", PATH, streamer.token, **params)).status == 404
    assert (await play.helix("PATCH", PATH, streamer.token, json={}, **params)).status == 404
    assert (await play.helix("DELETE", PATH, streamer.token, **params)).status == 404


async def test_deleting_a_reward_fulfils_what_waits(play: Playground) -> None:
    streamer, viewer = await play.streamer(), await play.viewer()
    reward = await play.reward(streamer)
    redemption = await play.redeem(streamer, reward, viewer)
    answer = await play.helix("DELETE", PATH, streamer.token, broadcaster_id=streamer.id, id=reward)
    assert answer.status == 204
    booked = play.simulator.ledger.of("fulfilled")
    assert [(entry.redemption_id, entry.by) for entry in booked] == [(redemption, "app")]
    assert (await play.sim("points", channel_id=streamer.id, viewer_id=viewer))["points"] == 10_000_000 - 100


async def test_a_streamer_deletes_a_reward_in_the_dashboard(play: Playground) -> None:
    streamer, viewer = await play.streamer(), await play.viewer()
    reward = await play.reward(streamer)
    await play.redeem(streamer, reward, viewer)
    await play.sim("rewards", channel_id=streamer.id, reward_id=reward, remove=True)
    verdict = await play.sim("verdict", durations_ms={reward: 1000}, slack_ms=0)
    assert (verdict["redemptions"], verdict["details"]) == (1, [])


@pytest.mark.parametrize("body", ["{", "[]"])
async def test_broken_bodies_are_400(play: Playground, body: str) -> None:
    streamer = await play.streamer()
    answer = await play.request(
        "POST",
        f"{play.simulator.api_url}{PATH}?broadcaster_id={streamer.id}",
        headers={"Authorization": f"Bearer {streamer.token}", "Client-Id": play.simulator.client_id},
        data=body,
    )
    assert answer.status == 400
