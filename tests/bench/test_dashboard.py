"""The bench with tiny numbers: that it runs and what it tells, never how fast."""

from __future__ import annotations

import pytest

from bench.dashboard import Sample, result, sample_of
from tests.bench.running import told_by
from tests.support.need import need


@pytest.mark.browser
@pytest.mark.server
@pytest.mark.timeout(110)
@pytest.mark.xdist_group("browser")
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
    assert len(told["aims"]) == 5
    runs = told["details"]["runs"]
    assert {name: [one["redemptions"] for one in samples] for name, samples in runs.items()} == {
        "idle": [0],
        "ours": [6],
        "naive": [6],
    }
    assert all(one["frames"] > 0 for samples in runs.values() for one in samples)


def sample(*tasks: float) -> Sample:
    return sample_of(tasks, [16.0, 17.0, 60.0], seconds=10.0, redemptions=200, cpu_ms=150.0, behind_ms=5.0)


def test_what_the_browser_told_in_numbers() -> None:
    one = sample(60.0, 110.0)
    assert (one.long_tasks, one.over_100, one.longest_ms, one.blocked_ms) == (2, 1, 110.0, 70.0)
    assert (one.frames, one.frame_ms, one.slow_frames) == (3, 17.0, 1)
    assert (one.long_per_minute, one.blocked_per_second) == (12.0, 7.0)
    assert one.cpu_per_frame == 50.0


def test_aims_look_at_what_the_entries_add() -> None:
    found = {"idle": [sample(550.0)], "ours": [sample(650.0, 60.0)], "naive": [sample(*[250.0] * 20)]}
    _, frame, long, added, of_naive = result(found, vips=200, rate=20.0).aims
    assert (frame.met, long.met, added.met, of_naive.met) == (True, True, True, True)
    assert added.got == pytest.approx(11.0)
    found["ours"] = [sample(*[250.0] * 20)]
    assert [one.met for one in result(found, vips=200, rate=20.0).aims] == [False, True, False, False, False]
    quiet = {name: [sample()] for name in found}
    assert all(one.met for one in result(quiet, vips=200, rate=20.0).aims[1:])
