"""Signed webhook deliveries, as Twitch would make them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from domain.events import format_time

SECRET = "a-webhook-secret-of-the-journeys"
REDEMPTION_ADD = "channel.channel_points_custom_reward_redemption.add"


def redemption_body(redemption: Mapping[str, Any]) -> bytes:
    """A redemption of Helix as the body of EventSub's notification."""
    event = {**redemption, "status": str(redemption["status"]).lower()}
    for name in ("id", "login", "name"):
        event[f"broadcaster_user_{name}"] = event.pop(f"broadcaster_{name}")
    subscription = {
        "id": "f1c2a387-161a-49f9-a165-0f21d7a4e1c4",
        "type": REDEMPTION_ADD,
        "version": "1",
        "status": "enabled",
        "condition": {"broadcaster_user_id": event["broadcaster_user_id"]},
        "transport": {"method": "webhook", "callback": "http://127.0.0.1/api/webhooks/eventsub"},
    }
    return json.dumps({"subscription": subscription, "event": event}).encode()


def signed(body: bytes, *, message_id: str, type: str, now: int) -> dict[str, str]:
    """The headers of an EventSub notification (Twitch's "Handling Webhook Events")."""
    stamp = format_time(now)
    digest = hmac.new(SECRET.encode(), message_id.encode() + stamp.encode() + body, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "Twitch-Eventsub-Message-Id": message_id,
        "Twitch-Eventsub-Message-Timestamp": stamp,
        "Twitch-Eventsub-Message-Signature": f"sha256={digest.hexdigest()}",
        "Twitch-Eventsub-Message-Type": "notification",
        "Twitch-Eventsub-Subscription-Type": type,
        "Twitch-Eventsub-Subscription-Version": "1",
    }
