"""What we ask a streamer (or the bot's account) to grant, by feature: never more than is used.

Twitch may suspend applications that ask for too much, and a new scope means a new consent (docs/facts/twitch.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from twitchAPI.helper import build_scope
from twitchAPI.type import AuthScope

from domain.channel import Channel


class Feature(StrEnum):
    """What a channel (or a bot) may switch on. The second half of the name says who has to consent."""

    REWARDS = "rewards"  # broadcaster: redemption events, our own rewards, fulfil and refund
    VIPS = "vips"  # broadcaster: grant, remove, list, events
    MODERATOR_CHECK = "moderator_check"  # broadcaster
    SUBSCRIBERS = "subscribers"  # broadcaster: rules for subscribers, events
    BITS = "bits"  # broadcaster: cheers, power-ups
    CHAT_AS_SELF = "chat_as_self"  # whoever speaks, with a user token
    CHAT_AS_APP_BOT = "chat_as_app_bot"  # the bot's account, speaking with the app token
    CHAT_AS_APP_CHANNEL = "chat_as_app_channel"  # broadcaster, so that such a bot may speak
    READ_CHAT = "read_chat"  # whoever reads
    FOLLOWERS = "followers"  # broadcaster: rules for followers
    BANS = "bans"  # broadcaster: hear of bans at once


SCOPES: dict[Feature, tuple[AuthScope, ...]] = {
    Feature.REWARDS: (AuthScope.CHANNEL_MANAGE_REDEMPTIONS,),
    Feature.VIPS: (AuthScope.CHANNEL_MANAGE_VIPS,),
    Feature.MODERATOR_CHECK: (AuthScope.MODERATION_READ,),
    Feature.SUBSCRIBERS: (AuthScope.CHANNEL_READ_SUBSCRIPTIONS,),
    Feature.BITS: (AuthScope.BITS_READ,),
    Feature.CHAT_AS_SELF: (AuthScope.USER_WRITE_CHAT,),
    Feature.CHAT_AS_APP_BOT: (AuthScope.USER_BOT, AuthScope.USER_WRITE_CHAT),
    Feature.CHAT_AS_APP_CHANNEL: (AuthScope.CHANNEL_BOT,),
    # Over a conduit the application reads as a bot of whoever reads. Asked for from the start, since another way of
    # listening must not send every streamer to Twitch again.
    Feature.READ_CHAT: (AuthScope.USER_READ_CHAT, AuthScope.USER_BOT),
    Feature.FOLLOWERS: (AuthScope.MODERATOR_READ_FOLLOWERS,),
    Feature.BANS: (AuthScope.CHANNEL_MODERATE,),
}

WHY: dict[Feature, str] = {
    Feature.REWARDS: "To make the rewards, to hear of each redemption, and to give points back.",
    Feature.VIPS: "To make a viewer VIP, and to take the VIP back when the time is up.",
    Feature.MODERATOR_CHECK: "To see who is a moderator or banned: they cannot be VIP.",
    Feature.SUBSCRIBERS: "To see who is subscribed, and to hear of new subscriptions.",
    Feature.BITS: "To hear of cheers and power-ups, which make a VIP in your channel.",
    Feature.CHAT_AS_SELF: "To tell viewers in chat what became of their points.",
    Feature.CHAT_AS_APP_BOT: "To let the bot account speak in chat.",
    Feature.CHAT_AS_APP_CHANNEL: "To let the bot account into your chat.",
    Feature.READ_CHAT: "To answer who asks for the time left in chat.",
    Feature.FOLLOWERS: "To see since when a viewer follows you.",
    Feature.BANS: "To end the VIP of a viewer who is banned at that moment.",
}
"""What the streamer is told that a permission is for."""

# The main job: points become a VIP, refunds are possible, the outcome is told in chat in the streamer's name.
VIP_FEATURES = (Feature.REWARDS, Feature.VIPS, Feature.MODERATOR_CHECK, Feature.CHAT_AS_SELF)

# Asked for only where the streamer ticks it. Without it a ban is still noticed: when Twitch takes the badge away, when
# it refuses the next VIP, or at the regular look at all VIPs.
OFFERED = (Feature.BANS,)

# A granted scope on the left also allows what the one on the right allows.
_IMPLIES = {
    AuthScope.CHANNEL_MANAGE_REDEMPTIONS.value: AuthScope.CHANNEL_READ_REDEMPTIONS.value,
    AuthScope.CHANNEL_MANAGE_VIPS.value: AuthScope.CHANNEL_READ_VIPS.value,
}

# The scope that an EventSub type asks of the broadcaster (or the reader); types without one need no consent.
_EVENT_FEATURES = {
    "channel.channel_points_": Feature.REWARDS,
    "channel.vip.": Feature.VIPS,
    "channel.moderator.": Feature.MODERATOR_CHECK,
    "channel.subscribe": Feature.SUBSCRIBERS,
    "channel.cheer": Feature.BITS,
    "channel.bits.": Feature.BITS,
    "channel.custom_power_up_redemption.": Feature.BITS,
    "channel.chat.": Feature.READ_CHAT,
    "channel.ban": Feature.BANS,
    "channel.unban": Feature.BANS,
}


def features_of(channel: Channel) -> frozenset[Feature]:
    """What a channel's settings switch on, of what the broadcaster has to grant. `OFFERED` ones are never in it."""
    causes, rules = channel.settings.causes, [channel.settings.rules]
    rules += [reward.rules for reward in channel.rewards if reward.rules is not None]
    on = {
        Feature.REWARDS: True,
        Feature.VIPS: True,
        Feature.MODERATOR_CHECK: True,
        Feature.SUBSCRIBERS: bool(causes.subscription) or any(one.subscribers_only for one in rules),
        Feature.BITS: bool(causes.bits or causes.power_up),
        Feature.CHAT_AS_SELF: channel.chat,
        Feature.READ_CHAT: channel.settings.messages.answers_vip,
        Feature.FOLLOWERS: any(one.min_follow_ms for one in rules),
    }
    return frozenset(feature for feature, switched in on.items() if switched)


def event_scopes(event_type: str) -> tuple[str, ...]:
    """What a subscription of this type needs, empty when nothing or when the type is not known here."""
    features = [feature for start, feature in _EVENT_FEATURES.items() if event_type.startswith(start)]
    return scopes_for(features)


def scopes_for(features: Iterable[Feature]) -> tuple[str, ...]:
    """The scopes of these features, each once, sorted (so that the authorize URL is the same every time)."""
    return tuple(sorted({scope.value for feature in features for scope in SCOPES[feature]}))


def missing_scopes(granted: Iterable[str], features: Iterable[Feature]) -> tuple[str, ...]:
    """What a grant lacks for these features; manage scopes cover their read scopes."""
    have = set(granted)
    have |= {_IMPLIES[scope] for scope in have if scope in _IMPLIES}
    return tuple(scope for scope in scopes_for(features) if scope not in have)


def scope_text(scopes: Iterable[str]) -> str:
    """The `scope` parameter. Raises `ValueError` for a scope that Twitch does not know."""
    return build_scope([AuthScope(scope) for scope in scopes])
