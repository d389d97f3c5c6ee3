"""The server of the bench `conduits`: that of `redemptions`, with a points bucket that is large instead of none (a
client reads its pace from the headers), and with what can be done to a conduit.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench._redemptions_twitch import VIP_SLOTS, Stage
from simulators.twitch.settings import SimulatorSettings

POINTS_PER_MINUTE = 1_200_000
PATIENCE_SECONDS = 30.0
STEP_SECONDS = 0.005


class ConduitStage(Stage):
    """More orders: see the methods."""

    def __init__(self) -> None:
        settings = SimulatorSettings().unthrottled()
        super().__init__(replace(settings, vip_slots=VIP_SLOTS, points_per_minute=POINTS_PER_MINUTE))

    async def carry_out(self, order: dict[str, Any]) -> Any:
        match order["do"]:
            case "lose":
                return await self.lose(**{name: value for name, value in order.items() if name != "do"})
            case "forget":
                return self.forget()
            case "count":
                return self.count()
        return await super().carry_out(order)

    async def lose(self, *, after_seconds: float, **load: Any) -> dict[str, Any]:
        """A load (see `Stage.load`), in the middle of which the first shard's socket is cut. `replaced_ms`: from there
        to the moment at which another session serves the shard."""
        losing = asyncio.create_task(self._lose(after_seconds))
        told = await self.load(**load)
        return {**told, **self.count(), "replaced_ms": await losing}

    async def _lose(self, after_seconds: float) -> float | None:
        await asyncio.sleep(after_seconds)
        eventsub = self.simulator.stage.eventsub
        shard = self._shards()[0]
        lost = shard.transport["session_id"]
        began = time.perf_counter()
        session = eventsub.hall.find(lost)
        assert session is not None
        session.abort()
        while time.perf_counter() - began < PATIENCE_SECONDS:
            if shard.status == "enabled" and shard.transport["session_id"] != lost:
                return round((time.perf_counter() - began) * 1000, 1)
            await asyncio.sleep(STEP_SECONDS)
        return None

    def forget(self) -> dict[str, Any]:
        """The conduit goes with all that hangs on it, as after 72 hours: the next start has everything to make."""
        conduits, client_id = self.simulator.stage.eventsub.conduits, self.simulator.stage.settings.client_id
        for conduit in conduits.of_client(client_id):
            conduits.delete(client_id, conduit.id)
        return {}

    def count(self) -> dict[str, Any]:
        """What is attached and subscribed; what was dropped of redemptions; how many were made VIP."""
        stage = self.simulator.stage
        dropped = [one for one in stage.ledger.of("event_dropped") if "redemption" in one.detail["type"]]
        return {
            "attached": sum(shard.status == "enabled" for shard in self._shards()),
            "subscriptions": sum(one.alive and one.method == "conduit" for one in stage.eventsub.register),
            "sockets": len(stage.eventsub.hall.sessions),
            "dropped": len(dropped),
            "vips": len(stage.ledger.of("vip_added")),
        }

    def _shards(self) -> Sequence[Any]:
        stage = self.simulator.stage
        conduits = stage.eventsub.conduits.of_client(stage.settings.client_id)
        return [shard for conduit in conduits for shard in conduit.shards]


async def serve() -> None:
    """Carry out orders until standard input ends."""
    stage = ConduitStage()
    async with stage.simulator as simulator:
        print(json.dumps(simulator.addresses()), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await stage.carry_out(json.loads(line))), flush=True)


def main() -> None:
    asyncio.run(serve())


if __name__ == "__main__":
    main()
