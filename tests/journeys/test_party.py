"""A channel's watch party and its points, from Twitch to viewers' sockets: with no party open the points come back; a
redemption opens one; another adds to its queue, and whoever watches sees it, under the name of who paid for it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from domain.channel import RewardAction
from tests.journeys.rig import LIMIT_SECONDS, Rig, Stage, rig

pytestmark = pytest.mark.journey

FILM = "https://films.example/short.mp4"
GIVEN_BACK, TAKEN = ("redeemed", "refunded"), ("redeemed", "fulfilled")


async def asked(stand: Rig, method: str, path: str, body: Any = None) -> Any:
    async with stand.http.request(method, f"{stand.daemon.url}{path}", json=body) as answer:
        told = await answer.json()
        assert answer.status == 200, told
        return told


async def again_as(stand: Rig, stage: Stage, action: RewardAction) -> None:
    """The daemon ends, and comes back with a reward that does something else."""
    await stand.kill()
    await stand.promise(stage, action)
    await stand.start()
    await stand.live(stage)


async def watches(
    stack: AsyncExitStack, stand: Rig, room_id: str, name: str
) -> aiohttp.ClientWebSocketResponse:
    """Somebody without a login, in the public room; he has the welcome."""
    told = await asked(stand, "POST", "/api/v1/party/tickets", {"roomId": room_id})
    url = f"{stand.daemon.url}/ws/connect?ticket={told['ticket']}"
    socket = await stack.enter_async_context(stand.http.ws_connect(url))
    await socket.send_json({"type": "party:join", "id": "c-1", "data": {"roomId": room_id, "userName": name}})
    welcome = await heard(socket, "party:join")
    assert welcome["data"]["settings"]["title"]
    assert (welcome["data"]["role"], welcome["data"]["isHost"]) == ("guest", False)
    assert welcome["data"]["state"]["host"] == "", "nobody of the channel is here"
    return socket


async def heard(socket: aiohttp.ClientWebSocketResponse, type: str) -> dict[str, Any]:
    """The next message of this type."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            message: dict[str, Any] = await socket.receive_json()
            assert message["type"] != "party:error", message
            if message["type"] == type:
                return message


async def test_points_open_the_party_and_fill_its_queue(tmp_path: Path) -> None:
    async with rig(tmp_path, "--unthrottled") as stand, AsyncExitStack() as stack:
        await stand.start()
        stage = await stand.enrol(vip_seconds=60)
        await again_as(stand, stage, RewardAction.PARTY_QUEUE)
        early = await stand.viewer("early")
        await stand.redeem(stage, early, user_input=FILM)
        await stand.happened(early, *GIVEN_BACK)

        await again_as(stand, stage, RewardAction.PARTY_OPEN)
        opener = await stand.viewer("opener")
        await stand.redeem(stage, opener)
        await stand.happened(opener, *TAKEN)
        (room,) = (await asked(stand, "GET", "/api/v1/party/rooms"))["rooms"]
        assert (room["channel"], room["here"], room["vipOnly"]) == (stage.id, 0, False)

        await again_as(stand, stage, RewardAction.PARTY_QUEUE)  # the room outlives the daemon
        sockets = [await watches(stack, stand, room["roomId"], name) for name in ("Ana", "Ben")]
        late = await stand.viewer("late")
        redemption = await stand.redeem(stage, late, user_input=f"this one: {FILM}")
        for socket in sockets:
            item = (await heard(socket, "party:queue:add"))["data"]["item"]
            assert (item["url"], item["kind"], item["by"]) == (FILM, "video", "")
            assert item["byName"] == redemption["user_name"]
        await stand.happened(late, *TAKEN)
        nothing = await stand.viewer("nothing")
        await stand.redeem(stage, nothing, user_input="the one with the cat")
        await stand.happened(nothing, *GIVEN_BACK)
        await stand.settle()
        await stand.judge()
