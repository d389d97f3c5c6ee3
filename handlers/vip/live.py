"""The live picture of a channel: entries for its topic and the snapshot that a page begins from.

The shape of each entry is the contract with the page: `docs/live.md`. A page never holds up what it shows: where the
topics do not take an entry in time, a row is queued that shows it later (`handlers/vip/late.py`).
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog

from domain.audit import Actor, AuditRecord
from domain.channel import Channel
from domain.errors import Broken, NotFound, Unavailable
from domain.inbox import Delivery
from domain.ports import Clock, Metrics
from domain.viewer import ViewerRecord
from domain.vip import VipSession
from gateways.topics.contracts import NewEntry, Topics
from handlers.intake import Intake
from handlers.vip.live_bodies import (
    activity_body,
    by_hand_body,
    channel_body,
    settings_body,
    vip_body,
    waiting_body,
)
from storage.audit import AuditTrail
from storage.channels import Channels
from storage.connections import Connection, Connections
from storage.sessions import Sessions
from storage.slots import SlotsOf
from storage.streams import Streams
from storage.transports import Transports
from storage.viewers import Viewers

log = structlog.get_logger(__name__)

VERSIONS: Mapping[str, int] = {"vip": 2, "activity": 1, "channel": 1, "waiting": 1, "settings": 1}
"""Each kind of entry and the version of it that this release writes. `vip` 2: there may be no end (VIPs by hand)."""

STATE = frozenset({"vip", "waiting"})

APPEND_SECONDS = 0.5
"""How long a grant waits for the page. An append that takes longer is repeated under its key, which doubles nothing."""

AWAY_SECONDS = 2.0
"""After an append that failed, how long nothing waits for the topics; a late show that succeeds ends it."""

SAY_TRIES = 5

WAITS_FOR_TOPICS = "topics"

SNAPSHOT_VIPS = 200
SNAPSHOT_ACTIVITY = 50


def topic_of(channel_id: str) -> str:
    """The name of a channel's topic."""
    return f"channel:{channel_id}"


class Live:
    """Writes the topic of each channel and takes its snapshot. `holder` names this process on the connection board."""

    def __init__(
        self,
        *,
        topics: Topics,
        channels: Channels,
        sessions: Sessions,
        viewers: Viewers,
        slots: SlotsOf,
        streams: Streams,
        transports: Transports,
        audit: AuditTrail,
        connections: Connections,
        intake: Intake,
        clock: Clock,
        metrics: Metrics,
        holder: str = "",
        versions: Mapping[str, int] = VERSIONS,
    ) -> None:
        self._topics, self._channels, self._sessions, self._audit = topics, channels, sessions, audit
        self._viewers, self._slots, self._streams, self._transports = viewers, slots, streams, transports
        self._connections, self._intake, self._holder, self._versions = connections, intake, holder, versions
        self._clock, self._metrics = clock, metrics
        self._said: dict[str, Connection] = {}
        self._numbers = itertools.count()
        self._newest: dict[str, int] = {}  # channel to the number of what was said of it last
        self._saying = asyncio.Lock()
        self._away_until = 0.0  # monotonic

    async def show_vip(self, session: VipSession, *, key: str) -> None:
        """Tell the page of a session's newest state; `key` makes a repetition harmless."""
        key = f"vip:{key}"
        if not await self._shown(session.channel_id, "vip", vip_body(session), key):
            await self._later(session.channel_id, key, {"vip": session.id, "key": key})

    async def show_activity(self, record: AuditRecord) -> None:
        """Tell the page of a line in the audit trail."""
        if not await self._shown(record.channel_id, "activity", activity_body(record), record.id):
            await self._later(record.channel_id, record.id, {"activity": record.id, "key": record.id})

    async def show_by_hand(self, record: ViewerRecord, *, key: str) -> None:
        """Tell the page of a VIP that is not of our making: there is one, it is protected, it is gone."""
        channel_id, key = record.channel_id, f"hand:{key}"
        if not await self._shown(channel_id, "vip", by_hand_body(record), key):
            await self._later(channel_id, key, {"by_hand": record.viewer_id, "key": key})

    async def show_waiting(self, channel_id: str, *, key: str) -> None:
        """Tell the page of the waiting list and the slots as they are now."""
        key = f"waiting:{key}"
        body = await self.waiting(channel_id)
        if body is not None and not await self._shown(channel_id, "waiting", body, key):
            await self._later(channel_id, key, {"waiting": channel_id, "key": key})

    async def show_settings(self, channel_id: str, *, by: Actor, parts: Sequence[str], key: str) -> None:
        """Tell the page that somebody changed these parts of what a streamer chooses."""
        key = f"settings:{key}"
        body = settings_body(channel_id, at=self._clock.now(), by=by, parts=parts)
        if not await self._shown(channel_id, "settings", body, key):
            await self._later(channel_id, key, {"settings": body, "key": key})

    async def show_channel(self, channel_id: str, *, key: str) -> None:
        """Tell the page of a channel whose own picture has changed: paused, on air, another language."""
        channel, key = await self._channels.get(channel_id), f"channel:{key}"
        if channel is not None:
            body = await self.channel_picture(channel)
            if not await self._shown(channel_id, "channel", body, key):
                await self._later(channel_id, key, {"channel": channel_id, "key": key})

    async def show_connection(
        self, channel_id: str, state: str, detail: str, *, holder: str | None = None
    ) -> None:
        """Keep how a channel's monitoring is, and tell the page if that is news. Of several calls for a channel at the
        same time the last one counts. `holder`: who says so, if not this process for itself (the conduit is
        nobody's)."""
        said = Connection(channel_id, state, self._clock.now(), detail[:500], holder or self._holder)
        number = self._newest[channel_id] = next(self._numbers)
        self._said[channel_id] = said
        channel = await self._say(said, number)
        if channel is not None:
            key = f"channel:{channel_id}:{self._holder}:{said.since}:{number}"
            if not await self._shown(channel_id, "channel", await self._picture(channel, said), key):
                await self._later(channel_id, key, {"channel": channel_id, "key": key})

    async def _say(self, said: Connection, number: int) -> Channel | None:
        """Write to the board; the channel if that was news. What is not written now would be wrong until the next
        change, so a store that does not answer is asked again, for some seconds. Raises `Unavailable`."""
        for attempt in range(1, SAY_TRIES + 1):
            try:
                async with self._saying:
                    channel = await self._channels.get(said.id)
                    outdated = self._newest[said.id] != number
                    if channel is None or outdated or not await self._connections.put(said):
                        return None
                    return channel
            except Unavailable as error:
                if attempt == SAY_TRIES:
                    raise
                await self._clock.sleep(max(1.0, error.retry_after_seconds))
        return None

    def connection(self, channel_id: str) -> Connection:
        """What this process said of a channel last."""
        return self._said.get(channel_id) or Connection(channel_id)

    async def channel_picture(self, channel: Channel) -> dict[str, Any]:
        """A channel with the state of its connection, whichever process holds it."""
        return await self._picture(channel, await self._connections.get(channel.id))

    async def _picture(self, channel: Channel, connection: Connection) -> dict[str, Any]:
        return channel_body(
            channel,
            connection,
            live_since=await self._streams.live_since(channel.id),
            transport=(await self._transports.get()).in_force.value,
        )

    async def waiting(self, channel_id: str) -> dict[str, Any] | None:
        """The waiting list and the slots of a channel, `None` if there is no such channel."""
        channel = await self._channels.get(channel_id)
        if channel is None:
            return None
        slots = await self._slots.get(channel_id)
        return waiting_body(slots, channel.settings.limits, now=self._clock.now())

    async def by_hand(self, channel_id: str, ours: Collection[str]) -> list[dict[str, Any]]:
        """The VIPs of a channel that are not of our making, apart from the viewers in `ours`."""
        records = await self._viewers.by_hand(channel_id)
        return [by_hand_body(record) for record in records if record.viewer_id not in ours]

    async def snapshot(self, channel_id: str) -> dict[str, Any]:
        """All that a page needs to begin. Raises `NotFound`."""
        channel = await self._channels.get(channel_id)
        if channel is None:
            raise NotFound(
                f"There is no channel {channel_id}.", advice="Add it first: cuelight channels add."
            )
        active = await self._sessions.active(channel_id)
        by_hand = await self.by_hand(channel_id, {session.viewer_id for session in active})
        ended = await self._sessions.recently_ended(channel_id, limit=20)
        records, _ = await self._audit.page(channel_id, limit=SNAPSHOT_ACTIVITY)
        return {
            "now": self._clock.now(),
            "channel": await self.channel_picture(channel),
            "vips": [
                *[vip_body(session) for session in active],
                *by_hand,
                *[vip_body(session) for session in ended],
            ][:SNAPSHOT_VIPS],
            "waiting": await self.waiting(channel_id),
            "activity": [activity_body(record) for record in records],
        }

    async def append(self, channel_id: str, kind: str, body: dict[str, Any], key: str) -> None:
        """Put an entry into a channel's topic, however long that takes. Raises what the topics raise."""
        entry = NewEntry(kind, body, state=kind in STATE, version=self._versions[kind])
        await self._topics.append(topic_of(channel_id), entry, key=key)
        self._metrics.count("topic_appends_total")
        self._away_until = 0.0

    async def _shown(self, channel_id: str, kind: str, body: dict[str, Any], key: str) -> bool:
        if self._clock.monotonic() < self._away_until:
            return False
        try:
            async with asyncio.timeout(APPEND_SECONDS):
                await self.append(channel_id, kind, body, key)
        except (Unavailable, Broken, TimeoutError) as error:
            log.info("live.later", channel=channel_id, kind=kind, why=str(error) or "too slow")
            self._away_until = self._clock.monotonic() + AWAY_SECONDS
            return False
        return True

    async def _later(self, channel_id: str, name: str, body: Mapping[str, Any]) -> None:
        await self._intake.accept(
            Delivery(
                source="live",
                message_id=name,
                kind="live.show",
                lane=f"live:{channel_id}",
                channel_id=channel_id,
                raw=json.dumps(dict(body)).encode(),
                waiting_for=WAITS_FOR_TOPICS,  # not a backlog: nobody waits for it but the page
                first_counts=True,
            )
        )
