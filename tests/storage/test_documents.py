"""The checks that all engines share. What they mean to callers is in the contract suite; here are the edges."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejected
from storage.contracts import Schema, Sort, StorageBroken
from storage.documents import MAX_DEPTH, MAX_DOCUMENT_BYTES, Fields

FIELDS = Fields(Schema(name="t", fields={"s": str, "n": int, "b": bool}))
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT | FLOATS,
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@given(JSON)
def test_any_json_value_comes_back(value: Any) -> None:
    encoded = FIELDS.encode({"_id": "x", "rev": "ignored", "value": value})
    assert FIELDS.decode(encoded.text, 7) == {"_id": "x", "value": value, "rev": 7}
    assert json.dumps(FIELDS.decode(encoded.text, 7)["value"]) == json.dumps(value)
    assert encoded.size == len(encoded.text.encode())


@given(st.text(), st.text() | st.integers() | st.booleans() | st.none())
def test_any_text_is_stored_or_rejected(text: str, value: Any) -> None:
    document = {"_id": text, "s": value, "v": {text: 1}}
    good = 1 <= len(text) <= 512 and "\0" not in text and text.isprintable()
    if good and (value is None or (isinstance(value, str) and value.isprintable())):
        assert FIELDS.decode(FIELDS.encode(document).text, 1)["_id"] == text
    else:
        with contextlib.suppress(Rejected):  # and nothing else
            assert FIELDS.decode(FIELDS.encode(document).text, 1)["_id"] == text


def test_columns_are_the_declared_fields_in_their_order() -> None:
    assert FIELDS.encode({"_id": "x", "b": True, "n": 3, "other": 1}).columns == (None, 3, True)


def test_a_claimable_schema_declares_the_claim_fields() -> None:
    fields = Fields(Schema(name="t", fields={"s": str}, claimable=True))
    assert list(fields.types) == ["s", "due_at", "lease_until", "lease_owner", "fence"]
    with pytest.raises(Rejected):
        fields.encode({"_id": "x", "due_at": "soon"})


def test_the_largest_document_and_one_more_byte() -> None:
    frame = len('{"_id":"x","s":""}')
    assert FIELDS.encode({"_id": "x", "s": "x" * (MAX_DOCUMENT_BYTES - frame)}).size == MAX_DOCUMENT_BYTES
    with pytest.raises(Rejected, match=f"at most {MAX_DOCUMENT_BYTES}"):
        FIELDS.encode({"_id": "x", "s": "x" * (MAX_DOCUMENT_BYTES - frame + 1)})


def test_the_deepest_document_and_one_level_more() -> None:
    def nested(levels: int) -> list[Any]:
        value: list[Any] = []
        for _ in range(levels - 1):
            value = [value]
        return value

    FIELDS.encode({"_id": "x", "v": nested(MAX_DEPTH - 1)})
    with pytest.raises(Rejected, match="levels deep"):
        FIELDS.encode({"_id": "x", "v": nested(MAX_DEPTH)})


def test_a_document_that_holds_itself_is_rejected() -> None:
    document: dict[str, Any] = {"_id": "x"}
    document["self"] = document
    with pytest.raises(Rejected):
        FIELDS.encode(document)


def test_a_rejection_names_the_document_and_not_its_content() -> None:
    with pytest.raises(Rejected) as caught:
        FIELDS.encode({"_id": "x", "token": "hunter2", "n": "hunter2"})
    assert "'x'" in caught.value.message
    assert "n is str, declared is int" in caught.value.message
    assert "hunter2" not in caught.value.message


def test_a_sort_ends_with_the_id_once() -> None:
    assert FIELDS.checked_sort([("n", -1)]) == (("n", -1), ("_id", 1))
    assert FIELDS.checked_sort([("_id", -1), ("n", 1)]) == (("_id", -1),)


@given(st.none() | TEXT, st.none() | st.integers(-(2**63), 2**63 - 1), TEXT.filter(bool))
def test_a_cursor_comes_back(text: str | None, number: int | None, id_: str) -> None:
    sort: Sort = [("s", 1), ("n", -1)]
    keys = FIELDS.checked_sort(sort)
    cursor = FIELDS.write_cursor(keys, {"_id": id_, "s": text, "n": number})
    assert FIELDS.read_cursor(keys, cursor) == [text, number, id_]


@given(st.text())
def test_any_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(Rejected):
        FIELDS.read_cursor(FIELDS.checked_sort([]), text)


def test_an_undeclared_field_comes_with_advice() -> None:
    with pytest.raises(StorageBroken) as caught:
        FIELDS.kind("nope")
    assert "schema" in caught.value.advice
