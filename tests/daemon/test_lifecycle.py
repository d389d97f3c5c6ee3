"""Up in order, down in reverse, always to an end. Signals are sent to a real process."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon.clock import SystemClock
from daemon.lifecycle import EXIT_CORE_DIED, EXIT_HUNG, EXIT_NOT_STARTED, EXIT_OK, Lifecycle, Stage
from domain.errors import Unavailable

ROOT = Path(__file__).parents[2]


class Story:
    """Stages that write down what happens to them."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def stage(self, name: str, *, start: object = None, stop: object = None, budget: float = 1.0) -> Stage:
        async def begin() -> None:
            self.told.append(f"+{name}")
            if isinstance(start, Exception):
                raise start
            if isinstance(start, asyncio.Event):
                await start.wait()

        async def end() -> None:
            self.told.append(f"-{name}")
            if isinstance(stop, Exception):
                raise stop
            if isinstance(stop, asyncio.Event):
                await stop.wait()

        return Stage(name, begin, end, budget_seconds=budget, start_seconds=0.2)


def lifecycle(stages: list[Stage], *, died: asyncio.Event | None = None, seconds: float = 2.0) -> Lifecycle:
    return Lifecycle(stages, clock=SystemClock(), died=died, stop_seconds=seconds, signals=False)


async def run_until_ready(life: Lifecycle) -> asyncio.Task[int]:
    task = asyncio.create_task(life.run())
    async with asyncio.timeout(30):
        await life.ready.wait()
    return task


async def test_up_in_order_down_in_reverse() -> None:
    story = Story()
    life = lifecycle([story.stage("a"), Stage("empty"), story.stage("b")])
    task = await run_until_ready(life)
    assert story.told == ["+a", "+b"]
    life.request_stop("test")
    life.request_stop("again")
    assert await task == EXIT_OK
    assert story.told == ["+a", "+b", "-b", "-a"]


async def test_the_death_of_a_core_task_stops_with_its_own_code() -> None:
    story, died = Story(), asyncio.Event()
    task = await run_until_ready(lifecycle([story.stage("a")], died=died))
    died.set()
    assert await task == EXIT_CORE_DIED
    assert story.told == ["+a", "-a"]


@pytest.mark.parametrize("error", [Unavailable("no room", advice="Make room."), ValueError("a slip")])
async def test_a_stage_that_cannot_start_stops_those_before_and_itself(error: Exception) -> None:
    story = Story()
    life = lifecycle([story.stage("a"), story.stage("b", start=error), story.stage("c")])
    with capture_logs() as lines:
        assert await life.run() == EXIT_NOT_STARTED
    assert story.told == ["+a", "+b", "-b", "-a"]
    (line,) = [line for line in lines if line["log_level"] == "error"]
    assert line["stage"] == "b"
    assert not life.ready.is_set()


async def test_a_start_that_takes_too_long_is_given_up() -> None:
    story = Story()
    assert await lifecycle([story.stage("a", start=asyncio.Event())]).run() == EXIT_NOT_STARTED
    assert story.told == ["+a", "-a"]


async def test_a_stop_during_the_start_ends_it() -> None:
    story = Story()
    life = lifecycle([story.stage("a", start=asyncio.Event()), story.stage("b")])
    task = asyncio.create_task(life.run())
    while story.told != ["+a"]:
        await asyncio.sleep(0)
    life.request_stop("test")
    assert await task == EXIT_OK
    assert story.told == ["+a", "-a"]


async def test_a_stage_that_hangs_or_fails_does_not_keep_the_others() -> None:
    story = Story()
    life = lifecycle(
        [
            story.stage("a"),
            story.stage("b", stop=asyncio.Event(), budget=0.05),
            story.stage("c", stop=ValueError()),
        ]
    )
    task = await run_until_ready(life)
    with capture_logs():
        life.request_stop("test")
        assert await task == EXIT_HUNG
    assert story.told == ["+a", "+b", "+c", "-c", "-b", "-a"]
    assert life.hung == ["c", "b"]


async def test_all_together_stay_within_the_total() -> None:
    story = Story()
    stages = [story.stage(f"s{number}", stop=asyncio.Event(), budget=5) for number in range(4)]
    life = lifecycle(stages, seconds=0.3)
    task = await run_until_ready(life)
    began = time.monotonic()
    with capture_logs():
        life.request_stop("test")
        await task
    assert time.monotonic() - began < 2
    assert len(life.hung) == 4


PROGRAM = """
import asyncio, sys, time
from daemon.clock import SystemClock
from daemon.lifecycle import Lifecycle, Stage
from daemon.logs import configure_logs

async def main() -> int:
    configure_logs(clock=SystemClock())
    async def stop():
        print("stopping", flush=True)
        {stop}
        print("stopped", flush=True)
    async def up():
        print("ready", flush=True)
    stages = [Stage("a", None, stop, budget_seconds=20), Stage("b", up)]
    return await Lifecycle(stages, clock=SystemClock(), stop_seconds={seconds}).run()

sys.exit(asyncio.run(main()))
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    children: list[subprocess.Popen[str]] = []

    def begin(stop: str = "await asyncio.sleep(0)", seconds: float = 5.0) -> subprocess.Popen[str]:
        program = textwrap.dedent(PROGRAM).format(stop=stop, seconds=seconds)
        child = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        return child

    yield begin
    for child in children:
        child.kill()
        child.communicate()


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_order(start: Start, number: signal.Signals) -> None:
    child = start()
    child.send_signal(number)
    out, _ = child.communicate(timeout=10)
    assert out == "stopping\nstopped\n"
    assert child.returncode == EXIT_OK


@pytest.mark.server
@pytest.mark.parametrize("stop", ["await asyncio.sleep(30)", "time.sleep(30)"])
def test_a_second_signal_ends_at_once_even_where_the_loop_is_stuck(start: Start, stop: str) -> None:
    child = start(stop)
    child.send_signal(signal.SIGTERM)
    assert child.stdout is not None
    assert child.stdout.readline() == "stopping\n"
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=5) == 128 + signal.SIGINT


@pytest.mark.server
def test_a_loop_that_is_stuck_cannot_outlast_the_limit(start: Start) -> None:
    child = start("time.sleep(30)", seconds=0.2)
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=10) == EXIT_HUNG
    assert time.monotonic() - began < 3


async def test_a_thread_that_still_waits_does_not_hold_the_end_up() -> None:
    """As a driver's does whose server is frozen."""
    program = (
        "import threading; from daemon.lifecycle import leave_soon\n"
        "threading.Thread(target=threading.Event().wait).start(); leave_soon(7, seconds=0.1)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    try:
        async with asyncio.timeout(30):
            assert await process.wait() == 7
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
