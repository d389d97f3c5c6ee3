"""One message to all viewers of a room: ours beside bare writes, aiohttp's send_str and websockets.broadcast().

The server has one core, the viewers (a sink in C, made with the machine's compiler; in Python without one) the other;
they come from several loopback addresses. Our room is the real one, behind the real upgrade; its messages come by its
log, as if a process beside it had taken them from a viewer. `bare` and `send_str` write to the very same sockets,
`broadcast()` to as many of a server of its own library. The ways take turns.

Two loads: message by message (ours: film commands, which are written at once), and messages that queue up (chat in
bursts; ours joins what comes within 20 ms, the others know no such thing). What is compared is deliveries per second of
the server's processor, so that a way that waits is neither punished nor praised; the wall's rate stands beside it.

Then: the time from a host's command to the last of the viewers, over sockets all the way, on the one clock of the
machine; the time until everybody has joined; what an idle room sends; resident memory for each viewer.

Left out: TLS, real networks, and the limit of joins per address, which is lifted. As many come in a second as a daemon
accepts by default.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench._fanout_host import ROOM, commanded
from bench._fanout_programs import Server, Sink, pair, sink_program
from bench.report import Aim, Result, aim, in_turns, middle, percentile, ratio, spread
from daemon.clock import SystemClock
from web.party_socket import SocketLimits

NAME = "fanout"

SIZES = (1000, 10_000)
AIM_BARE, AIM_BROADCAST = 0.85, 3.0
AIM_LAST_MS, AIM_JOIN_SECONDS, AIM_KIB = 20.0, 5.0, 22.0
WARM_VIEWERS = 50
ACCEPTED, WAVES_A_SECOND = SocketLimits().accepts_per_second, 2
GRACE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """`bursts` of `burst` messages, one each `apart` seconds (0: as fast as it goes); `ours` is the way of ours."""

    name: str
    ours: str
    bursts: int
    burst: int
    apart: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one way."""

    per_cpu_second: float
    per_second: float
    bytes_each: float
    sink_cpu: float

    def __str__(self) -> str:
        return (
            f"{self.per_cpu_second:,.0f} deliveries per CPU second, {self.per_second:,.0f}/s, "
            f"sink {self.sink_cpu:.0%}"
        )


@dataclass(frozen=True, slots=True)
class Room:
    """What a room of one size showed beside the rates. `last_ms`: from command to last receipt; `idle` per minute."""

    joined_seconds: float
    kib_each: float
    kib_each_broadcast: float
    last_ms: Sequence[float]
    chat_last_ms: Sequence[float]
    idle_bytes_each: float
    idle_other_frames: int
    lost: int


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--viewers", default=",".join(map(str, SIZES)), help="sizes (default 1000,10000)")
    parser.add_argument("--runs", type=int, default=5, help="of each way and load (default 5)")
    parser.add_argument("--messages", type=int, default=400_000,
                        help="deliveries in a run (default 400,000)")  # fmt: skip
    parser.add_argument("--commands", type=int, default=150, help="timed to the last viewer (default 150)")
    parser.add_argument(
        "--idle-seconds", type=float, default=60.0, help="an idle room is watched (default 60)"
    )
    parser.add_argument("--sources", type=int, default=40, help="loopback addresses (default 40)")
    parser.add_argument("--sink", choices=("c", "python"), default="c", help="who reads (default c)")


async def run(options: argparse.Namespace) -> Result:
    """Measure. Raises `RuntimeError` if a program of the bench fails."""
    found: dict[int, tuple[dict[str, dict[str, list[Sample]]], Room]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-fanout-") as folder:
        directory = Path(folder)
        sink, kind = await sink_program(directory, prefer=options.sink)
        for size in [int(word) for word in options.viewers.split(",")]:
            print(f"{size} viewers, sink: {kind}", file=sys.stderr)
            found[size] = await _measure(size, options, sink, directory)
    return _result(found, kind)


def loads(viewers: int, deliveries: int) -> list[Load]:
    """The loads for so many viewers. Bursts come slowly enough for every way to be through with one before the next."""
    messages = max(5, deliveries // viewers)
    apart = max(0.025, 5 * viewers * 6e-6)
    return [
        Load("one by one", "film", messages, 1, 0.0),
        Load("in bursts of five", "chat", max(1, messages // 5), 5, apart),
    ]


async def _measure(
    viewers: int, options: argparse.Namespace, sink: Sequence[str], directory: Path
) -> tuple[dict[str, dict[str, list[Sample]]], Room]:
    async with (
        pair("party", {"viewers": viewers}, sink=sink, directory=directory) as (ours, our_viewers),
        pair("websockets", {}, sink=sink, directory=directory) as (theirs, their_viewers),
    ):
        joined, kib = await _fill(ours, our_viewers, options, _ours(viewers), a_second=ACCEPTED)
        _, their_kib = await _fill(theirs, their_viewers, options, ["/"] * viewers)
        last, chat_last, lost = await commanded(ours, our_viewers, options.commands)
        idle, other = await _idle(our_viewers, options.idle_seconds)
        samples: dict[str, dict[str, list[Sample]]] = {}
        for load in loads(viewers, options.messages):
            probe = await _run(ours, our_viewers, load, load.ours, 0)
            size = round(probe.bytes_each)
            ways: dict[str, Callable[[], Awaitable[Sample]]] = {
                "ours": partial(_run, ours, our_viewers, load, load.ours, size),
                "bare": partial(_run, ours, our_viewers, load, "bare", size),
                "send_str": partial(_run, ours, our_viewers, load, "send_str", size),
                "broadcast": partial(_run, theirs, their_viewers, load, "broadcast", size),
            }
            samples[load.name] = await in_turns(
                ways, options.runs, told=lambda line: print(line, file=sys.stderr)
            )
        return samples, Room(joined, kib, their_kib, last, chat_last, idle, other, lost)


def _ours(viewers: int) -> list[str]:
    def join(each: int) -> str:
        data = {"roomId": ROOM, "userName": f"Viewer {each}"}
        return json.dumps({"type": "party:join", "id": "j", "data": data})

    return [f"/ws/connect?token=v{each}\t{join(each)}" for each in range(viewers)]


async def _fill(
    server: Server, sink: Sink, options: argparse.Namespace, lines: Sequence[str], *, a_second: int = 0
) -> tuple[float, float]:
    """Everybody joins, at once or so many a second. Seconds for all but the first few, and KiB of resident memory for
    each of them."""
    warm = min(WARM_VIEWERS, len(lines) // 2)
    await sink.open(lines[:warm], port=server.port, sources=options.sources)
    before = await server.do("weigh")
    wave, clock = a_second // WAVES_A_SECOND or len(lines), SystemClock()
    began = clock.monotonic()
    for number, first in enumerate(range(warm, len(lines), wave)):
        await clock.sleep(began + number / WAVES_A_SECOND - clock.monotonic())
        opened = await sink.open(lines[first : first + wave], port=server.port, sources=options.sources)
        if opened.failed:
            raise RuntimeError(f"{opened.failed} of {len(lines)} viewers did not get in")
    seconds = clock.monotonic() - began
    await _quiet(sink)
    after = await server.do("weigh")
    return seconds, (after["rss"] - before["rss"]) / 1024 / (len(lines) - warm)


async def _quiet(sink: Sink, *, seconds: float = 0.5) -> None:
    """Until nothing comes for a while."""
    before = -1
    for _ in range(240):
        frames = (await sink.stats())["frames"]
        if frames == before:
            return
        before = frames
        await sink.wait(1 << 62, seconds)
    raise RuntimeError("the room does not become quiet")


async def _idle(sink: Sink, seconds: float) -> tuple[float, int]:
    """Bytes for each viewer and minute, and how many messages were no pings."""
    await _quiet(sink)
    await sink.reset()
    await sink.wait(1 << 62, seconds)
    stats = await sink.stats()
    return stats["bytes"] / sink.opened / seconds * 60, stats["frames"]


async def _run(server: Server, sink: Sink, load: Load, way: str, size: int) -> Sample:
    """Send, and wait for the last receipt. Raises `RuntimeError` if somebody missed a message."""
    await _quiet(sink, seconds=0.1)
    await sink.reset()
    before = await sink.stats()
    expected = load.bursts * load.burst * sink.opened
    began = await server.do(
        "send", way=way, bursts=load.bursts, burst=load.burst, apart=load.apart, size=size
    )
    frames, last = await sink.wait(expected, GRACE_SECONDS)
    used = (await server.do("cpu"))["cpu"] - began["cpu"]
    stats = await sink.stats()
    if frames < expected:
        raise RuntimeError(f"{way}: {expected - frames} of {expected} messages did not arrive")
    seconds = (last - began["began"]) / 1e9
    return Sample(
        per_cpu_second=expected / used,
        per_second=expected / seconds,
        bytes_each=stats["bytes"] / stats["frames"] - 4,
        sink_cpu=(stats["cpu"] - before["cpu"]) / seconds,
    )


def _result(found: Mapping[int, tuple[dict[str, dict[str, list[Sample]]], Room]], kind: str) -> Result:
    rows: list[tuple[str | float, ...]] = []
    aims: list[Aim] = []
    ratios: dict[str, float] = {}
    for viewers, (samples, room) in found.items():
        for load, ways in samples.items():
            rates = {way: middle(runs, lambda one: one.per_cpu_second) for way, runs in ways.items()}
            for way, runs in ways.items():
                rows.append(
                    (
                        f"{viewers:,}, {load}",
                        way,
                        rates[way],
                        spread(runs, lambda one: one.per_cpu_second),
                        1e6 / rates[way],
                        middle(runs, lambda one: one.per_second),
                        f"{middle(runs, lambda one: one.sink_cpu):.0%}",
                    )
                )
            ratios |= {
                f"{viewers}, {load}, {other}": ratio(rates["ours"], rates[other])
                for other in ("bare", "send_str", "broadcast")
            }
        aims += _aims(viewers, room, ratios, smallest=min(found), largest=max(found))
    return Result(
        aims=aims,
        header=("viewers, load", "way", "per CPU s", "from … to", "µs each", "per s", "sink CPU"),
        rows=rows,
        details={
            "sink": kind,
            "ratios": {name: round(value, 3) for name, value in ratios.items()},
            "rooms": {str(size): _told(room) for size, (_, room) in found.items()},
            "runs": {
                str(size): {
                    load: {way: [asdict(one) for one in runs] for way, runs in ways.items()}
                    for load, ways in samples.items()
                }
                for size, (samples, _) in found.items()
            },
        },
        notes=(
            "Deliveries are text frames that the sink has parsed; a write that joins five counts as five.",
            "The server has one core, the sink another; the sink's CPU near 100 % would make it the limit.",
            *(
                f"{size:,} viewers: joined in {room.joined_seconds:.2f} s; {room.kib_each:.1f} KiB each (a socket of "
                f"websockets: {room.kib_each_broadcast:.1f}); idle: {room.idle_bytes_each:.0f} bytes a minute each; "
                f"last viewer after a film command p50 {median(room.last_ms):.1f} ms, after a chat message p99 "
                f"{percentile(room.chat_last_ms, 99):.1f} ms (20 ms of it are the tick)"
                for size, (_, room) in found.items()
            ),
        ),
    )


def _told(room: Room) -> dict[str, Any]:
    return {
        **{name: value for name, value in asdict(room).items() if not name.endswith("last_ms")},
        **{
            name: {f"p{each}": round(percentile(values, each), 2) for each in (50, 99, 100)}
            for name, values in (("last_ms", room.last_ms), ("chat_last_ms", room.chat_last_ms))
        },
    }


def _aims(viewers: int, room: Room, ratios: Mapping[str, float], *, smallest: int, largest: int) -> list[Aim]:
    where = f"{viewers:,} viewers"
    aims = [
        aim(f"deliveries one by one, of bare transport.write, {where}", "at least", AIM_BARE,
            ratios[f"{viewers}, one by one, bare"],
            reason="for each message: the log, the replica and the envelope; for each viewer: whether its line is free",
            next="profile `Hub` with so many viewers"),
        aim(f"deliveries in bursts, of websockets.broadcast(), {where}", "at least", AIM_BROADCAST,
            ratios[f"{viewers}, in bursts of five, broadcast"],
            reason="fewer messages than five fall into one tick", next="look at how many frames a write has"),
        aim(f"messages beside pings in an idle room, {where}", "at most", 0, room.idle_other_frames,
            reason="something still speaks", next="look at what the sink hears"),
        aim(f"messages that did not reach the last viewer, {where}", "at most", 0, room.lost,
            reason="somebody was too slow", next="look at the sink's CPU"),
    ]  # fmt: skip
    if viewers == smallest:
        aims += [
            aim(f"last of {where} after a host's command, p99", "at most", AIM_LAST_MS,
                percentile(room.last_ms, 99), "ms",
                reason="the command is decided and logged, then every socket is written in turn (2 to 4 µs each)",
                next="measure the parts: command to log, log to first write, first to last write"),
            aim(f"join of {where}", "at most", AIM_JOIN_SECONDS, room.joined_seconds, "s",
                reason="each join is an entry of the log and a welcome of its own", next="profile the join"),
        ]  # fmt: skip
    if viewers == largest:
        aims.append(
            aim(f"resident memory for each of {where}", "at most", AIM_KIB, room.kib_each, "KiB",
                reason="aiohttp's socket is 17 KiB of it", next="weigh the parts with tracemalloc")
        )  # fmt: skip
    return aims
