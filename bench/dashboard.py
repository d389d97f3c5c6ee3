"""The dashboard with 200 VIPs scrolls while 20 redemptions a second arrive; beside the page that one writes first.

Simulator and daemon are processes of their own; 200 viewers are VIP from the start. Chromium signs in, opens the
overview and scrolls up and down without a pause, a step in each frame, while viewers redeem again: each redemption is
two entries of the stream, a VIP that lasts longer (and moves down the list) and a line of the log. The browser itself
counts the long tasks (over 50 ms, `PerformanceObserver`) and the time from frame to frame. Afterwards the page must
show each extension, so that nothing was quick because it was left out.

The page beside it has the same stream and the same rows, and draws the whole list anew at each entry and each second
(`_dashboard_naive.html`). `idle` is our page while nobody redeems. `still` is a copy of our page without any script,
scrolled while viewers redeem: all that it has in long tasks is the machine's, since the browser counts the time on the
wall, and headless all is drawn by the processor, which daemon and simulator share. So each task is also told by what
it had of the processor (a trace of the renderer): a task that needs less than 50 ms of it is not long for our sake.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import psutil
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from bench._dashboard_house import House, house_of
from bench.report import Aim, Result, aim, in_turns, middle, ratio, spread

NAME = "dashboard"

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
)
AIM_CPU = 0.33
AIM_FRAME_MS = 20.0
AIM_LONG = 30.0
LONG_MS = 50.0
AIM_ADDED = 50.0
AIM_RATIO = 0.25

MEASURE = """() => {
  const told = { tasks: [], frames: [] };
  const heard = (list) => told.tasks.push(...list.getEntries().map((one) => one.duration));
  new PerformanceObserver(heard).observe({ type: "longtask" });
  const bottom = document.documentElement.scrollHeight - innerHeight - 1;
  let [last, step, going] = [null, 60, true];
  const frame = (at) => {
    if (!going) return;
    if (last !== null) told.frames.push(at - last);
    last = at;
    if (scrollY >= bottom) step = -60;
    else if (scrollY <= 0) step = 60;
    scrollBy({ top: step, behavior: "instant" });
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  window.measured = () => { going = false; return told; };
}"""
TRACED = ("disabled-by-default-devtools.timeline",)
OURS_EXTENSIONS = """() => [...document.querySelectorAll("#vip-rows .vip-why")].reduce((sum, node) => {
  const told = /extended (once|(\\d+) times)/.exec(node.textContent);
  return sum + (told ? Number(told[2] ?? 1) : 0);
}, 0)"""
NAIVE_EXTENSIONS = "() => window.extensions()"


@dataclass(frozen=True, slots=True)
class Sample:
    """One page, scrolled for some seconds. Milliseconds; `blocked_ms`: all that long tasks took beyond 50 each.
    `busy`: tasks that had more than 50 ms of the processor, `busiest_ms` the most that one had."""

    seconds: float
    redemptions: int
    long_tasks: int
    over_100: int
    longest_ms: float
    blocked_ms: float
    frames: int
    frame_ms: float
    slow_frames: int
    cpu_ms: float
    behind_ms: float
    busy: int = 0
    busiest_ms: float = 0.0

    @property
    def busy_per_minute(self) -> float:
        return self.busy * 60 / self.seconds

    @property
    def long_per_minute(self) -> float:
        return self.long_tasks * 60 / self.seconds

    @property
    def cpu_per_frame(self) -> float:
        return ratio(self.cpu_ms, self.frames)

    @property
    def slow_percent(self) -> float:
        return 100 * ratio(self.slow_frames, self.frames)

    @property
    def blocked_per_second(self) -> float:
        return self.blocked_ms / self.seconds

    def __str__(self) -> str:
        return (
            f"{self.frames} frames of {self.frame_ms:.1f} ms, {self.slow_frames} over 50 ms, "
            f"{self.long_tasks} long tasks, longest {self.longest_ms:.0f} ms, "
            f"by the processor {self.busy}, longest {self.busiest_ms:.0f} ms"
        )


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--vips", type=int, default=200, help="in the list (default 200)")
    parser.add_argument("--rate", type=float, default=20.0, help="redemptions a second (default 20)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of scrolling in each run (default 20)")
    parser.add_argument("--runs", type=int, default=3, help="of each page, in turns (default 3)")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "", help="the browser's program")


async def run(options: argparse.Namespace) -> Result:
    if not options.chromium:
        raise SystemExit("There is no Chromium here. Get it with: sudo apt-get install chromium")
    if options.vips < 1:
        raise SystemExit("--vips must be 1 or more")
    async with house_of(options.vips) as house, _browser(options.chromium) as browser:
        context = await _signed_in(browser, house)

        async def scrolled(
            show: Callable[[Page], Awaitable[None]], extensions: str | None, rate: float
        ) -> Sample:
            page = await context.new_page()
            await show(page)
            await browser.start_tracing(page=page, categories=list(TRACED))
            try:
                sample = await _measured(page, house, extensions, rate=rate, seconds=options.seconds)
            finally:
                trace = await browser.stop_tracing()
            await page.close()
            busy, busiest = processor_of(json.loads(trace)["traceEvents"])
            return replace(sample, busy=busy, busiest_ms=busiest)

        found = await in_turns(
            {
                "idle": lambda: scrolled(house.open_ours, OURS_EXTENSIONS, 0.0),
                "still": lambda: scrolled(house.open_still, None, options.rate),
                "ours": lambda: scrolled(house.open_ours, OURS_EXTENSIONS, options.rate),
                "naive": lambda: scrolled(house.open_naive, NAIVE_EXTENSIONS, options.rate),
            },
            options.runs,
            told=lambda line: print(line, file=sys.stderr),
        )
    return result(found, vips=options.vips, rate=options.rate)


async def _measured(
    page: Page, house: House, extensions: str | None, *, rate: float, seconds: float
) -> Sample:
    """Scroll while viewers redeem; then wait until the page shows all of it, if it shows anything of it."""
    if extensions is not None:
        await house.until(page, extensions, house.extensions)
    await page.evaluate(MEASURE)
    clock, before, used = house.clock, house.redeemed, -_cpu_ms()
    began = clock.monotonic()
    for number in range(round(rate * seconds)):
        await clock.sleep(max(0.0, began + number / rate - clock.monotonic()))
        await house.redeem(house.viewers[(house.redeemed * 7) % len(house.viewers)])
    await clock.sleep(max(0.0, began + seconds - clock.monotonic()))
    took = clock.monotonic() - began
    told: dict[str, Any] = await page.evaluate("window.measured()")
    ended, used = clock.monotonic(), used + _cpu_ms()
    if extensions is not None:
        await house.until(page, extensions, house.extensions)
    return sample_of(
        told["tasks"],
        told["frames"],
        seconds=took,
        redemptions=house.redeemed - before,
        cpu_ms=used,
        behind_ms=1000 * (clock.monotonic() - ended),
    )


def _cpu_ms() -> float:
    """What the pages have used of the processor: all renderers, of which one has something to do."""
    used = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "--type=renderer" in process.cmdline():
                times = process.cpu_times()
                used += 1000 * (times.user + times.system)
        except psutil.NoSuchProcess:
            continue
    return used


def processor_of(events: Sequence[Mapping[str, Any]]) -> tuple[int, float]:
    """Of a trace: how many tasks of pages had more than 50 ms of the processor, and the most that one had, in ms."""
    pages = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    had = [
        event["tdur"] / 1000
        for event in events
        if event["name"] == "RunTask" and "tdur" in event and (event["pid"], event["tid"]) in pages
    ]
    return sum(1 for each in had if each > LONG_MS), max(had, default=0.0)


def sample_of(
    tasks: Sequence[float],
    frames: Sequence[float],
    *,
    seconds: float,
    redemptions: int,
    cpu_ms: float,
    behind_ms: float,
) -> Sample:
    """What the browser told, in numbers."""
    return Sample(
        seconds=seconds,
        redemptions=redemptions,
        long_tasks=len(tasks),
        over_100=sum(1 for each in tasks if each > 100),
        longest_ms=max(tasks, default=0.0),
        blocked_ms=sum(each - LONG_MS for each in tasks),
        frames=len(frames),
        frame_ms=sorted(frames)[len(frames) // 2] if frames else float("inf"),
        slow_frames=sum(1 for each in frames if each > LONG_MS),
        cpu_ms=cpu_ms,
        behind_ms=behind_ms,
    )


def result(found: Mapping[str, Sequence[Sample]], *, vips: int, rate: float) -> Result:
    """Aims and table. `found` has the samples of `idle`, `still`, `ours` and `naive`."""
    columns: dict[str, Callable[[Sample], float]] = {
        "frame ms": lambda one: one.frame_ms,
        "CPU ms/frame": lambda one: one.cpu_per_frame,
        "frames > 50 ms, %": lambda one: one.slow_percent,
        "long tasks/min": lambda one: one.long_per_minute,
        "over 100 ms": lambda one: one.over_100,
        "longest ms": lambda one: one.longest_ms,
        "blocked ms/s": lambda one: one.blocked_per_second,
        "CPU > 50 ms/min": lambda one: one.busy_per_minute,
        "most CPU ms": lambda one: one.busiest_ms,
    }
    rows: list[list[str | float]] = [
        [name, *(middle(samples, read) for read in columns.values()), spread(samples, columns["longest ms"])]
        for name, samples in found.items()
    ]
    return Result(
        aims=_aims(found["idle"], found["still"], found["ours"], found["naive"]),
        header=["page", *columns, "longest, least … most"],
        rows=rows,
        details={
            "vips": vips,
            "rate": rate,
            "runs": {name: [asdict(one) for one in samples] for name, samples in found.items()},
        },
        notes=["Headless Chromium, drawn by the processor, which daemon and simulator share; see `still`."],
    )


def _aims(
    idle: Sequence[Sample], still: Sequence[Sample], ours: Sequence[Sample], naive: Sequence[Sample]
) -> list[Aim]:
    busy = "Painting, and who else runs on this machine: see how `still` does, which has nothing to do but to scroll."
    own = "The page does too much at once: waiting for the processor does not count here."
    trace = (
        "Record a trace of the page (Performance) and look at what is drawn or laid out in the longest task."
    )

    def blocked(samples: Sequence[Sample]) -> float:
        return middle(samples, lambda one: one.blocked_per_second)

    def long_tasks(samples: Sequence[Sample]) -> float:
        return middle(samples, lambda one: one.long_per_minute)

    arriving = max(0.0, blocked(ours) - blocked(idle))
    added = max(0.0, blocked(ours) - blocked(still))
    of_naive = ratio(blocked(ours), blocked(naive)) if blocked(ours) else 0.0
    cpu = ratio(middle(ours, lambda one: one.cpu_per_frame), middle(naive, lambda one: one.cpu_per_frame))
    needed = middle(ours, lambda one: one.busy_per_minute)
    long = long_tasks(ours)
    longer = max(0.0, long - long_tasks(still))
    frame = middle(ours, lambda one: one.frame_ms)
    return [
        aim("CPU of a frame, of the naive page's", "at most", AIM_CPU, cpu, reason=busy, next=trace),
        aim("frame to frame, median", "at most", AIM_FRAME_MS, frame, "ms", reason=busy, next=trace),
        aim("long tasks over 50 ms", "at most", AIM_LONG, long, "a minute", reason=busy, next=trace),
        aim("blocked by what arrives", "at most", AIM_ADDED, arriving, "ms/s", reason=busy, next=trace),
        aim(
            "tasks over 50 ms of the processor",
            "at most",
            AIM_LONG,
            needed,
            "a minute",
            reason=own,
            next=trace,
        ),
        aim(
            "long tasks, more than `still`", "at most", AIM_LONG, longer, "a minute", reason=busy, next=trace
        ),
        aim("blocked, more than `still`", "at most", AIM_ADDED, added, "ms/s", reason=busy, next=trace),
        aim(
            "blocked, of what the naive page is",
            "at most",
            AIM_RATIO,
            of_naive,
            reason="The naive page was not slow either, or all was painting: see `still`.",
            next="More of them: --vips 1000.",
        ),
    ]


@asynccontextmanager
async def _browser(program: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


async def _signed_in(browser: Browser, house: House) -> BrowserContext:
    """The streamer, who agrees at the simulated Twitch."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    page = await context.new_page()
    await page.goto(f"{house.daemon.url}/api/auth/sign-in")
    await page.get_by_label("Stage").check()
    await page.get_by_role("button", name="Authorize").click()
    await page.wait_for_url(f"{house.daemon.url}/")
    await page.close()
    return context
