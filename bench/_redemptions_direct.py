"""The client of the bench `redemptions` to compare with: the obvious way, what anybody would write in an afternoon.

One WebSocket per channel; on each redemption at once Add VIP, then fulfil. Nothing is stored, nothing looked up,
nothing tried again, nobody told: a crash or a failure loses what was under way.

Reads one line of JSON (`api_url`, `eventsub_url`, `client_id`, `channels`), says `ready` when all are subscribed, and
runs until standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp
from websockets.asyncio.client import connect

REDEMPTION = "channel.channel_points_custom_reward_redemption.add"
CONNECTING = 16
HELIX_CONNECTIONS = 128


class Direct:
    """One client for all channels."""

    def __init__(self, order: dict[str, Any], http: aiohttp.ClientSession) -> None:
        self._order, self._http = order, http
        self._connecting = asyncio.Semaphore(CONNECTING)

    async def run(self) -> None:
        """Listen on every channel until cancelled."""
        ready = [asyncio.Event() for _ in self._order["channels"]]
        async with asyncio.TaskGroup() as group:
            for channel, event in zip(self._order["channels"], ready, strict=True):
                group.create_task(self._listen(channel, event, group))
            for event in ready:
                await event.wait()
            print("ready", flush=True)

    async def _listen(self, channel: dict[str, str], ready: asyncio.Event, group: asyncio.TaskGroup) -> None:
        headers = {
            "Authorization": f"Bearer {channel['access_token']}",
            "Client-Id": self._order["client_id"],
        }
        await self._connecting.acquire()
        async with connect(self._order["eventsub_url"], compression=None) as socket:
            welcome = json.loads(await socket.recv())
            body = {
                "type": REDEMPTION,
                "version": "1",
                "condition": {"broadcaster_user_id": channel["id"]},
                "transport": {"method": "websocket", "session_id": welcome["payload"]["session"]["id"]},
            }
            url = f"{self._order['api_url']}/eventsub/subscriptions"
            async with self._http.post(url, json=body, headers=headers, raise_for_status=True):
                self._connecting.release()
            ready.set()
            async for frame in socket:
                message = json.loads(frame)
                if message["metadata"]["message_type"] == "notification":
                    group.create_task(self._grant(message["payload"]["event"], headers))

    async def _grant(self, event: dict[str, Any], headers: dict[str, str]) -> None:
        api, channel_id = self._order["api_url"], event["broadcaster_user_id"]
        params = {"broadcaster_id": channel_id, "user_id": event["user_id"]}
        async with self._http.post(f"{api}/channels/vips", params=params, headers=headers) as answer:
            await answer.read()
        params = {"broadcaster_id": channel_id, "reward_id": event["reward"]["id"], "id": event["id"]}
        url = f"{api}/channel_points/custom_rewards/redemptions"
        status = {"status": "FULFILLED"}
        async with self._http.patch(url, params=params, headers=headers, json=status) as answer:
            await answer.read()


async def serve(order: dict[str, Any]) -> None:
    """Run until standard input ends."""
    connector = aiohttp.TCPConnector(limit=HELIX_CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as http:
        running = asyncio.create_task(Direct(order, http).run())
        ended = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
        await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def main() -> None:
    asyncio.run(serve(json.loads(sys.stdin.readline())))


if __name__ == "__main__":
    main()
