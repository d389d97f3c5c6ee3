"""How documents lie in MongoDB: every document comes back, and a unique key is one text."""

from __future__ import annotations

import json
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from hypothesis import example, given
from hypothesis import strategies as st

from storage.contracts import Document, Schema, StorageBroken
from storage.mongo.shapes import MARKS, Shape, copied, new_mark

SHAPE = Shape(
    Schema(
        name="t",
        fields={"s": str, "n": int, "on": bool},
        unique=(("s",), ("s", "n"), ("on",)),
        claimable=True,
    )
)
# Words to which BSON or MongoDB give a meaning, and what our escape is made of.
KEYS = st.sampled_from(
    ["$ref", "$id", "$db", "$", "%", "%$", "$%", "%%", "a.b", "", "d", "u", "w", "fence"]
) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


def through(document: Document, shape: Shape = SHAPE) -> Document:
    """A document as the server would give it back."""
    stored = shape.stored(shape.fields.encode(document), rev=3, marks=[1])
    return shape.document(bson.decode(bson.encode(stored), CodecOptions(dict)))


@given(
    st.dictionaries(KEYS.filter(lambda key: key not in {"_id", "rev", "_v", "fence", "s", "n", "on"}), JSON)
)
@example({"v": {"$ref": "people", "$id": 1}})  # the driver would make something of its own of it
def test_any_document_comes_back(body: Document) -> None:
    document = {"_id": "x", **body}
    assert json.dumps(through(document), sort_keys=True) == json.dumps({**document, "rev": 3}, sort_keys=True)


@pytest.mark.parametrize("fence", [{}, {"fence": None}, {"fence": 7}])
def test_a_fence_comes_back_and_a_null_leaves_room_to_count(fence: Document) -> None:
    stored = SHAPE.stored(SHAPE.fields.encode({"_id": "x", **fence}), rev=1, marks=[1])
    assert stored["d"].get("fence", 0) is not None
    assert SHAPE.document(stored) == {"_id": "x", "rev": 1, **fence}


def test_after_a_claim_the_null_is_forgotten() -> None:
    stored = SHAPE.stored(SHAPE.fields.encode({"_id": "x", "fence": None}), rev=1, marks=[1])
    stored["d"]["fence"] = 1
    assert SHAPE.document(stored)["fence"] == 1


def test_the_last_marks_are_kept() -> None:
    marks = [new_mark() for _ in range(MARKS + 2)]
    stored = SHAPE.stored(SHAPE.fields.encode({"_id": "x"}), rev=9, marks=marks)
    assert stored["w"] == marks[2:]
    assert len(set(marks)) == len(marks)


def keys(**fields: Any) -> dict[str, str]:
    return SHAPE.keys(SHAPE.fields.encode({"_id": fields.pop("id", "x"), **fields}))


def test_a_key_is_the_same_for_the_same_parts_only() -> None:
    assert keys(id="x", s="a", n=1)["s+n"] == keys(id="y", s="a", n=1)["s+n"]
    different = [
        keys(s="a", n=1),
        keys(s="a", n=11),
        keys(s="a1", n=1),
        keys(s="b", n=1),
        keys(s='a",1', n=1),
    ]
    assert len({found["s+n"] for found in different}) == len(different)
    assert keys(on=True)["on"] != keys(on=False)["on"]


def test_a_key_with_a_part_missing_belongs_to_its_document() -> None:
    assert keys(id="x", s="a")["s+n"] != keys(id="y", s="a")["s+n"]
    assert keys(id="x", s=None)["s"] != keys(id="y", s=None)["s"]
    # Nobody can choose an identifier or a part that looks like another one's.
    assert keys(id="=x")["s"] != keys(id="x", s="x")["s"]


@pytest.mark.parametrize("stored", [{"_id": 7}, {"_id": "x", "d": {}}, {"_id": "x", "rev": 1, "d": "text"}])
def test_what_is_not_ours_is_broken(stored: Document) -> None:
    with pytest.raises(StorageBroken):
        SHAPE.document(stored)


def test_a_copy_is_one_to_its_depth() -> None:
    document = {"a": [{"b": [1]}]}
    copy = copied(document)
    document["a"][0]["b"].append(2)
    assert copy == {"a": [{"b": [1]}]}
