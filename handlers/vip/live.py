"""The live picture of a channel: entries for its topic and the snapshot that a page begins from.

The shape of each entry is the contract with the page: `docs/live.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.audit import AuditRecord
from domain.channel import Channel
from domain.errors import NotFound
from domain.ports import Clock, Metrics
from domain.vip import VipSession
from gateways.topics.contracts import NewEntry, Topics
from storage.audit import AuditTrail
from storage.channels import Channels
from storage.sessions import Sessions

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


@dataclass(frozen=True, slots=True)
class Connection:
    """How a channel's EventSub session is: connecting, live, needs_login or stopped, since when (UTC ms)."""

    state: str = "stopped"
    since: int = 0
    detail: str = ""


class Live:
    """Writes the topic of each channel and takes its snapshot."""

    def __init__(
        self,
        *,
        topics: Topics,
        channels: Channels,
        sessions: Sessions,
        audit: AuditTrail,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._topics, self._channels, self._sessions, self._audit = topics, channels, sessions, audit
        self._clock, self._metrics = clock, metrics
        self._connections: dict[str, Connection] = {}

    async def show_vip(self, session: VipSession, *, key: str) -> None:
        """Tell the page of a session's newest state; `key` makes a repetition harmless."""
        entry = NewEntry("vip", vip_body(session), state=True)
        await self._append(session.channel_id, entry, f"vip:{key}")

    async def show_activity(self, record: AuditRecord) -> None:
        """Tell the page of a line in the audit trail."""
        await self._append(record.channel_id, NewEntry("activity", activity_body(record)), record.id)

    async def show_connection(self, channel_id: str, state: str, detail: str) -> None:
        """Tell the page that a channel's monitoring changed."""
        self._connections[channel_id] = Connection(state, self._clock.now(), detail)
        channel = await self._channels.get(channel_id)
        if channel is not None:
            await self._append(channel_id, NewEntry("channel", self.channel_body(channel)), None)

    def connection(self, channel_id: str) -> Connection:
        return self._connections.get(channel_id, Connection())

    def channel_body(self, channel: Channel) -> dict[str, Any]:
        connection = self.connection(channel.id)
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
            "channel": self.channel_body(channel),
            "vips": [vip_body(session) for session in (*active, *ended)][:SNAPSHOT_VIPS],
            "activity": [activity_body(record) for record in records],
        }

    async def _append(self, channel_id: str, entry: NewEntry, key: str | None) -> None:
        await self._topics.append(topic_of(channel_id), entry, key=key)
        self._metrics.count("topic_appends_total")
