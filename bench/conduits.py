"""2,000 channels on a conduit of two shards, in one process: attached, loaded, one shard lost; beside a socket for
each.

The simulator is a process of its own, with its points bucket raised. The channels are enrolled, then Twitch forgets the
conduit and the daemon starts anew: from there to the moment at which both shards are attached and every subscription is
made. What Twitch's real bucket would make of that is computed and told. Then viewers redeem at a rate, evenly over the
channels; half-way the first shard's socket is cut. Lost is a redemption that was not fulfilled within five minutes,
doubled a VIP that was added without one.

Memory: resident memory of the daemon with all channels less that with ten, each after a fresh start, per channel. The
same with a socket for each broadcaster and fewer channels; without TLS, which adds some 40 KiB to a socket (see
`sockets`).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.redemptions import Program
from bench.report import Aim, Result, aim, percentile, ratio
from daemon.clock import SystemClock
from daemon.programs import DaemonProgram, free_port
from gateways.twitch.conduit_plan import estimate
from gateways.twitch.helix_conduits import POINTS_PER_MINUTE
from gateways.twitch.subscriptions import vip_channel

NAME = "conduits"

FEW = 10
PATIENCE_SECONDS = 120.0
SETTLE_SECONDS = 300.0
STEP_SECONDS = 0.1
QUIET_SECONDS = 2.0
AIM_REPLACED_MS = 15_000.0
AIM_P99_MS = 250.0
AIM_RATIO = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """Milliseconds from the redemption on. `dropped`: events that Twitch could hand to nobody at that moment."""

    redemptions: int
    lost: int
    doubled: int
    dropped: int
    first_p50_ms: float
    first_p99_ms: float
    grant_p99_ms: float
    fulfil_p99_ms: float
    replaced_ms: float
    cpu_ms_each: float


@dataclass(frozen=True, slots=True)
class Memory:
    """KiB of the process with few channels and with many."""

    few: float
    many: float
    channels: int

    @property
    def each(self) -> float:
        return (self.many - self.few) / (self.channels - FEW)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--channels", type=int, default=2000, help="on the conduit (default 2000)")
    parser.add_argument("--shards", type=int, default=2, help="default 2")
    parser.add_argument(
        "--sockets", type=int, default=200, help="channels with sockets, beside it; 0: none (default 200)"
    )
    parser.add_argument("--rate", type=float, default=100.0, help="redemptions per second (default 100)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of the load (default 30)")


async def run(options: argparse.Namespace) -> Result:
    """Measure. Raises `RuntimeError` if a program ends or does not come to rest."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        twitch = await Program.start("bench._conduits_twitch")
        stack.push_async_callback(twitch.stop)
        addresses = json.loads(await twitch.hear())
        async with _town(twitch, addresses, clock, transport="conduit", shards=options.shards) as town:
            few = await town.resident(FEW)
            _told(f"{FEW} channels on a conduit: {few / 1024:.1f} MiB")
            await town.enrol(options.channels - FEW)
            _told(f"{options.channels} channels enrolled")
            await town.daemon.stop()
            await town.order("forget")
            began = clock.monotonic()
            await town.daemon.start()
            await town.served()
            attached_seconds = clock.monotonic() - began
            many = await town.rss()
            conduit = Memory(few, many, options.channels)
            seen = await town.order("count")
            _told(
                f"attached in {attached_seconds:.1f} s: {seen['subscriptions']:,} subscriptions, {seen['attached']} "
                f"shards, {seen['sockets']} sockets; {conduit.each:.1f} KiB each"
            )
            await town.loaded(options.rate, 1.0)  # warm: imports, connections, statements
            load = await town.loaded(options.rate, options.seconds, lose=True)
            _told(f"{load}")
        sockets = await _sockets(twitch, addresses, clock, options.sockets) if options.sockets else None
    return _result(
        options,
        attached_seconds=attached_seconds,
        subscriptions=seen["subscriptions"],
        load=load,
        conduit=conduit,
        sockets=sockets,
    )


async def _sockets(twitch: Program, addresses: Mapping[str, str], clock: SystemClock, count: int) -> Memory:
    """The same with a socket for each of so many channels."""
    async with _town(twitch, addresses, clock, transport="websocket", shards=1) as town:
        few = await town.resident(FEW)
        await town.enrol(count - FEW)
        sockets = Memory(few, await town.resident(0), count)
        _told(f"{count} channels with sockets: {sockets.each:.1f} KiB each")
        return sockets


def _told(line: str) -> None:
    print(line, file=sys.stderr)


@dataclass(eq=False)
class Town:
    """A daemon with its channels."""

    twitch: Program
    daemon: DaemonProgram
    clock: SystemClock
    transport: str
    shards: int
    rewards: list[tuple[str, str]]

    async def order(self, what: str, **more: Any) -> Any:
        await self.twitch.tell({"do": what, **more})
        return json.loads(await self.twitch.hear())

    async def enrol(self, count: int) -> None:
        """So many more channels, as `cuelight channels add` does it."""
        prefix = f"{self.transport}{len(self.rewards)}x"
        for channel in await self.order("channels", prefix=prefix, count=count, with_reward=False):
            grant = {name: channel[name] for name in ("access_token", "refresh_token")}
            promise = {"reward_title": "VIP", "reward_cost": 500, "vip_seconds": 86_400}
            added = await self.daemon.admin("channels.add", grant | promise)
            self.rewards.append((channel["id"], added["rewards"][0]["id"]))
        await self.served()

    async def resident(self, count: int) -> float:
        """KiB of a fresh process, after so many more channels were enrolled."""
        if count:
            await self.enrol(count)
        await self.daemon.stop()
        await self.daemon.start()
        await self.served()
        return await self.rss()

    async def rss(self) -> float:
        await self.idle()
        await self.clock.sleep(QUIET_SECONDS)
        assert self.daemon.process is not None
        return psutil.Process(self.daemon.process.pid).memory_info().rss / 1024

    async def served(self) -> None:
        """Until every channel is heard."""
        await self._until(self._is_served, "is not served")

    async def idle(self) -> None:
        """Until there is nothing left to do, the sweep after a start included."""
        await self._until(self._is_idle, "does not come to rest")

    async def _until(self, condition: Any, what: str) -> None:
        deadline = self.clock.monotonic() + PATIENCE_SECONDS + len(self.rewards) / 10
        while not await condition():
            if self.clock.monotonic() > deadline:
                raise RuntimeError(f"The daemon {what}: {await self.daemon.admin('status')}"[:4000])
            await self.clock.sleep(STEP_SECONDS)

    async def _is_served(self) -> bool:
        status = await self.daemon.admin("status")
        if self.transport == "conduit":
            told = status["transport"]
            attached = told["shards"]["attached"] == self.shards
            return bool(told["in_force"] == "conduit" and attached and told["enabled"] == len(self.rewards))
        states = [channel["state"] for channel in status["channels"].values()]
        return bool(states.count("live") == len(self.rewards))

    async def _is_idle(self) -> bool:
        status = await self.daemon.admin("status")
        return not status["inbox"].get("open", 0) and not status["transport"]["gaps_to_sweep"]

    async def loaded(self, rate: float, seconds: float, *, lose: bool = False) -> Load:
        """Viewers redeem; see the module."""
        before, cpu = (await self.order("count"))["vips"], self._cpu_seconds()
        order = {
            "rewards": self.rewards,
            "rate": rate,
            "seconds": seconds,
            "settle_seconds": SETTLE_SECONDS,
        }
        if lose:
            answer = await self.order("lose", after_seconds=seconds / 2, **order)
        else:
            answer = await self.order("load", **order)
        seen = await self.order("count")
        laps: Sequence[Sequence[float | None]] = answer["laps"]
        firsts, grants, fulfilments = (
            [lap[place] for lap in laps if lap[place] is not None] for place in range(3)
        )
        replaced = answer.get("replaced_ms")
        return Load(
            redemptions=len(laps),
            lost=len(laps) - len(fulfilments),
            doubled=max(0, seen["vips"] - before - len(laps)),
            dropped=answer.get("dropped", 0),
            first_p50_ms=percentile([one for one in firsts if one], 50),
            first_p99_ms=percentile([one for one in firsts if one], 99),
            grant_p99_ms=percentile([one for one in grants if one], 99),
            fulfil_p99_ms=percentile([one for one in fulfilments if one], 99),
            replaced_ms=float("inf") if replaced is None and lose else float(replaced or 0.0),
            cpu_ms_each=(self._cpu_seconds() - cpu) / len(laps) * 1000,
        )

    def _cpu_seconds(self) -> float:
        assert self.daemon.process is not None
        times = psutil.Process(self.daemon.process.pid).cpu_times()
        return times.user + times.system


@asynccontextmanager
async def _town(
    twitch: Program, addresses: Mapping[str, str], clock: SystemClock, *, transport: str, shards: int
) -> AsyncIterator[Town]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-conduits-") as name,
        (Path(name) / "log").open("wb") as log,
    ):
        daemon = DaemonProgram(
            data_dir=Path(name) / "data",
            twitch=addresses,
            clock=clock,
            port=free_port(),
            environ={"EVENTSUB_TRANSPORT": transport, "CONDUIT_SHARDS": str(shards)},
            log=log,
        )
        try:
            await daemon.start()
            yield Town(twitch, daemon, clock, transport, shards, [])
        finally:
            await daemon.stop()


def _result(
    options: argparse.Namespace,
    *,
    attached_seconds: float,
    subscriptions: int,
    load: Load,
    conduit: Memory,
    sockets: Memory | None,
) -> Result:
    real = estimate(options.channels, options.channels * len(vip_channel("1")), POINTS_PER_MINUTE)
    load_what = f"of {load.redemptions:,} redemptions at {options.rate:g}/s in {options.channels:,} channels"
    weighed = {"conduit": conduit} if sockets is None else {"conduit": conduit, "socket": sockets}
    busy = "handling and accepting share one interpreter, and the simulator and whoever else is there share the cores"
    return Result(
        aims=[
            aim(
                f"lost {load_what}, one shard lost and replaced", "at most", 0, load.lost, "",
                reason="a redemption was neither told nor found by the reconciliation after the gap",
                next="compare the ledger of the simulator with the inbox: which way did the event take?",
            ),
            aim(
                f"doubled {load_what}", "at most", 0, load.doubled, "",
                reason="a redemption had its effect twice",
                next="look at the audit trail of the viewers who were made VIP twice",
            ),
            aim(
                "from the loss of a shard to its replacement", "at most", AIM_REPLACED_MS, load.replaced_ms, "ms",
                reason="the session was not noticed to be gone, or Twitch did not take the new one",
                next="the log of the daemon says when it connected and what it was told",
            ),
            aim(
                "redemption to the first Helix call, 99th percentile, shard lost on the way", "at most", AIM_P99_MS,
                load.first_p99_ms, "ms", reason=busy, next="two processes, each with its shards",
            ),
            *([] if sockets is None else [_smaller(conduit, sockets)]),
        ],
        header=(
            "channels", "subscriptions", "attached in s", "lost", "doubled", "first p50 ms", "p99 ms",
            "Add VIP p99 ms", "fulfil p99 ms", "CPU ms each", "shard back in ms", "KiB each",
            "with sockets",
        ),
        rows=[
            (
                options.channels, subscriptions, attached_seconds, load.lost, load.doubled, load.first_p50_ms,
                load.first_p99_ms, load.grant_p99_ms, load.fulfil_p99_ms, load.cpu_ms_each, load.replaced_ms,
                conduit.each, sockets.each if sockets is not None else "",
            )
        ],
        details={
            "channels": options.channels,
            "shards": options.shards,
            "subscriptions": subscriptions,
            "attached_seconds": round(attached_seconds, 2),
            "load": asdict(load),
            "kib_each": {name: round(one.each, 2) for name, one in weighed.items()},
            "resident_kib": {name: asdict(one) for name, one in weighed.items()},
        },
        notes=(
            f"At Twitch's real rate: {real}.",
            f"{load.dropped} events of redemptions went to nobody while the shard was away; the sweep after the gap "
            "finds those.",
            "Sockets without TLS here; over TLS a socket takes 64.5 KiB (bench sockets).",
        ),
    )  # fmt: skip


def _smaller(conduit: Memory, sockets: Memory) -> Aim:
    return aim(
        "memory of a channel on the conduit, of that of one with a socket",
        "at most",
        AIM_RATIO,
        ratio(conduit.each, sockets.each),
        reason="what is kept for a channel besides its socket",
        next="weigh it with tracemalloc: wanted subscriptions, the channel's record, its lane",
    )
