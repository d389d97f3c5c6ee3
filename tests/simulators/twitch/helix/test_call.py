"""Authentication, scopes and the points bucket."""

from __future__ import annotations

import time

from tests.simulators.twitch.playground import Playground, playground


async def test_headers_are_needed(play: Playground) -> None:
    streamer, url = await play.streamer(), play.simulator.api_url + "/users"
    bare = await play.request("GET", url)
    assert bare.json == {"error": "Unauthorized", "status": 401, "message": "OAuth token is missing"}
    token = {"Authorization": f"Bearer {streamer.token}"}
    assert (await play.request("GET", url, headers=token)).status == 401
    wrong = await play.request("GET", url, headers={**token, "Client-Id": "other"})
    assert wrong.message == "Client ID and OAuth token do not match"
    assert (await play.helix("GET", "/users", "unknown")).message == "Invalid OAuth token"


async def test_kinds_of_token(play: Playground) -> None:
    streamer, app = await play.streamer(), await play.app_token()
    refused = await play.helix("GET", "/channels/vips", app, broadcaster_id=streamer.id)
    assert refused.status == 401
    refused = await play.helix("GET", "/authorization/users", streamer.token, user_id=streamer.id)
    assert refused.status == 401


async def test_scopes(play: Playground) -> None:
    reader, ann = await play.streamer(scopes=["channel:read:vips"]), await play.viewer()
    refused = await play.vip("POST", reader, ann)
    assert (refused.status, refused.message) == (401, "Missing scope: channel:manage:vips")
    assert (await play.helix("GET", "/channels/vips", reader.token, broadcaster_id=reader.id)).status == 200


async def test_expired_and_refreshed(play: Playground) -> None:
    streamer, sim = await play.streamer(), play.simulator
    assert (await play.sim("tokens/expire", user_id=streamer.id)) == {"expired": 1}
    assert (await play.helix("GET", "/users", streamer.token)).message == "Invalid OAuth token"
    answer = await play.id(
        "/token",
        client_id=sim.client_id,
        client_secret=sim.client_secret,
        grant_type="refresh_token",
        refresh_token=streamer.refresh_token,
    )
    assert (await play.helix("GET", "/users", answer.json["access_token"])).status == 200


async def test_points_bucket() -> None:
    async with playground(points_per_minute=3) as play:
        one, two = await play.streamer("one"), await play.streamer("two")
        answers = [await play.helix("GET", "/users", one.token) for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["Ratelimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert answers[0].headers["Ratelimit-Limit"] == "3"
        assert time.time() <= int(answers[-1].headers["Ratelimit-Reset"]) <= time.time() + 62
        assert (await play.helix("GET", "/users", two.token)).status == 200


async def test_bucket_refills() -> None:
    async with playground(points_per_minute=1, bucket_window_s=1e-6) as play:
        streamer = await play.streamer()
        assert [(await play.helix("GET", "/users", streamer.token)).status for _ in range(3)] == [200] * 3


async def test_rejections_are_booked(play: Playground) -> None:
    streamer = await play.streamer()
    await play.vip("POST", streamer, "999999")
    entry = play.simulator.ledger.of("rejected")[0]
    assert (entry.channel_id, entry.user_id, entry.detail["status"]) == (streamer.id, "999999", 404)


async def test_unknown_paths_are_404(play: Playground) -> None:
    assert (await play.request("GET", play.simulator.api_url + "/nothing")).json["error"] == "Not Found"
