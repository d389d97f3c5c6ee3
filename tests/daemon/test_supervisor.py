"""Tasks have names and owners: nothing dies unheard, nothing is left running."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from random import Random

import pytest
from structlog.testing import capture_logs

from daemon.metrics import PrometheusMetrics
from daemon.supervisor import (
    FIRST_PAUSE_SECONDS,
    HEALTHY_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Supervisor,
    bounded,
    first,
)
from domain.errors import Broken, Unavailable
from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def metrics() -> PrometheusMetrics:
    return PrometheusMetrics()


@pytest.fixture
async def tasks(clock: ManualClock, metrics: PrometheusMetrics) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(clock=clock, metrics=metrics, random=Random(1))
    yield supervisor
    assert await supervisor.stop(5) == []


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_spawn_runs_once_under_its_name(tasks: Supervisor) -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    task = tasks.spawn(work(), name="greet:1")
    assert task.get_name() == "greet:1"
    assert tasks.names() == ["greet:1"]
    await task
    await asyncio.sleep(0)
    assert done.is_set()
    assert tasks.names() == []


async def test_a_failure_of_a_spawned_task_is_told_once(
    tasks: Supervisor, metrics: PrometheusMetrics
) -> None:
    async def work() -> None:
        raise ValueError("why")

    with capture_logs() as lines:
        await tasks.spawn(work(), name="greet:1")
    (line,) = lines
    assert (line["log_level"], line["task"]) == ("error", "greet:1")
    assert isinstance(line["exc_info"], ValueError)
    assert metrics.value("errors_total", where="task.greet") == 1


async def test_what_is_nobodys_fault_is_a_warning_without_traceback(tasks: Supervisor) -> None:
    async def work() -> None:
        raise Unavailable("not now")

    with capture_logs() as lines:
        await tasks.spawn(work(), name="greet")
    assert lines[0]["log_level"] == "warning"
    assert "exc_info" not in lines[0]


async def test_a_cancelled_task_is_no_news(tasks: Supervisor) -> None:
    with capture_logs() as lines:
        task = tasks.spawn(for_ever(), name="wait")
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    assert lines == []


async def test_a_gateway_is_started_again_with_growing_pauses(
    tasks: Supervisor, clock: ManualClock, metrics: PrometheusMetrics
) -> None:
    starts: list[float] = []

    async def work() -> None:
        starts.append(clock.monotonic())
        if len(starts) % 2:
            raise Unavailable("not now")

    tasks.gateway("socket:1", work)
    for _ in range(60):
        await clock.advance(10)
    pauses = [later - before for before, later in itertools.pairwise(starts)]
    assert len(pauses) >= 12
    for number, pause in enumerate(pauses):
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**number)
        assert longest / 2 <= pause <= longest
    assert len({round(pause, 6) for pause in pauses}) == len(pauses), "jitter"
    restarts = metrics.value("tasks_restarted_total", task="socket")
    assert restarts is not None
    assert restarts >= len(pauses)


async def test_a_gateway_that_was_well_begins_again_with_a_short_pause(
    tasks: Supervisor, clock: ManualClock
) -> None:
    starts: list[float] = []
    lasts = [0.0] * 6 + [HEALTHY_SECONDS + 1] + [0.0] * 20

    async def work() -> None:
        starts.append(clock.monotonic())
        await clock.sleep(lasts[len(starts) - 1])
        raise Broken("again")

    tasks.gateway("socket", work)
    while len(starts) < 8:
        await clock.advance(1)
    assert starts[7] - starts[6] - lasts[6] <= FIRST_PAUSE_SECONDS
    assert starts[6] - starts[5] > FIRST_PAUSE_SECONDS


@pytest.mark.parametrize("fails", [True, False])
async def test_the_end_of_a_core_task_stops_the_daemon(tasks: Supervisor, fails: bool) -> None:
    async def work() -> None:
        if fails:
            raise Broken("out of ideas")

    with capture_logs() as lines:
        await tasks.core("worker", work)
    assert tasks.died.is_set()
    assert tasks.cause == ("worker: out of ideas" if fails else "worker: it ended")
    assert [line["log_level"] for line in lines] == ["critical"]


async def test_stop_cancels_the_youngest_first(tasks: Supervisor) -> None:
    ended: list[int] = []

    async def work(number: int) -> None:
        try:
            await for_ever()
        finally:
            ended.append(number)

    for number in range(4):
        tasks.spawn(work(number), name=f"n:{number}")
    await asyncio.sleep(0)
    assert await tasks.stop(1) == []
    assert ended == [3, 2, 1, 0]


async def test_stop_names_what_hung() -> None:
    from daemon.clock import SystemClock

    tasks, let_go = Supervisor(clock=SystemClock(), metrics=PrometheusMetrics()), asyncio.Event()

    async def stubborn() -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    task = tasks.spawn(stubborn(), name="stubborn")
    tasks.spawn(for_ever(), name="good")
    await asyncio.sleep(0)
    with capture_logs() as lines:
        assert await tasks.stop(0.05) == ["stubborn"]
    assert lines[0]["tasks"] == ["stubborn"]
    let_go.set()
    await task


async def test_what_is_spawned_during_the_stop_never_begins(tasks: Supervisor) -> None:
    begun: list[str] = []

    async def late() -> None:
        begun.append("late")

    async def work() -> None:
        try:
            await for_ever()
        finally:
            tasks.spawn(late(), name="late")

    tasks.spawn(work(), name="work")
    await asyncio.sleep(0)
    assert await tasks.stop(1) == []
    assert begun == []


async def test_bounded_lets_work_end_and_raises_what_it_raises() -> None:
    async def fine() -> None:
        await asyncio.sleep(0)

    async def bad() -> None:
        raise ValueError("why")

    assert await bounded(fine(), seconds=1, name="fine") is True
    with pytest.raises(ValueError, match="why"):
        await bounded(bad(), seconds=1, name="bad")


async def test_bounded_leaves_stubborn_work_behind() -> None:
    let_go = asyncio.Event()

    async def stubborn() -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        raise ValueError("too late")

    began = asyncio.get_running_loop().time()
    assert await bounded(stubborn(), seconds=0.02, name="x") is False
    assert asyncio.get_running_loop().time() - began < 1
    with capture_logs() as lines:
        let_go.set()
        for _ in range(3):
            await asyncio.sleep(0)
    assert lines[0]["log_level"] == "warning"


async def test_bounded_hands_a_cancellation_on() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await for_ever()
        finally:
            ended.set()

    task = asyncio.create_task(bounded(work(), seconds=60, name="x"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert ended.is_set()


async def test_first_returns_the_first_and_ends_the_others() -> None:
    ended = asyncio.Event()

    async def slow() -> str:
        try:
            await for_ever()
        finally:
            ended.set()
        return "slow"

    async def quick() -> str:
        await asyncio.sleep(0)
        return "quick"

    assert await first(slow(), quick()) == "quick"
    assert ended.is_set()
