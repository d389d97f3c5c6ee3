"""The inbox: every event once, by `(source, message_id)`, with all that is known of how far it has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

from domain.errors import NotFound
from domain.inbox import Delivery, InboxRow, RowState, new_row, redriven
from domain.ports import Clock
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Duplicate, Page, Range, Scalar, Schema, Where, every

INBOX = Schema(
    name="inbox",
    fields={
        "source": str,
        "kind": str,
        "lane": str,
        "channel_id": str,
        "state": str,
        "order": int,
        "due_at": int,
        "received_at": int,
        "finished_at": int,
        "waiting_for": str,
    },
    indexes=(
        ("lane", "state", "order"),
        ("state", "received_at"),
        ("state", "finished_at"),
        ("channel_id", "state"),
    ),
)

ASIDE = frozenset({"chat.say", "discord.say", "live.show"})
"""Kinds that nobody waits for: a full chat keeps lines waiting for minutes, and that is no backlog."""
MOST_ASIDE = 200

Accepted = Literal["new", "duplicate", "conflict"]


class Inbox:
    """Rows in, rows through their states.

    `order` is a hybrid clock in microseconds: the time of the arrival, but never below what this process gave before.
    So the rows of several processes are in the order of their arrival, as far as their clocks agree, and those of one
    process always are.
    """

    def __init__(self, rows: Collection, *, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._last_order = 0
        self._watched: dict[str, list[asyncio.Event]] = {}

    def _next_order(self) -> int:
        self._last_order = max(self._last_order + 1, self._clock.now() * 1000)
        return self._last_order

    async def insert(self, delivery: Delivery) -> tuple[Accepted, InboxRow]:
        """Store a delivery once. The row that is in force is returned: the new one, or the one that was there.

        The same id with another body is kept beside the first as a parked row and told as `conflict`, unless the first
        one counts anyway (`Delivery.first_counts`).
        """
        row = new_row(delivery, now=self._clock.now(), order=self._next_order())
        try:
            await self._rows.insert(to_document(row))
        except Duplicate:
            first = await self.get(delivery.row_id)
            if delivery.first_counts or first.digest == delivery.digest:
                return "duplicate", first
            await self._keep_conflict(row)
            return "conflict", first
        return "new", row

    async def _keep_conflict(self, row: InboxRow) -> None:
        second = replace(
            row,
            id=f"{row.id}#{row.digest[:16]}",
            state=RowState.PARKED,
            result="the same message id came with another body",
            finished_at=row.received_at,
        )
        try:
            await self._rows.insert(to_document(second))
        except Duplicate:
            return  # kept before

    async def get(self, row_id: str) -> InboxRow:
        """Raises `NotFound`."""
        document = await self._rows.get(row_id)
        if document is None:
            raise NotFound(
                f"There is no inbox row {row_id}.", advice="`cuelight inbox list` shows what there is."
            )
        return from_document(InboxRow, document)

    async def document(self, row_id: str) -> Document | None:
        """A row as it is stored, for people."""
        return await self._rows.get(row_id)

    async def documents(self, state: RowState) -> list[Document]:
        """All rows in a state as they are stored, oldest first."""
        where: Where = {"state": state.value}
        return [document async for document in every(self._rows, where, sort=[("received_at", 1)])]

    async def waiting(self, lane: str, *, limit: int) -> list[InboxRow]:
        """The open rows of a lane, in order."""
        page = await self._rows.find(
            {"lane": lane, "state": RowState.OPEN.value}, sort=[("order", 1)], limit=limit
        )
        return [from_document(InboxRow, document) for document in page.documents]

    async def finished(self, lane: str, *, limit: int) -> list[InboxRow]:
        """The rows of a lane that are done, the last to arrive in front."""
        page = await self._rows.find(
            {"lane": lane, "state": RowState.DONE.value}, sort=[("order", -1)], limit=limit
        )
        return [from_document(InboxRow, document) for document in page.documents]

    async def change(self, row_id: str, fn: Callable[[InboxRow], InboxRow]) -> InboxRow:
        """Apply a transition of `domain.inbox`; what it raises leaves the row as it was. Raises `NotFound`."""

        def apply(document: Document) -> Document:
            return to_document(fn(from_document(InboxRow, document)))

        document = await self._rows.change(row_id, apply)
        if document is None:
            raise NotFound(f"There is no inbox row {row_id}.")
        for event in self._watched.get(row_id, ()):
            event.set()
        return from_document(InboxRow, document)

    @contextmanager
    def watched(self, row_id: str) -> Iterator[asyncio.Event]:
        """An event that is set at each change of a row by this process; of those of others nothing is heard."""
        event = asyncio.Event()
        self._watched.setdefault(row_id, []).append(event)
        try:
            yield event
        finally:
            events = self._watched[row_id]
            events.remove(event)
            if not events:
                del self._watched[row_id]

    async def redrive(self, row_id: str) -> InboxRow:
        """Send a dead or parked row round again. Raises `NotFound`, or `Broken` for a row in another state."""
        now, order = self._clock.now(), self._next_order()
        return await self.change(row_id, lambda row: redriven(row, now=now, order=order))

    async def open_lanes(self, *, received_before: int | None = None) -> dict[str, int]:
        """Lanes that have open rows, with how many."""
        where: dict[str, Scalar | Range] = {"state": RowState.OPEN.value}
        if received_before is not None:
            where["received_at"] = Range(None, received_before)
        return {str(lane): count for lane, count in (await self._rows.tally("lane", where)).items()}

    async def waiting_for(self, channel_id: str, what: str) -> list[InboxRow]:
        """Open rows of a channel that wait for something (`login`)."""
        where: Where = {"channel_id": channel_id, "state": RowState.OPEN.value, "waiting_for": what}
        return [from_document(InboxRow, document) async for document in every(self._rows, where)]

    async def count_waiting_for(self, channel_id: str, what: str) -> int:
        """How many open rows of a channel wait for something."""
        where: Where = {"channel_id": channel_id, "state": RowState.OPEN.value, "waiting_for": what}
        return await self._rows.count(where)

    async def crowded(self, what: str, *, more_than: int) -> dict[str, tuple[int, int]]:
        """Channels with more open rows than that, or with some that wait for `what`: how many in all, how many of
        these."""
        everything = await self._rows.tally("channel_id", {"state": RowState.OPEN.value})
        held_back = await self._rows.tally("channel_id", {"state": RowState.OPEN.value, "waiting_for": what})
        return {
            str(channel_id): (count, held_back.get(channel_id, 0))
            for channel_id, count in everything.items()
            if channel_id and (count > more_than or held_back.get(channel_id, 0))
        }

    async def oldest_open(self) -> int | None:
        """When the oldest row arrived that is neither handled nor waiting for something outside (a login, the topics,
        its turn in a chat), UTC ms."""
        # Those that stand aside have something to wait for from the start; the few that are in hand just now have not.
        where: Where = {"state": RowState.OPEN.value, "waiting_for": ""}
        for limit in (1, MOST_ASIDE):
            page = await self._rows.find(where, sort=[("received_at", 1)], limit=limit)
            for row in page.documents:
                if row["kind"] not in ASIDE:
                    return int(row["received_at"])
        return None

    async def counts(self, channel_id: str = "") -> dict[str, int]:
        """How many rows there are in each state, of one channel or in all."""
        where: Where = {"channel_id": channel_id} if channel_id else {}
        return {str(state): count for state, count in (await self._rows.tally("state", where)).items()}

    async def oldest_of(self, channel_id: str) -> int | None:
        """When the oldest open row of a channel arrived (UTC ms), whatever it waits for; `None` when there is none."""
        where: Where = {"channel_id": channel_id, "state": RowState.OPEN.value}
        page = await self._rows.find(where, sort=[("received_at", 1)], limit=1)
        return int(page.documents[0]["received_at"]) if page.documents else None

    async def page(self, where: Where, *, limit: int, after: str | None = None) -> Page:
        """Rows as documents, newest first, for people."""
        return await self._rows.find(where, sort=[("received_at", -1)], limit=limit, after=after)

    async def purge(self, *, finished_before: int, dry_run: bool) -> int:
        """Remove rows that were done before a time; open, dead and parked rows are never removed by this."""
        where: Where = {"state": RowState.DONE.value, "finished_at": Range(None, finished_before)}
        if dry_run:
            return await self._rows.count(where)
        removed = 0
        async for document in every(self._rows, where, sort=[("finished_at", 1)]):
            removed += await self._rows.delete(document["_id"])
        return removed
