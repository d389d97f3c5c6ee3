"""What is told of VIP time that was not paid for with points, and of what was ordered around it: once, by an id."""

from __future__ import annotations

from typing import Any

from domain.audit import SYSTEM, Action, Actor, AuditRecord
from domain.channel import Viewer
from domain.ports import Clock, Metrics
from domain.vip import VipSession
from handlers.vip.announce import Announcer, Line, lasting
from handlers.vip.granting import Given

ACTIONS: dict[str, Action] = {
    "granted": Action.GRANTED,
    "adopted": Action.GRANTED,
    "extended": Action.EXTENDED,
}


class Gifts:
    """Writes records and lines in chat."""

    def __init__(self, *, announcer: Announcer, clock: Clock, metrics: Metrics) -> None:
        self._announcer, self._clock, self._metrics = announcer, clock, metrics

    async def tell(
        self,
        id: str,
        given: Given,
        *,
        actor: Actor = SYSTEM,
        cause: str,
        template: str = "",
        **detail: Any,
    ) -> None:
        """Time was given. `id` is that of its cause; `template`: the event that is told in chat, if not that of the
        word (an adoption is not told: the viewer is VIP as before)."""
        session, word = given.session, given.word
        grant = next((each for each in session.grants if each.cause == id), None)
        at = self._clock.now() if grant is None else grant.at
        added = 0 if grant is None else grant.added_ms
        viewer = Viewer(session.viewer_id, session.viewer_login, session.viewer_name)
        line: Line | None = None
        if word != "adopted":
            line = Line(
                template or word,
                viewer.shown,
                left_ms=session.left_ms(at),
                **lasting(session, grant),
                reward=session.reward_title,
            )
        told = {
            "session_id": session.id,
            "seconds": added // 1000,
            "expires_at": session.expires_at,
            "method": session.method.value,
            **({"until_stream_end": True} if session.until_stream_end else {}),
            **detail,
        }
        new = await self.write(
            f"{id}:{word}",
            session.channel_id,
            ACTIONS[word],
            viewer,
            actor=actor,
            cause=cause,
            detail=told,
            at=at,
            session=session,
            line=line,
        )
        if new:
            self._metrics.count("vip_extended_total" if word == "extended" else "vip_granted_total")

    async def write(
        self,
        id: str,
        channel_id: str,
        action: Action,
        viewer: Viewer,
        *,
        actor: Actor,
        cause: str,
        reason: str = "",
        detail: dict[str, Any],
        at: int | None = None,
        session: VipSession | None = None,
        line: Line | None = None,
    ) -> bool:
        """One record of the trail, shown. Returns whether it is new."""
        record = AuditRecord(
            id=id,
            channel_id=channel_id,
            at=self._clock.now() if at is None else at,
            action=action,
            actor=actor,
            cause=cause,
            viewer=viewer,
            reason=reason,
            detail=detail,
        )
        return await self._announcer.announce(record, session=session, line=line)
