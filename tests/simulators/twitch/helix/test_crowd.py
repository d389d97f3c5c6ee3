"""Followers, streams, the banned: as Helix shows them."""

from __future__ import annotations

from simulators.twitch.stage import BROADCASTER_SCOPES
from tests.simulators.twitch.playground import Playground


async def test_followers_newest_first_and_one_by_one(play: Playground) -> None:
    streamer, ann, ben = await play.streamer(), await play.viewer(), await play.viewer("ben")
    for user_id, since in ((ann, 1_700_000_000_000), (ben, 1_700_000_001_000)):
        await play.sim("follow", channel_id=streamer.id, user_id=user_id, since=since)
    own = {"broadcaster_id": streamer.id}
    answer = (await play.helix("GET", "/channels/followers", streamer.token, **own)).json
    assert answer["total"] == 2
    assert [row["user_id"] for row in answer["data"]] == [ben, ann]
    one = await play.helix("GET", "/channels/followers", streamer.token, **own, user_id=ann)
    assert [row["followed_at"] for row in one.json["data"]] == ["2023-11-14T22:13:20.000Z"]
    await play.sim("follow", channel_id=streamer.id, user_id=ann, remove=True)
    gone = await play.helix("GET", "/channels/followers", streamer.token, **own, user_id=ann)
    assert gone.json["data"] == []


async def test_without_the_scope_only_the_total_is_told(play: Playground) -> None:
    scopes = [scope for scope in BROADCASTER_SCOPES if scope != "moderator:read:followers"]
    streamer, ann = await play.streamer(scopes=scopes), await play.viewer()
    await play.sim("follow", channel_id=streamer.id, user_id=ann)
    own = {"broadcaster_id": streamer.id}
    answer = (await play.helix("GET", "/channels/followers", streamer.token, **own)).json
    assert (answer["total"], answer["data"]) == (1, [])
    one = await play.helix("GET", "/channels/followers", streamer.token, **own, user_id=ann)
    assert (one.status, one.message) == (401, "Missing scope: moderator:read:followers")


async def test_streams_of_those_who_are_asked_for(play: Playground) -> None:
    streamer, other = await play.streamer(), await play.streamer("other")
    for channel_id in (streamer.id, other.id):
        await play.sim("stream", channel_id=channel_id)
    app = await play.app_token()
    ids = [row["user_id"] for row in (await play.helix("GET", "/streams", app)).json["data"]]
    assert ids == [streamer.id, other.id]
    by_login = await play.helix("GET", "/streams", app, user_login="OTHER")
    assert [row["user_id"] for row in by_login.json["data"]] == [other.id]
    assert (await play.helix("GET", "/streams", app, user_id="404")).json["data"] == []
    await play.sim("accounts/delete", user_id=other.id)
    assert len((await play.helix("GET", "/streams", app)).json["data"]) == 1


async def test_the_banned_and_those_in_a_timeout(play: Playground) -> None:
    streamer, ann, ben = await play.streamer(), await play.viewer(), await play.viewer("ben")
    carl = await play.viewer("carl")
    await play.sim("ban", channel_id=streamer.id, user_id=ann)
    await play.sim("ban", channel_id=streamer.id, user_id=ben, seconds=60)
    await play.sim("ban", channel_id=streamer.id, user_id=carl, seconds=0)
    own = {"broadcaster_id": streamer.id}
    rows = (await play.helix("GET", "/moderation/banned", streamer.token, **own)).json["data"]
    assert [(row["user_id"], bool(row["expires_at"])) for row in rows] == [(ann, False), (ben, True)]
    one = await play.helix("GET", "/moderation/banned", streamer.token, **own, user_id=ben)
    assert [row["user_id"] for row in one.json["data"]] == [ben]
