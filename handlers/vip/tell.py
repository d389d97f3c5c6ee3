"""What is told of a settled redemption, by a table of its outcomes, and what happens when one is given up."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog

from domain.audit import SYSTEM, Action, Actor, AuditRecord, streamer
from domain.channel import Viewer
from domain.errors import CuelightError
from domain.events import Malformed, redemption_event
from domain.inbox import Delivery
from domain.messages import event_of_refund
from domain.ports import Clock, Metrics
from domain.redemption import Alarm, Redemption, Refusal
from domain.redemption import RedemptionStatus as Status
from handlers.intake import Intake
from handlers.vip.announce import Announcer, Line, lasting
from handlers.work import Work
from storage.redemptions import Redemptions
from storage.sessions import Sessions

log = structlog.get_logger(__name__)

PARTY: Mapping[str, tuple[Action, str]] = {
    "opened": (Action.PARTY_OPENED, "party_opened"),
    "queued": (Action.PARTY_QUEUED, "party_queued"),
}
"""Outcomes of a reward that has to do with the watch party: what is written down, and the event that is told."""


class Teller:
    """Announces settled redemptions. `session_changed` wakes the scheduler of expiries; `settled` is told first of each
    redemption of which nothing more will come, so that it waits for no slot any more and holds none in vain."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        announcer: Announcer,
        metrics: Metrics,
        session_changed: Callable[[], None],
        settled: Callable[[Redemption], Awaitable[None]],
    ) -> None:
        self._sessions, self._announcer, self._metrics = sessions, announcer, metrics
        self.session_changed, self._settled = session_changed, settled

    async def tell(self, redemption: Redemption, *, by: Actor | None = None) -> None:
        """Announce what became of a redemption; repeating it doubles nothing. `by`: the person who had it refunded."""
        await self._settled(redemption)
        session = await self._sessions.get(redemption.session_id) if redemption.session_id else None
        viewer = redemption.viewer
        action, actor, line = await self._words(redemption)
        if by is not None and redemption.status is Status.REFUNDED:
            actor = by
        detail = {
            "redemption_id": redemption.id,
            "reward_id": redemption.reward_id,
            "reward_title": redemption.reward_title,
            "reward_cost": redemption.reward_cost,
            "redeemed_at": redemption.redeemed_at,
        }
        if redemption.viewer_id == redemption.channel_id:
            detail["test"] = True  # the streamer tried the whole way, and it works
        if redemption.user_input:
            detail["user_input"] = redemption.user_input
        if session is not None:
            grants = [grant for grant in session.grants if grant.cause == redemption.id]
            added = sum(grant.added_ms for grant in grants)
            left = session.left_ms(redemption.settled_at or redemption.received_at)
            detail |= {"seconds": added // 1000, "expires_at": session.expires_at}
            if line is not None:
                line = replace(line, left_ms=left, **lasting(session, grants[0] if grants else None))
        elif redemption.outcome and redemption.outcome not in PARTY:
            line = None  # the session was erased meanwhile: there is no time to speak of
        new = await self._announcer.announce(
            AuditRecord(
                id=f"{redemption.id}:{redemption.status}",
                channel_id=redemption.channel_id,
                at=redemption.settled_at or redemption.received_at,
                action=action,
                actor=actor,
                cause="redemption",
                viewer=viewer,
                reason=redemption.reason,
                detail=detail,
            ),
            session=session,
            line=line,
        )
        if new:
            self._count(redemption)
            log.info(
                "redemption.settled",
                redemption=redemption.id,
                channel=redemption.channel_id,
                viewer=redemption.viewer_id,
                status=redemption.status.value,
                outcome=redemption.outcome,
                reason=redemption.reason,
            )

    async def tell_unreadable(self, work: Work) -> None:
        """Announce once that a redemption came in that cannot be read. Reconciliation finds it, if Twitch has it."""
        _, channel_id, viewer_id = work.row.lane.split(":")
        record = AuditRecord(
            id=f"{work.row.id}:unreadable",
            channel_id=channel_id,
            at=work.row.received_at,
            action=Action.ALARM,
            actor=SYSTEM,
            cause="redemption",
            viewer=Viewer(viewer_id),
            reason=Alarm.BROKEN.value,
            detail={"row_id": work.row.id},
        )
        if await self._announcer.announce(record):
            self._metrics.count("redemption_alarms_total", reason=Alarm.BROKEN.value)

    async def tell_waiting(self, redemption: Redemption, position: int) -> None:
        """Announce once that a redemption is on the waiting list, at this place (1: the next)."""
        detail = {
            "redemption_id": redemption.id,
            "reward_id": redemption.reward_id,
            "reward_title": redemption.reward_title,
            "reward_cost": redemption.reward_cost,
            "redeemed_at": redemption.redeemed_at,
            "position": position,
        }
        viewer = redemption.viewer
        await self._announcer.announce(
            AuditRecord(
                id=f"{redemption.id}:{Status.WAITING}",
                channel_id=redemption.channel_id,
                at=redemption.received_at,
                action=Action.WAITING,
                actor=Actor("viewer", viewer.id, viewer.shown),
                cause="redemption",
                viewer=viewer,
                detail=detail,
            ),
            line=replace(_line("waiting", redemption), position=position),
        )

    async def _words(self, redemption: Redemption) -> tuple[Action, Actor, Line | None]:
        viewer = Actor("viewer", redemption.viewer_id, redemption.viewer.shown)
        match redemption.status:
            case Status.REFUNDED:
                return Action.REFUNDED, SYSTEM, _line(event_of_refund(redemption.reason), redemption)
            case Status.CANCELLED:
                line = _line("cancelled", redemption) if redemption.session_id else None
                return Action.CANCELLED, streamer(redemption.channel_id), line
            case Status.ALARMED:
                return Action.ALARM, SYSTEM, None
            case _ if redemption.outcome in PARTY:
                action, event = PARTY[redemption.outcome]
                return action, viewer, _line(event, redemption)
            case _ if redemption.outcome == "extended":
                return Action.EXTENDED, viewer, _line("extended", redemption)
            case _:
                waited = await self._announcer.was_told(f"{redemption.id}:{Status.WAITING}")
                return Action.GRANTED, viewer, _line("admitted" if waited else "granted", redemption)

    def _count(self, redemption: Redemption) -> None:
        match redemption.status:
            case Status.REFUNDED:
                self._metrics.count("vip_refunded_total", reason=redemption.reason)
            case Status.FULFILLED:
                product = "party" if redemption.outcome in PARTY else "vip"
                self._metrics.count(f"{product}_{redemption.outcome}_total")
            case Status.ALARMED:
                self._metrics.count("redemption_alarms_total", reason=redemption.reason)
                log.error(
                    "redemption.alarm",
                    redemption=redemption.id,
                    channel=redemption.channel_id,
                    reason=redemption.reason,
                    advice="Look at this redemption in the channel's reward queue and settle it by hand.",
                )
            case _:
                return


def _line(event: str, redemption: Redemption) -> Line:
    """What is known of every redemption."""
    return Line(
        event,
        redemption.viewer.shown,
        reward=redemption.reward_title,
        cost=redemption.reward_cost,
        reason=redemption.reason,
    )


class LastResort:
    """A redemption that is given up ends in a refund, or, where there is a VIP already, in an alarm."""

    def __init__(self, *, redemptions: Redemptions, intake: Intake, teller: Teller, clock: Clock) -> None:
        self._redemptions, self._intake, self._teller, self._clock = redemptions, intake, teller, clock

    async def refund(self, work: Work, error: Exception) -> None:
        """Called for a `redemption.add` that is given up."""
        redemption = await self._find(work)
        if redemption is None and not self._is_readable(work):
            await self._teller.tell_unreadable(work)
        if redemption is None or redemption.settled:
            return
        if redemption.status is Status.GRANTED:
            await self._alarm(redemption, error)
            return
        # Once a refund was decided, Twitch had refused the VIP: whatever badge is there then is not of our making.
        intent = work.noted("grant")
        undecided = redemption.status in (Status.RECEIVED, Status.WAITING)
        half_made = undecided and intent is not None and not intent.get("refused")
        await self._redemptions.move(
            redemption.id, Status.REFUNDING, now=self._clock.now(), reason=Refusal.BROKEN.value
        )
        body = {"event": work.event, "undo_grant": half_made}
        await self._intake.accept(
            Delivery(
                source="refund",
                message_id=redemption.id,
                kind="redemption.refund",
                lane=work.row.lane,
                channel_id=redemption.channel_id,
                raw=json.dumps(body).encode(),
            )
        )

    async def alarm(self, work: Work, error: Exception) -> None:
        """Called for a `redemption.refund` that is given up: nothing is left but to call a person."""
        redemption = await self._find(work)
        if redemption is not None and not redemption.settled:
            await self._alarm(redemption, error)

    async def _alarm(self, redemption: Redemption, error: Exception) -> None:
        code = error.code if isinstance(error, CuelightError) else type(error).__name__
        log.error("redemption.given_up", redemption=redemption.id, code=code)
        redemption = await self._redemptions.move(
            redemption.id, Status.ALARMED, now=self._clock.now(), reason=Alarm.BROKEN.value
        )
        await self._teller.tell(redemption)

    async def _find(self, work: Work) -> Redemption | None:
        if not self._is_readable(work):
            return None
        return await self._redemptions.get(redemption_event(work.event).id)

    def _is_readable(self, work: Work) -> bool:
        try:
            redemption_event(work.event)
        except (Malformed, ValueError):
            return False
        return True
