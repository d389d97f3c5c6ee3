"""Whether a channel is on air, and what ends with its stream.

A stream that drops is not over: it may come back within the grace. That wait is a row of its own, in a lane of its own,
so that the notice of the return is not kept waiting behind it. What is over then ends row by row: each VIP "until the
stream ends" in its viewer's lane, each redemption on the waiting list in its own.

A start or an end that nobody told us of is found when Twitch is asked (`catch_up`, at each reconciliation).
"""

from __future__ import annotations

import json
from dataclasses import replace

from domain.audit import SYSTEM, Action, AuditRecord
from domain.events import Malformed, format_time, identifier, number, stream_event
from domain.inbox import Delivery
from domain.ports import Clock
from domain.redemption import Refusal
from gateways.twitch.contracts import Helix
from gateways.twitch.contracts import Waiting as NotYet
from handlers.intake import Intake
from handlers.vip.announce import Announcer
from handlers.vip.lanes import grace_lane, lane_of, stream_lane
from handlers.vip.live import Live
from handlers.vip.waiting import Waiting
from handlers.work import Work
from storage.channels import Channels
from storage.sessions import Sessions
from storage.streams import Streams, StreamState

GRACE_SECONDS = 300.0

LAG_MS = 180_000
"""How far Twitch's list of streams may be behind its own notices."""


class OnAir:
    """Handles `channel.live`, `channel.offline` and `channel.over`. `grace_seconds`: how long a stream may be gone
    before it is over."""

    def __init__(
        self,
        *,
        channels: Channels,
        sessions: Sessions,
        streams: Streams,
        helix: Helix,
        waiting: Waiting,
        announcer: Announcer,
        live: Live,
        intake: Intake,
        clock: Clock,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._channels, self._sessions, self._streams, self._helix = channels, sessions, streams, helix
        self._waiting, self._announcer, self._live, self._intake = waiting, announcer, live, intake
        self._clock, self._grace_ms = clock, round(grace_seconds * 1000)

    async def live(self, work: Work) -> str:
        """Handle `channel.live`. Twitch's list of streams is minutes behind, so the notice is believed, unless it tells
        of a stream that is over. Returns `live`, `known` or `stale`."""
        event = stream_event(work.event)
        state = await self._streams.get(event.channel_id)
        since = event.started_at
        if since is None:
            raise Malformed("A stream began, but when is not told.")
        if since <= state.over_at and work.noted("seen") is None:
            return "stale"
        return await self._turned(work, event.channel_id, since)

    async def offline(self, work: Work) -> str:
        """Handle `channel.offline`. It counts when the grace is over, and only if Twitch shows no stream then. Returns
        `off_air` or `known`."""
        return await self._turned(work, stream_event(work.event).channel_id, None)

    async def catch_up(self, work: Work, channel_id: str) -> bool:
        """Ask Twitch what nobody told us, and queue it if it is news. What changed lately is not asked about: Twitch's
        list may not know of it yet."""
        state, now = await self._streams.get(channel_id), self._clock.now()
        await self._look_at_over(channel_id, state)
        if now - state.seen_at < LAG_MS:
            return False
        since = await self._helix.stream(channel_id)
        if since == state.live_since:
            if since is not None:
                await self._streams.change(channel_id, lambda held: replace(held, seen_at=now))
            return False
        event = {"broadcaster_user_id": channel_id}
        if since is not None:
            event["started_at"] = format_time(since)
        await self._intake.accept(
            Delivery(
                source="reconcile",
                # An attempt that was cut off may have seen the stream before it began, or ended.
                message_id=f"{work.row.message_id}:stream:{since}",
                kind="channel.offline" if since is None else "channel.live",
                lane=stream_lane(channel_id),
                channel_id=channel_id,
                raw=json.dumps({"event": event}).encode(),
            )
        )
        return True

    async def _turned(self, work: Work, channel_id: str, since: int | None) -> str:
        """Take over that the channel is on air since then, or off air. What was before is noted, so that a second
        attempt tells what the first one changed."""
        if await self._channels.get(channel_id) is None:
            return "not_ours"
        now = work.row.received_at
        begun = work.noted("seen")
        if begun is None:
            begun = {"was": (await self._streams.get(channel_id)).live_since}
            await work.note("seen", begun)
        work.ensure_held()
        state = await self._streams.change(channel_id, lambda held: self._moved(held, since, now))
        if begun["was"] == since:
            return "known"
        await self._look_at_over(channel_id, state)
        await self._tell(work, channel_id, since)
        return "off_air" if since is None else "live"

    async def _tell(self, work: Work, channel_id: str, since: int | None) -> None:
        await self._live.show_channel(channel_id, key=f"{work.row.id}:{since}")
        record = AuditRecord(
            id=f"{work.row.id}:stream",
            channel_id=channel_id,
            at=work.row.received_at,
            action=Action.OVER if since is None else Action.LIVE,
            actor=SYSTEM,
            cause="reconciliation" if work.row.source == "reconcile" else "twitch",
            detail={} if since is None else {"started_at": since},
        )
        await self._announcer.announce(record)

    def _moved(self, held: StreamState, since: int | None, now: int) -> StreamState:
        """What we know after we heard, at `now`, that a stream is on since then, or that none is."""
        seen = replace(held, live_since=since, seen_at=max(held.seen_at, now))
        if since is None:
            return seen if held.live_since is None else replace(seen, ended_at=now)
        over_at = held.over_at
        if held.ended_at and since - held.ended_at > self._grace_ms:
            over_at = max(over_at, held.ended_at)  # it did not come back: this is the next one
        elif held.live_since not in (None, since) and since - held.seen_at > self._grace_ms:
            # The next one, and of the end of the one before nobody told us: it was on when we looked last.
            over_at = max(over_at, held.seen_at)
        return replace(seen, ended_at=0, over_at=over_at)

    async def _look_at_over(self, channel_id: str, state: StreamState) -> None:
        """Queue the row that waits for the return of a stream, or that ends what has ended; once for each end."""
        at = state.ended_at or state.over_at
        if at:
            await self._intake.accept(
                Delivery(
                    source="stream",
                    message_id=f"{channel_id}:{at}",
                    kind="channel.over",
                    lane=grace_lane(channel_id),
                    channel_id=channel_id,
                    raw=json.dumps({"channel_id": channel_id, "ended_at": at}).encode(),
                )
            )

    async def over(self, work: Work) -> str:
        """Handle `channel.over`. Raises `Waiting` during the grace: no attempt, and no worker is held. Returns
        `came_back`, or how many VIPs end."""
        channel_id = identifier(work.payload, "channel_id")
        at = number(work.payload, "ended_at")
        state = await self._streams.get(channel_id)
        if state.over_at < at:
            if state.ended_at != at:
                return "came_back"
            left_ms = at + self._grace_ms - self._clock.now()
            if left_ms > 0:
                raise NotYet(
                    "The stream may come back.", code="stream.grace", retry_after_seconds=left_ms / 1000
                )
            since = await self._helix.stream(channel_id)
            now = self._clock.now()
            if since is not None:
                # Twitch shows one after all; `_moved` knows whether it is the same.
                state = await self._streams.change(channel_id, lambda held: self._moved(held, since, now))
                await self._live.show_channel(channel_id, key=f"{work.row.id}:{since}")
                if state.over_at < at:
                    return "came_back"
            else:
                await self._streams.change(channel_id, lambda held: _over(held, at))
        return await self._end_all(channel_id, at)

    async def _end_all(self, channel_id: str, at: int) -> str:
        """Who became VIP after the end of this stream is VIP until the next one ends. Who waits is let go first: he
        shall not be let in by the VIPs that end."""
        waiting = 0
        if (await self._streams.get(channel_id)).live_since is None:  # else they wait in the next one
            waiting = await self._waiting.let_all_go(channel_id, Refusal.STREAM_OVER)
        ends = [
            session
            for session in await self._sessions.active(channel_id)
            if session.until_stream_end and session.stream_since <= at
        ]
        over_at = at + self._grace_ms
        for session in ends:
            await self._intake.accept(
                Delivery(
                    source="stream",
                    message_id=f"{session.id}:{at}",
                    kind="vip.stream_over",
                    lane=lane_of(channel_id, session.viewer_id),
                    channel_id=channel_id,
                    raw=json.dumps({"session_id": session.id, "ended_at": at, "over_at": over_at}).encode(),
                    first_counts=True,  # an earlier release did not say which stream
                )
            )
        return f"{len(ends)} VIPs, {waiting} waiting"


def _over(held: StreamState, at: int) -> StreamState:
    return replace(held, over_at=max(held.over_at, at), ended_at=0 if held.ended_at == at else held.ended_at)
