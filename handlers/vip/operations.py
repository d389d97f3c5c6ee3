"""What people ask for from the dashboard or by the API: a row in a lane like everything else, and its answer.

Who asks waits for the row a moment, and is told what came of it; if that takes longer, he gets its id and asks again.
The row is carried out in any case. Repeating a request under its key finds the row of the first time, whatever became
of it, before anything else is looked at: also when the viewer it concerns has been renamed or deleted since.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from domain.errors import Conflict, NotFound
from domain.inbox import Delivery, InboxRow, RowState
from domain.ports import Clock
from handlers.intake import Intake
from storage.inbox import Inbox

SOURCE = "dashboard"
OUTCOME = "outcome"
"""The step in which a handler writes down what came of the row: `{"result", ...}`, for `refused` with `code`, `message`
and `advice`."""

WAIT_SECONDS = 10.0
FIRST_LOOK_SECONDS = 0.05
LONGEST_LOOK_SECONDS = 0.25
LOGIN = "login"  # `waiting_for` of a row that waits until the streamer logs in
_ASKED = "asked"

State = Literal["pending", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks: `user_id` of `channel_id` at `endpoint`, under his `key` (empty: this once), with `asked`."""

    channel_id: str
    user_id: str
    endpoint: str
    key: str
    asked: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of what is asked, to tell a repetition from another request under the same key."""
        text = json.dumps(dict(self.asked), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def message_id(self) -> str:
        """The same for each repetition; without a key, another one each time it is asked for."""
        if not self.key:
            return secrets.token_hex(16)
        scope = json.dumps([self.user_id, self.channel_id, self.endpoint, self.key])
        return hashlib.sha256(scope.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Operation:
    """What became of a request by now. `result`: the handler's word; `code`, `message`, `advice`: of a refusal, a
    failure, or of what it waits for. `outcome` is all that the handler wrote down. `at`: since when it is so (UTC
    ms)."""

    id: str
    state: State
    result: str
    at: int
    code: str = ""
    message: str = ""
    advice: str = ""
    outcome: Mapping[str, Any] | None = None
    viewer_id: str = ""

    @property
    def refused(self) -> bool:
        return self.result == "refused"


class Operations:
    """Stores what is asked and watches what comes of it."""

    def __init__(
        self, *, inbox: Inbox, intake: Intake, clock: Clock, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._inbox, self._intake, self._clock, self._wait_seconds = inbox, intake, clock, wait_seconds

    async def repeated(self, request: Request) -> Operation | None:
        """What became of an earlier request under the same key, `None` if there was none. Raises `Conflict`
        (`idempotency.conflict`) if that asked for something else."""
        if not request.key:
            return None
        try:
            row = await self._inbox.get(_row_id(request.message_id))
        except NotFound:
            return None
        _check(row, request)
        return await self._followed(row)

    async def carry_out(
        self, request: Request, *, kind: str, lane: str, body: Mapping[str, Any]
    ) -> Operation:
        """Store the row of a request and wait for what comes of it, `wait_seconds` at most. Raises what the store
        raises, and `Conflict` like `repeated`."""
        delivery = Delivery(
            source=SOURCE,
            message_id=request.message_id,
            kind=kind,
            lane=lane,
            channel_id=request.channel_id,
            raw=json.dumps(dict(body), ensure_ascii=False).encode("utf-8", "replace"),
            transport="http",
            headers={_ASKED: request.digest},
        )
        await self._intake.accept(delivery)
        row = await self._inbox.get(delivery.row_id)
        _check(row, request)
        return await self._followed(row)

    async def look(self, operation_id: str, *, channel_id: str) -> Operation:
        """How an operation of a channel stands. Raises `NotFound` (`operation.unknown`)."""
        try:
            row = await self._inbox.get(_row_id(operation_id))
        except NotFound:
            row = None
        if row is None or row.channel_id != channel_id:
            raise NotFound(
                "There is no such operation.",
                code="operation.unknown",
                advice="It may be so long ago that it is not kept any more.",
            )
        return _told(row)

    async def _followed(self, row: InboxRow) -> Operation:
        """Wait for the end of a row: told by this process' own worker, and looking now and then for those of others."""
        ends_at = self._clock.monotonic() + self._wait_seconds
        pause = FIRST_LOOK_SECONDS
        with self._inbox.watched(row.id) as changed:
            while True:
                changed.clear()
                row = await self._inbox.get(row.id)
                left = ends_at - self._clock.monotonic()
                if row.state is not RowState.OPEN or row.waiting_for == LOGIN or left <= 0:
                    return _told(row)
                await self._clock.wait(changed, min(pause, left))
                pause = min(LONGEST_LOOK_SECONDS, pause * 1.5)


def _row_id(operation_id: str) -> str:
    return f"{SOURCE}:{operation_id}"


def _check(row: InboxRow, request: Request) -> None:
    if row.headers.get(_ASKED) != request.digest:
        raise Conflict(
            "This Idempotency-Key was used for another request.",
            code="idempotency.conflict",
            advice="Take a new key for each change that you want.",
        )


def _told(row: InboxRow) -> Operation:
    outcome = row.steps.get(OUTCOME)
    at = row.received_at if row.finished_at is None else row.finished_at
    if row.state is RowState.OPEN:
        login = row.waiting_for == LOGIN
        return Operation(
            id=row.message_id,
            state="pending",
            result="pending",
            at=at,
            code="twitch.login_needed" if login else "",
            message="It waits until the streamer logs in again." if login else "",
            advice="Log in again; it is carried out then." if login else "",
        )
    if row.state is RowState.DONE:
        told = outcome or {}
        return Operation(
            id=row.message_id,
            state="done",
            result=str(told.get("result") or row.result),
            at=at,
            code=str(told.get("code", "")),
            message=str(told.get("message", "")),
            advice=str(told.get("advice", "")),
            outcome=told,
            viewer_id=_viewer(row),
        )
    return Operation(
        id=row.message_id,
        state="failed",
        result="failed",
        at=at,
        code=row.error.code if row.error else "operation.failed",
        message=row.error.message if row.error else "It could not be carried out.",
        advice="Try again, with another Idempotency-Key; if it goes on, look at the connection page.",
        outcome=outcome,
    )


def _viewer(row: InboxRow) -> str:
    """The viewer whose lane the row is in; empty for other lanes."""
    return row.lane.removeprefix(before) if row.lane.startswith(before := f"vip:{row.channel_id}:") else ""
