"""The server of the bench `redemptions`: the unthrottled simulator with a stopwatch, and the viewers in its process.

Viewers redeem inside the simulator, so that offering 400 redemptions per second costs no HTTP calls; the stopwatch
notes, on one clock, when a redemption was made, when the first Helix call about its viewer arrived, when the call
that makes him a VIP arrived, and when the redemption was fulfilled.

Prints its addresses as one line of JSON, then answers each order (a line of JSON on standard input) with one line.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from simulators.twitch.faults import HttpFaults
from simulators.twitch.server import TwitchSimulator
from simulators.twitch.settings import SimulatorSettings
from simulators.twitch.stage import BROADCASTER_SCOPES

VIP_SLOTS = 100_000
STEP_SECONDS = 0.02


@dataclass(slots=True)
class Lap:
    """One redemption, in seconds of this process's clock; 0.0 is "not yet"."""

    redeemed: float
    first_call: float = 0.0
    grant_call: float = 0.0
    fulfil_call: float = 0.0

    def milliseconds(self) -> list[float | None]:
        """First call, grant, fulfilment, each from the redemption on; `None` is "never"."""
        return [
            round((moment - self.redeemed) * 1000, 3) if moment else None
            for moment in (self.first_call, self.grant_call, self.fulfil_call)
        ]


class Stopwatch(HttpFaults):
    """No failures; in their place in the simulator's middleware it notes when which Helix call arrived."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self._by_viewer: dict[str, Lap] = {}
        self._by_redemption: dict[str, Lap] = {}

    def begin(self, viewer_id: str) -> Lap:
        """A viewer is about to redeem; no viewer does so twice."""
        lap = self._by_viewer[viewer_id] = Lap(time.perf_counter())
        return lap

    def redeemed(self, redemption_id: str, lap: Lap) -> None:
        """What his redemption is called."""
        self._by_redemption[redemption_id] = lap

    def forget(self) -> None:
        """Earlier loads are over."""
        self._by_viewer.clear()
        self._by_redemption.clear()

    def middleware(self) -> Any:
        @web.middleware
        async def note(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            now = time.perf_counter()
            lap = self._by_viewer.get(request.query.get("user_id", ""))
            if lap is not None:
                lap.first_call = lap.first_call or now
                if request.method == "POST":
                    lap.grant_call = lap.grant_call or now
            elif request.method == "PATCH":
                lap = self._by_redemption.get(request.query.get("id", ""))
                if lap is not None:
                    lap.fulfil_call = lap.fulfil_call or now
            return await handler(request)

        return note


class Stage:
    """The simulator and the orders that it takes."""

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        settings = settings or replace(SimulatorSettings().unthrottled(), vip_slots=VIP_SLOTS)
        self.simulator = TwitchSimulator(settings=settings)
        self._watch = Stopwatch()
        self.simulator.stage = replace(self.simulator.stage, faults=self._watch)
        self._viewers = 0

    async def carry_out(self, order: dict[str, Any]) -> Any:
        """`{"do": "channels"|"load", …}`: see the methods."""
        match order.pop("do"):
            case "channels":
                return self.channels(**order)
            case "load":
                return await self.load(**order)
            case unknown:
                raise ValueError(f"no such order: {unknown}")

    def channels(self, *, prefix: str, count: int, with_reward: bool) -> list[dict[str, str]]:
        """Make channels, each with the tokens of its streamer and, if asked, a reward of the application's."""
        stage, made = self.simulator.stage, []
        for number in range(count):
            channel = stage.world.add_channel(f"{prefix}{number}", vip_slots=VIP_SLOTS)
            token = stage.consent(channel.user, stage.settings.client_id, BROADCASTER_SCOPES)
            reward_id = ""
            if with_reward:
                fields = {"title": "VIP", "cost": 500}
                client_id = stage.settings.client_id
                reward_id = stage.life.create_reward(channel, fields, client_id=client_id, by="app").id
            made.append(
                {
                    "id": channel.id,
                    "access_token": token.value,
                    "refresh_token": token.refresh_token or "",
                    "reward_id": reward_id,
                }
            )
        return made

    async def load(
        self, *, rewards: Sequence[tuple[str, str]], rate: float, seconds: float, settle_seconds: float
    ) -> dict[str, Any]:
        """Redeem evenly, by one new viewer after the other, in one channel after the other; then wait until all are
        fulfilled, at most `settle_seconds`. `laps`: see `Lap.milliseconds`."""
        stage, count = self.simulator.stage, round(rate * seconds)
        viewers = [stage.world.add_user(f"viewer{self._viewers + number}").id for number in range(count)]
        self._viewers += count
        laps: list[Lap] = []
        self._watch.forget()
        began = time.perf_counter()
        for number, viewer_id in enumerate(viewers):
            wait = began + number / rate - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            elif number % 8 == 0:
                await asyncio.sleep(0)  # late: catch up, but let the sockets have their turns
            channel_id, reward_id = rewards[number % len(rewards)]
            lap = self._watch.begin(viewer_id)
            self._watch.redeemed(stage.life.redeem(channel_id, reward_id, viewer_id).id, lap)
            laps.append(lap)
        offered = time.perf_counter() - began
        deadline = time.perf_counter() + settle_seconds
        while time.perf_counter() < deadline and not all(lap.fulfil_call for lap in laps):
            await asyncio.sleep(STEP_SECONDS)
        last = max((lap.fulfil_call for lap in laps), default=began)
        return {
            "laps": [lap.milliseconds() for lap in laps],
            "offered_seconds": offered,
            "settled_seconds": max(0.0, last - began - offered),
        }


async def serve() -> None:
    """Carry out orders until standard input ends."""
    stage = Stage()
    async with stage.simulator as simulator:
        print(json.dumps(simulator.addresses()), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await stage.carry_out(json.loads(line))), flush=True)


def main() -> None:
    asyncio.run(serve())


if __name__ == "__main__":
    main()
