"""A small application without faults, to see that the story and the oracle treat one fairly.

It knows nothing of restarts and needs none: one socket per channel, one queue per channel, timers for the end.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from tests.simulators.twitch.playground import Playground, Socket, Streamer


@dataclass
class FaultlessApp:
    play: Playground
    streamer: Streamer
    socket: Socket
    reward: str
    duration_s: float
    ends: dict[str, float] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    took_s: float = 0.0
    latest_s: float = 0.0
    """By how much a VIP was too long at most, as far as the application can tell: that is the machine's doing."""

    @classmethod
    async def open(cls, play: Playground, login: str, duration_s: float, *, vip_slots: int) -> FaultlessApp:
        streamer, socket = await play.streamer(login, vip_slots=vip_slots), await play.socket()
        app = cls(play, streamer, socket, await play.reward(streamer), duration_s)
        for kind in ("channel.vip.remove", "channel.channel_points_custom_reward_redemption.add"):
            await play.subscribe(streamer, socket, kind)
        return app

    async def run(self, until: asyncio.Event) -> None:
        """Serve until told, and until no VIP is left to remove."""
        loop = asyncio.get_running_loop()
        frames = loop.create_task(self.socket.connection.recv())
        while not until.is_set() or self.ends or len(self._waiting()):
            for user_id, end in list(self.ends.items()):
                if end <= loop.time():
                    del self.ends[user_id]
                    await self.play.vip("DELETE", self.streamer, user_id)
                    self.latest_s = max(self.latest_s, self.took_s + loop.time() - end)
            await asyncio.wait({frames}, timeout=0.005)
            if frames.done():
                await self._take(frames.result())
                frames = loop.create_task(self.socket.connection.recv())
        frames.cancel()
        await asyncio.gather(frames, return_exceptions=True)

    def _waiting(self) -> list[str]:
        return [*self.play.simulator.world.channels[self.streamer.id].rewards[self.reward].unfulfilled]

    async def _take(self, frame: str | bytes) -> None:
        message = json.loads(frame)
        if message["metadata"]["message_type"] != "notification":
            return
        event = message["payload"]["event"]
        if message["metadata"]["subscription_type"] == "channel.vip.remove":
            rows = await self.play.helix(
                "GET",
                "/channels/vips",
                self.streamer.token,
                broadcaster_id=self.streamer.id,
                user_id=event["user_id"],
            )
            if not rows.json["data"]:
                self.ends.pop(event["user_id"], None)
        elif event["id"] not in self.seen:
            self.seen.add(event["id"])
            await self._serve(event["id"], event["user_id"])

    async def _serve(self, redemption: str, user_id: str) -> None:
        loop = asyncio.get_running_loop()
        extended = user_id in self.ends
        if not extended:
            asked = loop.time()
            answer = await self.play.vip("POST", self.streamer, user_id)
            self.took_s = max(self.took_s, loop.time() - asked)
            if answer.status != 204:
                await self.play.resolve(self.streamer, self.reward, redemption, "CANCELED")
                return
            self.ends[user_id] = loop.time()
        self.ends[user_id] += self.duration_s
        fulfilled = await self.play.resolve(self.streamer, self.reward, redemption, "FULFILLED")
        if fulfilled.status == 404:
            self.ends[user_id] -= self.duration_s
