"""The control surface: building, looking, and its errors."""

from __future__ import annotations

from tests.simulators.twitch.playground import Playground


async def test_channel_comes_with_tokens(play: Playground) -> None:
    row = await play.sim("channels", login="Anna", name="Ännä", vip_slots=3)
    assert (row["login"], row["name"]) == ("anna", "Ännä")
    assert (await play.helix("GET", "/users", row["access_token"])).json["data"][0]["display_name"] == "Ännä"
    assert (await play.control("channels", login="anna")).status == 409


async def test_errors_are_json(play: Playground) -> None:
    missing = await play.control("redeem")
    assert (missing.status, missing.json["error"]) == (400, "missing field 'channel_id'")
    assert (await play.control("redeem", channel_id="1", reward_id="2", viewer_id="3")).status == 404
    assert (await play.control("resolve", channel_id="1", redemption_id="2", status="x")).status == 404
    assert (await play.control("points", channel_id="1", viewer_id="2")).status == 404
    assert (await play.control("tokens/revoke", user_id="1")).status == 404
    assert (await play.control("accounts/delete", user_id="1")).status == 404
    assert (await play.control("login", user_id="1")).status == 404
    broken = await play.request("POST", play.simulator.control_url + "/channels", data="{")
    assert broken.status == 400


async def test_state_shows_the_world(play: Playground) -> None:
    streamer, socket, ann = await play.streamer(), await play.socket(), await play.viewer()
    await play.subscribe(streamer, socket)
    reward = await play.reward(streamer)
    redemption = await play.redeem(streamer, reward, ann)
    await play.vip("POST", streamer, ann)
    state = (await play.request("GET", play.simulator.control_url + "/state")).json
    channel = state["channels"][0]
    assert list(channel["vips"]) == [ann]
    assert channel["rewards"][0]["client_id"] == play.simulator.client_id
    assert channel["unfulfilled"] == [redemption]
    assert state["sessions"] == [
        {"id": socket.session_id, "user_id": streamer.id, "shard": None, "subscriptions": 1}
    ]


async def test_ledger_from_a_position(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    await play.redeem(streamer, await play.reward(streamer), ann)
    everything = (await play.request("GET", play.simulator.control_url + "/ledger")).json["entries"]
    assert [entry["seq"] for entry in everything] == list(range(1, len(everything) + 1))
    url = f"{play.simulator.control_url}/ledger?after={len(everything) - 1}"
    assert (await play.request("GET", url)).json["entries"] == everything[-1:]


async def test_verdict_over_http(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    reward = await play.reward(streamer)
    redemption = await play.redeem(streamer, reward, ann)
    await play.vip("POST", streamer, ann)
    await play.resolve(streamer, reward, redemption, "FULFILLED")
    verdict = await play.sim("verdict", durations_ms={reward: 60_000}, slack_ms=5_000)
    assert (verdict["redemptions"], verdict["granted"], verdict["details"]) == (1, 1, [])
    later = play.simulator.ledger.of("vip_added")[0].at + 70_000
    verdict = await play.sim("verdict", durations_ms={reward: 60_000}, slack_ms=5_000, now_ms=later)
    assert verdict["late"] == 1


async def test_slots_and_streams(play: Playground) -> None:
    streamer, socket, ann = await play.streamer(), await play.socket(), await play.viewer()
    await play.subscribe(streamer, socket, "stream.online")
    await play.subscribe(streamer, socket, "stream.offline")
    await play.sim("slots", channel_id=streamer.id, vip_slots=0)
    assert (await play.vip("POST", streamer, ann)).status == 409
    await play.sim("live", channel_id=streamer.id)
    await play.sim("live", channel_id=streamer.id)
    await play.sim("live", channel_id=streamer.id, live=False)
    kinds = [(await socket.of_type("notification"))["metadata"]["subscription_type"] for _ in range(2)]
    assert kinds == ["stream.online", "stream.offline"]


async def test_streamers_hand_fires_the_vip_events(play: Playground) -> None:
    streamer, socket, ann = await play.streamer(), await play.socket(), await play.viewer()
    await play.subscribe(streamer, socket, "channel.vip.add")
    await play.subscribe(streamer, socket, "channel.vip.remove")
    await play.sim("vips", channel_id=streamer.id, user_id=ann)
    await play.sim("vips", channel_id=streamer.id, user_id=ann, remove=True)
    for _ in range(2):
        event = (await socket.of_type("notification"))["payload"]["event"]
        assert (event["user_id"], event["broadcaster_user_id"]) == (ann, streamer.id)
    assert [entry.by for entry in play.simulator.ledger.of("vip_added")] == ["streamer"]
