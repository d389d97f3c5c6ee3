"""Processes that listen to the Twitch simulator, over real sockets, on one store and one desk: see `open_town`.

For those who listen time runs faster than the machine's: a lease of nine seconds is over in a fraction of one. The wall
clock is the machine's, since Twitch's messages carry it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from daemon.clock import SystemClock
from daemon.metrics import PrometheusMetrics
from daemon.settings import load_settings
from daemon.supervisor import Supervisor
from daemon.wiring_eventsub import Listening
from daemon.wiring_outside import Outside
from daemon.wiring_shared import Shared
from domain.channel import Channel, Viewer
from domain.errors import Unavailable
from domain.transport import Transport, Way
from gateways.leases.contracts import Held
from gateways.leases.memory import MemoryLeases
from gateways.leases.sole import Sole
from gateways.pace import MemoryPace
from gateways.twitch.helix import TwitchHelix
from gateways.twitch.oauth import AppToken
from simulators.twitch.eventsub.conduits import Conduit
from simulators.twitch.eventsub.subscriptions import Subscription
from simulators.twitch.settings import SimulatorSettings
from tests.support.bus import Bus, BusEnd
from tests.support.desk import open_scene
from tests.support.scene import Scene

SECONDS = 20.0  # real ones: no wait of a test takes longer
FASTER = 10.0
SIMULATOR = replace(SimulatorSettings().unthrottled(), points_per_minute=600_000, vip_slots=10_000)


class QuickClock(SystemClock):
    """Implements `Clock`: all that sleeps wakes ten times sooner."""

    def monotonic(self) -> float:
        return super().monotonic() * FASTER

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / FASTER)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        return await super().wait(event, seconds / FASTER)


class Mortal:
    """Implements `Leases` for one process, on those of the fleet: after its death it gives nothing back."""

    def __init__(self, leases: MemoryLeases) -> None:
        self._leases = leases
        self.dead = False

    def _alive(self) -> MemoryLeases:
        if self.dead:
            raise Unavailable("The process is dead.")
        return self._leases

    async def acquire(self, names: Sequence[str], *, owner: str, ttl_seconds: float) -> dict[str, Held]:
        return await self._alive().acquire(names, owner=owner, ttl_seconds=ttl_seconds)

    async def renew(self, names: Sequence[str], *, owner: str, ttl_seconds: float) -> dict[str, Held]:
        return await self._alive().renew(names, owner=owner, ttl_seconds=ttl_seconds)

    async def release(self, names: Sequence[str], *, owner: str) -> None:
        await self._alive().release(names, owner=owner)

    async def holders(self, names: Sequence[str]) -> dict[str, str]:
        return await self._alive().holders(names)

    async def muster(self, group: str, *, owner: str, ttl_seconds: float) -> list[str]:
        return await self._alive().muster(group, owner=owner, ttl_seconds=ttl_seconds)

    async def leave(self, group: str, *, owner: str) -> None:
        await self._alive().leave(group, owner=owner)


@dataclass(eq=False)
class Process:
    """One daemon, as far as listening goes."""

    name: str
    listening: Listening
    tasks: Supervisor
    signals: BusEnd
    leases: Mortal
    metrics: PrometheusMetrics
    running: bool = True

    def told(self) -> dict[str, Any]:
        return self.listening.told()

    async def stop(self) -> None:
        """In order: sockets closed, leases given back."""
        if self.running:
            self.running = False
            await self.listening.stop()
            assert await self.tasks.stop(50.0) == []
            await self.signals.close()

    async def die(self) -> None:
        """Without a word: sockets are gone, leases are kept until they run out."""
        self.running = False
        self.leases.dead = True
        await self.signals.close()
        assert await self.tasks.stop(50.0) == []
        await self.listening.stop()


@dataclass(eq=False)
class Town:
    scene: Scene
    clock: QuickClock
    leases: MemoryLeases
    bus: Bus = field(default_factory=Bus)
    processes: dict[str, Process] = field(default_factory=dict)
    scopes: Callable[[str], Awaitable[Collection[str] | None]] | None = None

    async def start(self, name: str = "a", *, transport: str = "conduit", shards: int = 2) -> Process:
        """Start a process; returns at once."""
        scene, metrics = self.scene, PrometheusMetrics()
        tasks = Supervisor(clock=self.clock, metrics=metrics, random=Random(1))
        settings = load_settings(
            {
                "TWITCH_CLIENT_ID": scene.sim.client_id,
                "TWITCH_CLIENT_SECRET": scene.sim.client_secret,
                "TWITCH_EVENTSUB_URL": scene.sim.eventsub_url,
                "EVENTSUB_TRANSPORT": transport,
                "CONDUIT_SHARDS": str(shards),
            },
            env_file=None,
        )
        signals, leases = BusEnd(self.bus), Mortal(self.leases)
        pace = MemoryPace(clock=self.clock)
        helix = TwitchHelix(
            http=scene.http,
            api_url=scene.sim.api_url,
            client_id=scene.sim.client_id,
            tokens=scene.tokens,
            pace=pace,
            clock=self.clock,
            metrics=metrics,
            random=Random(4),
            app_token=AppToken(oauth=scene.oauth, clock=self.clock, tasks=tasks),
        )
        listening = Listening(
            settings,
            desk=scene.desk,
            outside=Outside(scene.http, scene.tokens, scene.oauth, helix),
            shared=Shared(clock=self.clock, topics=scene.topics, leases=leases, signals=signals, pace=pace),
            granted=self.scopes or scene.grants.scopes,
            owner=name,
            boot=f"{name}.{self.clock.now()}",
            clock=self.clock,
            tasks=tasks,
            metrics=metrics,
            random=Random(5),
        )
        await listening.open()

        def sole(task: str, work: Callable[[], Awaitable[None]]) -> None:
            one = Sole(task, work, leases=leases, owner=name, clock=self.clock)
            tasks.gateway(task, one.run)

        listening.start(tasks, sole)
        process = self.processes[name] = Process(name, listening, tasks, signals, leases, metrics)
        return process

    # What Twitch sees

    @property
    def conduits(self) -> list[Conduit]:
        return self.scene.sim.stage.eventsub.conduits.of_client(self.scene.sim.client_id)

    def shards(self) -> list[str]:
        """The status of each shard of the only conduit."""
        return [shard.status for conduit in self.conduits for shard in conduit.shards]

    def attached(self, count: int) -> bool:
        return self.shards() == ["enabled"] * count

    def session_of(self, shard: int) -> str:
        return str(self.conduits[0].shards[shard].transport.get("session_id", ""))

    def subscriptions(self, method: str = "conduit", channel: Channel | None = None) -> list[Subscription]:
        """The living ones of one kind (and of one channel)."""
        return [
            one
            for one in self.scene.sim.stage.eventsub.register
            if one.alive
            and one.method == method
            and "client_id" not in one.condition
            and (channel is None or one.condition.get("broadcaster_user_id") == channel.id)
        ]

    async def transport(self) -> Transport:
        return await self.scene.repositories.transports.get()

    async def on_conduit(self) -> None:
        """As after a move to a conduit: no channel has a session of its own."""
        await self.scene.repositories.transports.change(
            lambda held: replace(held, target=Way.CONDUIT, in_force=Way.CONDUIT)
        )

    async def state(self, channel: Channel) -> tuple[str, str]:
        held = await self.scene.repositories.connections.get(channel.id)
        return held.state, held.detail

    # Waiting

    async def until(self, condition: Callable[[], bool | Awaitable[bool]], *, what: str = "") -> None:
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    found = condition()
                    if await found if isinstance(found, Awaitable) else found:
                        return
                    await asyncio.sleep(0.005)
        except TimeoutError:
            told = {name: process.told() for name, process in self.processes.items() if process.running}
            raise AssertionError(f"not in time {what}: {told}, shards {self.shards()}") from None

    async def live(self, *channels: Channel) -> None:
        """Until people see all of these as live."""

        async def all_live() -> bool:
            return all([(await self.state(channel))[0] == "live" for channel in channels])

        await self.until(all_live, what="live")

    async def ready(self, *channels: Channel, shards: int = 2) -> None:
        """Until the conduit serves these channels, and the move to it is over."""
        await self.until(lambda: self.attached(shards), what="attached")
        await self.live(*channels)

        async def there() -> bool:
            transport = await self.transport()
            return transport.in_force is transport.target and transport.swept == transport.gaps

        await self.until(there, what="ready")

    async def granted(self, channel: Channel, viewer: Viewer) -> None:
        """Until a viewer is VIP."""
        await self.until(lambda: self.scene.holds_vip(channel, viewer), what="granted")


class Shoppers:
    """Viewers who redeem all the time, in one channel after the other."""

    def __init__(self, town: Town, *channels: Channel) -> None:
        self._town, self._channels = town, channels
        self.redemptions: list[tuple[Channel, str]] = []
        self._stop = asyncio.Event()
        self._shopping = asyncio.create_task(self._shop())

    async def _shop(self) -> None:
        number = 0
        while not self._stop.is_set():
            channel = self._channels[number % len(self._channels)]
            number += 1
            viewer = await self._town.scene.viewer(f"shopper{number}")
            redemption = await self._town.scene.pay(channel, viewer)
            self.redemptions.append((channel, redemption["id"]))
            await asyncio.sleep(0.15)  # our pace is ten VIPs in ten seconds and channel

    async def some(self, count: int = 4) -> None:
        """Until so many more have redeemed."""
        enough = len(self.redemptions) + count
        await self._town.until(lambda: len(self.redemptions) >= enough)

    async def stop(self) -> None:
        self._stop.set()
        await self._shopping

    async def all_served(self) -> None:
        """Stop, and wait until everybody is VIP, each once."""
        await self.stop()
        scene = self._town.scene
        await self._town.until(
            lambda: all(scene.status(channel, one) == "FULFILLED" for channel, one in self.redemptions),
            what="served",
        )
        await scene.quiet()
        assert scene.deeds("vip_added") == len(self.redemptions)


@asynccontextmanager
async def open_town(directory: Path, *, settings: SimulatorSettings = SIMULATOR) -> AsyncIterator[Town]:
    """A town without processes: `start` some."""
    clock = QuickClock()
    # Who handles events has the machine's time: his leases are long for a reason.
    async with open_scene(directory, clock=SystemClock(), settings=settings) as scene:
        town = Town(scene, clock, MemoryLeases(clock=clock))
        try:
            yield town
        finally:
            for process in town.processes.values():
                await process.stop()
