"""Helpers of these tests: a client for each door of the simulator, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from simulators.twitch import SimulatorSettings, TwitchSimulator

REDEMPTION_ADD = "channel.channel_points_custom_reward_redemption.add"
REDEMPTION_UPDATE = "channel.channel_points_custom_reward_redemption.update"


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def message(self) -> str:
        return str(self.json["message"])


@dataclass(frozen=True)
class Streamer:
    id: str
    token: str
    refresh_token: str


class Socket:
    """One EventSub socket; every wait has a limit."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.session_id = ""

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(30):
            frame: dict[str, Any] = json.loads(await self.connection.recv())
            return frame

    async def of_type(self, message_type: str) -> dict[str, Any]:
        while True:
            frame = await self.next()
            if frame["metadata"]["message_type"] == message_type:
                return frame

    async def closed(self) -> int | None:
        """Read until the socket ends; its close code."""
        async with asyncio.timeout(30):
            try:
                while True:
                    await self.connection.recv()
            except ConnectionClosed:
                return self.connection.close_code

    async def close(self) -> None:
        await self.connection.close()


class Playground:
    def __init__(self, simulator: TwitchSimulator, http: aiohttp.ClientSession) -> None:
        self.simulator = simulator
        self.http = http
        self._sockets: list[Socket] = []

    async def request(self, method: str, url: str, **options: Any) -> Answer:
        async with self.http.request(method, url, **options) as answer:
            return Answer(answer.status, await answer.text(), dict(answer.headers))

    async def sim(self, path: str, **body: Any) -> Any:
        answer = await self.control(path, **body)
        assert answer.status == 200, answer.text
        return answer.json

    async def control(self, path: str, method: str = "POST", **body: Any) -> Answer:
        return await self.request(method, f"{self.simulator.control_url}/{path}", json=body)

    async def helix(
        self, method: str, path: str, token: str, *, client_id: str = "", json: Any = None, **params: Any
    ) -> Answer:
        headers = {"Authorization": f"Bearer {token}", "Client-Id": client_id or self.simulator.client_id}
        url = self.simulator.api_url + path
        return await self.request(method, url, headers=headers, params=params, json=json)

    async def id(self, path: str, **form: str) -> Answer:
        return await self.request("POST", self.simulator.id_url + path, data=form)

    async def streamer(self, login: str = "streamer", **options: Any) -> Streamer:
        row = await self.sim("channels", login=login, **options)
        return Streamer(row["id"], row["access_token"], row["refresh_token"])

    async def viewer(self, login: str = "ann") -> str:
        row = await self.sim("viewers", login=login, name=login.title())
        return str(row["id"])

    async def app_token(self) -> str:
        sim = self.simulator
        answer = await self.id(
            "/token",
            client_id=sim.client_id,
            client_secret=sim.client_secret,
            grant_type="client_credentials",
        )
        return str(answer.json["access_token"])

    async def reward(self, streamer: Streamer, title: str = "VIP", **fields: Any) -> str:
        body = {"title": title, "cost": 100, **fields}
        path = "/channel_points/custom_rewards"
        answer = await self.helix("POST", path, streamer.token, json=body, broadcaster_id=streamer.id)
        assert answer.status == 200, answer.text
        return str(answer.json["data"][0]["id"])

    async def redeem(self, streamer: Streamer, reward_id: str, viewer_id: str, **more: Any) -> str:
        row = await self.sim(
            "redeem", channel_id=streamer.id, reward_id=reward_id, viewer_id=viewer_id, **more
        )
        return str(row["id"])

    async def resolve(self, streamer: Streamer, reward_id: str, redemption_id: str, status: str) -> Answer:
        return await self.helix(
            "PATCH",
            "/channel_points/custom_rewards/redemptions",
            streamer.token,
            json={"status": status},
            broadcaster_id=streamer.id,
            reward_id=reward_id,
            id=redemption_id,
        )

    async def vip(self, method: str, streamer: Streamer, user_id: str) -> Answer:
        return await self.helix(
            method, "/channels/vips", streamer.token, broadcaster_id=streamer.id, user_id=user_id
        )

    async def socket(self, url: str = "", *, welcome: bool = True) -> Socket:
        connection = await connect(url or self.simulator.eventsub_url, ping_interval=None, compression=None)
        socket = Socket(connection)
        self._sockets.append(socket)
        if welcome:
            frame = await socket.next()
            assert frame["metadata"]["message_type"] == "session_welcome"
            socket.session_id = frame["payload"]["session"]["id"]
        return socket

    async def subscribe(
        self, streamer: Streamer, socket: Socket, kind: str = REDEMPTION_ADD, **condition: str
    ) -> Answer:
        body = {
            "type": kind,
            "version": "1",
            "condition": {"broadcaster_user_id": streamer.id, **condition},
            "transport": {"method": "websocket", "session_id": socket.session_id},
        }
        return await self.helix("POST", "/eventsub/subscriptions", streamer.token, json=body)

    async def close(self) -> None:
        for socket in self._sockets:
            await socket.close()


@asynccontextmanager
async def playground(**settings: Any) -> AsyncIterator[Playground]:
    """A simulator of its own on a free port."""
    async with (
        TwitchSimulator(settings=SimulatorSettings(**settings)) as simulator,
        aiohttp.ClientSession() as http,
    ):
        play = Playground(simulator, http)
        try:
            yield play
        finally:
            await play.close()
