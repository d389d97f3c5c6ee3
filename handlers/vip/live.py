"""The live picture of a channel: entries for its topic and the snapshot that a page begins from.

The shape of each entry is the contract with the page: `docs/live.md`. A page never holds up what it shows: where the
topics do not take an entry in time, a row is queued that shows it later (`handlers/vip/late.py`).
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping
from typing import Any

import structlog

from domain.audit import AuditRecord
from domain.channel import Channel
from domain.errors import Broken, NotFound, Unavailable
from domain.inbox import Delivery
from domain.ports import Clock, Metrics
from domain.vip import VipSession
from gateways.topics.contracts import NewEntry, Topics
from handlers.intake import Intake
from storage.audit import AuditTrail
from storage.channels import Channels
from storage.connections import Connection, Connections
from storage.sessions import Sessions

log = structlog.get_logger(__name__)

VERSIONS: Mapping[str, int] = {"vip": 1, "activity": 1, "channel": 1}
"""Each kind of entry and the version of it that this release writes."""

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


def vip_body(session: VipSession) -> dict[str, Any]:
    """A session as the page shows it: always whole, to be put in place of what the page has under its id."""
    return {
        "id": session.id,
        "viewer_id": session.viewer_id,
        "viewer_login": session.viewer_login,
        "viewer_name": session.viewer_name,
        "status": session.status.value,
        "granted_at": session.granted_at,
        "expires_at": session.expires_at,
        "method": session.method.value,
        "reward_title": session.reward_title,
        "extensions": max(0, len(session.grants) - 1),
        "ended_at": session.ended_at,
        "ended_because": session.ended_because,
    }


def activity_body(record: AuditRecord) -> dict[str, Any]:
    """A line of the audit trail as the page shows it."""
    viewer = record.viewer
    return {
        "id": record.id,
        "at": record.at,
        "action": record.action.value,
        "actor": {"kind": record.actor.kind, "id": record.actor.id, "name": record.actor.name},
        "viewer": {"id": viewer.id, "login": viewer.login, "name": viewer.name} if viewer.id else None,
        "cause": record.cause,
        "reason": record.reason,
        "detail": record.detail,
    }


class Live:
    """Writes the topic of each channel and takes its snapshot. `holder` names this process on the connection board."""

    def __init__(
        self,
        *,
        topics: Topics,
        channels: Channels,
        sessions: Sessions,
        audit: AuditTrail,
        connections: Connections,
        intake: Intake,
        clock: Clock,
        metrics: Metrics,
        holder: str = "",
        versions: Mapping[str, int] = VERSIONS,
    ) -> None:
        self._topics, self._channels, self._sessions, self._audit = topics, channels, sessions, audit
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

    async def show_connection(self, channel_id: str, state: str, detail: str) -> None:
        """Keep how a channel's monitoring is, and tell the page if that is news. Of several calls for a channel at the
        same time the last one counts."""
        said = Connection(channel_id, state, self._clock.now(), detail[:500], self._holder)
        number = self._newest[channel_id] = next(self._numbers)
        self._said[channel_id] = said
        channel = await self._say(said, number)
        if channel is not None:
            key = f"channel:{channel_id}:{self._holder}:{said.since}:{number}"
            if not await self._shown(channel_id, "channel", _channel_body(channel, said), key):
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

    def channel_body(self, channel: Channel) -> dict[str, Any]:
        """A channel with the state of its connection as far as this process knows it; see `channel_picture`."""
        return _channel_body(channel, self.connection(channel.id))

    async def channel_picture(self, channel: Channel) -> dict[str, Any]:
        """A channel with the state of its connection, whichever process holds it."""
        return _channel_body(channel, await self._connections.get(channel.id))

    async def snapshot(self, channel_id: str) -> dict[str, Any]:
        """All that a page needs to begin. Raises `NotFound`."""
        channel = await self._channels.get(channel_id)
        if channel is None:
            raise NotFound(
                f"There is no channel {channel_id}.", advice="Add it first: cuelight channels add."
            )
        active = (await self._sessions.active(channel_id))[:SNAPSHOT_VIPS]
        ended = await self._sessions.recently_ended(channel_id, limit=20)
        records, _ = await self._audit.page(channel_id, limit=SNAPSHOT_ACTIVITY)
        return {
            "now": self._clock.now(),
            "channel": await self.channel_picture(channel),
            "vips": [vip_body(session) for session in (*active, *ended)][:SNAPSHOT_VIPS],
            "activity": [activity_body(record) for record in records],
        }

    async def append(self, channel_id: str, kind: str, body: dict[str, Any], key: str) -> None:
        """Put an entry into a channel's topic, however long that takes. Raises what the topics raise."""
        entry = NewEntry(kind, body, state=kind == "vip", version=self._versions[kind])
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

    async def _later(self, channel_id: str, name: str, body: dict[str, str]) -> None:
        await self._intake.accept(
            Delivery(
                source="live",
                message_id=name,
                kind="live.show",
                lane=f"live:{channel_id}",
                channel_id=channel_id,
                raw=json.dumps(body).encode(),
                waiting_for=WAITS_FOR_TOPICS,  # not a backlog: nobody waits for it but the page
            )
        )


def _channel_body(channel: Channel, connection: Connection) -> dict[str, Any]:
    return {
        "id": channel.id,
        "login": channel.login,
        "name": channel.name,
        "connection": {
            "state": connection.state,
            "since": connection.since,
            "detail": connection.detail,
        },
    }
