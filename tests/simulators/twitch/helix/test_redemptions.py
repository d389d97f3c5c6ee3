"""Redemptions: reading, resolving once, refunding."""

from __future__ import annotations

from tests.simulators.twitch.playground import Playground

PATH = "/channel_points/custom_rewards/redemptions"


async def test_cancel_gives_the_points_back(play: Playground) -> None:
    streamer, viewer = await play.streamer(), await play.viewer()
    reward = await play.reward(streamer, cost=500)
    before = (await play.sim("points", channel_id=streamer.id, viewer_id=viewer))["points"]
    redemption = await play.redeem(streamer, reward, viewer)
    assert (await play.sim("points", channel_id=streamer.id, viewer_id=viewer))["points"] == before - 500
    answer = await play.resolve(streamer, reward, redemption, "CANCELED")
    assert (answer.status, answer.json["data"][0]["status"]) == (200, "CANCELED")
    assert (await play.sim("points", channel_id=streamer.id, viewer_id=viewer))["points"] == before


async def test_a_second_answer_is_404(play: Playground) -> None:
    streamer, viewer = await play.streamer(), await play.viewer()
    reward = await play.reward(streamer)
    redemption = await play.redeem(streamer, reward, viewer)
    assert (await play.resolve(streamer, reward, redemption, "FULFILLED")).status == 200
    assert (await play.resolve(streamer, reward, redemption, "CANCELED")).status == 404
    assert (await play.resolve(streamer, reward, "unknown", "CANCELED")).status == 404


async def test_a_moderator_was_faster(play: Playground) -> None:
    streamer, viewer = await play.streamer(), await play.viewer()
    reward = await play.reward(streamer)
    redemption = await play.redeem(streamer, reward, viewer)
    await play.sim("resolve", channel_id=streamer.id, redemption_id=redemption, status="CANCELED")
    assert (await play.resolve(streamer, reward, redemption, "FULFILLED")).status == 404
    params = {"broadcaster_id": streamer.id, "reward_id": reward, "id": redemption}
    rows = (await play.helix("GET", PATH, streamer.token, **params)).json["data"]
    assert rows[0]["status"] == "CANCELED"
    assert [entry.by for entry in play.simulator.ledger.of("refunded")] == ["moderator"]


async def test_listing_by_status(play: Playground) -> None:
    streamer, viewer = await play.streamer(), await play.viewer()
    reward = await play.reward(streamer)
    made = [await play.redeem(streamer, reward, viewer) for _ in range(3)]
    await play.resolve(streamer, reward, made[0], "FULFILLED")
    params = {"broadcaster_id": streamer.id, "reward_id": reward}

    async def ids(**more: str) -> list[str]:
        answer = await play.helix("GET", PATH, streamer.token, **params, **more)
        return [row["id"] for row in answer.json["data"]]

    assert await ids(status="UNFULFILLED") == made[1:]
    assert await ids(status="UNFULFILLED", sort="NEWEST") == made[:0:-1]
    assert await ids(status="UNFULFILLED", first="1") == made[1:2]
    assert await ids(status="FULFILLED") == made[:1]
    assert await ids(status="CANCELED") == []


async def test_bad_requests(play: Playground) -> None:
    streamer = await play.streamer()
    reward = await play.reward(streamer)
    params = {"broadcaster_id": streamer.id, "reward_id": reward}
    assert (await play.helix("GET", PATH, streamer.token, **params)).status == 400
    assert (await play.helix("GET", PATH, streamer.token, **params, status="OPEN")).status == 400
    assert (
        await play.helix("GET", PATH, streamer.token, **params, status="CANCELED", sort="UP")
    ).status == 400
    assert (
        await play.helix("GET", PATH, streamer.token, **params, status="CANCELED", first="51")
    ).status == 400
    assert (await play.helix("GET", PATH, streamer.token, **params, id="unknown")).status == 404
    assert (
        await play.helix("PATCH", PATH, streamer.token, json={"status": "FULFILLED"}, **params)
    ).status == 400
    assert (await play.resolve(streamer, reward, "x", "OPEN")).status == 400
    assert (await play.resolve(streamer, "unknown", "x", "FULFILLED")).status == 404


async def test_only_the_makers_redemptions(play: Playground) -> None:
    streamer, viewer = await play.streamer(), await play.viewer()
    foreign = (await play.sim("rewards", channel_id=streamer.id, title="hand-made", cost=5))["id"]
    redemption = await play.redeem(streamer, foreign, viewer)
    assert (await play.resolve(streamer, foreign, redemption, "FULFILLED")).status == 403
    params = {"broadcaster_id": streamer.id, "reward_id": foreign, "status": "UNFULFILLED"}
    assert (await play.helix("GET", PATH, streamer.token, **params)).status == 403


async def test_queue_can_be_skipped(play: Playground) -> None:
    streamer, socket, viewer = await play.streamer(), await play.socket(), await play.viewer()
    reward = await play.reward(streamer, should_redemptions_skip_request_queue=True)
    await play.subscribe(streamer, socket)
    redemption = await play.redeem(streamer, reward, viewer)
    assert (await socket.of_type("notification"))["payload"]["event"]["status"] == "fulfilled"
    assert (await play.resolve(streamer, reward, redemption, "CANCELED")).status == 404


async def test_points_run_out(play: Playground) -> None:
    streamer, viewer = await play.streamer(), await play.viewer()
    reward = await play.reward(streamer, cost=500)
    await play.sim("points", channel_id=streamer.id, viewer_id=viewer, points=499)
    refused = await play.control("redeem", channel_id=streamer.id, reward_id=reward, viewer_id=viewer)
    assert refused.status == 409
    assert not play.simulator.ledger.of("redeemed")


async def test_limits_of_a_reward(play: Playground) -> None:
    streamer, viewer = await play.streamer(), await play.viewer()
    once = await play.reward(
        streamer, "once", is_max_per_user_per_stream_enabled=True, max_per_user_per_stream=1
    )
    slow = await play.reward(streamer, "slow", is_global_cooldown_enabled=True, global_cooldown_seconds=60)
    few = await play.reward(streamer, "few", is_max_per_stream_enabled=True, max_per_stream=1)
    for reward in (once, slow, few):
        await play.redeem(streamer, reward, viewer)
        again = await play.control("redeem", channel_id=streamer.id, reward_id=reward, viewer_id=viewer)
        assert again.status == 409
