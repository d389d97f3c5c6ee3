"""How far apart the pictures of several pages are, in Chromium: our library, a real `<video>`, the test clip.

Two and five pages watch together. Each page's `performance.now` is off by seconds and by up to 100 ppm, and its
messages take their time in each direction through a proxy: as long up as down (`even`), or not (`uneven`: half of the
difference cannot be seen from either end, so that much is in the figures and no fault of the page). The film is
played, paused, and sought; the last page comes late, and the second one is loaded anew. The browser tells for each
picture when it is shown (`requestVideoFrameCallback`: `mediaTime`, `expectedDisplayTime`), on a timeline that was left
alone. Ten times a second the spread is the distance from the hindmost picture to the foremost, and each page's error
that from the room's own timeline; both not in the two seconds after a change.

All is decoded and drawn by the processor, which the pages share with the daemon, the proxy and whatever else runs; a
player that gets none stands still, and then catches up. So the table says how much of the processor the browser had,
and what the machine had to do. A screen shows a picture each 16.7 ms, so a picture is 8 ms late in the middle, in each
page; and behind them are screens and speakers, which nobody here can see.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from bench._party_pages import EVEN, PLAYS, STANDS, UNEVEN, House, Picture, Seat, browser_seconds, house
from bench.report import Aim, Result, aim, in_turns, middle, percentile, spread

NAME = "party_browser"

STEP_SECONDS = 0.1
LONGEST_PICTURE = 0.5
"""So long a page may show the same picture and still be taken to play; after that it is where that picture is."""

AIM_P50_MS, AIM_P95_MS, AIM_PAUSED_MS = 40.0, 100.0, 20.0
WAYS = {"even": EVEN, "uneven": UNEVEN}


@dataclass(slots=True)
class Run:
    """One evening of so many pages. Milliseconds; `back_s` in seconds by what happened; `cores` that the browser had
    while pictures were compared, `dropped` pictures in percent, `clock_ms`: how well the pages' timelines agree with
    the machine's clock."""

    spreads: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    paused_ms: float = 0.0
    back_s: dict[str, float] = field(default_factory=dict)
    cores: float = 0.0
    dropped: float = 0.0
    clock_ms: float = 0.0
    load: float = 0.0

    def at(self, percent: float) -> float:
        return percentile(self.spreads, percent) if self.spreads else float("inf")

    def off(self, percent: float) -> float:
        return percentile(self.errors, percent) if self.errors else float("inf")

    def __str__(self) -> str:
        return (
            f"spread p50 {self.at(50):.0f} p95 {self.at(95):.0f} ms, paused {self.paused_ms:.1f} ms apart, "
            f"{self.cores:.2f} cores, load {self.load:.1f}"
        )


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pages", default="2,5", help="how many, each a row (default 2,5; at most 5)")
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="of comparing after each change (default 5)"
    )
    parser.add_argument(
        "--settle", type=float, default=2.0, help="seconds after a change that do not count (default 2)"
    )
    parser.add_argument("--runs", type=int, default=3, help="of each row, in turns (default 3)")
    parser.add_argument("--ways", default="even,uneven", help="of the messages (default even,uneven)")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "", help="the browser's program")


async def run(options: argparse.Namespace) -> Result:
    if not options.chromium:
        raise SystemExit("There is no Chromium here. Get it with: sudo apt-get install chromium")
    sizes = [int(size) for size in options.pages.split(",")]
    if not all(2 <= size <= len(EVEN) for size in sizes):
        raise SystemExit(f"--pages: from 2 to {len(EVEN)}")
    async with house(options.chromium) as rooms:

        def variant(size: int, ways: str) -> Any:
            return lambda: evening(rooms, WAYS[ways][:size], seconds=options.seconds, settle=options.settle)

        found = await in_turns(
            {f"{size}, {ways}": variant(size, ways) for ways in options.ways.split(",") for size in sizes},
            options.runs,
            told=lambda line: print(line, file=sys.stderr),
        )
    return result(found)


async def evening(rooms: House, seats: Sequence[Seat], *, seconds: float, settle: float) -> Run:
    """Play, pause, seek, come late, load anew; and go home."""
    one = Run(load=os.getloadavg()[0])

    async def compare() -> None:
        await asyncio.sleep(settle)
        await _compare(rooms, one, ahead, seconds)

    host = await rooms.opened(seats)
    ahead = await rooms.room_ahead()
    used, watched = -browser_seconds(), -time.monotonic()
    await host.ask("party:play", currentTime=0)
    one.back_s["play"] = await rooms.all_until(PLAYS)
    await compare()

    await host.ask("party:pause")
    one.back_s["pause"] = await rooms.all_until(STANDS)
    stood = [await page.stood_at() for page in rooms.pages]
    one.paused_ms = 1000 * (max(stood) - min(stood))

    await host.ask("party:play")
    await rooms.all_until(PLAYS)
    one.back_s["seek"] = await _seek(rooms, 1.0)
    await compare()
    used, watched = used + browser_seconds(), watched + time.monotonic()
    one.cores = used / watched

    await rooms.pages.pop().page.context.close()
    late = await rooms.open(seats[-1])
    rooms.pages.remove(late)
    await _seek(rooms, 1.0)
    rooms.pages.append(late)
    await late.join(rooms.room_id)
    one.back_s["join"] = await late.until(PLAYS)
    await compare()

    await _seek(rooms, 1.0)
    began = time.monotonic()
    await rooms.pages[1].reload(rooms.room_id)
    await rooms.pages[1].until(PLAYS)
    one.back_s["reload"] = time.monotonic() - began
    await compare()
    one.clock_ms = max([abs(await page.wall()) for page in rooms.pages])
    one.dropped = await _dropped(rooms)
    await rooms.close_room()
    return one


async def _seek(rooms: House, position: float) -> float:
    await rooms.pages[0].ask("party:seek", currentTime=position)
    there = f"() => party.room.state.pos === {position} && ({PLAYS})()"
    return await rooms.all_until(there)


async def _compare(rooms: House, one: Run, ahead: float, seconds: float) -> None:
    """Let it play, and look at all pictures of that time."""
    since = time.time()
    await asyncio.sleep(seconds)
    until = time.time()
    seen = [await page.pictures() for page in rooms.pages]
    state = await rooms.pages[0].state()
    told = [places(pictures, since, until) for pictures in seen]
    one.spreads += spreads(told)
    one.errors += errors(told, state, since=since, ahead=ahead)


def places(pictures: Sequence[Picture], since: float, until: float) -> list[float | None]:
    """Where a page is in the film (s), each tenth of a second of the true time between; None before it has begun."""
    shown = [picture.at for picture in pictures]
    found: list[float | None] = []
    for step in range(int((until - since) / STEP_SECONDS)):
        at = since + step * STEP_SECONDS
        place = bisect_right(shown, at) - 1
        if place < 0:
            found.append(None)
            continue
        picture = pictures[place]
        passed = at - picture.at
        found.append(picture.media + (picture.rate * passed if passed <= LONGEST_PICTURE else 0.0))
    return found


def spreads(told: Sequence[Sequence[float | None]]) -> list[float]:
    """From the hindmost page to the foremost, in ms, at each instant at which all have begun."""
    together = [[one for one in moment if one is not None] for moment in zip(*told, strict=True)]
    return [1000 * (max(moment) - min(moment)) for moment in together if len(moment) == len(told)]


def errors(
    told: Sequence[Sequence[float | None]], state: Mapping[str, Any], *, since: float, ahead: float
) -> list[float]:
    """From each page to the room's timeline, in ms. `ahead`: room time minus true time (s)."""
    found = []
    for page in told:
        for step, place in enumerate(page):
            room = since + step * STEP_SECONDS + ahead
            target = (
                state["pos"] + state["rate"] * (room - state["ts"] / 1e6)
                if state["playing"]
                else state["pos"]
            )
            if place is not None:
                found.append(1000 * abs(place - target))
    return found


async def _dropped(rooms: House) -> float:
    told = [
        await page.page.evaluate(
            "(({ droppedVideoFrames, totalVideoFrames }) => [droppedVideoFrames, totalVideoFrames])"
            "(video.getVideoPlaybackQuality())"
        )
        for page in rooms.pages
    ]
    total = sum(count for _, count in told)
    return 100 * sum(dropped for dropped, _ in told) / total if total else 0.0


def result(found: Mapping[str, Sequence[Run]]) -> Result:
    """Aims and table."""
    rows: list[list[str | float]] = []
    for name, runs in found.items():
        backs = (f"{median(one.back_s[what] for one in runs):.2f}" for what in ("seek", "join", "reload"))
        rows.append(
            [
                name,
                middle(runs, lambda one: one.at(50)),
                middle(runs, lambda one: one.at(95)),
                spread(runs, lambda one: one.at(95)),
                middle(runs, lambda one: one.off(50)),
                middle(runs, lambda one: one.off(95)),
                middle(runs, lambda one: one.paused_ms),
                *backs,
                middle(runs, lambda one: one.cores),
                middle(runs, lambda one: one.dropped),
                middle(runs, lambda one: one.load),
            ]
        )
    return Result(
        aims=_aims(found),
        header=(
            "pages, ways",
            "spread p50 ms",
            "p95 ms",
            "p95, least … most",
            "error p50 ms",
            "p95 ms",
            "paused ms",
            "seek s",
            "join s",
            "reload s",
            "cores",
            "dropped %",
            "load",
        ),
        rows=rows,
        details={
            "runs": {name: [_numbers(one) for one in runs] for name, runs in found.items()},
            "unseen_ms": {ways: [seat.unseen_ms for seat in seats] for ways, seats in WAYS.items()},
        },
        notes=(
            "Decoded and drawn by the processor; a page that gets none of it stands, and catches up. "
            "seek, join, reload: seconds until all, or that page, play within 80 ms of the room by their own clocks; "
            "a seek waits for all of them, a reload fetches the page anew.",
            "uneven: the clocks of the pages are off by half of what their ways differ, "
            + ", ".join(f"{seat.unseen_ms:+.1f}" for seat in UNEVEN)
            + " ms, which no page can know: with five that alone is "
            f"{max(seat.unseen_ms for seat in UNEVEN) - min(seat.unseen_ms for seat in UNEVEN):.1f} ms of spread.",
        ),
    )


def _aims(found: Mapping[str, Sequence[Run]]) -> list[Aim]:
    busy = "Players that waited for the processor stood meanwhile: see cores, dropped and load."
    quiet = "Run it on a machine that does nothing else, with a graphics card."
    made: list[Aim] = []
    for name, runs in found.items():
        if name.endswith("uneven"):
            continue
        numbers = (
            ("spread, median", AIM_P50_MS, middle(runs, lambda one: one.at(50))),
            ("spread, p95", AIM_P95_MS, middle(runs, lambda one: one.at(95))),
            ("apart while paused", AIM_PAUSED_MS, middle(runs, lambda one: one.paused_ms)),
        )
        made += [
            aim(f"{name}: {what}", "at most", most, got, "ms", reason=busy, next=quiet)
            for what, most, got in numbers
        ]
    return made


def _numbers(one: Run) -> dict[str, Any]:
    told = asdict(one)
    del told["spreads"], told["errors"]
    return told | {
        "samples": len(one.spreads),
        **{f"spread_p{percent}_ms": one.at(percent) for percent in (50, 95, 99) if one.spreads},
        **{f"error_p{percent}_ms": one.off(percent) for percent in (50, 95, 99) if one.errors},
    }
