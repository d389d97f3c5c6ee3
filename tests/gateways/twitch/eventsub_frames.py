"""Frames as Twitch sends them, for the tests of the EventSub session. Values are invented."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

NOW_MS = 1_772_359_200_000
REDEMPTION_ADD = "channel.channel_points_custom_reward_redemption.add"


def stamp(ms: int = NOW_MS) -> str:
    moment = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{ms % 1000:03d}123456Z"


def frame(
    kind: str, payload: dict[str, Any], *, message_id: str = "m-1", at: int = NOW_MS, **more: Any
) -> str:
    metadata = {"message_id": message_id, "message_type": kind, "message_timestamp": stamp(at), **more}
    return json.dumps({"metadata": metadata, "payload": payload})


def welcome(session_id: str = "S1", *, keepalive: Any = 10, **more: Any) -> str:
    session = {
        "id": session_id,
        "status": "connected",
        "keepalive_timeout_seconds": keepalive,
        "reconnect_url": None,
        "connected_at": stamp(),
    }
    return frame("session_welcome", {"session": session}, **more)


def keepalive(**more: Any) -> str:
    return frame("session_keepalive", {}, **more)


def reconnect(url: Any = "ws://cell-a.test/ws?challenge=abc", **more: Any) -> str:
    session = {"id": "S1", "status": "reconnecting", "keepalive_timeout_seconds": None, "reconnect_url": url}
    return frame("session_reconnect", {"session": session}, **{"message_id": "r-1", **more})


def subscription(
    type_: str = REDEMPTION_ADD, *, id_: str = "sub-1", status: str = "enabled", session_id: str = "S1"
) -> dict[str, Any]:
    return {
        "id": id_,
        "status": status,
        "type": type_,
        "version": "1",
        "cost": 0,
        "condition": {"broadcaster_user_id": "100"},
        "transport": {"method": "websocket", "session_id": session_id},
        "created_at": stamp(),
    }


def notification(
    message_id: str = "n-1", *, type_: str = REDEMPTION_ADD, event: dict[str, Any] | None = None, **more: Any
) -> str:
    payload = {"subscription": subscription(type_), "event": event if event is not None else {"id": "red-1"}}
    return frame(
        "notification",
        payload,
        message_id=message_id,
        **{"subscription_type": type_, "subscription_version": "1", **more},
    )


def revocation(message_id: str = "v-1", *, status: str = "authorization_revoked", **more: Any) -> str:
    return frame(
        "revocation",
        {"subscription": subscription(status=status)},
        message_id=message_id,
        subscription_type=REDEMPTION_ADD,
        subscription_version="1",
        **more,
    )
