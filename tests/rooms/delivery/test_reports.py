"""How players' reports add up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejected
from rooms.delivery.reports import EDGES, Histogram, Report, Reports, read, together

DRIFTS = st.lists(st.floats(0, 3000), max_size=40)


def folded(drifts: list[float]) -> Histogram:
    reports = Reports()
    for place, drift in enumerate(drifts):
        reports.take(f"m{place}", Report(drift, 0.0, 10.0, 1))
    return reports.fold()


@given(DRIFTS, DRIFTS)
def test_of_two_processes_as_of_one(one: list[float], other: list[float]) -> None:
    both = together([folded(one), Histogram.of(json.loads(json.dumps(folded(other).body())))])
    assert both == folded(one + other)
    assert both.players == len(one) + len(other)


@given(DRIFTS.filter(bool), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_not_below_the_share(drifts: list[float], share: float) -> None:
    found = folded(drifts).percentile(share)
    assert found is not None
    below = sum(drift <= found for drift in drifts)
    assert below >= share * len(drifts) or found == 2 * EDGES[-1]


def test_other_buckets_count_as_none() -> None:
    assert Histogram.of({"counts": [1, 2], "stalls": 1, "clock": 0.0}) == Histogram()


def test_the_latest_report_of_each_counts_and_stalls_since_the_last_fold() -> None:
    reports = Reports()
    assert reports.is_new is False
    for drift in (500.0, 3.0):
        reports.take("ann", Report(drift, 2.0, 10.0, 1))
    reports.take("bea", Report(5000.0, 9.0, 30.0, 0))
    reports.started("bea", 0.2)
    assert bool(reports.is_new)
    found = reports.fold().shown()
    assert (found["players"], found["p50"], found["stalls"], found["clockErrMs"]) == (2, 4, 2, 9.0)
    assert found["buckets"] == [[end, int(end == 4)] for end in EDGES] + [[None, 1]]
    assert (reports.is_new, reports.fold().stalls) == (False, 0)
    assert sorted(reports.one_ways()) == [0.01, 0.03]
    assert reports.starts() == [0.2]
    reports.forget("bea")
    assert (len(reports), reports.starts(), reports.fold().players) == (1, [], 1)
    assert Histogram().shown()["p50"] is None


@pytest.mark.parametrize("value", ["1", True, float("nan"), float("inf"), 1e9, [], {}])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(Rejected) as refused:
        read({"rttMs": value})
    assert refused.value.code == "party.bad_field"


def test_a_report_from_the_wire() -> None:
    assert read({"driftMs": -7, "clockErrMs": 1.5, "rttMs": 30, "stalls": 2}) == Report(7.0, 1.5, 15.0, 2)
    assert read({"rttMs": 30, "oneWayMs": 4}).one_way == 4.0
    assert read({}) == Report(0.0, 0.0, 0.0, 0)
