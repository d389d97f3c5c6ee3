"""What is said and shown in a channel: chat lines, subscriptions, the stream going live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from simulators.twitch.ids import Ids
from simulators.twitch.ledger import Ledger
from simulators.twitch.moment import now_ms, rfc3339
from simulators.twitch.rewards import broadcaster_fields, pair_fields
from simulators.twitch.world import Channel, User


class Publish(Protocol):
    """Hand an event to EventSub. `facts` are the values that conditions are compared with."""

    def __call__(
        self, kind: str, facts: Mapping[str, str], event: dict[str, Any], copies: int = 1
    ) -> None: ...


class Talk:
    """The deeds that leave points and roles alone."""

    def __init__(self, *, ledger: Ledger, ids: Ids, publish: Publish) -> None:
        self._ledger = ledger
        self._ids = ids
        self._publish = publish

    def set_live(
        self, channel: Channel, *, live: bool, since: int | None = None, silent: bool = False
    ) -> None:
        """The stream begins (`since`, UTC ms, or now) or ends. `silent`: EventSub does not tell."""
        if live == (channel.live_since is not None):
            return
        channel.live_since = (since or now_ms()) if live else None
        kind = "stream_online" if live else "stream_offline"
        self._ledger.write(kind, channel_id=channel.id, by="streamer")
        if silent:
            return
        event: dict[str, Any] = dict(broadcaster_fields(channel.user, eventsub=True))
        if channel.live_since is not None:
            event |= {"id": self._ids.unique(), "type": "live", "started_at": rfc3339(channel.live_since)}
        self._publish(
            "stream.online" if live else "stream.offline", {"broadcaster_user_id": channel.id}, event
        )

    def subscribe(
        self, channel: Channel, user: User, tier: str, *, is_gift: bool = False, copies: int = 1
    ) -> dict[str, Any]:
        """A first month, paid by the viewer or received as a gift; `tier` is 1000, 2000 or 3000. The event."""
        channel.subscribers[user.id] = tier
        event = {**pair_fields(user, channel), "tier": tier, "is_gift": is_gift}
        self._ledger.write(
            "contributed", channel_id=channel.id, user_id=user.id, by="self", what="subscription"
        )
        self._publish("channel.subscribe", {"broadcaster_user_id": channel.id}, event, copies)
        return event

    def say(self, channel: Channel, sender: User, text: str, *, by: str) -> str:
        """A chat line; the id of the message."""
        message_id = self._ids.unique()
        self._ledger.write(
            "chat", channel_id=channel.id, user_id=sender.id, by=by, text=text, message_id=message_id
        )
        badges = [
            {"set_id": name, "id": "1", "info": ""}
            for name, holders in (("vip", channel.vips), ("moderator", channel.moderators))
            if sender.id in holders
        ]
        if sender.id == channel.id:
            badges.append({"set_id": "broadcaster", "id": "1", "info": ""})
        event = {
            **broadcaster_fields(channel.user, eventsub=True),
            "chatter_user_id": sender.id,
            "chatter_user_login": sender.login,
            "chatter_user_name": sender.name,
            "message_id": message_id,
            "message": {
                "text": text,
                "fragments": [
                    {"type": "text", "text": text, "cheermote": None, "emote": None, "mention": None}
                ],
            },
            "message_type": "text",
            "badges": badges,
            "cheer": None,
            "color": "",
            "reply": None,
            "channel_points_custom_reward_id": None,
            "source_broadcaster_user_id": None,
            "source_broadcaster_user_login": None,
            "source_broadcaster_user_name": None,
            "source_message_id": None,
            "source_badges": None,
        }
        self._publish("channel.chat.message", {"broadcaster_user_id": channel.id, "user_id": "*"}, event)
        return message_id
