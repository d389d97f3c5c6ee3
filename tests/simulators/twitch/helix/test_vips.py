"""VIPs: every documented status."""

from __future__ import annotations

from tests.simulators.twitch.playground import Playground, Streamer, playground


async def test_add_list_remove(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    assert (await play.vip("POST", streamer, ann)).status == 204
    rows = (await play.helix("GET", "/channels/vips", streamer.token, broadcaster_id=streamer.id)).json
    assert rows == {"data": [{"user_id": ann, "user_name": "Ann", "user_login": "ann"}], "pagination": {}}
    assert (await play.vip("DELETE", streamer, ann)).status == 204
    answer = await play.vip("DELETE", streamer, ann)
    assert answer.status == 422
    assert "is not a VIP" in answer.message


async def test_error_shape(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    await play.vip("POST", streamer, ann)
    answer = await play.vip("POST", streamer, ann)
    assert answer.json == {
        "error": "Unprocessable Entity",
        "status": 422,
        "message": "The user in the user_id query parameter is already a VIP.",
    }


async def test_no_free_slot_is_409(play: Playground) -> None:
    streamer = await play.streamer(vip_slots=1)
    assert (await play.vip("POST", streamer, await play.viewer("ann"))).status == 204
    assert (await play.vip("POST", streamer, await play.viewer("bob"))).status == 409


async def test_moderator_is_422_with_another_message(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    await play.sim("moderators", channel_id=streamer.id, user_id=ann)
    answer = await play.vip("POST", streamer, ann)
    assert answer.status == 422
    assert "is a moderator" in answer.message


async def test_blocked_is_400_and_says_so(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    await play.sim("blocked", channel_id=streamer.id, user_id=ann)
    answer = await play.vip("POST", streamer, ann)
    assert answer.status == 400
    assert "blocked" in answer.message
    await play.sim("blocked", channel_id=streamer.id, user_id=ann, remove=True)
    assert (await play.vip("POST", streamer, ann)).status == 204


async def test_locked_channel_is_425(play: Playground) -> None:
    streamer, ann = await play.streamer(unlocked=False), await play.viewer()
    answer = await play.vip("POST", streamer, ann)
    assert (answer.status, answer.json["error"]) == (425, "Too Early")


async def test_unknown_and_missing_ids(play: Playground) -> None:
    streamer = await play.streamer()
    assert (await play.vip("POST", streamer, "999999")).status == 404
    assert (await play.vip("DELETE", streamer, "999999")).status == 404
    answer = await play.helix("POST", "/channels/vips", streamer.token, broadcaster_id=streamer.id)
    assert (answer.status, answer.message) == (400, 'Missing required parameter "user_id"')


async def test_somebody_elses_channel(play: Playground) -> None:
    one, two, ann = await play.streamer("one"), await play.streamer("two"), await play.viewer()
    foreign = Streamer(two.id, one.token, "")
    assert (await play.vip("POST", foreign, ann)).status == 403
    assert (await play.vip("DELETE", foreign, ann)).status == 403
    assert (await play.helix("GET", "/channels/vips", one.token, broadcaster_id=two.id)).status == 401


async def test_a_vip_may_drop_the_own_status(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    await play.vip("POST", streamer, ann)
    own = (await play.sim("login", user_id=ann, scopes=["channel:manage:vips"]))["access_token"]
    assert (await play.vip("DELETE", Streamer(streamer.id, own, ""), ann)).status == 204
    assert [entry.by for entry in play.simulator.ledger.of("vip_removed")] == ["self"]


async def test_ten_adds_and_ten_removals_per_window(play: Playground) -> None:
    streamer = await play.streamer(vip_slots=50)
    viewers = [await play.viewer(f"viewer{n}") for n in range(11)]
    assert [(await play.vip("POST", streamer, v)).status for v in viewers] == [204] * 10 + [429]
    answer = await play.vip("POST", streamer, viewers[-1])
    assert int(answer.headers["Ratelimit-Remaining"]) > 0
    await play.sim("vips", channel_id=streamer.id, user_id=viewers[-1])
    assert [(await play.vip("DELETE", streamer, v)).status for v in viewers] == [204] * 10 + [429]


async def test_window_passes() -> None:
    async with playground(vip_changes=1, vip_window_s=1e-6) as play:
        streamer = await play.streamer()
        for n in range(3):
            viewer = await play.viewer(f"viewer{n}")
            assert (await play.vip("POST", streamer, viewer)).status == 204


async def test_pages_and_filters(play: Playground) -> None:
    streamer = await play.streamer()
    viewers = [await play.viewer(f"viewer{n}") for n in range(5)]
    for viewer in viewers:
        await play.vip("POST", streamer, viewer)
    seen, cursor = [], ""
    while True:
        answer = await play.helix(
            "GET", "/channels/vips", streamer.token, broadcaster_id=streamer.id, first="2", after=cursor
        )
        seen += [row["user_id"] for row in answer.json["data"]]
        cursor = answer.json["pagination"].get("cursor", "")
        if not cursor:
            break
    assert seen == viewers
    path, params = "/channels/vips", {"broadcaster_id": streamer.id}
    some = await play.helix("GET", path, streamer.token, **params, user_id=[viewers[1], "999999"])
    assert [row["user_id"] for row in some.json["data"]] == [viewers[1]]
    assert (await play.helix("GET", path, streamer.token, **params, user_id=["1"] * 101)).status == 400
    assert (await play.helix("GET", path, streamer.token, **params, first="0")).status == 400
    assert (await play.helix("GET", path, streamer.token, **params, after="%%%")).status == 400
