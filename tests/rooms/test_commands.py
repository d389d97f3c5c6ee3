"""What comes from the wire: sound values get through, everything else is named and refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejected
from rooms.commands import FIELDS, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(sorted(FIELDS)),
    st.dictionaries(
        st.sampled_from(sorted({name for fields in FIELDS.values() for name in fields})), JSON, max_size=4
    )
    | JSON,
)
def test_any_data_is_read_or_refused(type: str, data: Any) -> None:
    found: set[str] | str
    try:
        found = set(read(type, data, id="c1").data)
    except Rejected as refused:
        found = refused.code if refused.advice else ""
    assert found == set(FIELDS[type]) or str(found).startswith("party.")


@given(st.text(max_size=60).filter(lambda text: text not in FIELDS))
def test_an_unknown_type_is_refused(type: str) -> None:
    with pytest.raises(Rejected) as refused:
        read(type, {}, id="c1")
    assert refused.value.code == "party.bad_type"


@pytest.mark.parametrize(
    ("type", "data"),
    [
        ("party:seek", {}),
        ("party:seek", {"currentTime": float("nan")}),
        ("party:seek", {"currentTime": float("inf")}),
        ("party:seek", {"currentTime": -0.1}),
        ("party:seek", {"currentTime": "12"}),
        ("party:seek", {"currentTime": True}),
        ("party:seek", {"currentTime": 8 * 24 * 3600}),
        ("party:rate", {"rate": 4}),
        ("party:rate", {"rate": 0}),
        ("party:play", {"expectedRev": 1.5}),
        ("party:chat", {"message": 5}),
        ("party:kick", {"memberId": ""}),
        ("party:kick", {"memberId": "a b"}),
        ("party:kick", {"memberId": "x" * 65}),
        ("party:role", {"memberId": "m", "role": "host"}),
        ("party:queue:skip", {"wants": "yes"}),
        ("party:media", {"item": "film"}),
        ("party:media", ["film"]),
    ],
)
def test_bad_fields_are_named(type: str, data: Any) -> None:
    with pytest.raises(Rejected) as refused:
        read(type, data, id="c1")
    assert refused.value.code == "party.bad_field"


def test_what_may_be_left_out_is_none_and_what_is_unknown_is_ignored() -> None:
    command = read("party:play", {"currentTime": 1800, "volume": 11}, id="c1")
    assert command.data == {"currentTime": 1800.0, "expectedRev": None}
    assert read("party:close", None, id="c2").data == {}


@pytest.mark.parametrize("value", [10**400, -(10**400), float("inf"), float("-inf"), float("nan"), True, "1"])
def test_numbers_that_no_float_holds_are_refused(value: Any) -> None:
    for name, field in (("party:seek", "currentTime"), ("party:rate", "rate"), ("party:play", "expectedRev")):
        with pytest.raises(Rejected, match=field):
            read(name, {field: value}, id="c1")
