"""Durable accepts per second over HTTP, beside the same web layer that stores nothing.

The load is signed EventSub webhooks over keep-alive connections, each with one request under way, sent by a process of
its own. Each is a redemption with ids of its own in a channel that is not ours: the daemon verifies it, stores it
durably, answers 204, and its worker handles the row (lane claimed, attempt counted, found not to be ours, done). All of
that goes on in the measured time, with default settings; what is left at its end is waited for, so that `handled` is
what the daemon would sustain. Nothing is called outside: this is the cost of the inbox, not of granting VIPs.

With `--fleet`, the same load is shared out to two daemons on one MongoDB (or what stands in for it, which is told) and
one Redis. The machine is the same, so this shows what the shared store costs, not what more machines would give.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from bench._fleet import Pair, pair, together
from bench._fleet import add_options as add_fleet_options
from bench.report import Aim, Result, aim, in_turns, middle, number, percentile, ratio, spread
from daemon.clock import SystemClock
from daemon.programs import DaemonProgram, end, free_port

NAME = "inbox"
TWO = "cuelight, two processes"

AIM_RATIO = 0.3
AIM_CONNECTIONS = 64
SECRET = "a-secret-of-the-measurement"
NOWHERE = {
    "client_id": "nobody",
    "client_secret": "nothing",
    "api_url": "http://127.0.0.1:9/helix",
    "id_url": "http://127.0.0.1:9/oauth2",
    "eventsub_url": "ws://127.0.0.1:9/ws",
}
MOST_PER_SECOND = 8000  # requests made ready for each second of a run; more than any of the two can answer
DRAIN_SECONDS = 120.0
STEP_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """One run. `handled_per_second` counts until the last row was handled (for what stores nothing: the accepts)."""

    per_second: float
    handled_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms_each: float

    def __str__(self) -> str:
        return f"{self.per_second:,.0f}/s, p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms"


@dataclass(frozen=True, slots=True)
class Target:
    """A server under test: one process or several that share their store."""

    ports: Sequence[int]
    processes: Sequence[psutil.Process]
    drained: Callable[[], Awaitable[None]]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run (default 3)")
    parser.add_argument("--runs", type=int, default=5, help="of each variant (default 5)")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 64], help="default 1 64")
    parser.add_argument(
        "--commit-ms",
        type=float,
        nargs="+",
        default=[0.0, 5.0],
        help="how much slower each commit is made; 0 is the disk as it is (default 0 5)",
    )
    add_fleet_options(parser)


async def run(options: argparse.Namespace) -> Result:
    """Measure. Raises `RuntimeError` if a request was refused or a connection broke."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-inbox-")))
        targets = {"stores nothing": await stack.enter_async_context(_nothing())}
        for commit_ms in options.commit_ms:
            targets[_name(commit_ms)] = await stack.enter_async_context(_daemon(directory, commit_ms, clock))
        store = ""
        if options.fleet:
            environ = {"TWITCH_EVENTSUB_SECRET": SECRET}
            two = await stack.enter_async_context(pair(directory, options, twitch=NOWHERE, environ=environ))
            targets[TWO], store = _two(two, clock), two.store
        variants: dict[str, Callable[[], Awaitable[Sample]]] = {
            f"{name}, {connections}": partial(_measure, target, connections, options.seconds, clock)
            for connections in options.connections
            for name, target in targets.items()
        }
        for target in targets.values():  # warm: imports, tables, caches
            await _load(target.ports, max(options.connections), min(0.5, options.seconds))
            await target.drained()
        samples = await in_turns(variants, options.runs, told=lambda line: print(line, file=sys.stderr))
    return _result(samples, options, store)


def _name(commit_ms: float) -> str:
    return f"cuelight, commits {number(commit_ms)} ms slower" if commit_ms else "cuelight"


@asynccontextmanager
async def _nothing() -> AsyncIterator[Target]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench._inbox_nothing", str(port), SECRET,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    async def drained() -> None:
        return None

    try:
        assert process.stdout is not None
        if not await process.stdout.readline():
            raise RuntimeError("The web layer that stores nothing did not start.")
        yield Target([port], [psutil.Process(process.pid)], drained)
    finally:
        await end(process)


@asynccontextmanager
async def _daemon(directory: Path, commit_ms: float, clock: SystemClock) -> AsyncIterator[Target]:
    with (directory / f"log-{commit_ms:g}").open("wb") as log:
        daemon = DaemonProgram(
            data_dir=directory / f"data-{commit_ms:g}",
            twitch=NOWHERE,
            clock=clock,
            port=free_port(),
            environ={"TWITCH_EVENTSUB_SECRET": SECRET, "STORAGE_COMMIT_MS": str(commit_ms)},
            log=log,
        )

        async def open_rows() -> int:
            return int((await daemon.admin("status"))["inbox"].get("open", 0))

        try:
            await daemon.start()
            yield Target([daemon.port], [_process(daemon)], partial(_drained, open_rows, clock))
        finally:
            await daemon.stop()


def _two(two: Pair, clock: SystemClock) -> Target:
    return Target(
        [daemon.port for daemon in two.daemons],
        [_process(daemon) for daemon in two.daemons],
        partial(_drained, two.open_rows, clock),
    )


def _process(daemon: DaemonProgram) -> psutil.Process:
    assert daemon.process is not None
    return psutil.Process(daemon.process.pid)


async def _drained(open_rows: Callable[[], Awaitable[int]], clock: SystemClock) -> None:
    deadline = clock.monotonic() + DRAIN_SECONDS
    while await open_rows():
        if clock.monotonic() > deadline:
            raise RuntimeError("The worker does not catch up.")
        await clock.sleep(STEP_SECONDS)


async def _measure(target: Target, connections: int, seconds: float, clock: SystemClock) -> Sample:
    cpu = _cpu_seconds(target.processes)
    answer = await _load(target.ports, connections, seconds)
    loaded = clock.monotonic()
    await target.drained()
    drained = clock.monotonic() - loaded
    accepted, latencies = answer["accepted"], answer["latencies_ms"]
    return Sample(
        per_second=accepted / answer["seconds"],
        handled_per_second=accepted / (answer["seconds"] + drained),
        p50_ms=percentile(latencies, 50),
        p99_ms=percentile(latencies, 99),
        cpu_ms_each=(_cpu_seconds(target.processes) - cpu) / accepted * 1000,
    )


async def _load(ports: Sequence[int], connections: int, seconds: float) -> dict[str, Any]:
    """Share the connections out to the ports; one of them may get none."""
    shares = [len(range(number, connections, len(ports))) for number in range(len(ports))]
    answer = together(
        await asyncio.gather(
            *(
                _load_one(port, share, seconds, round(MOST_PER_SECOND * seconds * share / connections))
                for port, share in zip(ports, shares, strict=True)
                if share
            )
        )
    )
    if answer["refused"] or answer["broken"] or not answer["accepted"]:
        raise RuntimeError(
            f"{answer['refused']} requests were refused, {answer['broken']} connections broke."
        )
    return answer


async def _load_one(port: int, connections: int, seconds: float, requests: int) -> dict[str, Any]:
    order = {
        "port": port,
        "connections": connections,
        "seconds": seconds,
        "requests": max(connections, requests),
        "secret": SECRET,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench._inbox_load", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate(json.dumps(order).encode() + b"\n")
    answer: dict[str, Any] = json.loads(out)
    return answer


def _cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(one.user + one.system for one in times))


def _result(samples: dict[str, list[Sample]], options: argparse.Namespace, store: str) -> Result:
    rows: list[tuple[str | float, ...]] = []
    ratios: dict[str, float] = {}
    for connections in options.connections:
        nothing = middle(samples[f"stores nothing, {connections}"], lambda sample: sample.per_second)
        for name in dict.fromkeys(key.rpartition(", ")[0] for key in samples):
            key = f"{name}, {connections}"
            found = samples[key]
            ratios[key] = ratio(middle(found, lambda sample: sample.per_second), nothing)
            rows.append(
                (
                    name,
                    connections,
                    middle(found, lambda sample: sample.per_second),
                    spread(found, lambda sample: sample.per_second),
                    ratios[key],
                    middle(found, lambda sample: sample.p50_ms),
                    middle(found, lambda sample: sample.p99_ms),
                    middle(found, lambda sample: sample.handled_per_second),
                    middle(found, lambda sample: sample.cpu_ms_each),
                )
            )
    return Result(
        aims=_aims(ratios, options.commit_ms),
        header=(
            "what", "connections", "accepts/s", "from … to", "ratio", "p50 ms", "p99 ms", "handled/s", "CPU ms each",
        ),
        rows=rows,
        details={
            "ratios": {key: round(value, 4) for key, value in ratios.items()},
            "runs": {key: [asdict(sample) for sample in found] for key, found in samples.items()},
        },
        notes=(
            "The rows are redemptions in channels that are not ours: stored, claimed and finished, nothing called.",
            "With one connection each accept waits for a commit of its own: that is the disk's time.",
            *((f"The two processes share {store}, and one Redis.",) if store else ()),
        ),
    )  # fmt: skip


def _aims(ratios: dict[str, float], slower: list[float]) -> list[Aim]:
    aims = []
    for commit_ms in slower:
        got = ratios.get(f"{_name(commit_ms)}, {AIM_CONNECTIONS}")
        if got is not None:
            disk = f"with commits {number(commit_ms)} ms slower" if commit_ms else "with the disk as it is"
            aims.append(
                aim(
                    f"durable accepts at {AIM_CONNECTIONS} connections, of those that store nothing, {disk}",
                    "at least",
                    AIM_RATIO,
                    got,
                    reason="accepting shares the interpreter with handling: a row is written five times in all "
                    "(stored, lane claimed, attempt counted, finished, lane released)",
                    next="insert the row with its lane already claimed, and join the last two writes",
                )
            )
    return aims
