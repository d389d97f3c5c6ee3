"""Rows of the inbox: everything that must be handled once, with how far it has come.

A row is `open` until it is `done`, `dead` (given up, with a reason, kept for a person) or `parked` (never tried: an
unknown type, a second body under the same id). Transitions are functions from row to row; an unlisted one raises.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from domain.errors import Broken


class RowState(StrEnum):
    OPEN = "open"
    DONE = "done"
    DEAD = "dead"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that arrived, before it is stored.

    `source` and `message_id` together are the identity: the same pair is stored once. `raw` is the body byte for
    byte; `payload` is not stored but derived from it again when the row is handled. `channel_id` is empty where the
    row belongs to no channel. `waiting_for` names what the row waits for from the start, so that it is no backlog.
    `first_counts`: of our own making, so the same id is the same thing, whatever its body says of the moment in which
    it was queued again; else another body under the same id is a conflict.
    """

    source: str
    message_id: str
    kind: str
    lane: str
    raw: bytes
    channel_id: str = ""
    transport: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    key_id: str = ""
    parked_because: str = ""
    waiting_for: str = ""
    first_counts: bool = False

    @property
    def row_id(self) -> str:
        return f"{self.source}:{self.message_id}"

    @property
    def digest(self) -> str:
        """SHA-256 of the body, to tell a resend from another body under the same id."""
        return hashlib.sha256(self.raw).hexdigest()


@dataclass(frozen=True, slots=True)
class RowError:
    code: str
    message: str
    at: int


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One row. Times in UTC ms. `order` rises with arrival; a lane is handled in that order.

    `fence` is the highest lane fence that wrote the row: a worker whose lease was taken over holds a lower one and
    is refused. `steps` holds intents and results by step name, written before and after each effect.
    """

    id: str
    source: str
    message_id: str
    kind: str
    lane: str
    channel_id: str
    transport: str
    raw: str
    digest: str
    headers: dict[str, str]
    key_id: str
    received_at: int
    order: int
    state: RowState
    due_at: int
    attempts: int = 0
    waits: int = 0
    fence: int = 0
    waiting_for: str = ""
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    result: str = ""
    finished_at: int | None = None
    error: RowError | None = None


def new_row(delivery: Delivery, *, now: int, order: int) -> InboxRow:
    """The row of a delivery: open and due at once, or parked with its reason."""
    parked = bool(delivery.parked_because)
    return InboxRow(
        id=delivery.row_id,
        source=delivery.source,
        message_id=delivery.message_id,
        kind=delivery.kind,
        lane=delivery.lane,
        channel_id=delivery.channel_id,
        transport=delivery.transport,
        raw=delivery.raw.decode("utf-8", "backslashreplace"),
        digest=delivery.digest,
        headers=dict(delivery.headers),
        key_id=delivery.key_id,
        received_at=now,
        order=order,
        state=RowState.PARKED if parked else RowState.OPEN,
        due_at=now,
        waiting_for=delivery.waiting_for,
        result=delivery.parked_because,
        finished_at=now if parked else None,
    )


class Fenced(Broken):
    """Another worker has taken the lane over; whatever this one holds is void."""

    code = "inbox.fenced"


def _check_held(row: InboxRow, fence: int) -> None:
    if row.fence > fence:
        raise Fenced(f"Row {row.id} was taken over by a later lease.")
    if row.state is not RowState.OPEN:
        raise Fenced(f"Row {row.id} is {row.state} already.")


def attempted(row: InboxRow, *, fence: int) -> InboxRow:
    """The lane was claimed for this row: the attempt counts now, so that a row that kills its worker still ends."""
    _check_held(row, fence)
    return replace(row, fence=fence, attempts=row.attempts + 1, waiting_for="")


def noted(row: InboxRow, *, fence: int, step: str, data: Mapping[str, Any]) -> InboxRow:
    """A step's intent or result, written down."""
    _check_held(row, fence)
    return replace(row, fence=fence, steps={**row.steps, step: dict(data)})


def waited(row: InboxRow, *, fence: int, until: int, why: str) -> InboxRow:
    """Not now (pace, rate limit, login): the attempt is taken back."""
    _check_held(row, fence)
    attempts = max(0, row.attempts - 1)
    return replace(row, fence=fence, attempts=attempts, waits=row.waits + 1, due_at=until, waiting_for=why)


def postponed(row: InboxRow, *, fence: int, until: int, error: RowError) -> InboxRow:
    """It failed and is to be tried again."""
    _check_held(row, fence)
    return replace(row, fence=fence, due_at=until, error=error)


def finished(row: InboxRow, *, fence: int, result: str, now: int) -> InboxRow:
    """Handled: what had to happen has happened."""
    _check_held(row, fence)
    return replace(row, fence=fence, state=RowState.DONE, result=result, finished_at=now, error=None)


def died(row: InboxRow, *, fence: int, error: RowError, now: int) -> InboxRow:
    """Given up, with the reason."""
    _check_held(row, fence)
    return replace(row, fence=fence, state=RowState.DEAD, error=error, finished_at=now)


def redriven(row: InboxRow, *, now: int, order: int) -> InboxRow:
    """A person sends a dead or parked row round again, at the end of its lane. Raises `Broken` for other rows."""
    if row.state not in (RowState.DEAD, RowState.PARKED):
        raise Broken(f"Row {row.id} is {row.state}; only dead and parked rows can be redriven.")
    return replace(
        row, state=RowState.OPEN, attempts=0, due_at=now, order=order, finished_at=None, waiting_for=""
    )


def hurried(row: InboxRow, *, now: int) -> InboxRow:
    """What an open row waited for has come: due at once."""
    if row.state is not RowState.OPEN:
        return row
    return replace(row, due_at=min(row.due_at, now), waiting_for="")
