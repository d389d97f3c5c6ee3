"""What comes in from EventSub, whichever way (WebSocket or webhook): into the right lane, once, unread or not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import structlog

from domain.commands import may_be_ours
from domain.errors import Rejected
from domain.events import Arrival, Malformed, identifier
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
    ("channel.ban", "1"): "viewer.banned",
    ("channel.unban", "1"): "viewer.unbanned",
    ("channel.subscribe", "1"): "vip.contributed",
    ("channel.bits.use", "1"): "vip.contributed",
    ("channel.custom_power_up_redemption.add", "1"): "vip.contributed",
    ("stream.online", "1"): "channel.live",
    ("stream.offline", "1"): "channel.offline",
    ("channel.chat.message", "1"): "chat.message",
}
"""Subscription type and version to kind of row. `channel.cheer` is not here: `channel.bits.use` tells the same."""

ANONYMOUS = "an anonymous contribution: there is nobody to make VIP"


def stream_lane(channel_id: str) -> str:
    """The lane of everything that concerns whether a channel is on air."""
    return f"stream:{channel_id}"


def _of_viewer(event: Mapping[str, Any], channel_id: str) -> str:
    return lane_of(channel_id, identifier(event, "user_id"))


def _of_chat(event: Mapping[str, Any], channel_id: str) -> str:
    return f"chat-in:{channel_id}:{identifier(event, 'chatter_user_id')}"


LANES: dict[str, Callable[[Mapping[str, Any], str], str]] = {
    "channel.live": lambda event, channel_id: stream_lane(channel_id),
    "channel.offline": lambda event, channel_id: stream_lane(channel_id),
    "chat.message": _of_chat,
}
"""Kind of row to its lane, from the event and its channel; the lane of the viewer for all that are not listed."""


def _is_command(event: Mapping[str, Any]) -> bool:
    """Whether a chat message may be meant for us: it begins with a command of ours and was written in this channel (in
    a shared chat those of the other channels come along)."""
    message = event.get("message")
    said = message.get("text") if isinstance(message, dict) else None
    source = event.get("source_broadcaster_user_id")
    here = source is None or source == event.get("broadcaster_user_id")
    return here and isinstance(said, str) and may_be_ours(said)


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

    async def notification(self, came: Arrival) -> Literal["new", "duplicate", "conflict", "ignored"]:
        """Store a notification durably. What nobody handles (unknown type or version, missing fields) is kept as a
        parked row with the reason, so that nothing is lost and nothing stops. Raises `Unavailable` when it could not
        be stored."""
        kind = KINDS.get((came.type, came.version), "eventsub.unknown")
        lane, channel_id, why, reason = "eventsub.parked", "", "", "malformed"
        event = came.payload.get("event")
        if kind == "chat.message" and isinstance(event, dict) and not _is_command(event):
            # The chat of a big channel: nothing that is not meant for us is stored, not even for a moment.
            self._metrics.count("chat_messages_passed_over_total")
            return "ignored"
        if kind == "eventsub.unknown":
            why, reason = f"unknown event type or version: {came.type[:80]} {came.version[:8]}", "unknown"
        else:
            try:
                if not isinstance(event, dict):
                    raise Malformed("The notification carries no event.")
                channel_id = identifier(event, "broadcaster_user_id")
                if kind == "vip.contributed" and event.get("user_id") is None:
                    why, reason = ANONYMOUS, "anonymous"
                else:
                    lane = LANES.get(kind, _of_viewer)(event, channel_id)
            except Rejected as error:
                why = error.message
        taken = await self._intake.accept(
            Delivery(
                source="twitch",
                message_id=came.message_id,
                kind=kind,
                lane=lane,
                channel_id=channel_id,
                raw=came.raw,
                transport=came.transport,
                headers=came.headers,
                key_id=came.key_id,
                parked_because=why,
            )
        )
        if why and taken == "new":  # not each time that Twitch sends it
            self._metrics.count("inbox_parked_total", reason=reason)
            say = log.info if reason == "anonymous" else log.warning
            say("eventsub.parked", message_id=came.message_id, type=came.type[:80], reason=why)
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
