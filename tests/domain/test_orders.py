"""Orders are read strictly: what the web layer lets through and what it must not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit import Actor
from domain.channel import LONGEST_VIP_MS, Viewer
from domain.events import Malformed
from domain.orders import (
    GrantOrder,
    extend_order,
    grant_order,
    list_order,
    protect_order,
    revoke_order,
)
from domain.viewer import Listed

BODY: dict[str, Any] = {
    "viewer": {"id": "7", "login": "ann", "name": "Ann"},
    "actor": {"kind": "api", "id": "key-1", "name": "Key"},
}
ANN, KEY = Viewer("7", "ann", "Ann"), Actor("api", "key-1", "Key")


def test_grant() -> None:
    assert grant_order(BODY) == GrantOrder(ANN, KEY)
    assert grant_order(
        {**BODY, "seconds": 60, "until_stream_end": True, "adopt": True, "note": "n"}
    ) == GrantOrder(ANN, KEY, 60_000, until_stream_end=True, adopt=True, note="n")
    assert grant_order({**BODY, "seconds": None, "adopt": "yes"}) == GrantOrder(ANN, KEY)


def test_the_others() -> None:
    assert extend_order({**BODY, "seconds": 5}).ms == 5000
    assert (revoke_order(BODY).note, revoke_order({**BODY, "note": "x"}).note) == ("", "x")
    assert protect_order({**BODY, "protected": True}).listed is Listed.PROTECTED
    assert protect_order({**BODY, "protected": False}).listed is Listed.NONE
    for listed in Listed:
        assert list_order({**BODY, "listed": listed.value}).listed is listed


@pytest.mark.parametrize(
    "change",
    [
        {"viewer": None},
        {"viewer": {"id": "7"}},
        {"viewer": {"id": "7:8", "login": "", "name": ""}},
        {"actor": {"kind": "viewer", "id": "", "name": ""}},
        {"actor": {}},
        {"seconds": 0},
        {"seconds": -5},
        {"seconds": 1.5},
        {"seconds": LONGEST_VIP_MS // 1000 + 1},
        {"note": "n" * 501},
        {"note": 7},
    ],
)
def test_anything_else_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        grant_order({**BODY, **change})
    if "viewer" in change or "actor" in change:
        for read in (extend_order, revoke_order, protect_order, list_order):
            with pytest.raises(Malformed):
                read({**BODY, "seconds": 5, "listed": "", **change})


def test_an_unknown_list_and_a_missing_length_are_malformed() -> None:
    for body in ({**BODY, "listed": "friends"}, BODY):
        with pytest.raises(Malformed):
            list_order(body)
    with pytest.raises(Malformed):
        extend_order(BODY)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | (
    st.dictionaries(st.sampled_from(["id", "login", "name", "kind"]), inner)
), max_leaves=6)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["viewer", "actor", "seconds", "note", "listed", "adopt"]), JSON))
def test_whatever_comes_is_read_or_malformed(body: dict[str, Any]) -> None:
    for read in (grant_order, extend_order, revoke_order, protect_order, list_order):
        try:
            read(body)
        except Malformed:
            continue
