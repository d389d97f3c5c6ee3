"""What every engine promises about `change`, and about many callers at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.errors import Conflict, Rejected
from storage.contracts import Collection, Document, Duplicate


def grown(document: Document) -> Document:
    document["n"] = document.get("n", 0) + 1
    return document


async def test_change_replaces_and_counts_rev(things: Collection) -> None:
    await things.insert({"_id": "x", "n": 1, "old": True})
    assert await things.change("x", lambda _: {"_id": "x", "n": 2}) == {"_id": "x", "n": 2, "rev": 2}
    assert await things.change("x", grown) == {"_id": "x", "n": 3, "rev": 3}
    assert await things.get("x") == {"_id": "x", "n": 3, "rev": 3}


async def test_change_shows_id_and_rev_and_ignores_what_fn_makes_of_rev(things: Collection) -> None:
    await things.insert({"_id": "x"})
    seen: list[Document] = []

    def fn(document: Document) -> Document:
        seen.append(dict(document))
        return {"rev": 50, "n": 1}

    assert await things.change("x", fn) == {"_id": "x", "n": 1, "rev": 2}
    assert seen == [{"_id": "x", "rev": 1}]


async def test_change_of_nothing_is_none_and_does_not_call(things: Collection) -> None:
    called: list[Document] = []
    assert await things.change("x", called.append) is None
    assert called == []


async def test_change_with_initial_makes_the_document(things: Collection) -> None:
    assert await things.change("x", grown, initial={"n": 10}) == {"_id": "x", "n": 11, "rev": 1}
    assert await things.change("x", grown, initial={"n": 10}) == {"_id": "x", "n": 12, "rev": 2}


async def test_initial_is_handed_over_as_a_copy_with_its_id_and_rev_0(things: Collection) -> None:
    initial: Document = {"list": []}
    seen: list[Document] = []

    def fn(document: Document) -> Document:
        seen.append(dict(document))
        document["list"].append(1)
        return document

    await things.change("x", fn, initial=initial)
    assert initial == {"list": []}
    assert seen[0]["_id"] == "x"
    assert seen[0]["rev"] == 0


async def test_fn_that_returns_none_writes_nothing(things: Collection) -> None:
    await things.insert({"_id": "x", "n": 1})

    def spoil(document: Document) -> None:
        document["n"] = 99

    assert await things.change("x", spoil) == {"_id": "x", "n": 1, "rev": 1}
    assert await things.get("x") == {"_id": "x", "n": 1, "rev": 1}


async def test_fn_that_returns_none_for_initial_inserts_nothing(things: Collection) -> None:
    assert await things.change("x", lambda _: None, initial={"n": 1}) is None
    assert await things.get("x") is None


@pytest.mark.parametrize(
    "error", [ValueError("mine"), KeyError("k"), Conflict("taken"), SystemExit(3)], ids=repr
)
async def test_what_fn_raises_leaves_change_unaltered(things: Collection, error: BaseException) -> None:
    await things.insert({"_id": "x", "n": 1})

    def fail(document: Document) -> Document:
        document["n"] = 99
        raise error

    caught: list[BaseException] = []
    try:
        await things.change("x", fail)
    except BaseException as raised:
        caught.append(raised)
    assert caught == [error]
    assert await things.get("x") == {"_id": "x", "n": 1, "rev": 1}
    assert (await things.insert({"_id": "y"}))["rev"] == 1  # and the store lives on


@pytest.mark.parametrize(
    "result", [5, "text", ["list"], {"_id": "other"}, {"size": "x"}, {"v": 2**70}], ids=repr
)
async def test_fn_that_returns_no_document_is_rejected(things: Collection, result: Any) -> None:
    await things.insert({"_id": "x", "n": 1})
    with pytest.raises(Rejected):
        await things.change("x", lambda _: result)
    assert await things.get("x") == {"_id": "x", "n": 1, "rev": 1}


async def test_a_change_onto_a_taken_key_is_a_duplicate(things: Collection) -> None:
    await things.insert({"_id": "x", "name": "anna"})
    await things.insert({"_id": "y", "name": "ben"})
    with pytest.raises(Duplicate) as caught:
        await things.change("y", lambda document: {**document, "name": "anna"})
    assert caught.value.key == ("name",)
    assert await things.get("y") == {"_id": "y", "name": "ben", "rev": 1}
    with pytest.raises(Duplicate):
        await things.change("z", lambda document: {**document, "name": "anna"}, initial={})
    assert await things.get("z") is None


async def test_a_change_may_keep_its_own_key_and_free_it(things: Collection) -> None:
    await things.insert({"_id": "x", "name": "anna"})
    assert await things.change("x", grown) is not None
    await things.change("x", lambda document: {**document, "name": None})
    await things.insert({"_id": "y", "name": "anna"})


async def test_what_fn_returns_is_copied(things: Collection) -> None:
    await things.insert({"_id": "x"})
    kept = [1]
    changed = await things.change("x", lambda document: {**document, "list": kept})
    kept.append(2)
    assert changed == {"_id": "x", "list": [1], "rev": 2}


async def test_16_workers_change_one_counter_and_lose_nothing(things: Collection) -> None:
    async def work() -> None:
        for _ in range(10):
            await things.change("x", grown, initial={})

    await asyncio.gather(*[work() for _ in range(16)])
    assert await things.get("x") == {"_id": "x", "n": 160, "rev": 160}


async def test_16_workers_race_for_one_unique_key_and_one_wins(things: Collection) -> None:
    for round_ in range(10):
        results = await asyncio.gather(
            *[things.insert({"_id": f"{round_}-{n}", "name": f"key {round_}"}) for n in range(16)],
            return_exceptions=True,
        )
        assert sum(isinstance(result, dict) for result in results) == 1
        assert sum(isinstance(result, Duplicate) for result in results) == 15
        assert await things.count({"name": f"key {round_}"}) == 1


async def test_16_workers_race_for_one_id_and_the_winner_is_stored(things: Collection) -> None:
    results = await asyncio.gather(
        *[things.insert({"_id": "x", "n": n}) for n in range(16)], return_exceptions=True
    )
    (winner,) = [result for result in results if isinstance(result, dict)]
    assert await things.get("x") == winner


async def test_a_finished_write_is_seen_by_every_read_after_it(things: Collection) -> None:
    async def work(n: int) -> None:
        for _ in range(10):
            changed = await things.change(f"{n}", grown, initial={"order": n})
            assert await things.get(f"{n}") == changed
            assert (await things.find({"order": n})).documents == [changed]

    await asyncio.gather(*[work(n) for n in range(8)])


async def test_one_that_fails_does_not_harm_those_beside_it(things: Collection) -> None:
    await things.insert({"_id": "taken"})
    results = await asyncio.gather(
        *[things.insert({"_id": "taken" if n % 3 == 0 else f"{n}"}) for n in range(30)],
        return_exceptions=True,
    )
    assert [isinstance(result, Duplicate) for result in results] == [n % 3 == 0 for n in range(30)]
    assert await things.count({}) == 21


async def test_a_cancelled_caller_harms_nobody(things: Collection) -> None:
    async with asyncio.timeout(30):
        tasks = [asyncio.ensure_future(things.insert({"_id": f"{n}"})) for n in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, dict) for result in results[1::2])
    assert await things.count({}) >= 10
