"""What every engine promises about `claim`: one holder at a time, the longest due first, a fence that only grows."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from domain.errors import Rejected
from storage.contracts import Collection, In, Schema, StorageBroken, Store, Where
from tests.storage.conftest import JOBS, Engine


async def claimed(jobs: Collection, *, now: int = 100, lease_ms: int = 10, owner: str = "me") -> str | None:
    document = await jobs.claim(owner=owner, now=now, lease_ms=lease_ms)
    return None if document is None else document["_id"]


async def test_a_claim_sets_owner_lease_and_fence_and_counts_rev(jobs: Collection) -> None:
    await jobs.insert({"_id": "x", "due_at": 100, "body": {"ü": [1.5, None]}})
    document = await jobs.claim(owner="me", now=100, lease_ms=30)
    assert document == {
        "_id": "x", "due_at": 100, "body": {"ü": [1.5, None]}, "lease_owner": "me", "lease_until": 130, "fence": 1,
        "rev": 2,
    }  # fmt: skip
    assert await jobs.get("x") == document


async def test_the_longest_due_comes_first_and_ties_by_id(jobs: Collection) -> None:
    for id_, due in (("c", 50), ("b", 50), ("a", 60), ("d", 10)):
        await jobs.insert({"_id": id_, "due_at": due})
    assert [await claimed(jobs) for _ in range(5)] == ["d", "b", "c", "a", None]


async def test_not_due_is_not_claimed(jobs: Collection) -> None:
    await jobs.insert({"_id": "later", "due_at": 101})
    await jobs.insert({"_id": "never", "due_at": None})
    await jobs.insert({"_id": "missing"})
    assert await claimed(jobs, now=100) is None
    assert await claimed(jobs, now=101) == "later"
    assert await claimed(jobs, now=2**60) == "later"
    assert await claimed(jobs, now=2**60) is None


async def test_a_lease_keeps_others_out_until_it_ends_and_the_fence_grows(jobs: Collection) -> None:
    await jobs.insert({"_id": "x", "due_at": 0})
    first = await jobs.claim(owner="a", now=100, lease_ms=10)
    assert await jobs.claim(owner="b", now=109, lease_ms=10) is None
    second = await jobs.claim(owner="b", now=110, lease_ms=10)
    assert first is not None
    assert second is not None
    assert (first["fence"], second["fence"]) == (1, 2)
    assert (second["lease_owner"], second["lease_until"]) == ("b", 120)


async def test_a_fence_outlives_release_and_is_taken_as_it_was_inserted(jobs: Collection) -> None:
    await jobs.insert({"_id": "x", "due_at": 0, "fence": 41, "lease_until": None, "lease_owner": None})
    assert await claimed(jobs) == "x"
    released = await jobs.change("x", lambda document: {**document, "lease_owner": None, "lease_until": None})
    assert released is not None
    assert released["fence"] == 42
    assert await claimed(jobs, now=100) == "x"
    assert (await jobs.get("x") or {})["fence"] == 43


async def test_a_document_that_is_put_off_is_claimed_later(jobs: Collection) -> None:
    await jobs.insert({"_id": "x", "due_at": 0})
    await claimed(jobs)
    await jobs.change("x", lambda document: {**document, "lease_until": None, "due_at": 500})
    assert await claimed(jobs, now=499) is None
    assert await claimed(jobs, now=500) == "x"


async def test_claim_with_a_condition(jobs: Collection) -> None:
    for id_, kind in (("1", "a"), ("2", "b"), ("3", "c"), ("4", None)):
        await jobs.insert({"_id": id_, "kind": kind, "due_at": 0})
    wheres: list[Where] = [{"kind": "b"}, {"kind": In(("b", "c"))}, {"kind": None}, {"kind": "b"}]
    found = [await jobs.claim(owner="me", now=1, lease_ms=10, where=where) for where in wheres]
    assert [document and document["_id"] for document in found] == ["2", "3", "4", None]


async def test_claim_fields_can_be_searched(jobs: Collection) -> None:
    for number in range(3):
        await jobs.insert({"_id": f"{number}", "due_at": number})
    await claimed(jobs)
    assert await jobs.count({"lease_owner": "me"}) == 1
    assert await jobs.count({"lease_until": None}) == 2
    page = await jobs.find({"fence": None}, sort=[("due_at", -1)])
    assert [document["_id"] for document in page.documents] == ["2", "1"]


async def test_claim_needs_a_claimable_collection(things: Collection) -> None:
    with pytest.raises(StorageBroken):
        await things.claim(owner="me", now=0, lease_ms=1)


async def test_an_impossible_claim_is_refused(jobs: Collection) -> None:
    await jobs.insert({"_id": "x", "due_at": 0})
    with pytest.raises(StorageBroken):
        await jobs.claim(owner="me", now=1, lease_ms=1, where={"nope": 1})
    with pytest.raises(Rejected):
        await jobs.claim(owner="me", now=2**63 - 1, lease_ms=1)
    with pytest.raises(Rejected):
        await jobs.claim(owner="\ud800", now=1, lease_ms=1)
    assert await claimed(jobs) == "x"


async def test_16_workers_claim_every_document_exactly_once(jobs: Collection) -> None:
    await asyncio.gather(*[jobs.insert({"_id": f"{n:03}", "due_at": n}) for n in range(200)])
    taken: Counter[str] = Counter()

    async def work(owner: str) -> None:
        while (document := await jobs.claim(owner=owner, now=1000, lease_ms=1000)) is not None:
            assert document["lease_owner"] == owner
            taken[document["_id"]] += 1
            await asyncio.sleep(0)

    await asyncio.gather(*[work(f"worker {n}") for n in range(16)])
    assert taken == Counter({f"{n:03}": 1 for n in range(200)})
    assert await jobs.count({"fence": 1}) == 200


async def test_16_workers_race_for_one_document_and_one_wins(jobs: Collection) -> None:
    await jobs.insert({"_id": "x", "due_at": 0})
    for round_ in range(1, 11):
        results = await asyncio.gather(
            *[jobs.claim(owner=f"{n}", now=round_ * 100, lease_ms=100) for n in range(16)]
        )
        (winner,) = [result for result in results if result is not None]
        assert winner["fence"] == round_
        assert await jobs.get("x") == winner


async def test_claim_and_change_race_without_a_lost_update(jobs: Collection) -> None:
    await jobs.insert({"_id": "x", "due_at": 0, "n": 0})

    async def change() -> None:
        for _ in range(30):
            await jobs.change("x", lambda document: {**document, "n": document["n"] + 1})

    async def claim() -> None:
        for turn in range(30):
            assert await jobs.claim(owner="me", now=turn, lease_ms=1) is not None

    await asyncio.gather(change(), claim(), change())
    document = await jobs.get("x")
    assert document is not None
    assert (document["n"], document["fence"], document["rev"]) == (60, 30, 91)


async def test_a_claim_is_durable(engine: Engine) -> None:
    store = await engine.open()
    await (await store.collection(JOBS)).insert({"_id": "x", "due_at": 0})
    assert await claimed(await store.collection(JOBS), now=100, lease_ms=50) == "x"
    await store.close()
    store = await engine.open()
    jobs = await store.collection(JOBS)
    assert await claimed(jobs, now=149) is None
    assert await claimed(jobs, now=150) == "x"
    assert (await jobs.get("x") or {})["fence"] == 2
    await store.close()


async def test_a_unique_key_over_a_claim_field_holds_for_claims(store: Store) -> None:
    jobs = await store.collection(Schema(name="single", claimable=True, unique=(("lease_owner",),)))
    await jobs.insert({"_id": "x", "due_at": 0})
    await jobs.insert({"_id": "y", "due_at": 0})
    assert await claimed(jobs) == "x"
    with pytest.raises(Exception, match="lease_owner"):
        await claimed(jobs)
    assert await claimed(jobs, owner="other") == "y"
