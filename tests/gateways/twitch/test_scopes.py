"""Scopes per feature."""

from __future__ import annotations

import pytest

from gateways.twitch.scopes import (
    SCOPES,
    VIP_FEATURES,
    Feature,
    event_scopes,
    missing_scopes,
    scope_text,
    scopes_for,
)


def test_every_feature_has_scopes() -> None:
    assert set(SCOPES) == set(Feature)
    assert all(SCOPES.values())


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
