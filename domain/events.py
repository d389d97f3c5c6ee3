"""EventSub notifications, read strictly into records. Unknown types are told apart from malformed ones.

Field names and their oddities are Twitch's (EventSub reference; docs/facts/twitch.md): status words are lower case
here and upper case in Helix, "canceled" has one L but the documentation once has two, time stamps carry nanoseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from domain.channel import NOBODY, Viewer
from domain.errors import Rejected

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One authentic EventSub notification, whatever brought it (`transport`: websocket, conduit, webhook). `raw` and
    `headers` are as they came; `key_id` names the secret that verified it, "" where none was needed."""

    message_id: str
    type: str
    version: str
    payload: dict[str, Any]
    raw: bytes
    headers: Mapping[str, str]
    key_id: str
    transport: str


class Malformed(Rejected):
    """A known event without the fields that its documentation promises."""

    code = "event.malformed"


@dataclass(frozen=True, slots=True)
class RedemptionEvent:
    """`channel.channel_points_custom_reward_redemption.add` and `.update`."""

    id: str
    channel_id: str
    viewer: Viewer
    user_input: str
    status: str
    reward_id: str
    reward_title: str
    reward_cost: int
    redeemed_at: int


@dataclass(frozen=True, slots=True)
class RoleEvent:
    """`channel.vip.add`, `.remove`, `channel.moderator.add`, `.remove`: no actor, no time (Twitch sends none)."""

    channel_id: str
    viewer: Viewer


class Cause(StrEnum):
    """What else than channel points makes a VIP; the names are those of the fields of `domain.channel.Causes`."""

    SUBSCRIPTION = "subscription"
    BITS = "bits"
    POWER_UP = "power_up"


@dataclass(frozen=True, slots=True)
class ContributionEvent:
    """`channel.subscribe`, `channel.bits.use`, `channel.custom_power_up_redemption.add`. `units`: tiers (1, 2, 3) or
    bits. `id`: Twitch's, empty where it gives none. `cause`: `None` for what another event tells, too."""

    channel_id: str
    viewer: Viewer
    cause: Cause | None
    units: int
    id: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class BanEvent:
    """`channel.ban` and `channel.unban`; `permanent` false is a timeout (or, for an unban, the end of either)."""

    channel_id: str
    viewer: Viewer
    moderator: Viewer
    permanent: bool


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """`stream.online` and `stream.offline`; `started_at` (UTC ms) is known for the first only."""

    channel_id: str
    started_at: int | None


def parse_time(text: str) -> int:
    """An RFC 3339 time stamp with up to nine fraction digits as UTC ms; raises `Malformed`."""
    match = _STAMP.fullmatch(text)
    if match is None:
        raise Malformed("A time stamp is not RFC 3339.")
    seconds, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(seconds + ("+00:00" if zone == "Z" else zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Malformed("A time stamp does not exist.") from error
    return int(moment.timestamp()) * 1000 + (int(fraction[1:4].ljust(3, "0")) if fraction else 0)


def format_time(milliseconds: int) -> str:
    """UTC milliseconds as RFC 3339: the inverse of `parse_time`."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def text(source: Mapping[str, Any], key: str, *, most: int = 1000, empty: bool = False) -> str:
    """A string field; raises `Malformed` if it is missing, no string, empty (unless allowed) or too long."""
    value = source.get(key)
    if not isinstance(value, str) or len(value) > most or (not value and not empty):
        raise Malformed(f"The field {key} is missing or is not a proper string.")
    return value


def identifier(source: Mapping[str, Any], key: str) -> str:
    """An id: short, printable, without blanks and without our own separators."""
    value = text(source, key, most=128)
    if not value.isascii() or not value.isprintable() or any(sign in value for sign in " :#"):
        raise Malformed(f"The field {key} is not an identifier.")
    return value


def number(source: Mapping[str, Any], key: str, *, most: int = 2**53) -> int:
    """A whole number from 0 to `most`; raises `Malformed`."""
    value = source.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Malformed(f"The field {key} is missing or is not a whole number in range.")
    return value


def _mapping(source: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = source.get(key)
    if not isinstance(value, dict):
        raise Malformed(f"The field {key} is missing or is not an object.")
    return value


def _viewer(event: Mapping[str, Any], who: str = "user") -> Viewer:
    return Viewer(
        identifier(event, f"{who}_id"),
        text(event, f"{who}_login", most=100, empty=True),
        text(event, f"{who}_name", most=200, empty=True),
    )


def redemption_event(event: Mapping[str, Any]) -> RedemptionEvent:
    """Read a redemption; raises `Malformed`."""
    reward = _mapping(event, "reward")
    status = text(event, "status", most=40).lower()
    return RedemptionEvent(
        id=identifier(event, "id"),
        channel_id=identifier(event, "broadcaster_user_id"),
        viewer=_viewer(event),
        user_input=text(event, "user_input", most=2000, empty=True) if "user_input" in event else "",
        status="canceled" if status == "cancelled" else status,
        reward_id=identifier(reward, "id"),
        reward_title=text(reward, "title", most=200, empty=True),
        reward_cost=number(reward, "cost"),
        redeemed_at=parse_time(text(event, "redeemed_at", most=64)),
    )


def role_event(event: Mapping[str, Any]) -> RoleEvent:
    """Read a role change; raises `Malformed`."""
    return RoleEvent(identifier(event, "broadcaster_user_id"), _viewer(event))


_TIERS = {"1000": 1, "2000": 2, "3000": 3}
_BITS = {"cheer": Cause.BITS, "combo": Cause.BITS, "power_up": Cause.POWER_UP}


def contribution_event(event: Mapping[str, Any], type: str) -> ContributionEvent:
    """Read what a viewer paid otherwise than with points; `type` is the subscription's. Raises `Malformed`."""
    channel_id, viewer = identifier(event, "broadcaster_user_id"), _viewer(event)
    match type:
        case "channel.subscribe":
            tier = text(event, "tier", most=40)
            if tier not in _TIERS:
                raise Malformed("The field tier is not a tier.")
            return ContributionEvent(channel_id, viewer, Cause.SUBSCRIPTION, _TIERS[tier])
        case "channel.bits.use":
            # A custom power-up comes as an event of its own, with an id; here it would count twice.
            return ContributionEvent(
                channel_id, viewer, _BITS.get(text(event, "type", most=40)), number(event, "bits")
            )
        case "channel.custom_power_up_redemption.add":
            power_up = _mapping(event, "custom_power_up")
            return ContributionEvent(
                channel_id,
                viewer,
                Cause.POWER_UP,
                number(power_up, "bits"),
                id=identifier(event, "id"),
                title=text(power_up, "title", most=200, empty=True),
            )
        case _:
            raise Malformed(f"{type[:80]} is no contribution.")


def ban_event(event: Mapping[str, Any]) -> BanEvent:
    """Read a ban, a timeout or the end of one; raises `Malformed`."""
    moderator = _viewer(event, "moderator_user") if event.get("moderator_user_id") else NOBODY
    return BanEvent(
        identifier(event, "broadcaster_user_id"), _viewer(event), moderator, event.get("is_permanent") is True
    )


def stream_event(event: Mapping[str, Any]) -> StreamEvent:
    """Read the start or the end of a stream; raises `Malformed`."""
    started = parse_time(text(event, "started_at", most=64)) if "started_at" in event else None
    return StreamEvent(identifier(event, "broadcaster_user_id"), started)
