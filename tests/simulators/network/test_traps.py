"""Traps see each match once, wherever reads divide it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.network.errors import Refused
from simulators.network.traps import Trap, Traps, Watched


@given(st.binary(max_size=40), st.binary(max_size=40), st.lists(st.integers(1, 5), max_size=40))
def test_a_match_is_seen_however_it_is_divided(before: bytes, after: bytes, cuts: list[int]) -> None:
    stream = before.replace(b"i", b"") + b"insert" + after
    watched, at, passed = Watched(), 0, 0
    for size in [*cuts, len(stream)]:
        data = stream[passed : passed + size]
        found = watched.find(b"insert", data)
        watched.passed(data)
        if found is not None:
            at = passed + found
            break
        passed += len(data)
    assert at == stream.index(b"insert")


def test_it_springs_as_often_as_it_is_told() -> None:
    traps = Traps()
    traps.add(Trap.ordered(1, {"act": "cut", "containing": "x", "times": 2}))
    assert traps.spring("down", Watched(), b"x") is None
    assert [traps.spring("up", Watched(), b"axb") is not None for _ in range(3)] == [True, True, False]
    assert traps.to_json()[0]["sprung"] == 2
    assert traps.release() == 1
    assert traps.to_json() == []


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"act": "explode"},
        {"act": "cut", "direction": "left"},
        {"act": "cut", "how": "gently"},
        {"act": "cut", "after_bytes": -1},
        {"act": "cut", "times": 0},
        {"act": "cut", "times": True},
        {"act": "cut", "containing": "€"},
        {"act": "cut", "containing": "x" * 1025},
        {"act": "cut", "id": 3},
    ],
)
def test_a_bad_order_is_refused(order: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        Trap.ordered(1, order)
