"""Which subscriptions a channel should have, and what is to do about those it has: pure functions.

`plan` compares; `gateways/twitch/subscriber.py` carries the plan out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from domain.channel import ChannelSettings
from gateways.twitch.contracts import RemoteSubscription

_REDEMPTIONS = ("channel:read:redemptions", "channel:manage:redemptions")
_VIPS = ("channel:read:vips", "channel:manage:vips")
_MODERATORS = ("moderation:read", "channel:manage:moderators")
_BITS = ("bits:read",)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One subscription that a channel should have.

    `scopes`: any one of them suffices. `optional`: without it the channel still does its work, so a missing scope
    drops this subscription instead of stopping the channel.
    """

    type: str
    version: str
    condition: Mapping[str, str]
    scopes: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table below. `on`: whether the channel's settings ask for it. `reads`: the condition also names who
    reads, which is the broadcaster himself."""

    type: str
    scopes: tuple[str, ...] = ()
    optional: bool = False
    version: str = "1"
    on: Callable[[ChannelSettings], bool] = lambda settings: True
    reads: bool = False


# Twitch documentation, "EventSub subscription types"; the order is the order of creation, most needed first, since
# the first one must exist within ten seconds. `channel.cheer` is not here: `channel.bits.use` tells of each cheer, too,
# and one cheer must not count twice.
VIP_CHANNEL = (
    Kind("channel.channel_points_custom_reward_redemption.add", _REDEMPTIONS),
    Kind("channel.channel_points_custom_reward_redemption.update", _REDEMPTIONS),
    Kind("channel.vip.remove", _VIPS),
    Kind("channel.vip.add", _VIPS),
    Kind("channel.moderator.add", _MODERATORS, optional=True),
    Kind("channel.moderator.remove", _MODERATORS, optional=True),
    Kind("stream.online", optional=True),
    Kind("stream.offline", optional=True),
    Kind(
        "channel.subscribe",
        ("channel:read:subscriptions",),
        optional=True,
        on=lambda settings: settings.causes.subscription is not None,
    ),
    Kind(
        "channel.bits.use",
        _BITS,
        optional=True,
        on=lambda settings: bool(settings.causes.bits or settings.causes.power_up),
    ),
    Kind(
        "channel.custom_power_up_redemption.add",
        _BITS,
        optional=True,
        on=lambda settings: settings.causes.power_up is not None,
    ),
    Kind("channel.ban", ("channel:moderate",), optional=True),
    Kind("channel.unban", ("channel:moderate",), optional=True),
    Kind(
        "channel.chat.message",
        ("user:read:chat",),
        optional=True,
        on=lambda settings: settings.messages.answers_vip,
        reads=True,
    ),
)


def vip_channel(
    channel_id: str,
    scopes: Collection[str] | None = None,
    settings: ChannelSettings | None = None,
) -> tuple[Wanted, ...]:
    """What a channel that sells VIPs wants.

    Args:
        channel_id: the broadcaster.
        scopes: what the broadcaster granted, `None` when that is not known. Optional subscriptions without their
            scope are left out; required ones stay (see `missing_scopes`).
        settings: what the streamer chose, `None` for what a new channel has.
    """
    chosen = ChannelSettings() if settings is None else settings
    return tuple(
        Wanted(kind.type, kind.version, _condition(kind, channel_id), kind.scopes, kind.optional)
        for kind in VIP_CHANNEL
        if kind.on(chosen) and (not kind.optional or may(kind, scopes))
    )


def _condition(kind: Kind, channel_id: str) -> dict[str, str]:
    reader = {"user_id": channel_id} if kind.reads else {}
    return {"broadcaster_user_id": channel_id, **reader}


def may(item: Kind | Wanted, scopes: Collection[str] | None) -> bool:
    """Whether somebody who granted these scopes (`None`: not known) allows this subscription."""
    return scopes is None or not item.scopes or any(scope in scopes for scope in item.scopes)


def missing_scopes(wanted: Sequence[Wanted], scopes: Collection[str]) -> tuple[str, ...]:
    """The scopes to ask for (the strongest of each choice) so that every required subscription is possible."""
    missing = (
        item.scopes[-1]
        for item in wanted
        if item.scopes and not item.optional and not any(scope in scopes for scope in item.scopes)
    )
    return tuple(dict.fromkeys(missing))


@dataclass(frozen=True, slots=True)
class Plan:
    """`delete` first (it frees places under Twitch's limits), then `create`, in order. `keep` is as it should be."""

    create: tuple[Wanted, ...]
    delete: tuple[RemoteSubscription, ...]
    keep: tuple[RemoteSubscription, ...]


def plan(wanted: Sequence[Wanted], actual: Sequence[RemoteSubscription], session_id: str) -> Plan:
    """What is to be done so that `session_id` has exactly `wanted`.

    Subscriptions match by type, version and condition; an optional key of a condition (`reward_id`) that is empty or
    missing is the same. Only subscriptions over WebSocket are looked at: a webhook or conduit is somebody else's.
    Kept: enabled ones on this session. Deleted: everything else on this session, what is disabled, and enabled ones
    of other sessions that we want here (a process that was killed leaves them, and at most three of the same type
    and condition may exist). An enabled one on another session that we do not want here is left alone.
    """
    open_wishes: dict[Key, Wanted] = {}
    for wish in wanted:
        open_wishes.setdefault(key_of(wish), wish)
    all_keys = frozenset(open_wishes)
    keep: list[RemoteSubscription] = []
    delete: list[RemoteSubscription] = []
    for subscription in actual:
        if subscription.method != "websocket":
            continue
        key = key_of(subscription)
        enabled, here = subscription.status == "enabled", subscription.session_id == session_id
        if enabled and here and key in open_wishes:
            del open_wishes[key]
            keep.append(subscription)
        elif here or not enabled or key in all_keys:
            delete.append(subscription)
    return Plan(tuple(open_wishes.values()), tuple(delete), tuple(keep))


Key = tuple[str, str, frozenset[tuple[str, str]]]


def key_of(item: Wanted | RemoteSubscription) -> Key:
    """What tells one subscription from another: type, version, condition without its empty parts."""
    return (
        item.type,
        item.version,
        frozenset((name, value) for name, value in item.condition.items() if value),
    )
