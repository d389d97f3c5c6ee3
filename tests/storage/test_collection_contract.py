"""What every engine promises about single documents: `insert`, `get`, `delete`. See `storage.contracts`.

`test_collection_contract_*.py` are the other parts of the same suite.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from domain.errors import Conflict, Rejected
from storage.contracts import Collection, Document, Duplicate


def grown(document: Document) -> Document:
    document["n"] = document.get("n", 0) + 1
    return document


# insert and get


async def test_insert_returns_the_document_with_rev_1(things: Collection) -> None:
    assert await things.insert({"_id": "x", "n": 1}) == {"_id": "x", "n": 1, "rev": 1}


async def test_get_returns_what_was_inserted(things: Collection) -> None:
    stored = await things.insert({"_id": "x", "n": 1, "list": [1, {"a": None}]})
    assert await things.get("x") == stored


async def test_get_of_nothing_is_none(things: Collection) -> None:
    assert await things.get("nobody") is None


@pytest.mark.parametrize("odd", ["", "\ud800", "x" * 600, "a\0b"])
async def test_get_change_and_delete_of_an_impossible_id_find_nothing(things: Collection, odd: str) -> None:
    assert await things.get(odd) is None
    assert await things.change(odd, grown) is None
    assert await things.delete(odd) is False


async def test_the_rev_of_the_caller_is_overwritten(things: Collection) -> None:
    assert (await things.insert({"_id": "x", "rev": 77}))["rev"] == 1
    stored = await things.get("x")
    assert stored is not None
    assert stored["rev"] == 1


async def test_a_second_insert_of_an_id_is_a_duplicate_and_changes_nothing(things: Collection) -> None:
    await things.insert({"_id": "x", "n": 1})
    with pytest.raises(Duplicate) as caught:
        await things.insert({"_id": "x", "n": 2})
    assert caught.value.key == ("_id",)
    assert isinstance(caught.value, Conflict)
    assert await things.get("x") == {"_id": "x", "n": 1, "rev": 1}


async def test_a_taken_unique_key_is_a_duplicate_that_names_it(things: Collection) -> None:
    await things.insert({"_id": "x", "name": "anna"})
    with pytest.raises(Duplicate) as caught:
        await things.insert({"_id": "y", "name": "anna"})
    assert caught.value.key == ("name",)
    assert await things.get("y") is None


async def test_a_key_of_two_fields_is_taken_only_by_both(things: Collection) -> None:
    await things.insert({"_id": "x", "a": "1", "b": 1})
    await things.insert({"_id": "y", "a": "1", "b": 2})
    await things.insert({"_id": "z", "a": "2", "b": 1})
    with pytest.raises(Duplicate) as caught:
        await things.insert({"_id": "w", "a": "2", "b": 1})
    assert caught.value.key == ("a", "b")


async def test_a_key_with_a_null_or_missing_part_is_exempt(things: Collection) -> None:
    for id_, part in (("1", {}), ("2", {"b": None}), ("3", {"b": None})):
        await things.insert({"_id": id_, "a": "same", "name": None, **part})
    assert await things.count({"a": "same"}) == 3


async def test_id_is_told_first_when_several_keys_are_taken(things: Collection) -> None:
    await things.insert({"_id": "x", "name": "anna"})
    with pytest.raises(Duplicate) as caught:
        await things.insert({"_id": "x", "name": "anna"})
    assert caught.value.key == ("_id",)


async def test_a_deleted_document_frees_its_keys(things: Collection) -> None:
    await things.insert({"_id": "x", "name": "anna"})
    assert await things.delete("x") is True
    assert await things.get("x") is None
    assert (await things.insert({"_id": "x", "name": "anna"}))["rev"] == 1


async def test_delete_of_nothing_is_false(things: Collection) -> None:
    assert await things.delete("nobody") is False


# documents


@pytest.mark.parametrize(
    "value",
    [
        "Grüße, 世界, 🎉, \u202e, e\u0301",
        "nul \0 and \x1f and \x7f and \u2028",
        "' OR 1=1; -- \" \\ %s",
        2**63 - 1,
        -(2**63),
        0.1,
        -0.0,
        1e308,
        5e-324,
        1e16,
        True,
        None,
        [],
        {},
        [[], [None, [{}]]],
        {"a.b": 1, "$set": 2, "": 3, "$": {".": {"..": 1}}, "ключ": 4, "a\nb": 5},
        [{"$ref": "people", "$id": 1, "%": {"%$": 2, "$%": 3}}, {"$oid": "0"}],
    ],
    ids=repr,
)
async def test_a_value_comes_back_as_it_went_in(things: Collection, value: Any) -> None:
    await things.insert({"_id": "x", "value": value})
    stored = await things.get("x")
    assert stored is not None
    assert json.dumps(stored["value"]) == json.dumps(value)
    assert type(stored["value"]) is type(value)
    changed = await things.change("x", grown)
    assert changed is not None
    assert json.dumps(changed["value"]) == json.dumps(value)


async def test_a_key_with_dots_and_dollars_at_the_top(things: Collection) -> None:
    await things.insert({"_id": "x", "a.b": 1, "$where": "x"})
    assert await things.get("x") == {"_id": "x", "a.b": 1, "$where": "x", "rev": 1}


async def test_a_document_of_one_mebibyte(things: Collection) -> None:
    body = "ü" * (512 * 1024)
    await things.insert({"_id": "x", "kind": "big", "body": body})
    page = await things.find({"kind": "big"})
    assert page.documents[0]["body"] == body


async def test_deep_nesting_is_kept_and_too_deep_is_rejected(things: Collection) -> None:
    def nested(levels: int) -> Any:
        value: Any = 1
        for level in range(levels):
            value = [value] if level % 2 else {"v": value}
        return value

    await things.insert({"_id": "x", "value": nested(90)})
    stored = await things.get("x")
    assert stored is not None
    assert stored["value"] == nested(90)
    for levels in (200, 100_000):
        with pytest.raises(Rejected):
            await things.insert({"_id": "y", "value": nested(levels)})


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"_id": ""},
        {"_id": "x" * 513},
        {"_id": 7},
        {"_id": None},
        {"_id": "\ud800"},
        {"_id": "x", "v": 2**63},
        {"_id": "x", "v": -(2**63) - 1},
        {"_id": "x", "v": float("nan")},
        {"_id": "x", "v": [float("inf")]},
        {"_id": "x", "v": "\udfff"},
        {"_id": "x", "v": {1: 2}},
        {"_id": "x", "v": {"a\0b": 2}},
        {"_id": "x", "v": b"bytes"},
        {"_id": "x", "v": {1, 2}},
        {"_id": "x", "v": 3j},
        {"_id": "x", "size": "a text in a field of numbers"},
        {"_id": "x", "size": 1.5},
        {"_id": "x", "size": True},
        {"_id": "x", "on": 1},
        {"_id": "x", "kind": ["a"]},
    ],
    ids=lambda document: repr(document)[:60],
)
async def test_what_is_no_document_is_rejected_and_nothing_is_stored(
    things: Collection, document: Document
) -> None:
    with pytest.raises(Rejected) as caught:
        await things.insert(document)
    assert caught.value.code == "storage.document"
    assert await things.count({}) == 0


async def test_an_id_of_512_characters(things: Collection) -> None:
    id_ = "ß" * 512
    await things.insert({"_id": id_})
    assert await things.get(id_) is not None


async def test_documents_are_copies_on_the_way_in(things: Collection) -> None:
    mine: Document = {"_id": "x", "list": [1]}
    inserting = asyncio.ensure_future(things.insert(mine))
    await asyncio.sleep(0)
    mine["list"].append(2)
    stored = await inserting
    mine["list"].append(3)
    assert stored["list"] == [1]
    assert (await things.get("x") or {})["list"] == [1]


async def test_documents_are_copies_on_the_way_out(things: Collection) -> None:
    stored = await things.insert({"_id": "x", "list": [1]})
    stored["list"].append(2)
    (await things.get("x") or {})["list"].append(3)
    (await things.find({})).documents[0]["list"].append(4)
    assert await things.get("x") == {"_id": "x", "list": [1], "rev": 1}


async def test_a_tuple_is_a_list_from_the_start(things: Collection) -> None:
    assert (await things.insert({"_id": "x", "v": (1, (2,))}))["v"] == [1, [2]]
