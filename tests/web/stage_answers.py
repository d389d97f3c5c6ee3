"""What the little server of the page tests answers when a test says nothing else: a channel that is set up."""

from __future__ import annotations

import time
from typing import Any


def settings(**changes: Any) -> dict[str, Any]:
    return {
        "language": "en",
        "chat": True,
        "default_seconds": 86_400,
        "removes": True,
        "paused": False,
        "timezone": "Europe/Berlin",
        "wizard_done": True,
        "rules": {},
        "limits": {"cap": 0, "when_full": "refund", "longest_wait_seconds": 3600},
        "causes": {"subscription": None, "bits": None, "power_up": None},
        "messages": {
            "texts": {},
            "off": [],
            "ends_soon_seconds": 0,
            "says_online": True,
            "answers_vip": True,
        },
        "discord": {"configured": False, "shown": "", "events": []},
        "languages": [{"code": "en", "name": "English"}],
    } | changes


def connection(**changes: Any) -> dict[str, Any]:
    at = int(time.time() * 1000)
    row = {"version": "1", "since": at - 7_200_000, "last_event_at": at - 42_000, "why": ""}
    kinds = ("channel.channel_points_custom_reward_redemption.add", "channel.vip.add", "channel.vip.remove")
    return {
        "transport": "websocket",
        "state": "live",
        "since": at - 7_200_000,
        "detail": "",
        "last_event_at": at - 42_000,
        "lag_ms": 84,
        "subscriptions": [row | {"type": kind, "status": "enabled"} for kind in kinds],
        "chat": {"sent": 128, "dropped": 0, "last_drop": None},
        "backlog": {"waiting": 0, "oldest_at": None, "parked": 0, "dead": 0, "over_quota": 0},
    } | changes


def analytics() -> dict[str, Any]:
    at = int(time.time() * 1000)
    none = {"granted": 0, "extended": 0, "refunded": 0, "ended": 0, "points": 0, "bits": 0}
    return {
        "from": "2026-11-15",
        "to": "2026-11-21",
        "now": at,
        "timezone": "Europe/Berlin",
        "days": [{"day": "2026-11-21", **none}],
        "totals": {**none, "viewers": 0},
        "by_reward": [],
        "by_cause": [],
        "refund_reasons": [],
        "top_viewers": [],
    }


def usual_answers() -> dict[tuple[str, str], Any]:
    rewards = {
        "rewards": [{"id": "r-1", "title": "VIP for a while"}],
        "others": [],
        "can_create": True,
        "why_not": "",
    }
    return {
        ("GET", "/api/settings"): (200, settings()),
        ("GET", "/api/channel-points"): (200, rewards),
        ("GET", "/api/analytics"): (200, analytics()),
        ("GET", "/api/audit-log"): (200, {"entries": [], "cursor": None}),
        ("GET", "/api/connection"): lambda call: (200, connection()),
        ("POST", "/api/auth/sign-out"): (200, {"signed_in": False}),
    }
