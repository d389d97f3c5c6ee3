"""How far viewers of a watch party are from the film's timeline: ours beside the policies of five other programs.

Simulated viewers on virtual time, each with a clock, a network and a player that are wrong in their own ways
(`simulators/players`): 3, 50 and 300 in a room, one evening with a start, a pause, a seek, late joiners and stalls, the
same one for every policy. Ours is the client's own code with a clock handed in. The others are emulated from their
sources, with their thresholds, without anybody waiting for anybody. What is judged is where the film truly is.

Then ours once more, in real time: the daemon, and twelve such viewers who come to it over sockets (delays in their own
lines), as programs of their own.

Left out: screens and speakers, and how a real player takes many small changes of rate. Samples within a
second of a command of the host are counted for no policy, and newcomers once they have arrived (5 s at most): how long
both take is told apart ("back").
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bench._sync_measure import Found, evening
from bench._sync_room import Evening, evening_of
from bench._sync_sockets import evening_at_sockets
from bench.report import Aim, Result, aim, percentile, rounded
from simulators.players.media import Traits, any_player, coarse_player
from simulators.players.policies import PEERS

NAME = "sync"

SIZES = (3, 50, 300)
GOOD = ("fibre", "wifi")
AUDIBLE = 0.10 + 1e-9
"""A policy whose rates leave 1 ± this is shown, and not competed with."""

AIM_P50_MS, AIM_P95_MS, AIM_P99_MS = 8.0, 25.0, 120.0
AIM_NEAR, AIM_OFF_RATE, AIM_RATE = 99.9, 3.0, 10.0


@dataclass(frozen=True, slots=True)
class Variant:
    """One row: whose policy, for how many, on what."""

    policy: str
    viewers: int
    networks: tuple[str, ...] = GOOD
    player: Callable[[Random], Traits] = field(default=any_player)
    on: str = "fibre, wifi"

    @property
    def name(self) -> str:
        return f"{self.policy}, {self.viewers}" + ("" if self.on == "fibre, wifi" else f", {self.on}")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--viewers", default=",".join(map(str, SIZES)), help="sizes of the room (default 3,50,300)"
    )
    parser.add_argument("--seconds", type=float, default=600.0, help="of an evening (default 600)")
    parser.add_argument("--runs", type=int, default=3, help="evenings of each kind (default 3)")
    parser.add_argument("--seed", type=int, default=1, help="of the first evening (default 1)")
    parser.add_argument("--sockets", type=float, default=120.0,
                        help="seconds of the run over real sockets; 0: none (default 120)")  # fmt: skip
    parser.add_argument("--socket-viewers", type=int, default=12, help="who take part in it (default 12)")


def run(options: argparse.Namespace) -> Result:
    """Measure. The same options give the same numbers on every machine, but for the run over real sockets."""
    sizes = [int(size) for size in options.viewers.split(",")]
    variants = _variants(sizes)
    found: dict[str, Found] = {}
    began = time.process_time()
    for variant in variants:
        together = found[variant.name] = Found()
        for number in range(options.runs):
            plan = Evening(
                variant.viewers, options.seconds, variant.networks, variant.player, options.seed + number
            )
            together.merge(evening(evening_of(plan, variant.policy)))
        spent = time.process_time() - began
        print(f"{variant.name}: p99 {together.errors.at(99):.0f} ms ({spent:.0f} s of CPU)", file=sys.stderr)
    told: dict[str, Any] | None = None
    if options.sockets:
        told = asyncio.run(
            evening_at_sockets(
                viewers=options.socket_viewers,
                seconds=options.sockets,
                networks=",".join(GOOD),
                seed=options.seed,
            )
        )
        print(f"over real sockets: p99 {told['p99_ms']:.0f} ms", file=sys.stderr)
    return _result(variants, found, largest=max(sizes), sockets=told)


def _variants(sizes: Sequence[int]) -> list[Variant]:
    largest = max(sizes)
    crowd = min(50, largest)
    return [
        *(Variant(policy, size) for size in sizes for policy in ("ours", *PEERS)),
        Variant("ours", crowd, ("mobile",), on="mobile"),
        Variant("ours", crowd, ("loaded uplink",), on="loaded uplink"),
        Variant("ours", crowd, player=coarse_player, on="players that can only skip"),
    ]


def _numbers(found: Found) -> dict[str, Any]:
    """For programs: milliseconds, percent, seconds, per hour of one viewer."""
    return {
        "p50_ms": found.errors.at(50),
        "p95_ms": found.errors.at(95),
        "p99_ms": found.errors.at(99),
        "max_ms": found.errors.at(100),
        "within_100_ms_moving_percent": 100 * found.moving.within(0.1),
        "within_100_ms_settled_percent": 100 * found.settled.within(0.1),
        "spread_p95_p5_ms": found.inner.at(50),
        "spread_widest_ms": found.widest.at(50),
        "clock_p50_ms": found.clock.at(50),
        "clock_p99_ms": found.clock.at(99),
        "back_s": {name: _back(times) for name, times in found.back.items()},
        "off_rate_percent": 100 * found.off_rate / found.played if found.played else 0.0,
        "slowest_rate": found.slowest,
        "fastest_rate": found.fastest,
        "seeks_per_hour": found.seeks / found.hours if found.hours else 0.0,
        "stalls_per_hour": found.stalls / found.hours if found.hours else 0.0,
        "frozen_s_per_hour": found.frozen / found.hours if found.hours else 0.0,
        "samples": found.errors.total,
    }


def _back(times: Sequence[float]) -> dict[str, Any]:
    if not times:
        return {"count": 0}
    return {"count": len(times), "p50": rounded(percentile(times, 50)), "p95": rounded(percentile(times, 95))}


def _told(back: Mapping[str, Any]) -> str:
    """50th / 95th percentile; "never" is for who did not come back before the next change or the end."""
    if not back["count"]:
        return "-"
    return " / ".join("never" if back[name] == "inf" else f"{back[name]:.1f}" for name in ("p50", "p95"))


def _result(
    variants: Sequence[Variant],
    found: Mapping[str, Found],
    *,
    largest: int,
    sockets: Mapping[str, Any] | None = None,
) -> Result:
    told = {variant.name: _numbers(found[variant.name]) for variant in variants}
    ours = told[f"ours, {largest}"]
    rivals = {
        peer: told[f"{peer}, {largest}"]
        for peer in PEERS
        if told[f"{peer}, {largest}"]["fastest_rate"] <= 1 + AUDIBLE
        and told[f"{peer}, {largest}"]["slowest_rate"] >= 1 - AUDIBLE
    }
    return Result(
        aims=[*_own_aims(ours, largest), *_rival_aims(ours, rivals, largest), *_socket_aims(sockets)],
        header=(
            "policy, viewers", "p50 ms", "p95 ms", "p99 ms", "spread ms", "widest ms", "near %",
            "back: join s", "stall s", "seek s", "off-rate %", "rates", "seeks/h", "frozen s/h",
        ),
        rows=[
            (
                name,
                one["p50_ms"],
                one["p95_ms"],
                one["p99_ms"],
                one["spread_p95_p5_ms"],
                one["spread_widest_ms"],
                f"{one['within_100_ms_moving_percent']:.2f}",
                *(_told(one["back_s"][way]) for way in ("join", "stall", "seek")),
                one["off_rate_percent"],
                f"{one['slowest_rate']:.2f}-{one['fastest_rate']:.2f}",
                one["seeks_per_hour"],
                one["frozen_s_per_hour"],
            )
            for name, one in told.items()
        ]
        + _socket_rows(sockets),
        details={
            "variants": told,
            "sockets": sockets,
            "sources": {name: policy.source for name, policy in PEERS.items()},
        },
        notes=(
            "Simulated players. On virtual time, without sockets, the same options give the same numbers everywhere.",
            "Syncplay is measured against its slowest viewer and watchparty against its middle one (the foremost of "
            "two), since that is whom they follow; both are shown to their advantage.",
            "Jellyfin's correction is off by default; with it, rates go up to 4, so it is shown and not competed with.",
            "near: share of samples within 100 ms while the picture moves, catching up after a stall included. "
            "back: seconds until within 80 ms, 50th / 95th percentile; a host's change includes its lead.",
        ),
    )  # fmt: skip


def _own_aims(ours: Mapping[str, Any], largest: int) -> list[Aim]:
    where = f"fibre and Wi-Fi, {largest} viewers"
    off = max(1.0 - ours["slowest_rate"], ours["fastest_rate"] - 1.0) * 100
    return [
        aim(f"error p50, {where}", "at most", AIM_P50_MS, ours["p50_ms"], "ms",
            reason="the clock's error and what is left alone below the dead zone", next="a smaller `done`"),
        aim(f"error p95, {where}", "at most", AIM_P95_MS, ours["p95_ms"], "ms",
            reason="the dead zone, and seeks that land late", next="a smaller `dead`"),
        aim(f"error p99, {where}", "at most", AIM_P99_MS, ours["p99_ms"], "ms",
            reason="stalls last up to 1.8 s, and the way back from them counts",
            next="a seek at a smaller error after a stall"),
        aim("samples within 100 ms, players whose picture has moved for 5 s", "at least", AIM_NEAR,
            ours["within_100_ms_settled_percent"], "%",
            reason="catching up at ± 10 % takes longer", next="a seek at a smaller error after a stall"),
        aim("samples within 100 ms, players whose picture moves", "at least", AIM_NEAR,
            ours["within_100_ms_moving_percent"], "%",
            reason="a stall leaves a viewer behind until the seek after it has landed, perhaps beside its mark",
            next="learn what a seek takes by the distance that it goes"),
        aim("time at another rate", "at most", AIM_OFF_RATE, ours["off_rate_percent"], "%",
            reason="each start and seek leaves an error that is nudged away", next="a larger `gain`"),
        aim("rates off by", "at most", AIM_RATE, round(off, 6), "%",
            reason="the tuning allows more", next="a smaller `firm`"),
    ]  # fmt: skip


def _socket_rows(sockets: Mapping[str, Any] | None) -> list[tuple[str | float, ...]]:
    if sockets is None:
        return []
    name = f"ours, {sockets['viewers']}, real sockets, {sockets['seconds']:.0f} s"
    return [
        (
            name, sockets["p50_ms"], sockets["p95_ms"], sockets["p99_ms"], sockets["spread_p50_ms"], "-",
            f"{sockets['within_100_ms_moving_percent']:.2f}", "-", "-", "-", sockets["off_rate_percent"],
            f"{sockets['slowest_rate']:.2f}-{sockets['fastest_rate']:.2f}", sockets["seeks_per_hour"], "-",
        )
    ]  # fmt: skip


def _socket_aims(sockets: Mapping[str, Any] | None) -> list[Aim]:
    """Two minutes of a dozen viewers: p99 is a stall or two more or less, so it is told, and judged by the evenings."""
    if sockets is None:
        return []
    where = f"over real sockets, {sockets['viewers']} viewers"
    return [
        aim(f"error p50, {where}", "at most", AIM_P50_MS, sockets["p50_ms"], "ms",
            reason="the same as on virtual time, and the timers of two processes", next="a quieter machine"),
        aim(f"error p95, {where}", "at most", AIM_P95_MS, sockets["p95_ms"], "ms",
            reason="stalls of up to 1.8 s weigh more in a short run", next="a longer run"),
        aim(f"must-keep messages lost or doubled, {where}", "at most", 0,
            sockets["holes"] + sockets["doubles"], reason="the chain of kept messages broke", next="read the log"),
    ]  # fmt: skip


def _rival_aims(ours: Mapping[str, Any], rivals: Mapping[str, Mapping[str, Any]], largest: int) -> list[Aim]:
    """Better than the best of those that stay within ± 10 %, number by number."""
    aims = []
    for name in ("p50_ms", "p95_ms", "p99_ms"):
        if not rivals:
            continue
        best = min(rivals, key=lambda peer: rivals[peer][name])
        share = ours[name] / rivals[best][name]
        what = f"{name.removesuffix('_ms')} of the best policy within ± 10 % ({best}), {largest} viewers"
        aims.append(
            aim(what, "at most", 1.0, share, reason="that policy is better here", next="read what it does"),
        )
    return aims
