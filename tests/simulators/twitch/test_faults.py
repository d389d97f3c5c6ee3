"""Failures of HTTP on order."""

from __future__ import annotations

import aiohttp
import pytest

from tests.simulators.twitch.playground import Playground

VIPS = "/channels/vips"


async def test_status_for_so_many_calls(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    await play.sim("faults", match={"method": "POST", "path": VIPS}, status=503, message="busy", times=2)
    answers = [await play.vip("POST", streamer, ann) for _ in range(3)]
    assert [answer.status for answer in answers] == [503, 503, 204]
    assert answers[0].json == {"error": "Service Unavailable", "status": 503, "message": "busy"}


async def test_other_calls_are_left_alone(play: Playground) -> None:
    one, two = await play.streamer("one"), await play.streamer("two")
    match = {"path": "/helix/channels/*", "query": {"broadcaster_id": one.id}}
    await play.sim("faults", match=match, status=500, times=99)
    assert (await play.helix("GET", VIPS, one.token, broadcaster_id=one.id)).status == 500
    assert (await play.helix("GET", VIPS, two.token, broadcaster_id=two.id)).status == 200
    assert (await play.helix("GET", "/users", one.token)).status == 200


async def test_html_body(play: Playground) -> None:
    streamer = await play.streamer()
    await play.sim("faults", match={"path": "/users"}, html=True)
    answer = await play.helix("GET", "/users", streamer.token)
    assert (answer.status, answer.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert answer.text.startswith("<html>")


@pytest.mark.parametrize("after_effect", [False, True])
async def test_dropped_connection(play: Playground, after_effect: bool) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    match = {"method": "POST", "path": VIPS}
    await play.sim("faults", match=match, drop=True, after_effect=after_effect)
    with pytest.raises((aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)):
        await play.vip("POST", streamer, ann)
    assert (ann in play.simulator.world.channels[streamer.id].vips) is after_effect


async def test_answer_lost_after_the_effect(play: Playground) -> None:
    streamer, ann = await play.streamer(), await play.viewer()
    await play.sim("faults", match={"path": VIPS}, status=500, after_effect=True)
    assert (await play.vip("POST", streamer, ann)).status == 500
    assert (await play.vip("POST", streamer, ann)).status == 422


async def test_delay_only(play: Playground) -> None:
    streamer = await play.streamer()
    await play.sim("faults", match={"path": "/users"}, delay_ms=1)
    assert (await play.helix("GET", "/users", streamer.token)).status == 200


async def test_chance_zero_never_fails(play: Playground) -> None:
    streamer = await play.streamer()
    await play.sim("faults", match={"path": "/users"}, status=500, chance=0.0)
    assert (await play.helix("GET", "/users", streamer.token)).status == 200


async def test_identity_errors_have_their_own_shape(play: Playground) -> None:
    await play.sim("faults", match={"path": "/oauth2/token"}, status=503)
    answer = await play.id("/token", client_id="x", grant_type="refresh_token")
    assert answer.json == {"status": 503, "message": ""}


async def test_listing_and_clearing(play: Playground) -> None:
    streamer = await play.streamer()
    fault = await play.sim("faults", match={"path": "/users"}, status=500, times=9)
    await play.helix("GET", "/users", streamer.token)
    listed = await play.request("GET", play.simulator.control_url + "/faults")
    assert [(row["hits"], row["times"]) for row in listed.json["faults"]] == [(1, 8)]
    assert (await play.control("faults", method="DELETE", id=fault["id"])).status == 200
    assert (await play.helix("GET", "/users", streamer.token)).status == 200


async def test_unknown_field_is_400(play: Playground) -> None:
    assert (await play.control("faults", match={"path": "/users"}, colour="red")).status == 400


async def test_handshake_can_fail(play: Playground) -> None:
    await play.sim("faults", match={"path": "/ws"}, status=503)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await play.http.ws_connect(play.simulator.eventsub_url)
