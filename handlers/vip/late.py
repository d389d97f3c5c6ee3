"""Shows on the live page what its topic did not take when it happened. The lane of a channel keeps the order.

Whatever is shown late is read afresh: the newest state of a session, the line of the trail as it was written.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from domain.audit import Action
from domain.errors import Broken, Unavailable
from domain.events import text
from gateways.twitch.contracts import Waiting
from handlers.vip.live import WAITS_FOR_TOPICS, Live
from handlers.vip.live_bodies import activity_body, by_hand_body, vip_body
from handlers.work import Work
from storage.audit import AuditTrail
from storage.channels import Channels
from storage.sessions import Sessions
from storage.viewers import Viewers

AGAIN_SECONDS = 2.0
BROKEN_AGAIN_SECONDS = 30.0  # a refused password, say: a person has to put that right
MOST_LOOKS = 5
MOST_SECONDS = 5.0

Read = Callable[[], Awaitable[dict[str, Any] | None]]


class LateShow:
    """Handles `live.show`."""

    def __init__(
        self, *, live: Live, channels: Channels, sessions: Sessions, viewers: Viewers, audit: AuditTrail
    ) -> None:
        self._live, self._channels, self._sessions = live, channels, sessions
        self._viewers, self._audit = viewers, audit

    async def show(self, work: Work) -> str:
        """Returns `shown`, or `gone` for what is not stored any more. Raises `Waiting` while the topics are away: that
        is no failure, and no attempt."""
        channel_id = work.row.channel_id
        try:
            async with asyncio.timeout(MOST_SECONDS):
                shown = await self._show(channel_id, work.payload, text(work.payload, "key"))
        except TimeoutError as error:
            raise _not_now(AGAIN_SECONDS) from error
        except Unavailable as error:
            raise _not_now(max(AGAIN_SECONDS, error.retry_after_seconds)) from error
        except Broken as error:
            raise _not_now(BROKEN_AGAIN_SECONDS) from error
        return "shown" if shown else "gone"

    async def _show(self, channel_id: str, body: dict[str, Any], key: str) -> bool:
        if "activity" in body:
            return await self._line(channel_id, text(body, "activity"), key)
        if "settings" in body:  # a notice: there is nothing newer to be read
            await self._live.append(channel_id, "settings", body["settings"], key)
            return True
        if "vip" in body:
            session_id = text(body, "vip")
            return await self._newest(channel_id, "vip", key, lambda: self._session(session_id))
        if "by_hand" in body:
            viewer_id = text(body, "by_hand")
            return await self._newest(channel_id, "vip", key, lambda: self._hand(channel_id, viewer_id))
        if "waiting" in body:
            return await self._newest(channel_id, "waiting", key, lambda: self._live.waiting(channel_id))
        return await self._newest(channel_id, "channel", key, lambda: self._channel(channel_id))

    async def _newest(self, channel_id: str, kind: str, key: str, read: Read) -> bool:
        """Append what a thing is now, until it has not changed meanwhile: other entries of it may have come in between,
        and the last one has to be the newest.

        The first goes under the key of the entry that was not taken in time. That one may have come through, or lie
        in a buffer still: from now on it cannot come later. It may have told of an older state, hence the second.
        """
        shown: dict[str, Any] | None = None
        for _ in range(MOST_LOOKS):
            body = await read()
            if body is None:
                return False
            if shown is None:
                await self._live.append(channel_id, kind, body, key)
            if body == shown:
                return True
            await self._live.append(channel_id, kind, body, f"{key}:{_print(body)}")
            shown = body
        raise Unavailable("It changes faster than it can be shown.", code="live.busy")

    async def _session(self, session_id: str) -> dict[str, Any] | None:
        session = await self._sessions.get(session_id)
        return None if session is None else vip_body(session)

    async def _hand(self, channel_id: str, viewer_id: str) -> dict[str, Any]:
        return by_hand_body(await self._viewers.get(channel_id, viewer_id))

    async def _channel(self, channel_id: str) -> dict[str, Any] | None:
        channel = await self._channels.get(channel_id)
        return None if channel is None else await self._live.channel_picture(channel)

    async def _line(self, channel_id: str, record_id: str, key: str) -> bool:
        record = await self._audit.get(record_id)
        if record is None or record.action is Action.ERASED:
            return False
        await self._live.append(channel_id, "activity", activity_body(record), key)
        return True


def _not_now(seconds: float) -> Waiting:
    return Waiting("The topics are away.", code=WAITS_FOR_TOPICS, retry_after_seconds=seconds)


def _print(body: dict[str, Any]) -> str:
    """A short name of a state."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
