"""Scopes per feature."""

from __future__ import annotations

import pytest

from domain.channel import Causes, Channel, ChannelSettings, Messages, Reward, VipTime
from domain.rules import Rules
from gateways.twitch.scopes import (
    OFFERED,
    SCOPES,
    VIP_FEATURES,
    WHY,
    Feature,
    event_scopes,
    features_of,
    missing_scopes,
    scope_text,
    scopes_for,
)


def test_every_feature_has_scopes() -> None:
    assert set(SCOPES) == set(Feature)
    assert all(SCOPES.values())


def test_every_feature_says_what_it_is_for() -> None:
    assert set(WHY) == set(Feature)
    assert len(set(WHY.values())) == len(WHY)


def of(
    settings: ChannelSettings | None = None, rules: Rules | None = None, *, chat: bool = False
) -> set[Feature]:
    quiet = ChannelSettings(messages=Messages(answers_vip=False))
    reward = Reward("r", "R", 1, 1, rules=rules)
    channel = Channel("1", "a", "A", (reward,), chat=chat, settings=settings or quiet)
    return set(features_of(channel)) - {Feature.READ_CHAT} - set(BASE)


BASE = (Feature.REWARDS, Feature.VIPS, Feature.MODERATOR_CHECK)


def test_what_the_settings_switch_on() -> None:
    assert of() == set()
    assert of(chat=True) == {Feature.CHAT_AS_SELF}
    assert of(rules=Rules(subscribers_only=True)) == {Feature.SUBSCRIBERS}
    assert of(ChannelSettings(rules=Rules(min_follow_ms=1))) == {Feature.FOLLOWERS}
    assert of(rules=Rules(min_follow_ms=1)) == {Feature.FOLLOWERS}
    assert of(ChannelSettings(causes=Causes(subscription=VipTime(1)))) == {Feature.SUBSCRIBERS}
    assert of(ChannelSettings(causes=Causes(bits=VipTime(1)))) == {Feature.BITS}
    assert of(ChannelSettings(causes=Causes(power_up=VipTime(1)))) == {Feature.BITS}
    plain = Channel("1", "a", "A")
    assert features_of(plain) == {*VIP_FEATURES, Feature.READ_CHAT}
    assert not set(OFFERED) & features_of(plain), "never without being asked"


def test_the_main_job() -> None:
    assert scopes_for(VIP_FEATURES) == (
        "channel:manage:redemptions",
        "channel:manage:vips",
        "moderation:read",
        "user:write:chat",
    )


def test_nothing_is_asked_twice() -> None:
    assert scopes_for([Feature.CHAT_AS_SELF, Feature.CHAT_AS_APP_BOT]) == ("user:bot", "user:write:chat")


def test_missing() -> None:
    granted = ["channel:manage:vips", "moderation:read"]
    assert missing_scopes(granted, [Feature.VIPS, Feature.REWARDS]) == ("channel:manage:redemptions",)
    assert missing_scopes(scopes_for(VIP_FEATURES), VIP_FEATURES) == ()


@pytest.mark.parametrize(
    ("event_type", "scopes"),
    [
        ("channel.channel_points_custom_reward_redemption.add", ("channel:manage:redemptions",)),
        ("channel.vip.remove", ("channel:manage:vips",)),
        ("channel.moderator.add", ("moderation:read",)),
        ("channel.subscribe", ("channel:read:subscriptions",)),
        ("channel.cheer", ("bits:read",)),
        ("channel.ban", ("channel:moderate",)),
        ("channel.unban", ("channel:moderate",)),
        ("stream.online", ()),
        ("nonsense", ()),
    ],
)
def test_scopes_of_events(event_type: str, scopes: tuple[str, ...]) -> None:
    assert event_scopes(event_type) == scopes


def test_scope_text() -> None:
    assert scope_text(["bits:read", "user:bot"]) == "bits:read user:bot"
    with pytest.raises(ValueError):
        scope_text(["channel:manage:everything"])
