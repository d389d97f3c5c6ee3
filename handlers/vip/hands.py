"""VIPs that were made by hand, on Twitch: noticed, shown, never touched unless somebody orders it."""

from __future__ import annotations

from dataclasses import replace

from domain.audit import Action, AuditRecord, streamer
from domain.channel import Viewer
from domain.ports import Clock
from domain.viewer import ViewerRecord
from handlers.vip.announce import Announcer
from handlers.vip.live import Live
from handlers.vip.room import Room
from handlers.work import Work
from storage.viewers import Viewers


class Hands:
    """Keeps `ViewerRecord.by_hand_since` and what the page shows of it."""

    def __init__(
        self, *, viewers: Viewers, room: Room, announcer: Announcer, live: Live, clock: Clock
    ) -> None:
        self._viewers, self._room, self._announcer = viewers, room, announcer
        self._live, self._clock = live, clock

    async def noticed(self, work: Work, channel_id: str, viewer: Viewer) -> None:
        """There is a VIP that is not ours: remember and tell. What a look at all VIPs finds (dozens, at the first one)
        is only shown."""
        await self.made(channel_id, viewer, since=self._clock.now())
        if work.row.source == "reconcile":
            return
        await self._tell(work, channel_id, viewer, action=Action.NOTICED, step="noticed")

    async def gone(self, work: Work, channel_id: str, viewer: Viewer) -> str:
        """A VIP without a session is no VIP any more: by hand, as far as anybody can tell."""
        await self._room.freed(channel_id)
        record = await self._viewers.get(channel_id, viewer.id)
        if not record.by_hand_since and work.noted("gone") is None:
            return "not_ours"
        await work.note("gone", {})  # who is cut off after the record was changed tells of it all the same
        await self._tell(work, channel_id, viewer, action=Action.GONE, step="gone")
        await self.forget(channel_id, viewer)
        return "gone"

    async def taken_away(self, channel_id: str, viewer: Viewer) -> None:
        """A badge by hand was removed at the streamer's order."""
        await self.forget(channel_id, viewer)
        await self._room.freed(channel_id)

    async def made(self, channel_id: str, viewer: Viewer, *, since: int) -> ViewerRecord:
        """Remember since when there is such a badge, and show it. Repeating it changes nothing."""
        record = await self._viewers.change(
            channel_id, viewer, lambda held: replace(held, by_hand_since=held.by_hand_since or since)
        )
        await self._live.show_by_hand(record, key=f"{record.id}:{record.by_hand_since}")
        return record

    async def forget(self, channel_id: str, viewer: Viewer) -> None:
        """There is no such badge any more, or it is ours from now on."""
        now = self._clock.now()
        record = await self._viewers.change(
            channel_id,
            viewer,
            lambda held: replace(held, by_hand_since=0, seen_at=now) if held.by_hand_since else held,
        )
        await self._live.show_by_hand(record, key=f"{record.id}:{record.seen_at}:gone")

    async def show(self, record: ViewerRecord, *, key: str) -> None:
        """Show a badge again, of which something else has changed (a list, a name)."""
        if record.by_hand_since:
            await self._live.show_by_hand(record, key=key)

    async def _tell(self, work: Work, channel_id: str, viewer: Viewer, *, action: Action, step: str) -> None:
        record = AuditRecord(
            id=f"{work.row.id}:{step}",
            channel_id=channel_id,
            at=self._clock.now(),
            action=action,
            actor=streamer(channel_id),
            cause="twitch",
            viewer=viewer,
        )
        await self._announcer.announce(record)
