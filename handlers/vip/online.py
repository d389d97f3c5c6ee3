"""Says "we are here" once per start, where the streamer wants that.

Not at each reconnect, and in a fleet not at each process: only the first one says it, the one that finds no other alive
(`storage.daemons`). Never twice within ten minutes, whatever crashes and starts again: a channel's tally of its chat
keeps when it was said last, and is written before the line is queued. (docs/decisions/0017-messages.md)
"""

from __future__ import annotations

import structlog

from domain.errors import Unavailable
from domain.ports import Clock
from domain.words import Line
from handlers.vip.announce import Announcer
from storage.channels import Channels
from storage.pulses import Chats

log = structlog.get_logger(__name__)

LEAST_MS = 10 * 60_000


class Online:
    def __init__(self, *, channels: Channels, chats: Chats, announcer: Announcer, clock: Clock) -> None:
        self._channels, self._chats, self._announcer, self._clock = channels, chats, announcer, clock

    async def say(self, *, start: str) -> int:
        """Have it said in every channel that wants it. `start` names this start. Returns in how many. A store that does
        not answer ends it: nobody misses much."""
        told = 0
        try:
            for channel in await self._channels.all():
                if not channel.settings.messages.says_online:
                    continue
                now = self._clock.now()
                if await self._chats.came_online(channel.id, now=now, least_ms=LEAST_MS):
                    await self._announcer.say(
                        channel.id, Line("online"), id=f"online:{start}:{channel.id}", at=now
                    )
                    told += 1
        except Unavailable as error:
            log.warning("online.not_said", code=error.code)
        return told
