"""What every engine of topics refuses."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejected
from gateways.topics.rules import MAX_NAME, check_key, check_name, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON))
def test_a_body_survives(body: dict) -> None:
    assert json.loads(encode(body, most=1 << 20)) == body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"x": object()}, "topic.body"),
        ({"x": float("inf")}, "topic.body"),
        ({(1, 2): 3}, "topic.body"),
        ({"x": "y" * 100}, "topic.body_too_large"),
    ],
)
def test_a_body_that_cannot_be_kept_is_rejected(body: dict, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        encode(body, most=50)
    assert caught.value.code == code


def test_a_body_that_contains_itself_is_rejected() -> None:
    body: dict = {}
    body["x"] = body
    with pytest.raises(Rejected):
        encode(body, most=50)


@pytest.mark.parametrize(("check", "code"), [(check_name, "topic.name"), (check_key, "topic.key")])
def test_names_and_keys_have_a_measure(check, code: str) -> None:
    check("x")
    check("x" * MAX_NAME)
    for bad in ("", "x" * (MAX_NAME + 1)):
        with pytest.raises(Rejected) as caught:
            check(bad)
        assert caught.value.code == code
