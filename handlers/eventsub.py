"""What comes in from EventSub, whichever way (WebSocket or webhook): into the right lane, once, unread or not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import structlog

from domain.errors import Rejected
from domain.events import Malformed, identifier
from domain.inbox import Delivery
from domain.ports import Metrics
from handlers.intake import Intake
from handlers.vip.endings import lane_of

log = structlog.get_logger(__name__)

KINDS: dict[tuple[str, str], str] = {
    ("channel.channel_points_custom_reward_redemption.add", "1"): "redemption.add",
    ("channel.channel_points_custom_reward_redemption.update", "1"): "redemption.updated",
    ("channel.vip.add", "1"): "vip.added",
    ("channel.vip.remove", "1"): "vip.removed",
    ("channel.moderator.add", "1"): "moderator.added",
    ("channel.moderator.remove", "1"): "moderator.removed",
}
"""Subscription type and version to kind of row. All of them concern one viewer in one channel."""


class EventSubIntake:
    """The sink of both transports."""

    def __init__(
        self,
        *,
        intake: Intake,
        metrics: Metrics,
        revoked: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._intake, self._metrics, self._revoked = intake, metrics, revoked

    async def notification(
        self,
        *,
        message_id: str,
        type: str,
        version: str,
        payload: dict[str, Any],
        raw: bytes,
        headers: Mapping[str, str],
        key_id: str,
        transport: str,
    ) -> Literal["new", "duplicate", "conflict", "ignored"]:
        """Store a notification durably. What nobody handles (unknown type or version, missing fields) is kept as a
        parked row with the reason, so that nothing is lost and nothing stops. Raises `Unavailable` when it could not
        be stored."""
        kind = KINDS.get((type, version), "eventsub.unknown")
        lane, channel_id, why = "eventsub.parked", "", ""
        if kind == "eventsub.unknown":
            why = f"unknown event type or version: {type[:80]} {version[:8]}"
        else:
            try:
                event = payload.get("event")
                if not isinstance(event, dict):
                    raise Malformed("The notification carries no event.")
                channel_id = identifier(event, "broadcaster_user_id")
                lane = lane_of(channel_id, identifier(event, "user_id"))
            except Rejected as error:
                why = error.message
        taken = await self._intake.accept(
            Delivery(
                source="twitch",
                message_id=message_id,
                kind=kind,
                lane=lane,
                channel_id=channel_id,
                raw=raw,
                transport=transport,
                headers=headers,
                key_id=key_id,
                parked_because=why,
            )
        )
        if why and taken == "new":  # not each time that Twitch sends it
            self._metrics.count("inbox_parked_total", reason="unknown" if "unknown" in why else "malformed")
            log.warning("eventsub.parked", message_id=message_id, type=type[:80], reason=why)
        return taken

    async def revocation(self, *, message_id: str, subscription: Mapping[str, Any], transport: str) -> None:
        """Twitch ended a subscription: tell whoever watches over the channel."""
        condition = subscription.get("condition")
        channel_id = condition.get("broadcaster_user_id", "") if isinstance(condition, dict) else ""
        status = str(subscription.get("status", ""))[:64]
        log.warning(
            "eventsub.revoked",
            message_id=message_id,
            type=str(subscription.get("type", ""))[:80],
            status=status,
            channel=channel_id,
            transport=transport,
        )
        self._metrics.count("eventsub_revoked_total", status=status)
        if channel_id:
            await self._revoked(str(channel_id), status)
