"""The writing thread: batches, what one failing operation does to the others, bounds, cancellation."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

from storage.contracts import Duplicate, StorageBroken, StorageUnavailable
from tests.storage.conftest import JOBS, THINGS, OpenSQLite, RecordedMetrics


async def test_what_is_written_in_one_turn_shares_commits_of_at_most_64(
    sqlite: OpenSQLite, metrics: RecordedMetrics
) -> None:
    things = await (await sqlite()).collection(THINGS)
    metrics.observed.clear()
    metrics.counts.clear()
    await asyncio.gather(*[things.insert({"_id": f"{n}"}) for n in range(200)])
    await things.get("1")
    assert metrics.observed["storage_batch_operations"] == [64, 64, 64, 8]
    assert len(metrics.observed["storage_commit_seconds"]) == 4
    assert metrics.counts == {("storage_operations_total", "insert"): 200}


async def test_a_single_write_does_not_wait_for_others(sqlite: OpenSQLite, metrics: RecordedMetrics) -> None:
    things = await (await sqlite()).collection(THINGS)
    metrics.observed.clear()
    for number in range(3):
        await things.insert({"_id": f"{number}"})
    assert metrics.observed["storage_batch_operations"] == [1, 1, 1]


async def test_what_comes_during_a_commit_goes_into_the_next(
    sqlite: OpenSQLite, metrics: RecordedMetrics
) -> None:
    """Batches grow when the disk is slow: 50 writers share each commit of 20 ms."""
    things = await (await sqlite(commit_delay_ms=20)).collection(THINGS)
    metrics.observed.clear()

    async def work(name: int) -> None:
        for number in range(3):
            await things.insert({"_id": f"{name}-{number}"})

    await asyncio.gather(*[work(name) for name in range(50)])
    assert sum(metrics.observed["storage_batch_operations"]) == 150
    assert len(metrics.observed["storage_batch_operations"]) <= 6
    assert all(seconds >= 0.02 for seconds in metrics.observed["storage_commit_seconds"])


async def test_what_writes_nothing_costs_no_commit(sqlite: OpenSQLite, metrics: RecordedMetrics) -> None:
    jobs = await (await sqlite()).collection(JOBS)
    metrics.observed.clear()
    assert await jobs.claim(owner="me", now=0, lease_ms=1) is None
    assert await jobs.delete("nobody") is False
    assert "storage_commit_seconds" not in metrics.observed


async def test_one_batch_of_everything_that_can_fail(sqlite: OpenSQLite, metrics: RecordedMetrics) -> None:
    things = await (await sqlite()).collection(THINGS)
    await things.insert({"_id": "taken"})
    metrics.observed.clear()

    def stop(_: object) -> None:
        raise StopIteration

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    def recurse(document: object) -> None:
        recurse(document)

    results = await asyncio.gather(
        things.insert({"_id": "1"}),
        things.insert({"_id": "taken"}),
        things.change("taken", stop),
        things.change("taken", recurse),
        asyncio.ensure_future(as_result(things.change("taken", interrupt))),
        things.change("taken", lambda document: {**document, "n": 1}),
        return_exceptions=True,
    )
    kinds = [type(result) for result in results]
    assert kinds == [dict, Duplicate, RuntimeError, RecursionError, KeyboardInterrupt, dict]
    assert metrics.observed["storage_batch_operations"][0] >= 5
    assert await things.get("taken") == {"_id": "taken", "n": 1, "rev": 2}
    assert await things.get("1") == {"_id": "1", "rev": 1}


async def as_result(work: object) -> object:
    """A `KeyboardInterrupt` that left a task would end the loop of the test."""
    try:
        return await work  # type: ignore[misc]
    except BaseException as error:
        return error


async def test_what_fails_half_way_leaves_nothing_and_its_company_stays(sqlite: OpenSQLite) -> None:
    """Several statements of which the last one fails, in one commit with others."""
    store = await sqlite()
    things = await store.collection(THINGS)

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE left_over (x)")
        connection.execute("DELETE FROM c_things")
        connection.execute("INSERT INTO no_such_table VALUES (1)")

    before, failed, after = await asyncio.gather(
        things.insert({"_id": "before"}),
        store._writer.run("test", half, size=0, several=True),
        things.insert({"_id": "after"}),
        return_exceptions=True,
    )
    assert isinstance(failed, StorageBroken)
    assert not isinstance(before, BaseException)
    assert not isinstance(after, BaseException)
    assert [document["_id"] for document in (await things.find({})).documents] == ["after", "before"]
    tables = "SELECT count(*) FROM sqlite_master WHERE name = 'left_over'"
    assert await store._writer.run("test", lambda held: held.execute(tables).fetchone(), size=0) == (0,)


async def test_the_queue_is_bounded_in_bytes(sqlite: OpenSQLite) -> None:
    things = await (await sqlite(max_queue_bytes=100_000)).collection(THINGS)
    results = await asyncio.gather(
        *[things.insert({"_id": f"{n}", "body": "x" * 10_000}) for n in range(50)], return_exceptions=True
    )
    stored = [result for result in results if isinstance(result, dict)]
    refused = [result for result in results if isinstance(result, StorageUnavailable)]
    assert len(stored) == 9
    assert len(refused) == 41
    assert {error.code for error in refused} == {"storage.overloaded"}
    assert await things.count({}) == 9
    await things.insert({"_id": "one larger than the bound goes alone", "body": "x" * 200_000})
    await things.insert({"_id": "again"})


async def test_a_cancelled_claim_that_has_not_begun_takes_nothing(sqlite: OpenSQLite) -> None:
    jobs = await (await sqlite()).collection(JOBS)
    await jobs.insert({"_id": "x", "due_at": 0})
    entered, leave = threading.Event(), threading.Event()

    def hold(document: dict[str, object]) -> dict[str, object]:
        entered.set()
        leave.wait(10)
        return document

    changing = asyncio.ensure_future(jobs.change("x", hold))
    assert await asyncio.to_thread(entered.wait, 10)
    claiming = asyncio.ensure_future(jobs.claim(owner="gone", now=1, lease_ms=1000))
    inserting = asyncio.ensure_future(jobs.insert({"_id": "y"}))
    await asyncio.sleep(0)
    claiming.cancel()
    inserting.cancel()
    await asyncio.gather(claiming, inserting, return_exceptions=True)
    leave.set()
    await changing
    document = await jobs.claim(owner="me", now=1, lease_ms=1000)
    assert document is not None
    assert document["fence"] == 1
    assert await jobs.get("y") is not None  # a write that was handed over is done


async def test_a_slow_change_does_not_hold_up_the_commit_of_those_before_it(sqlite: OpenSQLite) -> None:
    """Every operation gets its outcome, also when a batch is cut because its work takes long."""
    store = await sqlite()
    things = await store.collection(THINGS)
    clock = store._writer._clock

    def slow(document: dict[str, object]) -> dict[str, object]:
        clock._monotonic += 0.01  # type: ignore[attr-defined]
        return document

    async with asyncio.timeout(30):
        done = await asyncio.gather(*[things.change(f"{n}", slow, initial={}) for n in range(70)])
    assert all(document is not None for document in done)
    assert await things.count({}) == 70


async def test_an_error_of_sqlite_is_ours_and_the_next_write_works(sqlite: OpenSQLite) -> None:
    store = await sqlite()
    things = await store.collection(THINGS)

    def broken(connection: object) -> None:
        connection.execute("SELECT * FROM no_such_table")  # type: ignore[attr-defined]

    def undo(connection: object) -> None:
        connection.execute("ROLLBACK")  # type: ignore[attr-defined]
        raise ValueError("the transaction is gone")

    results = await asyncio.gather(
        things.insert({"_id": "1"}),
        store._writer.run("test", broken, size=0),
        store._writer.run("test", undo, size=0),
        things.insert({"_id": "2"}),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [dict, StorageBroken, StorageBroken, dict]
    assert await things.count({}) == 2
