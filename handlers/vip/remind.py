"""Tells viewers that their VIP time ends soon, as long before as the streamer chose: once for each end.

What is to be said is found by the clock and carried out in the viewer's lane, like the ends themselves. A session
remembers the end that was told of, so an extension arms the reminder anew. Nobody is reminded of a time so short that
the reminder would come in its first half.
"""

from __future__ import annotations

import json

from domain.channel import Channel
from domain.events import identifier, number
from domain.inbox import Delivery
from domain.ports import Clock
from domain.vip import VipSession, VipStatus, fenced, reminded
from domain.words import Line
from handlers.intake import Intake
from handlers.vip.announce import Announcer
from handlers.vip.lanes import lane_of
from handlers.work import Work
from storage.channels import Channels
from storage.sessions import Sessions

AHEAD_MS = 15_000
"""How far a look sees ahead: no two looks are further apart (`handlers.due_work.LONGEST_SLEEP_SECONDS`)."""

CHANNELS_MS = 60_000
"""How long the list of channels that want reminders is relied on."""


class Reminders:
    """`look` is to be called by the clock, `remind` handles `vip.remind`."""

    def __init__(
        self, *, channels: Channels, sessions: Sessions, intake: Intake, announcer: Announcer, clock: Clock
    ) -> None:
        self._channels, self._sessions, self._intake = channels, sessions, intake
        self._announcer, self._clock = announcer, clock
        self._wanting: list[Channel] = []
        self._listed_at: int | None = None
        self._queued: dict[str, int] = {}  # session id to the end whose reminder was queued

    async def look(self) -> int | None:
        """Queue every reminder that is due. Returns when the next one is (UTC ms), as far as it is near. Raises
        `Unavailable`."""
        dues: list[int] = []
        queued: dict[str, int] = {}
        for channel in await self._channels_wanting():
            lead = channel.settings.messages.ends_soon_ms
            now = self._clock.now()
            for session in await self._sessions.ending(channel.id, after=now, before=now + lead + AHEAD_MS):
                due = _due(session, lead)
                if due is None:
                    continue
                if due > now:
                    dues.append(due)
                    continue
                if self._queued.get(session.id) != session.expires_at:
                    await self._intake.accept(reminder_of(session))
                queued[session.id] = session.expires_at
        self._queued = queued
        return min(dues, default=None)

    async def _channels_wanting(self) -> list[Channel]:
        now = self._clock.now()
        if self._listed_at is None or not 0 <= now - self._listed_at < CHANNELS_MS:
            self._wanting = [channel for channel in await self._channels.all() if _wants(channel)]
            self._listed_at = now
        return self._wanting

    async def remind(self, work: Work) -> str:
        """Say it, if it still holds. Returns `reminded`, or why not: `over`, `extended`, `told`, `off`."""
        session = await self._sessions.get(identifier(work.payload, "session_id"))
        expires_at, now = number(work.payload, "expires_at"), self._clock.now()
        if session is None or session.status is not VipStatus.ACTIVE or expires_at <= now:
            return "over"
        if session.expires_at != expires_at:
            return "extended"
        if session.reminded_for == expires_at:
            return "told"
        channel = await self._channels.get(session.channel_id)
        if channel is None or not _wants(channel):
            return "off"
        shown = session.viewer_name or session.viewer_login
        line = Line("ends_soon", shown, left_ms=expires_at - now, reward=session.reward_title)
        work.ensure_held()
        await self._announcer.say(session.channel_id, line, id=work.row.message_id, at=work.row.received_at)
        fence = work.fence
        await self._sessions.change(session.id, lambda held: reminded(fenced(held, fence), of=expires_at))
        return "reminded"


def reminder_of(session: VipSession) -> Delivery:
    """The row that reminds of an end; the end is part of its identity."""
    return Delivery(
        source="clock",
        message_id=f"{session.id}:soon:{session.expires_at}",
        kind="vip.remind",
        lane=lane_of(session.channel_id, session.viewer_id),
        channel_id=session.channel_id,
        raw=json.dumps({"session_id": session.id, "expires_at": session.expires_at}).encode(),
    )


def _wants(channel: Channel) -> bool:
    """Where nothing ends by itself, there is nothing to remind of."""
    told = channel.settings.messages
    heard = channel.chat or bool(told.discord_url)
    return told.ends_soon_ms > 0 and channel.settings.removes and heard


def _due(session: VipSession, lead_ms: int) -> int | None:
    """When a viewer is to be reminded (UTC ms), `None` for not at all (any more)."""
    if session.until_stream_end or session.left_at or session.reminded_for == session.expires_at:
        return None
    if session.expires_at - session.granted_at < 2 * lead_ms:
        return None
    return session.expires_at - lead_ms
