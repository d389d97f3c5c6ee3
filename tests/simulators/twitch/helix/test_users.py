"""Users, moderators, subscriptions, authorizations."""

from __future__ import annotations

from tests.simulators.twitch.playground import Playground


async def test_users_by_id_and_login(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    own = (await play.helix("GET", "/users", streamer.token)).json["data"]
    assert [(row["id"], row["broadcaster_type"]) for row in own] == [(streamer.id, "affiliate")]
    found = await play.helix("GET", "/users", await play.app_token(), id=[ann, "999999"], login=["STREAMER"])
    assert [row["login"] for row in found.json["data"]] == ["ann", "streamer"]
    assert (await play.helix("GET", "/users", await play.app_token())).status == 400
    many = await play.helix("GET", "/users", streamer.token, id=["1"] * 60, login=["x"] * 60)
    assert many.status == 400


async def test_deleted_users_disappear(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    await play.vip("POST", streamer, ann)
    await play.sim("accounts/delete", user_id=ann)
    assert (await play.helix("GET", "/users", streamer.token, id=ann)).json["data"] == []
    assert (await play.vip("POST", streamer, ann)).status == 404
    assert [entry.by for entry in play.simulator.ledger.of("vip_removed")] == ["twitch"]


async def test_moderators(play: Playground) -> None:
    streamer, socket, ann = await play.streamer(), await play.socket(), await play.viewer()
    await play.subscribe(streamer, socket, "channel.moderator.add")
    await play.subscribe(streamer, socket, "channel.vip.remove")
    await play.vip("POST", streamer, ann)
    await play.sim("moderators", channel_id=streamer.id, user_id=ann)
    kinds = [(await socket.of_type("notification"))["metadata"]["subscription_type"] for _ in range(2)]
    assert kinds == ["channel.vip.remove", "channel.moderator.add"]
    params = {"broadcaster_id": streamer.id, "user_id": ann}
    rows = await play.helix("GET", "/moderation/moderators", streamer.token, **params)
    assert [row["user_id"] for row in rows.json["data"]] == [ann]
    await play.sim("moderators", channel_id=streamer.id, user_id=ann, remove=True)
    assert (await play.helix("GET", "/moderation/moderators", streamer.token, **params)).json["data"] == []


async def test_subscriptions(play: Playground) -> None:
    streamer, socket, ann = await play.streamer(), await play.socket(), await play.viewer()
    await play.subscribe(streamer, socket, "channel.subscribe")
    await play.sim("subscribers", channel_id=streamer.id, user_id=ann, tier="2000")
    event = (await socket.of_type("notification"))["payload"]["event"]
    assert (event["user_id"], event["tier"], event["is_gift"]) == (ann, "2000", False)
    rows = await play.helix("GET", "/subscriptions", streamer.token, broadcaster_id=streamer.id)
    assert (rows.json["data"][0]["tier"], rows.json["total"]) == ("2000", 1)
    await play.sim("subscribers", channel_id=streamer.id, user_id=ann, remove=True)
    rows = await play.helix("GET", "/subscriptions", streamer.token, broadcaster_id=streamer.id)
    assert rows.json["data"] == []


async def test_authorizations(play: Playground) -> None:
    streamer, app = await play.streamer(scopes=["bits:read"]), await play.app_token()
    rows = await play.helix("GET", "/authorization/users", app, user_id=[streamer.id, "999999"])
    assert [(row["user_id"], row["scopes"]) for row in rows.json["data"]] == [(streamer.id, ["bits:read"])]
    assert (await play.helix("GET", "/authorization/users", app)).status == 400
