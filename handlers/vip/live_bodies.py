"""What the live page, its snapshot and the API show of each thing. The shapes are the contract: `docs/live.md`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.audit import Actor, AuditRecord
from domain.channel import Channel, Viewer
from domain.slots import Limits, Slots, is_full
from domain.viewer import Listed, ViewerRecord
from domain.vip import VipSession, VipStatus
from storage.connections import Connection

BY_HAND = "by_hand"


def hand_id(viewer_id: str) -> str:
    """The id under which a VIP that is not of our making is shown."""
    return f"hand:{viewer_id}"


def vip_body(session: VipSession) -> dict[str, Any]:
    """A session: always whole, to be put in place of what the page has under its id."""
    return {
        "id": session.id,
        "viewer_id": session.viewer_id,
        "viewer_login": session.viewer_login,
        "viewer_name": session.viewer_name,
        "status": session.status.value,
        "granted_at": session.granted_at,
        "expires_at": session.expires_at,
        "until_stream_end": session.until_stream_end,
        "after_stream_ms": session.after_stream_ms,
        "protected": False,  # a session has an end; who is protected has none
        "method": session.method.value,
        "reward_id": session.reward_id,
        "reward_title": session.reward_title,
        "extensions": max(0, len(session.grants) - 1),
        "ended_at": session.ended_at,
        "ended_because": session.ended_because,
    }


def by_hand_body(record: ViewerRecord) -> dict[str, Any]:
    """A VIP that somebody made by hand, in the shape of a session; `ended` once the badge is gone."""
    held = record.by_hand_since > 0
    return {
        "id": hand_id(record.viewer_id),
        "viewer_id": record.viewer_id,
        "viewer_login": record.login,
        "viewer_name": record.name,
        "status": (VipStatus.ACTIVE if held else VipStatus.ENDED).value,
        "granted_at": record.by_hand_since,
        "expires_at": None,
        "until_stream_end": False,
        "after_stream_ms": 0,
        "protected": record.listed is Listed.PROTECTED,
        "method": BY_HAND,
        "reward_id": "",
        "reward_title": "",
        "extensions": 0,
        "ended_at": None if held else record.seen_at,
        "ended_because": "",
    }


def actor_body(actor: Actor) -> dict[str, Any]:
    return {"kind": actor.kind, "id": actor.id, "name": actor.name}


def viewer_body(viewer: Viewer) -> dict[str, Any]:
    return {"id": viewer.id, "login": viewer.login, "name": viewer.name}


def activity_body(record: AuditRecord) -> dict[str, Any]:
    """A line of the audit trail."""
    return {
        "id": record.id,
        "at": record.at,
        "action": record.action.value,
        "actor": actor_body(record.actor),
        "viewer": viewer_body(record.viewer) if record.viewer.id else None,
        "cause": record.cause,
        "reason": record.reason,
        "detail": record.detail,
    }


def waiting_body(slots: Slots, limits: Limits, *, now: int) -> dict[str, Any]:
    """The waiting list, whole. `until`: when an entry is given back at the latest."""
    return {
        "channel": slots.id,
        "cap": limits.cap,
        "held": len(slots.held),
        "full": is_full(slots, limits, now),
        "entries": [
            {
                "redemption_id": wait.redemption_id,
                "viewer_id": wait.viewer_id,
                "viewer_login": wait.viewer_login,
                "viewer_name": wait.viewer_name,
                "reward_id": wait.reward_id,
                "reward_title": wait.reward_title,
                "redeemed_at": wait.redeemed_at,
                "since": wait.since,
                "until": wait.since + limits.longest_wait_ms,
                "position": position,
            }
            for position, wait in enumerate(slots.waiting, 1)
        ],
    }


def settings_body(channel_id: str, *, at: int, by: Actor, parts: Sequence[str]) -> dict[str, Any]:
    """That somebody changed settings: the page fetches those parts again."""
    return {"channel": channel_id, "at": at, "by": actor_body(by), "parts": list(parts)}


def channel_body(
    channel: Channel, connection: Connection, *, live_since: int | None, transport: str
) -> dict[str, Any]:
    return {
        "id": channel.id,
        "login": channel.login,
        "name": channel.name,
        "paused": channel.paused,
        "language": channel.language,
        "live_since": live_since,
        "connection": {
            "state": connection.state,
            "since": connection.since,
            "detail": connection.detail,
            "transport": transport,
        },
    }
