from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import report
from bench.report import Aim, Result, aim


@pytest.mark.parametrize(
    ("bound", "got", "met"),
    [
        ("at most", 79.9, True),
        ("at most", 80.0, True),
        ("at most", 80.1, False),
        ("at least", 80.0, True),
        ("at least", 79.9, False),
        ("at most", float("nan"), False),
        ("at least", float("nan"), False),
    ],
)
def test_an_aim_is_met_within_its_bound(bound: Literal["at most", "at least"], got: float, met: bool) -> None:
    one = aim("it", bound, 80.0, got, "KiB", reason="so", next="try")
    assert one.met is met
    assert (one.reason, one.next) == (("", "") if met else ("so", "try"))


@pytest.mark.parametrize(("reason", "next"), [("", ""), ("so", ""), ("", "try")])
def test_a_missed_aim_has_to_say_why_and_what_next(reason: str, next: str) -> None:
    with pytest.raises(ValueError, match="does not say why"):
        Aim("it", "at most", 1.0, 2.0, "s", reason, next)


async def test_variants_take_turns_so_that_none_is_always_first() -> None:
    order: list[str] = []
    told: list[str] = []

    def variant(name: str) -> Any:
        async def measured() -> int:
            order.append(name)
            return len(order)

        return measured

    found = await report.in_turns({"a": variant("a"), "b": variant("b")}, 3, told=told.append)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert found == {"a": [1, 4, 5], "b": [2, 3, 6]}
    assert told[0] == "run 1 of 3, a: 1"
    assert report.middle(found["b"], float) == 3
    assert report.spread(found["b"], float) == "2 … 6"


def test_ratio() -> None:
    assert report.ratio(3, 4) == 0.75
    assert report.ratio(3, 0) == float("inf")


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0.0, 100.0, exclude_min=True, allow_subnormal=False)
)
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values: list[float], percent: float) -> None:
    found = report.percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-6
    assert sum(value < found for value in values) < len(values) * percent / 100 + 1e-6


def test_percentiles_of_a_hundred() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [report.percentile(values, percent) for percent in (50, 99, 100)] == [50.0, 99.0, 100.0]
    with pytest.raises(ValueError, match="no values"):
        report.percentile([], 50)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.01234, "0.0123"),
        (54.21, "54.2"),
        (154.7, "155"),
        (12345.6, "12,346"),
        (float("inf"), "inf"),
    ],
)
def test_numbers_for_people(value: float, text: str) -> None:
    assert report.number(value) == text


def result() -> Result:
    return Result(
        aims=[
            aim("memory", "at most", 80, 54.21, "KiB", reason="-", next="-"),
            aim("speed", "at least", 0.3, 0.1, reason="the disk", next="a faster one"),
        ],
        header=("client", "KiB"),
        rows=[("ours", 54.21), ("another, longer", 1154.0)],
        details={"runs": [1]},
        notes=["only so"],
    )


def test_what_programs_get_is_one_line() -> None:
    line = report.for_programs("sockets", result())
    assert "\n" not in line
    read = json.loads(line)
    assert read["bench"] == "sockets"
    assert read["aims"] == [
        {"what": "memory", "aim": "<= 80 KiB", "got": 54.21, "unit": "KiB", "met": True},
        {
            "what": "speed",
            "aim": ">= 0.3",
            "got": 0.1,
            "unit": "",
            "met": False,
            "reason": "the disk",
            "next": "a faster one",
        },
    ]
    assert (read["details"], read["notes"]) == ({"runs": [1]}, ["only so"])
    assert set(read["machine"]) == {"python", "system", "cpus"}


def test_what_people_get_is_a_table_and_the_aims() -> None:
    lines = report.for_people("sockets", result()).splitlines()
    assert lines[2:6] == [
        "client             KiB",
        "---------------  -----",
        "ours              54.2",
        "another, longer  1,154",
    ]
    assert "met     memory: 54.2 KiB (aim <= 80 KiB)" in lines
    assert "MISSED  speed: 0.1 (aim >= 0.3)" in lines
    assert "        why: the disk" in lines
    assert "        next: a faster one" in lines
    assert lines[-1] == "note: only so"


def test_an_infinite_number_does_not_spoil_the_json() -> None:
    one = Result([aim("it", "at least", 1, float("inf"), reason="-", next="-")], ("it",), [(float("inf"),)])
    assert json.loads(report.for_programs("it", one))["aims"][0]["got"] == "inf"
