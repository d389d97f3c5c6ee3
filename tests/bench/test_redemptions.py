"""The bench with tiny numbers: that it runs and what it tells, never how fast."""

from __future__ import annotations

import pstats
from pathlib import Path
from typing import Any

import pytest

from bench.redemptions import Sample
from tests.bench.running import told_by

TINY = ("--channels", "2", "--rate", "10", "--seconds", "0.5", "--runs", "1", "--rest-seconds", "0")


async def bench(*options: str) -> dict[str, Any]:
    """The line for programs."""
    return await told_by("redemptions", *TINY, *options)


@pytest.mark.server
async def test_both_clients_fulfil_and_are_measured() -> None:
    told = await bench("--ramp", "5", "--ramp-seconds", "0.4")
    assert told["bench"] == "redemptions"
    assert [one["aim"] for one in told["aims"]] == ["<= 50 ms", "<= 50 ms"]
    details = told["details"]
    for name in ("shortest", "cuelight"):
        (run,), (step,) = details["runs"][name], details["ramp"][name]
        assert (run["offered"], step["offered"]) == (10.0, 5.0)
        assert 0 < run["first_p50_ms"] <= run["grant_p50_ms"]
        assert run["per_second"] > 0
    assert set(details["highest_rate_that_keeps_up"]) == {"shortest", "cuelight"}
    assert set(details["added_ms"]) == {"first_p50", "first_p99", "grant_p50", "grant_p99"}


@pytest.mark.server
async def test_a_profile_can_be_taken(tmp_path: Path) -> None:
    await bench("--ramp", "--profile", str(tmp_path / "profile"))
    functions = {name for _, _, name in pstats.Stats(str(tmp_path / "profile")).stats}  # type: ignore[attr-defined]
    assert "redeemed" in functions


@pytest.mark.parametrize(
    ("grant_p99_ms", "settled_seconds", "keeps_up"),
    [(250.0, 0.5, True), (250.1, 0.1, False), (20.0, 0.6, False)],
)
def test_who_lags_does_not_keep_up(grant_p99_ms: float, settled_seconds: float, keeps_up: bool) -> None:
    sample = Sample(
        offered=100.0,
        per_second=100.0,
        first_p50_ms=1.0,
        first_p99_ms=2.0,
        grant_p50_ms=1.0,
        grant_p99_ms=grant_p99_ms,
        fulfil_p99_ms=300.0,
        settled_seconds=settled_seconds,
        cpu_ms_each=1.0,
    )
    assert sample.keeps_up is keeps_up
