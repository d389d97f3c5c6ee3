"""The bench with tiny numbers: that it runs and what it tells, never how fast."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.dashboard import Sample, processor_of, result, sample_of
from tests.bench.running import told_by
from tests.support.need import need


@pytest.mark.browser
@pytest.mark.server
@pytest.mark.timeout(110)
async def test_each_page_is_scrolled_and_shows_all_of_it() -> None:
    program = str(need("chromium"))
    told = await told_by(
        *(
            "dashboard",
            "--vips",
            "6",
            "--rate",
            "10",
            "--seconds",
            "0.6",
            "--runs",
            "1",
            "--chromium",
            program,
        ),
        seconds=100,
    )
    assert told["bench"] == "dashboard"
    assert len(told["aims"]) == 8
    runs = told["details"]["runs"]
    assert {name: [one["redemptions"] for one in samples] for name, samples in runs.items()} == {
        "idle": [0],
        "still": [6],
        "ours": [6],
        "naive": [6],
    }
    assert all(one["frames"] > 0 for samples in runs.values() for one in samples)


def sample(*tasks: float, busy: int = 0) -> Sample:
    one = sample_of(tasks, [16.0, 17.0, 60.0], seconds=10.0, redemptions=200, cpu_ms=150.0, behind_ms=5.0)
    return replace(one, busy=busy)


def test_what_the_browser_told_in_numbers() -> None:
    one = sample(60.0, 110.0)
    assert (one.long_tasks, one.over_100, one.longest_ms, one.blocked_ms) == (2, 1, 110.0, 70.0)
    assert (one.frames, one.frame_ms, one.slow_frames) == (3, 17.0, 1)
    assert (one.long_per_minute, one.blocked_per_second) == (12.0, 7.0)
    assert one.cpu_per_frame == 50.0


def test_only_what_a_page_had_of_the_processor_counts_against_it() -> None:
    def ran(tid: int, tdur: int, name: str = "RunTask") -> dict[str, Any]:
        return {"name": name, "pid": 7, "tid": tid, "dur": 200_000, "tdur": tdur}

    threads = [
        {"name": "thread_name", "pid": 7, "tid": tid, "args": {"name": name}}
        for tid, name in ((1, "CrRendererMain"), (2, "Compositor"))
    ]
    events = [*threads, ran(1, 51_000), ran(1, 9_000), ran(1, 90_000, "Paint"), ran(2, 80_000)]
    assert processor_of(events) == (1, 51.0)
    assert processor_of([]) == (0, 0.0)


def test_aims_look_at_what_the_entries_add() -> None:
    found = {
        "idle": [sample()],
        "still": [sample(550.0)],
        "ours": [sample(650.0, 60.0)],
        "naive": [sample(*[250.0] * 20)],
    }
    _, frame, long, arriving, needed, longer, added, of_naive = result(found, vips=200, rate=20.0).aims
    assert (frame.met, long.met, needed.met, longer.met, added.met, of_naive.met) == (True,) * 6
    assert (long.got, arriving.got, arriving.met) == (pytest.approx(12.0), pytest.approx(61.0), False)
    assert (added.got, longer.got) == (pytest.approx(11.0), pytest.approx(6.0))
    found["ours"] = [sample(*[250.0] * 20, busy=20)]
    assert [one.met for one in result(found, vips=200, rate=20.0).aims] == [False, True] + [False] * 6
    quiet = {name: [sample()] for name in found}
    assert all(one.met for one in result(quiet, vips=200, rate=20.0).aims[1:])
