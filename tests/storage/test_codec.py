from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit import SYSTEM, Action, AuditRecord
from domain.channel import Channel, Lasting, Reward, Viewer
from domain.inbox import Delivery, RowError, new_row
from domain.redemption import Redemption, RedemptionStatus
from domain.vip import Method, extended, opened
from storage.codec import from_document, to_document
from storage.contracts import StorageBroken


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Record:
    id: str
    colour: Colour | None = None
    names: tuple[str, ...] = ()
    note: str = "none"


@dataclass(frozen=True)
class Inner:
    id: str


@dataclass(frozen=True)
class Outer:
    id: str
    inner: Inner
    more: tuple[Inner, ...] = ()


def through_json(record: object) -> dict[str, object]:
    """As a store would keep it."""
    document: dict[str, object] = json.loads(json.dumps(to_document(record)))
    return document


@given(
    st.text(min_size=1, max_size=20),
    st.sampled_from([None, Colour.RED]),
    st.lists(st.text(max_size=5), max_size=4).map(tuple),
)
def test_a_record_survives_the_round_trip(id: str, colour: Colour | None, names: tuple[str, ...]) -> None:
    record = Record(id, colour, names)
    document = through_json(record)
    assert "id" not in document
    assert from_document(Record, document) == record


def test_every_record_of_ours_survives_the_round_trip() -> None:
    viewer = Viewer("7", "ann", "Ann")
    session = opened(
        id="s",
        channel_id="1",
        viewer=viewer,
        cause="r",
        added_ms=5,
        now=1,
        method=Method.REDEMPTION,
        granted_by="7",
    )
    row = new_row(Delivery("s", "m", "k", "l", b"{}", headers={"a": "b"}), now=1, order=2)
    records = (
        session,
        extended(session, cause="r2", added_ms=9, now=2),
        replace(row, error=RowError("c", "m", 3), steps={"grant": {"was_vip": False}}),
        Redemption("r", "1", "rw", "t", 5, "7", "ann", "Ann", "", 1, 2, status=RedemptionStatus.REFUNDED),
        Channel("1", "chan", "Chan", (Reward("rw", "t", 5, 6),)),
        AuditRecord(
            "a", "1", 5, Action.GRANTED, SYSTEM, "redemption", viewer, detail={"nested": {"x": [1, 2]}}
        ),
    )
    for record in records:
        assert from_document(type(record), through_json(record)) == record


def test_what_a_newer_release_added_is_ignored_and_what_is_missing_takes_its_default() -> None:
    assert from_document(Record, {"_id": "x", "rev": 4, "unheard_of": 1}) == Record("x")


@pytest.mark.parametrize("document", [{"_id": "x", "colour": "blue"}, {"_id": "x", "names": 5}])
def test_a_document_that_cannot_be_read_is_broken(document: dict[str, object]) -> None:
    with pytest.raises(StorageBroken):
        from_document(Record, document)


def test_a_record_in_a_record_keeps_its_own_id() -> None:
    document = through_json(Outer("o", inner=Inner("i"), more=(Inner("j"),)))
    assert document == {"_id": "o", "inner": {"id": "i"}, "more": [{"id": "j"}]}
    assert from_document(Outer, document) == Outer("o", inner=Inner("i"), more=(Inner("j"),))


def test_a_record_in_a_record_may_be_of_an_older_release_too() -> None:
    document: dict[str, Any] = through_json(Channel("1", "chan", "Chan", (Reward("rw", "t", 5, 6),)))
    document["rewards"] = [{"vip_ms": 6, "cost": 5, "title": "t", "id": "rw", "lasting": "stream"}]
    assert from_document(Channel, document).rewards == (Reward("rw", "t", 5, 6, Lasting.STREAM),)


def test_a_document_without_its_id_is_broken() -> None:
    with pytest.raises(StorageBroken):
        from_document(Record, {"note": "whose?"})
