"""The subscription types that the simulator knows: version, condition, scopes, transports, cost."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.twitch.errors import ApiError

ALL_TRANSPORTS = frozenset({"websocket", "webhook", "conduit"})
_REDEMPTIONS = ("channel:read:redemptions", "channel:manage:redemptions")
_VIPS = ("channel:read:vips", "channel:manage:vips")
_BITS = ("bits:read",)


@dataclass(frozen=True)
class EventType:
    """`scopes`: any one of them suffices, granted by the user that condition `granted_by` names."""

    name: str
    version: str = "1"
    required: tuple[str, ...] = ("broadcaster_user_id",)
    optional: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    granted_by: str = "broadcaster_user_id"
    transports: frozenset[str] = ALL_TRANSPORTS

    @property
    def key(self) -> str:
        """The condition field by which subscriptions are looked up."""
        return self.required[0]


_REWARD = ("reward_id",)
_KNOWN = (
    EventType("channel.channel_points_custom_reward_redemption.add", optional=_REWARD, scopes=_REDEMPTIONS),
    EventType(
        "channel.channel_points_custom_reward_redemption.update", optional=_REWARD, scopes=_REDEMPTIONS
    ),
    EventType("channel.channel_points_custom_reward.add", scopes=_REDEMPTIONS),
    EventType("channel.channel_points_custom_reward.update", optional=_REWARD, scopes=_REDEMPTIONS),
    EventType("channel.channel_points_custom_reward.remove", optional=_REWARD, scopes=_REDEMPTIONS),
    EventType("channel.vip.add", scopes=_VIPS),
    EventType("channel.vip.remove", scopes=_VIPS),
    EventType(
        "channel.chat.message",
        required=("broadcaster_user_id", "user_id"),
        scopes=("user:read:chat",),
        granted_by="user_id",
    ),
    EventType("stream.online"),
    EventType("stream.offline"),
    EventType("channel.subscribe", scopes=("channel:read:subscriptions",)),
    EventType("channel.cheer", scopes=_BITS),
    EventType("channel.bits.use", scopes=_BITS),
    EventType("channel.moderator.add", scopes=("moderation:read",)),
    EventType("channel.moderator.remove", scopes=("moderation:read",)),
    EventType("channel.ban", scopes=("channel:moderate",)),
    EventType("channel.unban", scopes=("channel:moderate",)),
    EventType("channel.custom_power_up_redemption.add", optional=_REWARD, scopes=_BITS),
    EventType("user.authorization.revoke", required=("client_id",), transports=frozenset({"webhook"})),
    EventType(
        "user.authorization.grant", required=("client_id",), transports=frozenset({"webhook", "conduit"})
    ),
    EventType(
        "conduit.shard.disabled",
        required=("client_id",),
        optional=("conduit_id",),
        transports=frozenset({"webhook", "conduit"}),
    ),
)
TYPES = {kind.name: kind for kind in _KNOWN}


def find_type(name: object, version: object) -> EventType:
    """Raises ApiError 400 for a type or version that does not exist."""
    kind = TYPES.get(name) if isinstance(name, str) else None
    if kind is None or kind.version != version:
        raise ApiError(400, "invalid subscription type and version")
    return kind


def check_condition(kind: EventType, condition: object) -> dict[str, str]:
    """The condition with all its fields, optional ones empty. Raises ApiError 400."""
    if not isinstance(condition, dict):
        raise ApiError(400, "missing or unparseable subscription condition")
    known = {*kind.required, *kind.optional}
    values = {name: value for name, value in condition.items() if name in known}
    if any(not isinstance(value, str) for value in values.values()):
        raise ApiError(400, "invalid value in subscription condition")
    if any(not values.get(name) for name in kind.required):
        raise ApiError(400, "missing or unparseable subscription condition")
    return {name: values.get(name, "") for name in (*kind.required, *kind.optional)}
