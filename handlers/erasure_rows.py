"""Rows that erase: what has to happen at Twitch first does, in the lane of the viewer whom it concerns.

VIPs of ours end, and who waits for a slot gets his points back. Each step can be repeated, so a crash anywhere is made
good by the next attempt.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from domain.audit import SYSTEM, Actor
from domain.inbox import Delivery, Fenced, InboxRow, finished
from domain.ports import Clock
from domain.redemption import Refusal, event_of
from gateways.twitch.contracts import Waiting
from handlers.erasure import Counts, Eraser
from handlers.intake import Intake
from handlers.vip.lanes import lane_of
from handlers.vip.operations import LOGIN, OUTCOME
from handlers.work import Work
from storage.inbox import Inbox
from storage.redemptions import Redemptions
from storage.sessions import Sessions
from storage.slots import SlotsOf

log = structlog.get_logger(__name__)

SOURCE = "privacy"
LONGEST_WAIT_MS = 15 * 60_000
LOOK_SECONDS = 1.0

VIEWER, CHANNEL = "viewer.erase", "channel.erase"
"""The kinds of rows."""


def privacy_lane(channel_id: str) -> str:
    """The lane of erasures."""
    return f"privacy:{channel_id}"


def order_of(
    kind: str, channel_id: str, *, message_id: str, viewer_id: str = "", actor: Actor = SYSTEM
) -> Delivery:
    """The row that erases a viewer's data in a channel, or a channel's."""
    who = {"kind": actor.kind, "id": actor.id, "name": actor.name}
    return Delivery(
        source=SOURCE,
        message_id=message_id,
        kind=kind,
        lane=privacy_lane(channel_id),
        channel_id=channel_id,
        raw=json.dumps({"viewer_id": viewer_id, "actor": who}).encode(),
    )


class ErasureRows:
    """Handles `viewer.erase` and `channel.erase`."""

    def __init__(
        self,
        *,
        eraser: Eraser,
        sessions: Sessions,
        redemptions: Redemptions,
        slots: SlotsOf,
        inbox: Inbox,
        intake: Intake,
        give_back: Callable[[str], Awaitable[object]],
        clock: Clock,
    ) -> None:
        """`give_back` ends the grant of a streamer at Twitch."""
        self._eraser, self._sessions, self._redemptions = eraser, sessions, redemptions
        self._slots, self._inbox, self._intake = slots, inbox, intake
        self._give_back, self._clock = give_back, clock

    async def viewer(self, work: Work) -> str:
        """Returns `erased`; `erased_unfinished` where Twitch could not be told, so that a badge may be left; `nothing`
        where nothing was held."""
        viewer_id = str(work.payload.get("viewer_id", ""))
        if viewer_id:
            if work.noted("ended") is None:
                await work.note("ended", {"whole": await self._ended(work, viewer_id)})
            work.ensure_held()
            whole = bool((work.noted("ended") or {}).get("whole"))
            counts = await self._eraser.viewer(
                work.row.channel_id, viewer_id, note=_note_of(work), actor=Actor(**work.payload["actor"])
            )
            await self._note_outcome(work, counts, "erased" if whole else "erased_unfinished")
            await self._strip(work)
        return str((work.noted(OUTCOME) or {}).get("result", "erased"))

    async def channel(self, work: Work) -> str:
        """Of a channel that is looked after no more. Returns `erased` or `nothing`."""
        channel_id = work.row.channel_id
        work.hold()
        await self._give_back(channel_id)
        work.ensure_held()
        counts = await self._eraser.whole_channel(channel_id, note=_note_of(work))
        return await self._note_outcome(work, counts, "erased")

    async def _note_outcome(self, work: Work, counts: Counts, result: str) -> str:
        """What an attempt before has done counts, too."""
        before = (work.noted(OUTCOME) or {}).get("counts", {})
        total = dict(Counter(before) + Counter(counts))
        result = result if total or result != "erased" else "nothing"
        await work.note(OUTCOME, {"result": result, "counts": total})
        log.info("data.erased", channel=work.row.channel_id, result=result, documents=sum(total.values()))
        return result

    async def _strip(self, work: Work) -> None:
        """The row itself names the viewer."""
        await self._inbox.change(work.row.id, lambda row: replace(row, raw="{}"))

    # VIPs of ours end first

    async def _ended(self, work: Work, viewer_id: str) -> bool:
        """Whether all that the viewer has in hand came to its end; raises `Waiting` while that may still happen."""
        channel_id = work.row.channel_id
        if work.noted("queued") is None:
            await self._queue_ends(work, viewer_id)
            await work.note("queued", {})
        rows = await self._inbox.waiting(lane_of(channel_id, viewer_id), limit=200)
        if not rows:
            return await self._sessions.open_for(channel_id, viewer_id) is None
        late = self._clock.now() - work.row.received_at >= LONGEST_WAIT_MS
        if rows[0].waiting_for != LOGIN and not late:
            raise Waiting(f"{len(rows)} changes of a VIP are not finished.", retry_after_seconds=LOOK_SECONDS)
        for row in rows:
            await self._close(row)
        return False

    async def _queue_ends(self, work: Work, viewer_id: str) -> None:
        channel_id = work.row.channel_id
        for wait in (await self._slots.get(channel_id)).waiting:
            redemption = None
            if wait.viewer_id == viewer_id:
                redemption = await self._redemptions.get(wait.redemption_id)
            if redemption is not None:
                body = {"event": event_of(redemption), "reason": Refusal.LEFT.value}
                await self._queue(work, "redemption.let_go", "slots", viewer_id, redemption.id, body)
        session = await self._sessions.open_for(channel_id, viewer_id)
        if session is not None:
            order = {"session_id": session.id, "remove": True, "actor": work.payload["actor"]}
            await self._queue(work, "vip.disconnect", "dashboard", viewer_id, session.id, order)

    async def _queue(  # noqa: PLR0917 - two callers, right above
        self, work: Work, kind: str, source: str, viewer_id: str, about: str, body: Mapping[str, Any]
    ) -> None:
        channel_id = work.row.channel_id
        await self._intake.accept(
            Delivery(
                source=source,
                message_id=f"{work.row.message_id}:{kind}:{about}"[:400],
                kind=kind,
                lane=lane_of(channel_id, viewer_id),
                channel_id=channel_id,
                raw=json.dumps(dict(body)).encode(),
            )
        )

    async def _close(self, row: InboxRow) -> None:
        now = self._clock.now()
        try:
            await self._inbox.change(
                row.id, lambda held: finished(held, fence=held.fence, result="erased", now=now)
            )
        except Fenced:
            log.debug("data.row_was_closed", row=row.id)  # by whoever had it in hand


def _note_of(work: Work) -> str:
    return f"erasure:{work.row.message_id}"
