"""The settings of a channel: shapes, bounds, and what a change is called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.channel import Channel, Lasting, VipTime
from domain.errors import Rejected
from domain.preferences import (
    LANGUAGES,
    PARTS,
    changed,
    differences,
    masked,
    parts_of,
    shown,
    webhook,
)
from domain.slots import WhenFull

CHANNEL = Channel("1", "anna", "Anna")
WEBHOOK = "https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz_-ABCD"


def test_a_new_channel_as_it_is_shown() -> None:
    assert shown(CHANNEL) == {
        "language": "en",
        "chat": True,
        "default_seconds": 604_800,
        "removes": True,
        "paused": False,
        "timezone": "UTC",
        "wizard_done": False,
        "rules": {
            "subscribers_only": False,
            "min_follow_seconds": 0,
            "allow_only": False,
            "cooldown_seconds": 0,
            "most_seconds": 0,
        },
        "limits": {"cap": 0, "when_full": "refund", "longest_wait_seconds": 21_600},
        "causes": {"subscription": None, "bits": None, "power_up": None},
        "messages": {
            "texts": {},
            "off": [],
            "ends_soon_seconds": 0,
            "says_online": False,
            "answers_vip": True,
            "faults": {},
        },
        "discord": {"configured": False, "shown": "", "events": [], "fault": ""},
    }


@pytest.mark.parametrize(
    "change",
    [
        {"language": "de"},
        {"chat": False},
        {"default_seconds": 3600},
        {"removes": False},
        {"paused": True},
        {"timezone": "Europe/Berlin"},
        {"wizard_done": True},
        {"rules": {"min_follow_seconds": 86_400}},
        {"limits": {"cap": 5, "when_full": "wait"}},
        {"causes": {"bits": {"lasting": "per_unit", "seconds": 60, "per": 100}}},
        {"messages": {"texts": {"granted": "Hello {viewer}"}, "off": ["ended"]}},
        {"messages": {"ends_soon_seconds": 600, "says_online": True, "answers_vip": False}},
        {"discord": {"events": ["granted", "ended"]}},
    ],
)
def test_what_is_named_changes_and_nothing_else(change: dict[str, Any]) -> None:
    before, after = shown(CHANNEL), shown(changed(CHANNEL, change))
    for name, value in after.items():
        if name not in change:
            assert value == before[name], name
        elif isinstance(value, dict):
            assert value == {**before[name], **change[name]}
        else:
            assert value == change[name]
    assert changed(changed(CHANNEL, change), {}) == changed(CHANNEL, change)


def test_the_records_have_what_was_chosen() -> None:
    after = changed(
        CHANNEL,
        {
            "limits": {"cap": 5, "when_full": "oldest_out"},
            "causes": {"subscription": {"lasting": "fixed", "seconds": 60, "per": 1}},
            "rules": {"cooldown_seconds": 10},
        },
    )
    assert (after.settings.limits.cap, after.settings.limits.when_full) == (5, WhenFull.OLDEST_OUT)
    assert after.settings.causes.subscription == VipTime(60_000, Lasting.FIXED)
    assert after.settings.rules.cooldown_ms == 10_000
    assert changed(after, {"causes": {"subscription": None}}).settings.causes.subscription is None


def test_a_text_is_taken_back_by_an_empty_one() -> None:
    after = changed(CHANNEL, {"messages": {"texts": {"granted": "Hello {viewer}", "ended": "Bye {viewer}"}}})
    after = changed(after, {"messages": {"texts": {"granted": None}}})
    assert dict(after.settings.messages.texts) == {"ended": "Bye {viewer}"}
    assert dict(changed(after, {"messages": {"texts": {"ended": ""}}}).settings.messages.texts) == {}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("language", {"language": "xx"}),
        ("default_seconds", {"default_seconds": 0}),
        ("default_seconds", {"default_seconds": 366 * 86_400 + 1}),
        ("timezone", {"timezone": "Mars/Olympus"}),
        ("timezone", {"timezone": "../../etc/passwd"}),
        ("timezone", {"timezone": ""}),
        ("timezone", {"timezone": "Europe"}),
        ("rules", {"rules": {"cooldown_seconds": -1}}),
        ("rules", {"rules": {"most_seconds": 10**12}}),
        ("limits", {"limits": {"cap": -1}}),
        ("limits", {"limits": {"cap": 1001}}),
        ("limits", {"limits": {"longest_wait_seconds": 59}}),
        ("causes", {"causes": {"bits": {"lasting": "per_unit", "seconds": 0, "per": 1}}}),
        ("causes", {"causes": {"bits": {"lasting": "per_unit", "seconds": 60, "per": 0}}}),
        ("messages", {"messages": {"texts": {"granted": "{nobody}"}}}),
        ("messages", {"messages": {"texts": {"granted": "x" * 501}}}),
        ("messages", {"messages": {"texts": {"party": "x"}}}),
        ("messages", {"messages": {"off": ["party"]}}),
        ("messages", {"messages": {"ends_soon_seconds": -1}}),
        ("messages", {"discord": {"events": ["party"]}}),
    ],
)
def test_what_cannot_be_is_refused(field: str, change: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as caught:
        changed(CHANNEL, change)
    assert caught.value.code == f"settings.{field}"
    assert caught.value.advice


def test_differences_name_what_a_change_made_of_what() -> None:
    before, after = shown(CHANNEL), shown(changed(CHANNEL, {"limits": {"cap": 5}, "language": "fr"}))
    found = differences(before, after)
    assert found == {
        "limits.cap": {"before": 0, "after": 5},
        "language": {"before": "en", "after": "fr"},
    }
    assert parts_of(found) == ("rules", "messages")
    assert differences(after, after) == {}
    texts = differences({"texts": {"ended": "Bye"}}, {"texts": {"granted": "Hi"}})
    assert texts == {
        "texts.granted": {"before": None, "after": "Hi"},
        "texts.ended": {"before": "Bye", "after": None},
    }


def test_every_field_belongs_to_a_part() -> None:
    assert sorted(name for names in PARTS.values() for name in names) == sorted(shown(CHANNEL))


@pytest.mark.parametrize(
    "url",
    [
        WEBHOOK,
        WEBHOOK.replace("discord.com", "discordapp.com"),
        WEBHOOK.replace("discord.com", "canary.discord.com"),
        WEBHOOK.replace("discord.com", "ptb.discord.com"),
        WEBHOOK.replace("/api/", "/api/v10/"),
        f"  {WEBHOOK}?wait=true\n",
        WEBHOOK.replace("discord.com", "discord.com:443"),
    ],
)
def test_addresses_of_discord_are_taken(url: str) -> None:
    taken = webhook(url)
    assert taken.startswith("https://")
    assert "?" not in taken
    assert ":443" not in taken


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        WEBHOOK.replace("https", "http"),
        WEBHOOK.replace("discord.com", "discord.com.evil.example"),
        WEBHOOK.replace("discord.com", "evil.example"),
        WEBHOOK.replace("discord.com", "evil.example@discord.com"),
        WEBHOOK.replace("discord.com", "discord.com@evil.example"),
        WEBHOOK.replace("discord.com", "discord.com:8080"),
        WEBHOOK.replace("discord.com", "discord.com:99999"),
        WEBHOOK.replace("/api/webhooks/", "/api/users/"),
        WEBHOOK.replace("/api/webhooks/", "/api/webhooks/../"),
        f"{WEBHOOK}/slack",
        "https://[::1]/api/webhooks/1/2",
        "https://[",
    ],
)
def test_other_addresses_are_not(url: str) -> None:
    with pytest.raises(Rejected) as caught:
        webhook(url)
    assert caught.value.code == "settings.discord"


def test_a_masked_address_cannot_be_used() -> None:
    assert masked(WEBHOOK) == "discord.com/…/…ABCD"


def test_the_sealed_address_is_put_in_its_place_and_not_shown() -> None:
    after = changed(CHANNEL, {"discord": {"url": WEBHOOK}}, sealed_url="sealed")
    assert after.settings.messages.discord_url == "sealed"
    assert shown(after, discord=WEBHOOK)["discord"] == {
        "configured": True,
        "shown": "discord.com/…/…ABCD",
        "events": [],
        "fault": "",
    }
    assert changed(after, {}).settings.messages.discord_url == "sealed"
    gone = changed(after, {"discord": {"url": None}}, sealed_url="")
    assert shown(gone)["discord"]["configured"] is False


def test_five_languages() -> None:
    assert set(LANGUAGES) == {"en", "es", "fr", "pt", "de"}
    assert replace(CHANNEL, language="de").language in LANGUAGES
