"""What every engine promises about searching: `find`, `count`, `tally`, cursors, `every`."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from domain.errors import Rejected
from storage.contracts import Collection, In, Range, Sort, StorageBroken, Where, every
from tests.storage.conftest import Engine

ROWS: list[dict[str, Any]] = [
    {"_id": "1", "kind": "a", "size": 3, "on": True},
    {"_id": "2", "kind": "b", "size": 1, "on": False},
    {"_id": "3", "kind": "a", "size": 2, "on": None},
    {"_id": "4", "kind": "b", "size": 3},
    {"_id": "5", "kind": None, "size": None, "on": True},
    {"_id": "6", "on": False},
]


@pytest.fixture
async def rows(things: Collection) -> Collection:
    for row in ROWS:
        await things.insert(row)
    return things


async def ids(rows: Collection, where: Where, *, sort: Sort = (), limit: int = 100) -> str:
    return "".join(
        [document["_id"] for document in (await rows.find(where, sort=sort, limit=limit)).documents]
    )


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, "123456"),
        ({"kind": "a"}, "13"),
        ({"kind": "nothing"}, ""),
        ({"kind": "a", "size": 3}, "1"),
        ({"kind": None}, "56"),
        ({"on": True}, "15"),
        ({"on": False}, "26"),
        ({"on": None}, "34"),
        ({"size": 3}, "14"),
        ({"size": Range(2, 3)}, "3"),
        ({"size": Range(2, None)}, "134"),
        ({"size": Range(None, 3)}, "23"),
        ({"size": Range(3, 2)}, ""),
        ({"size": Range()}, "1234"),
        ({"kind": Range("a", "b")}, "13"),
        ({"kind": Range("aa", None)}, "24"),
        ({"size": In((1, 2))}, "23"),
        ({"size": In(())}, ""),
        ({"size": In((1, None))}, "256"),
        ({"kind": In((None,))}, "56"),
        ({"on": In((True, False))}, "1256"),
        ({"kind": In(("a", "b")), "size": Range(2, None), "on": None}, "34"),
        ({"size": In(tuple(range(500)))}, "1234"),
        ({"size": 2**63 - 1}, ""),
        ({"_id": In(("1", "6"))}, "16"),
    ],
    ids=repr,
)
async def test_where(rows: Collection, where: Where, found: str) -> None:
    assert await ids(rows, where) == found
    assert await rows.count(where) == len(found)


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ([], "123456"),
        ([("size", 1)], "562314"),
        ([("size", -1)], "143256"),
        ([("kind", 1), ("size", -1)], "561342"),
        ([("kind", -1), ("size", 1)], "243156"),
        ([("on", 1)], "342615"),
        ([("on", -1), ("size", 1)], "516234"),
        ([("_id", -1)], "654321"),
        ([("kind", 1), ("_id", -1)], "653142"),
        ([("size", -1), ("size", 1)], "143256"),
    ],
    ids=repr,
)
async def test_sort_with_ties_and_nulls_and_the_same_by_pages(
    rows: Collection, sort: Sort, found: str
) -> None:
    """Null and missing are smaller than all; equal ones come by ascending `_id`."""
    assert await ids(rows, {}, sort=sort) == found
    for limit in (1, 2, 3, 5):
        paged, cursor = "", None
        for _ in range(10):
            page = await rows.find({}, sort=sort, limit=limit, after=cursor)
            paged += "".join(document["_id"] for document in page.documents)
            cursor = page.cursor
            if cursor is None:
                break
        assert paged == found


async def test_text_sorts_by_code_point(engine: Engine, things: Collection) -> None:
    words = ["", "Z", "a", "aa", "b", "ä", "\ue000", "🎉"]
    if engine.is_stand_in:
        # MongoDB compares bytes of UTF-8. mongo-java-server compares Java's UTF-16, where 🎉 begins with U+D83C.
        words.remove("\ue000")
    for number, word in enumerate(reversed(words)):
        await things.insert({"_id": f"{number}", "kind": word})
    page = await things.find({}, sort=[("kind", 1)])
    assert [document["kind"] for document in page.documents] == words


async def test_numbers_sort_as_numbers(things: Collection) -> None:
    numbers = [-(2**63), -1, 0, 9, 10, 2**53 + 1, 2**63 - 1]
    for number in numbers:
        await things.insert({"_id": f"{number}", "size": number})
    page = await things.find({}, sort=[("size", 1)], limit=4)
    rest = await things.find({}, sort=[("size", 1)], limit=4, after=page.cursor)
    assert [document["size"] for document in page.documents + rest.documents] == numbers


async def test_the_cursor_is_none_exactly_at_the_end(rows: Collection) -> None:
    assert (await rows.find({}, limit=6)).cursor is None
    assert (await rows.find({}, limit=5)).cursor is not None
    assert (await rows.find({"kind": "nothing"})).cursor is None


async def test_a_cursor_outlives_the_document_it_stands_on(rows: Collection) -> None:
    page = await rows.find({}, limit=3)
    await rows.delete("3")
    rest = await rows.find({}, after=page.cursor)
    assert [document["_id"] for document in rest.documents] == ["4", "5", "6"]


async def test_a_cursor_carries_any_text(things: Collection) -> None:
    odd = ["\0", '"', "ü/+=?&", "\u2028", "🎉" * 200]
    for word in odd:
        await things.insert({"_id": word, "kind": word})
    found = [document["_id"] async for document in every(things, {}, sort=[("kind", -1)])]
    assert found == sorted(odd, reverse=True)
    seen, cursor = [], None
    while True:
        page = await things.find({}, sort=[("kind", 1)], limit=1, after=cursor)
        seen += [document["_id"] for document in page.documents]
        cursor = page.cursor
        if cursor is None:
            break
        assert cursor.isascii()
    assert seen == sorted(odd)


async def test_paging_under_inserts_skips_and_doubles_nothing_that_was_there(things: Collection) -> None:
    for number in range(100):
        await things.insert({"_id": f"old {number}", "order": number * 10})
    stop = asyncio.Event()

    async def insert() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            await things.insert({"_id": f"new {number}", "order": number * 7 % 1000})

    seen: list[str] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(insert())
        cursor: str | None = None
        while True:
            page = await things.find({}, sort=[("order", 1)], limit=7, after=cursor)
            seen += [document["_id"] for document in page.documents]
            cursor = page.cursor
            if cursor is None or len(seen) > 5000:
                break
        stop.set()
    assert [id_ for id_ in seen if id_.startswith("old")] == [f"old {number}" for number in range(100)]
    assert len(seen) == len(set(seen))


def forged(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "====", "ü", "\ud800", "AAAA", "a b", forged(None), forged(7), forged([]), forged([[], []]),
        forged([[["size", 1], ["_id", 1]], [1]]), forged([[["size", 1], ["_id", 1]], ["text", "x"]]),
        forged([[["size", 1], ["_id", 1]], [1, None]]), forged([[["size", 1], ["_id", 1]], [1, 2]]),
        forged([[["size", 1], ["_id", 1]], [2**70, "x"]]), forged([[["size", 1], ["_id", 1]], [[1], "x"]]),
        forged([[["size", -1], ["_id", 1]], [1, "x"]]), forged([[["kind", 1], ["_id", 1]], ["a", "x"]]),
        forged([[["size", 1], ["_id", 1]], [1, "\ud800"]]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
    ids=lambda cursor: repr(cursor)[:40],
)  # fmt: skip
async def test_a_malformed_cursor_is_rejected(rows: Collection, cursor: str) -> None:
    with pytest.raises(Rejected) as caught:
        await rows.find({}, sort=[("size", 1)], after=cursor)
    assert caught.value.code == "storage.cursor"


async def test_a_cursor_belongs_to_its_sort(rows: Collection) -> None:
    page = await rows.find({}, sort=[("size", 1)], limit=1)
    with pytest.raises(Rejected):
        await rows.find({}, sort=[("size", -1)], after=page.cursor)


@pytest.mark.parametrize("limit", [0, -1, 1001, True])
async def test_a_limit_out_of_bounds_is_rejected(rows: Collection, limit: int) -> None:
    with pytest.raises(Rejected):
        await rows.find({}, limit=limit)


@pytest.mark.parametrize(
    "where",
    [
        {"size": "text"}, {"size": True}, {"kind": 1}, {"on": 1}, {"size": 2**63}, {"size": Range("a", None)},
        {"size": In((1, "a"))}, {"size": In(tuple(range(501)))}, {"kind": "\ud800"}, {"size": 1.5},
    ],
    ids=lambda where: repr(where)[:40],
)  # fmt: skip
async def test_an_impossible_value_is_rejected(rows: Collection, where: Where) -> None:
    for call in (rows.find(where), rows.count(where), rows.tally("kind", where)):
        with pytest.raises(Rejected):
            await call


async def test_an_undeclared_field_is_broken(rows: Collection) -> None:
    for call in (
        rows.find({"nope": 1}), rows.find({"rev": 1}), rows.find({"name; --": 1}), rows.find({}, sort=[("nope", 1)]),
        rows.count({"nope": 1}), rows.tally("nope", {}), rows.tally("kind", {"nope": 1}),
        rows.find({}, sort=[("size", 2)]),  # type: ignore[list-item]
    ):  # fmt: skip
        with pytest.raises(StorageBroken):
            await call


@pytest.mark.parametrize(
    ("by", "where", "found"),
    [
        ("kind", {}, {"a": 2, "b": 2, None: 2}),
        ("size", {}, {3: 2, 1: 1, 2: 1, None: 2}),
        ("on", {}, {True: 2, False: 2, None: 2}),
        ("kind", {"size": 3}, {"a": 1, "b": 1}),
        ("kind", {"size": 99}, {}),
    ],
)
async def test_tally(rows: Collection, by: str, where: Where, found: dict[Any, int]) -> None:
    counted = await rows.tally(by, where)
    assert counted == found
    assert {type(key) for key in counted} == {type(key) for key in found}


async def test_a_change_moves_a_document_between_results(rows: Collection) -> None:
    await rows.change("1", lambda document: {**document, "kind": "b", "size": None})
    assert await ids(rows, {"kind": "b"}) == "124"
    assert await ids(rows, {"size": None}) == "156"
    assert await rows.tally("kind", {}) == {"a": 1, "b": 3, None: 2}
    await rows.change("1", lambda document: {"_id": document["_id"]})
    assert await ids(rows, {"kind": None}) == "156"


async def test_every_walks_all_pages(things: Collection) -> None:
    await asyncio.gather(*[things.insert({"_id": f"{n:04}", "order": n % 7}) for n in range(1203)])
    found = [document["_id"] async for document in every(things, {"order": Range(0, 6)}, sort=[("order", 1)])]
    assert len(found) == len(set(found)) == await things.count({"order": Range(0, 6)})
    assert len((await things.find({}, limit=1000)).documents) == 1000
