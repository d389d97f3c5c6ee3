"""The two processes of the benches, with tiny numbers: that they run and what they tell, never how fast."""

from __future__ import annotations

from typing import Any

import pytest

from bench._fleet import together
from tests.bench.running import told_by
from tests.support.need import need


async def bench(name: str, *options: str) -> dict[str, Any]:
    """The line for programs."""
    for tool in ("redis-server", "java", "mvn"):
        need(tool)
    return await told_by(name, "--fleet", "--runs", "1", *options, seconds=110)


@pytest.mark.server
@pytest.mark.timeout(120)
async def test_inbox_names_the_store_as_what_it_is() -> None:
    told = await bench("inbox", "--seconds", "0.05", "--connections", "1", "4", "--commit-ms", "0")
    for connections in (1, 4):
        (run,) = told["details"]["runs"][f"cuelight, two processes, {connections}"]
        assert run["per_second"] >= run["handled_per_second"] > 0
    assert any("mongo-java-server, in memory" in note for note in told["notes"])


@pytest.mark.server
@pytest.mark.timeout(120)
async def test_redemptions_are_fulfilled_by_both() -> None:
    tiny = ("--channels", "4", "--rate", "8", "--seconds", "0.5", "--rest-seconds", "0", "--ramp")
    told = await bench("redemptions", *tiny)
    (run,) = told["details"]["runs"]["two processes"]
    assert 0 < run["first_p50_ms"] <= run["grant_p50_ms"]
    assert any("mongo-java-server, in memory" in note for note in told["notes"])


def test_what_ran_at_the_same_time_is_one_answer() -> None:
    one = {"accepted": 2, "refused": 0, "broken": 1, "seconds": 1.0, "latencies_ms": [1.0, 5.0]}
    two = {"accepted": 1, "refused": 3, "broken": 0, "seconds": 2.0, "latencies_ms": [3.0]}
    assert together([one, two]) == {
        "accepted": 3,
        "refused": 3,
        "broken": 1,
        "seconds": 2.0,
        "latencies_ms": [1.0, 3.0, 5.0],
    }
