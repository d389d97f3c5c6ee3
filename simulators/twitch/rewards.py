"""Custom rewards and redemptions: the records, the limits of their fields, their two JSON shapes.

Helix and EventSub name the same things differently (`*_setting` objects, upper and lower case statuses).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from simulators.twitch.errors import ApiError
from simulators.twitch.moment import rfc3339

_IMAGES = {
    f"url_{size}": f"https://static-cdn.jtvnw.net/custom-reward-images/default-{n}.png"
    for size, n in (("1x", 1), ("2x", 2), ("4x", 4))
}
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_MAX_COOLDOWN_SECONDS = 604_800


@dataclass
class Redemption:
    """`status` in Helix's spelling: UNFULFILLED, FULFILLED or CANCELED. Times in UTC milliseconds."""

    id: str
    reward_id: str
    user_id: str
    user_input: str
    cost: int
    title: str
    prompt: str
    status: str
    redeemed_at: int
    resolved_at: int | None = None


@dataclass
class Reward:
    """`client_id` is the application that made it; only that one may manage it ("" = the dashboard)."""

    id: str
    client_id: str
    title: str
    cost: int
    prompt: str = ""
    is_enabled: bool = True
    is_paused: bool = False
    background_color: str = "#9147FF"
    is_user_input_required: bool = False
    is_max_per_stream_enabled: bool = False
    max_per_stream: int = 0
    is_max_per_user_per_stream_enabled: bool = False
    max_per_user_per_stream: int = 0
    is_global_cooldown_enabled: bool = False
    global_cooldown_seconds: int = 0
    should_redemptions_skip_request_queue: bool = False
    cooldown_until: int | None = None
    redemptions: dict[str, Redemption] = field(default_factory=dict)
    unfulfilled: dict[str, Redemption] = field(default_factory=dict)

    def in_stock(self) -> bool:
        return not self.is_max_per_stream_enabled or len(self.redemptions) < self.max_per_stream

    def set_fields(self, fields: dict[str, Any]) -> None:
        """Check a create or update body and take it over. Raises ApiError 400, and then nothing changed."""
        checked = {name: _check(name, fields[name]) for name in _FIELDS if name in fields}
        after = {name: checked.get(name, getattr(self, name)) for name in _FIELDS}
        for switch, value, low, high, message in _PAIRS:
            if after[switch] and not low <= after[value] <= high:
                raise ApiError(400, message)
        for name, value in checked.items():
            setattr(self, name, value)


_FIELDS: dict[str, type] = {
    "title": str,
    "cost": int,
    "prompt": str,
    "is_enabled": bool,
    "is_paused": bool,
    "background_color": str,
    "is_user_input_required": bool,
    "is_max_per_stream_enabled": bool,
    "max_per_stream": int,
    "is_max_per_user_per_stream_enabled": bool,
    "max_per_user_per_stream": int,
    "is_global_cooldown_enabled": bool,
    "global_cooldown_seconds": int,
    "should_redemptions_skip_request_queue": bool,
}
_PAIRS = (
    ("is_max_per_stream_enabled", "max_per_stream", 1, 2**31,
     "The minimum value for max_per_stream is 1."),
    ("is_max_per_user_per_stream_enabled", "max_per_user_per_stream", 1, 2**31,
     "The minimum value for max_per_user_per_stream is 1."),
    ("is_global_cooldown_enabled", "global_cooldown_seconds", 1, _MAX_COOLDOWN_SECONDS,
     "The value in global_cooldown_seconds must be between 1 and 604800."),
)  # fmt: skip


def _check(name: str, value: object) -> Any:
    """The value, of the right type and within its limits. Raises ApiError 400."""
    kind = _FIELDS[name]
    if isinstance(value, str) and kind is str:
        return _check_text(name, value)
    if isinstance(value, bool) and kind is bool:
        return value
    if not isinstance(value, int) or isinstance(value, bool) or kind is not int:
        raise ApiError(400, f"The value in {name} is not valid.")
    if name == "cost" and not 1 <= value <= 2**31:
        raise ApiError(400, "The minimum value for cost is 1.")
    return value


def _check_text(name: str, value: str) -> str:
    if name == "title" and not 1 <= len(value) <= 45:
        raise ApiError(400, "The title must contain a minimum of 1 character and a maximum of 45 characters.")
    if name == "prompt" and len(value) > 200:
        raise ApiError(400, "The prompt is limited to a maximum of 200 characters.")
    if name == "background_color" and not _COLOR.fullmatch(value):
        raise ApiError(400, "The background_color must be a hexadecimal color like #9147FF.")
    return value


def broadcaster_fields(user: Any, *, eventsub: bool) -> dict[str, str]:
    """The three broadcaster fields: Helix says broadcaster_id, EventSub broadcaster_user_id."""
    prefix = "broadcaster_user_" if eventsub else "broadcaster_"
    return {f"{prefix}id": user.id, f"{prefix}login": user.login, f"{prefix}name": user.name}


def pair_fields(user: Any, channel: Any) -> dict[str, str]:
    """The event of roles and subscriptions: three fields of the user, three of the broadcaster."""
    who = {"user_id": user.id, "user_login": user.login, "user_name": user.name}
    return {**who, **broadcaster_fields(channel.user, eventsub=True)}


def reward_for_helix(reward: Reward, broadcaster: Any) -> dict[str, Any]:
    return {
        **broadcaster_fields(broadcaster, eventsub=False),
        "id": reward.id,
        "image": None,
        "default_image": _IMAGES,
        "background_color": reward.background_color,
        "title": reward.title,
        "prompt": reward.prompt,
        "cost": reward.cost,
        "is_enabled": reward.is_enabled,
        "is_paused": reward.is_paused,
        "is_in_stock": reward.in_stock(),
        "is_user_input_required": reward.is_user_input_required,
        "max_per_stream_setting": {
            "is_enabled": reward.is_max_per_stream_enabled,
            "max_per_stream": reward.max_per_stream,
        },
        "max_per_user_per_stream_setting": {
            "is_enabled": reward.is_max_per_user_per_stream_enabled,
            "max_per_user_per_stream": reward.max_per_user_per_stream,
        },
        "global_cooldown_setting": {
            "is_enabled": reward.is_global_cooldown_enabled,
            "global_cooldown_seconds": reward.global_cooldown_seconds,
        },
        "should_redemptions_skip_request_queue": reward.should_redemptions_skip_request_queue,
        "redemptions_redeemed_current_stream": None,
        "cooldown_expires_at": None if reward.cooldown_until is None else rfc3339(reward.cooldown_until),
    }


def reward_for_eventsub(reward: Reward, broadcaster: Any) -> dict[str, Any]:
    return {
        "id": reward.id,
        **broadcaster_fields(broadcaster, eventsub=True),
        "is_enabled": reward.is_enabled,
        "is_paused": reward.is_paused,
        "is_in_stock": reward.in_stock(),
        "title": reward.title,
        "cost": reward.cost,
        "prompt": reward.prompt,
        "is_user_input_required": reward.is_user_input_required,
        "should_redemptions_skip_request_queue": reward.should_redemptions_skip_request_queue,
        "cooldown_expires_at": None if reward.cooldown_until is None else rfc3339(reward.cooldown_until),
        "redemptions_redeemed_current_stream": None,
        "max_per_stream": {"is_enabled": reward.is_max_per_stream_enabled, "value": reward.max_per_stream},
        "max_per_user_per_stream": {
            "is_enabled": reward.is_max_per_user_per_stream_enabled,
            "value": reward.max_per_user_per_stream,
        },
        "global_cooldown": {
            "is_enabled": reward.is_global_cooldown_enabled,
            "seconds": reward.global_cooldown_seconds,
        },
        "background_color": reward.background_color,
        "image": None,
        "default_image": _IMAGES,
    }


def redemption_for_helix(redemption: Redemption, broadcaster: Any, user: Any) -> dict[str, Any]:
    return {
        **broadcaster_fields(broadcaster, eventsub=False),
        "id": redemption.id,
        "user_id": user.id,
        "user_login": user.login,
        "user_name": user.name,
        "user_input": redemption.user_input,
        "status": redemption.status,
        "redeemed_at": rfc3339(redemption.redeemed_at),
        "reward": _reward_part(redemption),
    }


def redemption_for_eventsub(redemption: Redemption, broadcaster: Any, user: Any) -> dict[str, Any]:
    return {
        "id": redemption.id,
        **broadcaster_fields(broadcaster, eventsub=True),
        "user_id": user.id,
        "user_login": user.login,
        "user_name": user.name,
        "user_input": redemption.user_input,
        "status": redemption.status.lower(),
        "reward": _reward_part(redemption),
        "redeemed_at": rfc3339(redemption.redeemed_at),
    }


def _reward_part(redemption: Redemption) -> dict[str, Any]:
    return {
        "id": redemption.reward_id,
        "title": redemption.title,
        "cost": redemption.cost,
        "prompt": redemption.prompt,
    }
