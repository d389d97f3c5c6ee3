"""From a redemption to the Helix call, for 200 channels in one process, beside the shortest client that does the job.

Both clients listen to channels of their own on the same simulator, which has no pace and no buckets, in turns. The
shortest client (`_redemptions_direct.py`) adds the VIP and fulfils at once, stores nothing, looks nothing up. Ours runs
with its defaults: inbox, lanes, intents, two looks at the roles, session, audit trail, live page, chat line. Every
viewer is new. The simulator's process keeps the time, on one clock: from the moment of the redemption to the arrival
of the first call about its viewer, of Add VIP, and of the fulfilment. What ours adds is the difference of percentiles.

Then the ramp: each rate for a few seconds. A client keeps up if every VIP but one in a hundred is asked for within
250 ms and the last redemption is fulfilled within half a second. Our own pace (ten VIPs in ten seconds and channel)
stays on: the rests between the steps are for it.

With `--fleet`, two daemons on one MongoDB (or what stands in for it, which is told) and one Redis share the same number
of channels; each redemption then comes to the one that has the channel's socket. The stand-in gets slower with every
document, so offer it less: `--fleet --rate 20 --ramp 20 40`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from bench._fleet import Pair, pair
from bench._fleet import add_options as add_fleet_options
from bench.report import Result, aim, in_turns, middle, percentile, spread
from daemon.clock import SystemClock
from daemon.programs import RUN, DaemonProgram, end, free_port

NAME = "redemptions"
TWO = "two processes"

AIM_MS = 50.0
LAG_MS = 250.0
LAG_SECONDS = 0.5
PATIENCE_SECONDS = 90.0
STEP_SECONDS = 0.05
LINE_BYTES = 1 << 26
WHY = "a redemption is four rows of the inbox and 23 small durable writes, in one interpreter"
NEXT = "fewer writes for each row (row and lane in one, the last two joined), then one look at the roles, not two"


@dataclass(frozen=True, slots=True)
class Sample:
    """One load. Milliseconds from the redemption on; `settled_seconds`: from the last of them to its fulfilment."""

    offered: float
    per_second: float
    first_p50_ms: float
    first_p99_ms: float
    grant_p50_ms: float
    grant_p99_ms: float
    fulfil_p99_ms: float
    settled_seconds: float
    cpu_ms_each: float

    @property
    def keeps_up(self) -> bool:
        return self.grant_p99_ms <= LAG_MS and self.settled_seconds <= LAG_SECONDS

    def __str__(self) -> str:
        return (
            f"{self.offered:g}/s offered, first call p50 {self.first_p50_ms:.1f} p99 {self.first_p99_ms:.1f} ms, "
            f"Add VIP p99 {self.grant_p99_ms:.1f} ms, settled after {self.settled_seconds:.2f} s"
        )


class Program:
    """A subprocess that takes orders, a line of JSON each."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process, self._in, self._out = process, process.stdin, process.stdout

    @classmethod
    async def start(cls, module: str) -> Program:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=LINE_BYTES
        )
        return cls(process)

    async def tell(self, order: Mapping[str, Any]) -> None:
        self._in.write(json.dumps(order).encode() + b"\n")
        await self._in.drain()

    async def hear(self) -> str:
        """The next line. Raises `RuntimeError` if the program ended instead."""
        line = await self._out.readline()
        if not line:
            raise RuntimeError("A program of the bench ended.")
        return line.decode()

    async def stop(self) -> None:
        self._in.close()
        await end(self.process)


@dataclass(frozen=True, slots=True)
class Client:
    """A client under test: its rewards as (channel, reward), its processes, how to wait until it has nothing to do."""

    rewards: Sequence[tuple[str, str]]
    processes: Sequence[psutil.Process]
    idle: Callable[[], Awaitable[None]]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--channels", type=int, default=200, help="of each client (default 200)")
    parser.add_argument("--rate", type=float, default=100.0, help="redemptions per second (default 100)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each run (default 8)")
    parser.add_argument("--runs", type=int, default=3, help="of each client (default 3)")
    parser.add_argument(
        "--ramp", type=float, nargs="*", default=[100.0, 200.0, 400.0], help="default 100 200 400"
    )
    parser.add_argument("--ramp-seconds", type=float, default=4.0, help="of each rate (default 4)")
    parser.add_argument("--rest-seconds", type=float, default=10.5, help="before each rate (default 10.5)")
    parser.add_argument(
        "--profile",
        type=Path,
        help="run the daemon under cProfile and leave the profile here; the times are void then",
    )
    add_fleet_options(parser)


async def run(options: argparse.Namespace) -> Result:
    """Measure. Raises `RuntimeError` if a program ends or a redemption is not fulfilled in 90 seconds."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        twitch = await Program.start("bench._redemptions_twitch")
        stack.push_async_callback(twitch.stop)
        addresses = json.loads(await twitch.hear())
        clients = {
            "shortest": await stack.enter_async_context(_direct(twitch, addresses, options.channels)),
            "cuelight": await stack.enter_async_context(_cuelight(twitch, addresses, options, clock)),
        }
        store = ""
        if options.fleet:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-redemptions-")))
            two = await stack.enter_async_context(pair(folder, options, twitch=addresses))
            clients[TWO], store = await _two(two, twitch, options.channels, clock), two.store
        steady: dict[str, Callable[[], Awaitable[Sample]]] = {
            name: partial(_measure, twitch, client, options.rate, options.seconds)
            for name, client in clients.items()
        }
        for client in clients.values():  # warm: imports, connections to Helix, statements
            await _measure(twitch, client, options.rate, min(1.0, options.seconds))
        samples = await in_turns(steady, options.runs, told=_told)
        ramp: dict[str, list[Sample]] = {name: [] for name in clients}
        for rate in options.ramp:
            await clock.sleep(options.rest_seconds)
            for name, client in clients.items():
                if ramp[name] and not ramp[name][-1].keeps_up:
                    continue  # a higher rate would only measure how its queue grows
                ramp[name].append(await _measure(twitch, client, rate, options.ramp_seconds))
                _told(f"ramp, {name}: {ramp[name][-1]}")
    return _result(samples, ramp, options, store)


def _told(line: str) -> None:
    print(line, file=sys.stderr)


@asynccontextmanager
async def _direct(twitch: Program, addresses: Mapping[str, str], channels: int) -> AsyncIterator[Client]:
    await twitch.tell({"do": "channels", "prefix": "theirs", "count": channels, "with_reward": True})
    made = json.loads(await twitch.hear())
    program = await Program.start("bench._redemptions_direct")
    try:
        await program.tell({**addresses, "channels": made})
        await program.hear()

        async def idle() -> None:
            return None

        rewards = [(channel["id"], channel["reward_id"]) for channel in made]
        yield Client(rewards, [psutil.Process(program.process.pid)], idle)
    finally:
        await program.stop()


@asynccontextmanager
async def _cuelight(
    twitch: Program, addresses: Mapping[str, str], options: argparse.Namespace, clock: SystemClock
) -> AsyncIterator[Client]:
    await twitch.tell({"do": "channels", "prefix": "ours", "count": options.channels, "with_reward": False})
    made = json.loads(await twitch.hear())
    argv = RUN if options.profile is None else ("-m", "cProfile", "-o", str(options.profile), *RUN)
    with (
        tempfile.TemporaryDirectory(prefix="bench-redemptions-") as name,
        (Path(name) / "log").open("wb") as log,
    ):
        daemon = DaemonProgram(
            data_dir=Path(name) / "data", twitch=addresses, clock=clock, port=free_port(), argv=argv, log=log
        )

        async def idle() -> None:
            deadline = clock.monotonic() + PATIENCE_SECONDS
            while True:
                status = await daemon.admin("status")
                live = all(channel["state"] == "live" for channel in status["channels"].values())
                if live and not status["inbox"].get("open", 0):
                    return
                if clock.monotonic() > deadline:
                    raise RuntimeError("The daemon does not come to rest.")
                await clock.sleep(STEP_SECONDS)

        try:
            await daemon.start()
            assert daemon.process is not None
            rewards = [await _enrol(daemon, channel) for channel in made]
            await idle()
            yield Client(rewards, [psutil.Process(daemon.process.pid)], idle)
        finally:
            await daemon.stop()


async def _two(two: Pair, twitch: Program, channels: int, clock: SystemClock) -> Client:
    await twitch.tell({"do": "channels", "prefix": "shared", "count": channels, "with_reward": False})
    made = json.loads(await twitch.hear())

    async def idle() -> None:
        deadline = clock.monotonic() + PATIENCE_SECONDS
        while await two.live() < channels or await two.open_rows():
            if clock.monotonic() > deadline:
                raise RuntimeError("The two daemons do not come to rest.")
            await clock.sleep(STEP_SECONDS)

    rewards = [await _enrol(two.daemons[0], channel) for channel in made]
    await idle()
    return Client(
        rewards,
        [psutil.Process(daemon.process.pid) for daemon in two.daemons if daemon.process is not None],
        idle,
    )


async def _enrol(daemon: DaemonProgram, channel: Mapping[str, str]) -> tuple[str, str]:
    grant = {name: channel[name] for name in ("access_token", "refresh_token")}
    promise = {"reward_title": "VIP", "reward_cost": 500, "vip_seconds": 86_400}
    added = await daemon.admin("channels.add", grant | promise)
    return channel["id"], added["rewards"][0]["id"]


async def _measure(twitch: Program, client: Client, rate: float, seconds: float) -> Sample:
    cpu = _cpu_seconds(client.processes)
    await twitch.tell(
        {
            "do": "load",
            "rewards": client.rewards,
            "rate": rate,
            "seconds": seconds,
            "settle_seconds": PATIENCE_SECONDS,
        }
    )
    answer = json.loads(await twitch.hear())
    await client.idle()
    firsts, grants, fulfilments = zip(*answer["laps"], strict=True)
    if None in fulfilments:
        raise RuntimeError(f"{fulfilments.count(None)} redemptions were not fulfilled.")
    count = len(fulfilments)
    return Sample(
        offered=rate,
        per_second=count / (answer["offered_seconds"] + answer["settled_seconds"]),
        first_p50_ms=percentile(firsts, 50),
        first_p99_ms=percentile(firsts, 99),
        grant_p50_ms=percentile(grants, 50),
        grant_p99_ms=percentile(grants, 99),
        fulfil_p99_ms=percentile(fulfilments, 99),
        settled_seconds=answer["settled_seconds"],
        cpu_ms_each=(_cpu_seconds(client.processes) - cpu) / count * 1000,
    )


def _cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(one.user + one.system for one in times))


def _result(
    samples: dict[str, list[Sample]], ramp: dict[str, list[Sample]], options: argparse.Namespace, store: str
) -> Result:
    def added(value: Callable[[Sample], float]) -> float:
        return middle(samples["cuelight"], value) - middle(samples["shortest"], value)

    first, grant = added(lambda sample: sample.first_p99_ms), added(lambda sample: sample.grant_p99_ms)
    rows = [
        *(_row(name, found) for name, found in samples.items()),
        *(_row(name, [sample]) for name, steps in ramp.items() for sample in steps),
    ]
    most = {
        name: max((sample.offered for sample in steps if sample.keeps_up), default=0.0)
        for name, steps in ramp.items()
    }
    what = f"added by cuelight, 99th percentile at {options.rate:g} redemptions/s in {options.channels} channels, to "
    return Result(
        aims=[
            aim(f"{what}the first Helix call", "at most", AIM_MS, first, "ms", reason=WHY, next=NEXT),
            aim(f"{what}Add VIP", "at most", AIM_MS, grant, "ms", reason=WHY, next=NEXT),
        ],
        header=(
            "client", "offered/s", "done/s", "first p50 ms", "p99 ms", "from … to", "Add VIP p50 ms", "p99 ms",
            "fulfil p99 ms", "settled s", "CPU ms each",
        ),
        rows=rows,
        details={
            "added_ms": {
                "first_p50": round(added(lambda sample: sample.first_p50_ms), 2),
                "first_p99": round(first, 2),
                "grant_p50": round(added(lambda sample: sample.grant_p50_ms), 2),
                "grant_p99": round(grant, 2),
            },
            "highest_rate_that_keeps_up": most,
            "runs": {name: [asdict(sample) for sample in found] for name, found in samples.items()},
            "ramp": {name: [asdict(sample) for sample in steps] for name, steps in ramp.items()},
        },
        notes=(
            "Highest rate that keeps up: " + ", ".join(f"{name} {rate:g}/s" for name, rate in most.items()) + ".",
            *((f"The two processes share {store}, and one Redis.",) if store else ()),
            "The simulator shares the machine, and ours asks it for five calls and three events where the shortest "
            "client needs two and one: that is in the difference, too.",
        ),
    )  # fmt: skip


def _row(name: str, found: Sequence[Sample]) -> tuple[str | float, ...]:
    return (
        name,
        found[0].offered,
        middle(found, lambda sample: sample.per_second),
        middle(found, lambda sample: sample.first_p50_ms),
        middle(found, lambda sample: sample.first_p99_ms),
        spread(found, lambda sample: sample.first_p99_ms),
        middle(found, lambda sample: sample.grant_p50_ms),
        middle(found, lambda sample: sample.grant_p99_ms),
        middle(found, lambda sample: sample.fulfil_p99_ms),
        middle(found, lambda sample: sample.settled_seconds),
        middle(found, lambda sample: sample.cpu_ms_each),
    )
