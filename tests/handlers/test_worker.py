"""The worker on a real store: order, retries, and that nothing a row does ends it."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from domain.errors import Broken, Conflict, Rejected, Unavailable
from domain.inbox import RowState
from gateways.twitch.contracts import LoginNeeded, Waiting
from handlers.work import Work
from handlers.worker import HANDLING_SECONDS
from storage.contracts import StorageBroken, StorageUnavailable
from tests.support.house import House, raises

# Order


async def test_a_row_is_handled_once_and_kept(house: House) -> None:
    house.worker()
    await house.put("a")
    row = await house.becomes("a", RowState.DONE)
    assert (row.result, row.attempts, row.finished_at) == ("done", 1, house.clock.now())
    assert house.handled == ["a"]
    assert house.checkpoints.passed == ["worker.claimed"]

    async def counted() -> bool:
        return house.counted("inbox_handled_total", kind="k", result="done") == 1

    await house.until(counted)  # it is counted once it is stored


async def test_a_lane_keeps_its_order_and_lanes_run_side_by_side(house: House) -> None:
    gate = asyncio.Event()

    async def wait(work: Work) -> str:
        await gate.wait()
        return "done"

    house.worker()
    house.scripts["a1"] = wait
    for name in ("a1", "a2", "a3"):
        await house.put(name, "a")
    await house.put("b1", "b")
    await house.becomes("b1", RowState.DONE)
    assert (await house.row("a2")).attempts == 0, "strict: it waits behind the first"
    gate.set()
    await house.all_done()
    assert [name for name in house.handled if name.startswith("a")] == ["a1", "a2", "a3"]


async def test_what_waits_at_the_head_holds_up_its_lane_only(house: House) -> None:
    house.worker()
    house.scripts["a1"] = raises(Unavailable("x"), Unavailable("x"))
    for name in ("a1", "a2", "b1"):
        await house.put(name, name[0])
    await house.becomes("b1", RowState.DONE)
    await house.all_done(move=0.5)
    assert [name for name in house.handled if name.startswith("a")] == ["a1", "a1", "a1", "a2"]


async def test_long_lanes_are_taken_in_parts(house: House) -> None:
    house.worker(size=2)
    names = [f"{number:02}" for number in range(45)]
    for name in names:
        await house.put(name, poke=False)
    house.workers[0].poke("lane")
    await house.all_done(move=0.01)
    assert house.handled == names


async def test_rows_that_come_while_a_lane_is_handled_are_seen(house: House) -> None:
    house.worker()
    started, gate = asyncio.Event(), asyncio.Event()

    async def wait(work: Work) -> str:
        started.set()
        await gate.wait()
        return "done"

    house.scripts["a"] = wait
    await house.put("a")
    await started.wait()
    await house.put("b")
    await house.put("c")
    gate.set()
    await house.all_done()
    assert house.handled == ["a", "b", "c"]


@pytest.mark.parametrize("seed", range(3))
async def test_two_workers_on_one_store_handle_every_row_once_and_in_order(house: House, seed: int) -> None:
    random = Random(seed)
    first, second = house.worker(size=4), house.worker(size=4)
    names: dict[str, list[str]] = {}
    for number in range(60):
        lane = random.choice("abcde")
        name = f"{lane}{number}"
        names.setdefault(lane, []).append(name)
        await house.put(name, lane, poke=False)
        random.choice([first, second]).poke(lane)
    await house.all_done(move=0.02)
    assert len(house.handled) == 60
    for lane, expected in names.items():
        assert [name for name in house.handled if name.startswith(lane)] == expected
    assert house.counted("lane_leases_lost_total") == 0


# What a handler may raise


async def test_what_is_unavailable_is_tried_again_and_then_given_up(house: House) -> None:
    house.worker()
    house.scripts["a"] = raises(*(Unavailable("no", code="x.y", retry_after_seconds=2.0) for _ in range(9)))
    started = house.clock.now()
    await house.put("a")
    await house.put("b")
    row = await house.becomes("a", RowState.DEAD, move=0.1)
    assert row.error is not None
    assert (row.attempts, row.error.code, row.error.message) == (3, "x.y", "no")
    assert house.clock.now() - started >= 4000, "not before the time that the other side asked for"
    assert house.given_up == [("a", "Unavailable")]
    await house.becomes("b", RowState.DONE, move=0.1)
    assert house.counted("inbox_handled_total", kind="k", result="retry") == 2
    assert house.counted("inbox_handled_total", kind="k", result="dead") == 1


@pytest.mark.parametrize("error", [Rejected("r"), Broken("b"), Conflict("c")])
async def test_what_will_never_work_is_given_up_at_once(house: House, error: Exception) -> None:
    house.worker()
    house.scripts["a"] = raises(error)
    await house.put("a")
    row = await house.becomes("a", RowState.DEAD)
    assert row.attempts == 1
    assert house.given_up == [("a", type(error).__name__)]


@pytest.mark.parametrize(
    "error", [KeyError("poison"), RecursionError("deep"), UnicodeDecodeError("utf-8", b"", 0, 1, "x")]
)
async def test_poison_is_tried_again_then_dead_and_the_others_go_on(house: House, error: Exception) -> None:
    house.worker(size=1)
    house.scripts["a"] = raises(*([error] * 9))
    await house.put("a", "a")
    await house.put("b", "b")
    await house.becomes("b", RowState.DONE)
    row = await house.becomes("a", RowState.DEAD, move=0.1)
    assert row.error is not None
    assert (row.attempts, row.error.code) == (3, "worker.crashed")
    assert row.error.message.startswith(type(error).__name__)
    assert house.counted("errors_total", where="handler.k") == 3


async def test_a_limit_is_no_attempt_and_holds_no_hand(house: House) -> None:
    house.worker(size=1)
    house.scripts["a"] = raises(*(Waiting("pace", retry_after_seconds=3.0) for _ in range(7)))
    await house.put("a", "a")
    await house.put("b", "b")
    await house.becomes("b", RowState.DONE)
    row = await house.row("a")
    assert (row.attempts, row.waits, row.waiting_for) == (0, 1, "twitch.waiting")
    assert row.due_at == house.clock.now() + 3000
    row = await house.becomes("a", RowState.DONE, move=0.5)
    assert (row.attempts, row.waits) == (1, 7)
    assert house.counted("inbox_handled_total", kind="k", result="waiting") == 7


async def test_a_missing_login_parks_the_row_for_minutes(house: House) -> None:
    house.worker()
    house.scripts["a"] = raises(LoginNeeded("1", "log in"))
    await house.put("a")

    async def waits() -> bool:
        return (await house.row("a")).waits == 1

    await house.until(waits)
    row = await house.row("a")
    assert (row.attempts, row.waiting_for) == (0, "login")
    assert row.due_at == house.clock.now() + 300_000
    await house.becomes("a", RowState.DONE, move=30.0)


async def test_a_kind_that_nobody_handles_is_kept_for_a_person(house: House) -> None:
    house.worker()
    await house.put("a", kind="nobody")
    row = await house.becomes("a", RowState.DEAD)
    assert row.error is not None
    assert row.error.code == "inbox.no_handler"
    assert house.given_up == []


async def test_a_handler_that_hangs_is_stopped_below_the_lease(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.worker.HANDLING_SECONDS", 0.02)

    async def hang(work: Work) -> str:
        await asyncio.Event().wait()
        return "never"

    house.worker()
    house.scripts["a"] = hang
    await house.put("a", kind="plain")
    row = await house.becomes("a", RowState.DEAD, move=0.2)
    assert row.error is not None
    assert (row.attempts, row.error.code) == (3, "worker.too_slow")
    assert house.counted("errors_total", where="handler.plain") == 0
    assert HANDLING_SECONDS < 30.0


async def test_a_giving_up_that_finds_no_store_is_tried_again(house: House) -> None:
    errors: list[Exception] = [StorageUnavailable("x"), StorageUnavailable("x")]

    async def give_up(work: Work) -> str:
        if errors:
            raise errors.pop()
        return ""

    house.worker(give_up=give_up)
    house.scripts["a"] = raises(*([Rejected("no")] * 9))
    await house.put("a")
    await house.becomes("a", RowState.DEAD, move=0.2)
    assert len(house.given_up) == 3


async def test_a_giving_up_that_crashes_leaves_a_dead_row(house: House) -> None:
    async def give_up(work: Work) -> str:
        raise KeyError("poison")

    house.worker(give_up=give_up)
    house.scripts["a"] = raises(Rejected("no"))
    await house.put("a")
    await house.put("b")
    row = await house.becomes("a", RowState.DEAD)
    assert row.error is not None
    assert row.error.code == "rejected"
    await house.becomes("b", RowState.DONE)
    assert house.counted("errors_total", where="give_up.k") == 1


# The store


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(
    ("collection", "method"),
    [("inbox", "change"), ("inbox", "find"), ("lanes", "change"), ("lanes", "claim")],
)
async def test_a_store_that_does_not_answer_loses_nothing(
    house: House, collection: str, method: str, times: int
) -> None:
    house.worker()
    house.store.orders.fail(collection, method, times=times)
    await house.put("a")
    await house.put("b")
    await house.all_done(move=0.5)
    assert (await house.row("a")).result == (await house.row("b")).result == "done"
    assert house.handled.index("a") < house.handled.index("b")


async def test_a_row_that_cannot_be_read_holds_up_its_lane_only(house: House) -> None:
    house.worker(size=1)
    await house.put("a", "a", poke=False)
    await house.rows.change(
        "s:a", lambda document: {**document, "attempts": "many", "steps": 7, "state": "open"}
    )
    await house.rows.change("s:a", lambda document: {**document, "error": 7})
    house.workers[0].poke("a")
    await house.put("b", "b")
    await house.becomes("b", RowState.DONE)

    async def reported() -> bool:
        return house.counted("errors_total", where="worker.lane") >= 1

    await house.until(reported)
    await house.rows.change("s:a", lambda document: {**document, "attempts": 0, "steps": {}, "error": None})
    await house.becomes("a", RowState.DONE, move=5.0)


async def test_a_lane_that_cannot_be_taken_is_reported(house: House) -> None:
    house.worker(size=1)
    house.store.orders.fail("lanes", "change", error=lambda: StorageBroken("damaged"))
    await house.put("a")
    await house.becomes("a", RowState.DONE, move=5.0)
    assert house.counted("errors_total", where="worker.lane") == 1


async def test_a_crash_between_claim_and_handler_ends_nobody(house: House) -> None:
    house.checkpoints.arm("worker.claimed", times=2)
    house.worker(size=1)
    await house.put("a", "a")
    await house.put("b", "b")
    await house.all_done(move=5.0)
    assert sorted(house.handled) == ["a", "b"]
