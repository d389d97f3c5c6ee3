"""What Helix's JSON must look like before anything else reads it. A wrong shape raises `ValueError`, nothing else.

Sources: Twitch API reference, response bodies (docs/facts/twitch.md).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gateways.http import Answer
from gateways.twitch.contracts import RemoteRedemption, RemoteReward, RemoteSubscription, User

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATUSES = {"CANCELLED": "CANCELED"}  # a page of the documentation spells it with two L


def error_message(answer: Answer) -> str | None:
    """The message of Twitch's error object; none when the body is something else (a proxy's page, say)."""
    try:
        data = answer.json()
    except ValueError:
        return None
    if not isinstance(data, dict) or not ("message" in data or "error" in data):
        return None
    message = data.get("message")
    return message if isinstance(message, str) else ""


def rows(answer: Answer) -> list[dict[str, Any]]:
    """The `data` of an answer."""
    data = answer.json()
    found = data.get("data") if isinstance(data, dict) else None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ValueError("data")
    return found


def one(answer: Answer) -> dict[str, Any]:
    """The only row of an answer."""
    found = rows(answer)
    if len(found) != 1:
        raise ValueError("data")
    return found[0]


def cursor(answer: Answer) -> str:
    """Where the next page begins, "" at the end. An empty `pagination` object is the end."""
    data = answer.json()
    pagination = data.get("pagination") if isinstance(data, dict) else None
    found = pagination.get("cursor") if isinstance(pagination, dict) else None
    if found is not None and not isinstance(found, str):
        raise ValueError("pagination")
    return found or ""


def text(row: dict[str, Any], name: str, *, empty: bool = False) -> str:
    """A string that must be there; `empty` allows "", null and absence.

    Half a surrogate pair, which JSON can spell and UTF-8 cannot, becomes a question mark.
    """
    value = row.get(name)
    if empty and value is None:
        return ""
    if not isinstance(value, str) or not (value or empty):
        raise ValueError(name)
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def whole(row: dict[str, Any], name: str) -> int:
    """An integer from 0 up to what a database can hold."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(name)
    return value


def flag(row: dict[str, Any], name: str) -> bool:
    value = row.get(name)
    if not isinstance(value, bool):
        raise ValueError(name)
    return value


def moment(row: dict[str, Any], name: str) -> int:
    """RFC 3339 (up to nanoseconds, which are cut) as UTC ms."""
    parsed = datetime.fromisoformat(text(row, name))
    if parsed.tzinfo is None:
        raise ValueError(name)
    try:
        return (parsed - _EPOCH) // timedelta(milliseconds=1)
    except OverflowError as error:
        raise ValueError(name) from error


def role_holder(row: dict[str, Any]) -> User:
    """A row of Get VIPs or Get Moderators."""
    return User(text(row, "user_id"), text(row, "user_login", empty=True), text(row, "user_name", empty=True))


def ban(row: dict[str, Any]) -> tuple[str, bool]:
    """A row of Get Banned Users: who, and whether for good (a timeout has an end)."""
    return text(row, "user_id"), not text(row, "expires_at", empty=True)


def subscriber(row: dict[str, Any]) -> str:
    """A row of Get Broadcaster Subscriptions: who."""
    return text(row, "user_id")


def follower(row: dict[str, Any]) -> tuple[str, int]:
    """A row of Get Channel Followers: who, since when (UTC ms)."""
    return text(row, "user_id"), moment(row, "followed_at")


def stream(row: dict[str, Any]) -> tuple[str, int]:
    """A row of Get Streams: whose, since when (UTC ms)."""
    return text(row, "user_id"), moment(row, "started_at")


def user(row: dict[str, Any]) -> User:
    """A row of Get Users."""
    return User(
        text(row, "id"),
        text(row, "login"),
        text(row, "display_name", empty=True),
        text(row, "broadcaster_type", empty=True),
    )


def redemption(row: dict[str, Any]) -> RemoteRedemption:
    """A row of Get Custom Reward Redemption."""
    reward = row.get("reward")
    if not isinstance(reward, dict):
        raise ValueError("reward")
    status = text(row, "status").upper()
    return RemoteRedemption(
        id=text(row, "id"),
        channel_id=text(row, "broadcaster_id"),
        reward_id=text(reward, "id"),
        reward_title=text(reward, "title", empty=True),
        reward_cost=whole(reward, "cost"),
        user=role_holder(row),
        user_input=text(row, "user_input", empty=True),
        status=_STATUSES.get(status, status),
        redeemed_at=moment(row, "redeemed_at"),
    )


def reward(row: dict[str, Any]) -> RemoteReward:
    """A row of Get, Create or Update Custom Reward(s)."""
    redeemed = row.get("redemptions_redeemed_current_stream")
    return RemoteReward(
        id=text(row, "id"),
        title=text(row, "title"),
        cost=whole(row, "cost"),
        is_enabled=flag(row, "is_enabled"),
        is_paused=flag(row, "is_paused"),
        skips_queue=flag(row, "should_redemptions_skip_request_queue"),
        prompt=text(row, "prompt", empty=True),
        color=text(row, "background_color", empty=True),
        user_input=row.get("is_user_input_required") is True,
        cooldown_seconds=_switched(row, "global_cooldown_setting", "global_cooldown_seconds"),
        max_per_stream=_switched(row, "max_per_stream_setting", "max_per_stream"),
        max_per_viewer_per_stream=_switched(
            row, "max_per_user_per_stream_setting", "max_per_user_per_stream"
        ),
        in_stock=row.get("is_in_stock") is not False,
        redeemed_now=None if redeemed is None else whole(row, "redemptions_redeemed_current_stream"),
    )


def _switched(row: dict[str, Any], name: str, value: str) -> int:
    """The number in a setting that is on; 0 when it is off or not told."""
    setting = row.get(name)
    if setting is None:
        return 0
    if not isinstance(setting, dict):
        raise ValueError(name)
    return whole(setting, value) if setting.get("is_enabled") is True else 0


def subscription(row: dict[str, Any]) -> RemoteSubscription:
    """A row of Get or Create EventSub Subscriptions."""
    condition, transport = row.get("condition"), row.get("transport")
    if not isinstance(condition, dict) or not isinstance(transport, dict):
        raise ValueError("condition or transport")
    return RemoteSubscription(
        id=text(row, "id"),
        type=text(row, "type"),
        version=text(row, "version"),
        status=text(row, "status"),
        # Twitch lists optional fields of a condition as "": they are not part of what was asked.
        condition={str(name): value for name, value in condition.items() if isinstance(value, str) and value},
        method=text(transport, "method"),
        session_id=text(transport, "session_id", empty=True),
        callback=text(transport, "callback", empty=True),
        conduit_id=text(transport, "conduit_id", empty=True),
    )
