"""After a process was stopped in the middle of a call: did it reach Twitch when it was no longer its turn?

Nobody can take such a call back, so somebody looks afterwards. A worker that finds its lane taken over after it had
called out queues a `vip.check` in that lane, behind whatever the others do there; its handler compares what is stored
with what Twitch has. See docs/decisions/0007-zombies.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from domain.audit import SYSTEM, Action, AuditRecord
from domain.channel import Viewer
from domain.errors import NotFound
from domain.events import Malformed, identifier, redemption_event, role_event, text
from domain.inbox import Delivery, InboxRow, RowState
from domain.ports import Clock, Metrics
from domain.redemption import Redemption
from domain.redemption import RedemptionStatus as Status
from domain.vip import Ended, VipSession, VipStatus
from gateways.twitch.contracts import Helix
from handlers.intake import Intake
from handlers.vip.announce import Announcer
from handlers.vip.endings import Endings
from handlers.vip.restore import Restoring
from handlers.vip.undo import Undo
from handlers.work import DOUBT_MS, Work, event_in
from storage.inbox import Inbox
from storage.redemptions import Redemptions
from storage.sessions import Sessions

GIVEN_BACK = frozenset({Status.REFUNDING, Status.REFUNDED, Status.CANCELLED})
LAST_ROWS = 20  # of a lane that are looked through for who may have made a VIP


@dataclass(frozen=True, slots=True)
class _Meant:
    """A grant that a row meant to make: `detail` names what for, `over` says that there is nothing (left) of it."""

    detail: dict[str, Any]
    over: bool
    viewer: Viewer | None = None
    redemption: Redemption | None = None


class Zombies:
    """Queues checks and handles them; and hears first of new VIPs in lanes that were taken over."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        intake: Intake,
        sessions: Sessions,
        redemptions: Redemptions,
        helix: Helix,
        restoring: Restoring,
        endings: Endings,
        undo: Undo,
        announcer: Announcer,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._inbox, self._intake = inbox, intake
        self._sessions, self._redemptions, self._helix = sessions, redemptions, helix
        self._restoring, self._endings, self._undo = restoring, endings, undo
        self._announcer = announcer
        self._clock, self._metrics = clock, metrics

    async def queue(self, work: Work) -> None:
        """Called by the worker whose lane was taken over after it had called out. One check for each lost lease."""
        row = work.row
        _, channel_id, viewer_id = row.lane.split(":")
        about = text(work.payload, "row_id") if row.kind == "vip.check" else row.id
        body = {"row_id": about, "channel_id": channel_id, "viewer_id": viewer_id}
        await self._intake.accept(
            Delivery(
                source="fence",
                message_id=f"{about}:{work.fence}",
                kind="vip.check",
                lane=row.lane,
                channel_id=channel_id,
                raw=json.dumps(body).encode(),
            )
        )

    async def given_up(self, work: Work, error: Exception) -> None:
        """Called for a row that is given up after it may have made somebody VIP: the same look afterwards."""
        if "grant" in work.row.steps:
            await self.queue(work)

    async def check(self, work: Work) -> str:
        """Handle `vip.check`. Returns `restored`, `closed`, `withdrawn` or `as_it_should_be`."""
        channel_id = identifier(work.payload, "channel_id")
        viewer_id = identifier(work.payload, "viewer_id")
        if await self._restoring.resume(work):
            return "restored"
        if await self._endings.resume(work) is not None:
            return "closed"
        row = await self._row(text(work.payload, "row_id"))
        meant = None if row is None else await self._meant(row)
        session = await self._sessions.open_for(channel_id, viewer_id)
        if session is not None and meant is not None and _is_orphan(session, meant.redemption):
            assert meant.redemption is not None
            await self._undo.undo_given_up(work, meant.redemption)
            return "closed"
        if session is not None:
            return await self._check_open(work, session)
        if meant is not None and meant.over:
            return await self._check_over(work, channel_id, viewer_id, meant)
        return "as_it_should_be"

    async def vip_added(self, work: Work) -> str:
        """Handle `vip.added`. A VIP without a session is the streamer's own, unless the lane was taken over from
        somebody who meant to grant one that is over by now."""
        event = role_event(work.event)
        session = await self._sessions.open_for(event.channel_id, event.viewer.id)
        if session is None and (work.doubtful or work.noted("withdraw") is not None):
            meant = await self._late_grant(work.row.lane)
            who = event.channel_id, event.viewer.id
            if meant is not None and await self._check_over(work, *who, meant) == "withdrawn":
                return "withdrawn"
        return await self._endings.vip_added(work)

    async def _late_grant(self, lane: str) -> _Meant | None:
        """The newest grant that was meant in a lane and is over, if that was lately."""
        since = self._clock.now() - DOUBT_MS
        for row in await self._inbox.finished(lane, limit=LAST_ROWS):
            meant = await self._meant(row)
            if meant is not None and (row.finished_at or 0) >= since and meant.over:
                return meant
        return None

    async def _check_open(self, work: Work, session: VipSession) -> str:
        """The viewer is to be VIP. A moderator cannot be; that notice comes by itself."""
        if await self._helix.is_vip(session.channel_id, session.viewer_id):
            return "as_it_should_be"
        if await self._helix.is_moderator(session.channel_id, session.viewer_id):
            return "as_it_should_be"
        return "restored" if await self._restoring.restore(work, session) else "as_it_should_be"

    async def _check_over(self, work: Work, channel_id: str, viewer_id: str, meant: _Meant) -> str:
        """The viewer is not to be VIP by this grant. He was none before it, as its intent says."""
        begun = work.noted("withdraw") is not None
        if not begun:
            if not await self._helix.is_vip(channel_id, viewer_id):
                return "as_it_should_be"
            await work.note("withdraw", meant.detail)
        work.hold()
        await self._helix.remove_vip(channel_id, viewer_id)
        work.settle_doubt()
        await self._tell(work, channel_id, viewer_id, meant)
        return "withdrawn"

    async def _tell(self, work: Work, channel_id: str, viewer_id: str, meant: _Meant) -> None:
        record = AuditRecord(
            id=f"{work.row.id}:withdrawn",
            channel_id=channel_id,
            at=self._clock.now(),
            action=Action.WITHDRAWN,
            actor=SYSTEM,
            cause="takeover",
            viewer=meant.viewer or Viewer(viewer_id),
            detail=meant.detail,
        )
        if await self._announcer.announce(record):
            self._metrics.count("reconciled_total", what="takeover")

    async def _row(self, row_id: str) -> InboxRow | None:
        try:
            return await self._inbox.get(row_id)
        except NotFound:
            return None  # done long ago and cleaned up

    async def _meant(self, row: InboxRow) -> _Meant | None:
        """What this row meant to grant a VIP for, if it got that far."""
        intent = row.steps.get("grant")
        if intent is None:
            return None
        if "session_id" in intent:  # not by a redemption (`granting.py`)
            session = await self._sessions.get(intent["session_id"])
            over = row.state is not RowState.OPEN and (session is None or _is_over(session))
            viewer = None
            if session is not None:
                viewer = Viewer(session.viewer_id, session.viewer_login, session.viewer_name)
            return _Meant({"session_id": intent["session_id"]}, over, viewer)
        try:
            event = redemption_event(event_in(row))
        except (Malformed, ValueError):
            return None
        redemption = await self._redemptions.get(event.id)
        if redemption is None:
            return None
        session = await self._sessions.get(redemption.session_id) if redemption.session_id else None
        over = redemption.status in GIVEN_BACK or (session is not None and _is_over(session))
        return _Meant({"redemption_id": redemption.id}, over, redemption.viewer, redemption)


def _is_over(session: VipSession) -> bool:
    """Whether the badge went with the session."""
    return session.status is VipStatus.ENDED and session.ended_because != Ended.PROTECTED


def _is_orphan(session: VipSession, redemption: Redemption | None) -> bool:
    """Whether the session holds time of a redemption whose points were given back."""
    return redemption is not None and redemption.status in GIVEN_BACK and session.has(redemption.id)
