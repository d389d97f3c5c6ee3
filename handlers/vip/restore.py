"""A VIP that is paid for and was taken away by nobody who meant it: granted again.

A process that was stopped in the middle of a call may reach Twitch long after another has taken its lane over. Twitch
knows no fences: the removal of an earlier session then hits a later one. See docs/decisions/0007-zombies.md.
"""

from __future__ import annotations

import structlog

from domain.audit import SYSTEM, Action, AuditRecord
from domain.channel import Viewer
from domain.ports import Clock, Metrics
from domain.vip import VipSession, VipStatus
from gateways.twitch.contracts import AddVip, Helix
from handlers.vip.announce import Announcer
from handlers.work import Work
from storage.sessions import Sessions

log = structlog.get_logger(__name__)


class Restoring:
    """Gives the VIP of an open session back, once for each takeover."""

    def __init__(
        self, *, sessions: Sessions, helix: Helix, announcer: Announcer, clock: Clock, metrics: Metrics
    ) -> None:
        self._sessions, self._helix, self._announcer = sessions, helix, announcer
        self._clock, self._metrics = clock, metrics

    async def restore(self, work: Work, session: VipSession) -> bool:
        """Grant the VIP of an open session again and tell of it. False: Twitch does not allow it (the viewer was
        banned, say, or the slot is taken), or there is no time left; then the session has to be closed."""
        if session.expires_at <= self._clock.now():
            return False
        if not self._begun(work, session):
            await work.note("restore", {"session_id": session.id, "was_vip": False, "was_moderator": False})
        work.hold()
        outcome = await self._helix.add_vip(session.channel_id, session.viewer_id)
        work.settle_doubt()
        if outcome not in (AddVip.ADDED, AddVip.ALREADY_VIP):
            log.warning("vip.not_restored", session=session.id, outcome=outcome.value)
            return False
        viewer = Viewer(session.viewer_id, session.viewer_login, session.viewer_name)
        record = AuditRecord(
            id=f"{work.row.id}:restored",
            channel_id=session.channel_id,
            at=self._clock.now(),
            action=Action.RESTORED,
            actor=SYSTEM,
            cause="takeover",
            viewer=viewer,
            detail={"session_id": session.id, "expires_at": session.expires_at},
        )
        if await self._announcer.announce(record, session=session):
            self._metrics.count("reconciled_total", what="takeover")
            log.warning("vip.restored", session=session.id, channel=session.channel_id)
        return True

    async def resume(self, work: Work) -> bool:
        """Complete what an earlier attempt at this row began: the VIP may be there again, and nobody was told."""
        begun = work.noted("restore")
        session = None if begun is None else await self._sessions.get(begun["session_id"])
        if session is None or session.status is not VipStatus.ACTIVE:
            return False
        return await self.restore(work, session)

    def _begun(self, work: Work, session: VipSession) -> bool:
        begun = work.noted("restore")
        return begun is not None and begun["session_id"] == session.id
