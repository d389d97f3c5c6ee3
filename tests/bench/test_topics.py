"""The bench with tiny numbers: that it runs and what it tells, never how fast."""

from __future__ import annotations

import pytest

from tests.bench.running import told_by
from tests.support.need import need

VARIANTS = {f"{who}, {how}" for who in ("bare", "topics") for how in ("one by one", "paced")}


@pytest.mark.server
async def test_both_sides_send_and_everything_is_delivered() -> None:
    need("redis-server")
    numbers = ("--runs", "2", "--messages", "300", "--singles", "20", "--paced", "20", "--pace", "2000")
    told = await told_by("topics", *numbers)
    assert told["bench"] == "topics"
    assert [one["aim"] for one in told["aims"]] == [">= 0.5"]
    runs = told["details"]["runs"]
    assert set(runs) == VARIANTS | {"bare, pipelined", "topics, batched"}
    for found in runs.values():
        assert len(found) == 2
        for run in found:
            assert run["delivered_per_second"] > 0
            assert run["per_second"] > 0
            assert run["p99_ms"] >= run["p50_ms"] > 0
    assert told["details"]["ratios"]["batched to pipelined"] > 0
