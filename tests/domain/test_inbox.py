import pytest

from domain.errors import Broken
from domain.inbox import (
    Delivery,
    Fenced,
    InboxRow,
    RowError,
    RowState,
    attempted,
    died,
    finished,
    new_row,
    noted,
    postponed,
    redriven,
    waited,
)


def row(**changes: str) -> InboxRow:
    return new_row(Delivery("twitch", "m-1", "redemption.add", "vip:1:2", b"{}", **changes), now=100, order=7)


def test_a_new_row_is_open_and_due_at_once() -> None:
    fresh = row()
    assert (fresh.id, fresh.state, fresh.due_at, fresh.attempts) == ("twitch:m-1", RowState.OPEN, 100, 0)
    assert fresh.digest == Delivery("x", "y", "k", "l", b"{}").digest


def test_a_parked_row_is_finished_with_its_reason() -> None:
    parked = row(parked_because="unknown type")
    assert (parked.state, parked.result, parked.finished_at) == (RowState.PARKED, "unknown type", 100)


def test_the_attempt_counts_at_the_claim_and_a_wait_takes_it_back() -> None:
    tried = attempted(row(), fence=3)
    assert (tried.attempts, tried.fence) == (1, 3)
    waiting = waited(tried, fence=3, until=500, why="login")
    assert (waiting.attempts, waiting.waits, waiting.due_at, waiting.waiting_for) == (0, 1, 500, "login")


def test_a_lower_fence_is_refused_everywhere() -> None:
    later = attempted(row(), fence=5)
    error = RowError("x", "y", 1)
    for move in (
        lambda: attempted(later, fence=4),
        lambda: noted(later, fence=4, step="grant", data={}),
        lambda: waited(later, fence=4, until=1, why="pace"),
        lambda: postponed(later, fence=4, until=1, error=error),
        lambda: finished(later, fence=4, result="done", now=1),
        lambda: died(later, fence=4, error=error, now=1),
    ):
        with pytest.raises(Fenced):
            move()


def test_a_finished_row_does_not_move_again() -> None:
    done = finished(row(), fence=1, result="granted", now=9)
    with pytest.raises(Fenced):
        attempted(done, fence=2)


def test_steps_are_kept_side_by_side() -> None:
    first = noted(row(), fence=1, step="grant", data={"was_vip": False})
    second = noted(first, fence=1, step="remove", data={})
    assert second.steps == {"grant": {"was_vip": False}, "remove": {}}


def test_only_dead_and_parked_rows_are_redriven() -> None:
    dead = died(attempted(row(), fence=1), fence=1, error=RowError("x", "y", 1), now=5)
    again = redriven(dead, now=50, order=99)
    assert (again.state, again.attempts, again.order, again.due_at) == (RowState.OPEN, 0, 99, 50)
    with pytest.raises(Broken):
        redriven(row(), now=1, order=1)


def test_a_body_that_is_no_text_is_kept_readable() -> None:
    assert new_row(Delivery("s", "m", "k", "l", b"\xff{"), now=1, order=1).raw == "\\xff{"
