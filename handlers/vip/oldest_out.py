"""The oldest VIP of ours makes room for another (`vip.make_room`), in its own viewer's lane."""

from __future__ import annotations

from domain import slots as moves
from domain.audit import SYSTEM
from domain.errors import Rejected
from domain.events import identifier
from domain.viewer import Listed
from domain.vip import Ended, VipStatus
from handlers.vip.endings import Endings
from handlers.vip.room import Room
from handlers.vip.waiting import Waiting
from handlers.work import Work
from storage.channels import Channels
from storage.sessions import Sessions
from storage.viewers import Viewers


class OldestOut:
    """Ends the session that was chosen, if it still has to go when its turn comes."""

    def __init__(
        self,
        *,
        room: Room,
        waiting: Waiting,
        endings: Endings,
        channels: Channels,
        sessions: Sessions,
        viewers: Viewers,
    ) -> None:
        self._room, self._waiting, self._endings = room, waiting, endings
        self._channels, self._sessions, self._viewers = channels, sessions, viewers

    async def make_room(self, work: Work) -> str:
        """Handle `vip.make_room`. Returns `made_room`, or `gone` (it ended by itself), `protected` (somebody else goes,
        or nobody), `not_needed`."""
        completed = await self._endings.resume(work)
        if completed is not None:
            return completed
        session = await self._sessions.get(identifier(work.payload, "session_id"))
        if session is None:
            raise Rejected("The session that is to make room is not stored.", code="vip.no_session")
        channel = await self._channels.get(session.channel_id)
        if channel is None:
            return "not_ours"
        if session.status is not VipStatus.ACTIVE:
            await self._room.left(session)
            return "gone"
        session_id = session.id
        record = await self._viewers.get(channel.id, session.viewer_id)
        if record.listed is Listed.PROTECTED:
            await self._waiting.cover(channel, spare=session_id)
            return "protected"
        slots = await self._room.change(channel, lambda held: moves.begin_leaving(held, session_id))
        if all(leaving.session_id != session_id for leaving in slots.leaving):
            return "not_needed"  # a slot became free otherwise
        return await self._endings.end(
            work, session, Ended.MADE_ROOM, actor=SYSTEM, cause="redemption", remove=True
        )
