"""A channel's settings as the API shows and changes them: shapes, bounds, and what a change is called.

A change is a nested object of which only what is given counts; whether its fields have the right types has been seen
to (`web/models/settings.py`). What is checked here is what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from domain import messages
from domain.channel import LONGEST_VIP_MS, Causes, Channel, ChannelSettings, Messages, VipTime
from domain.errors import Rejected
from domain.locales import LOCALES
from domain.rewards import rules_of, rules_shown, time_of, time_shown
from domain.slots import Limits, WhenFull

LANGUAGES: Mapping[str, str] = {code: locale.name for code, locale in LOCALES.items()}
"""What chat can be spoken to in, each by its own name."""

MOST_CAP = 1000
SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 60, 7 * 86_400
LONGEST_NOTICE_SECONDS = 7 * 86_400
LONGEST_RULE_SECONDS = 10 * 366 * 86_400
MOST_TEXT = 500
DISCORD_HOSTS = frozenset({"discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com"})

_WEBHOOK = re.compile(r"/api(?:/v\d{1,2})?/webhooks/\d{5,25}/[A-Za-z0-9_-]{20,200}")
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,2}")

PARTS: Mapping[str, tuple[str, ...]] = {
    "rules": ("rules", "limits", "causes"),
    "messages": ("language", "chat", "messages", "discord"),
    "settings": ("default_seconds", "removes", "paused", "timezone", "wizard_done"),
}
"""Part of the settings (an entry of the live topic names these) to the fields that belong to it."""


def shown(channel: Channel, *, discord: str = "") -> dict[str, Any]:
    """The whole settings. `discord`: the webhook's address, which is shown masked."""
    settings, said = channel.settings, channel.settings.messages
    return {
        "language": channel.language,
        "chat": channel.chat,
        "default_seconds": settings.default_vip_ms // 1000,
        "removes": settings.removes,
        "paused": channel.paused,
        "timezone": settings.timezone,
        "wizard_done": settings.wizard_done,
        "rules": rules_shown(settings.rules),
        "limits": {
            "cap": settings.limits.cap,
            "when_full": settings.limits.when_full.value,
            "longest_wait_seconds": settings.limits.longest_wait_ms // 1000,
        },
        "causes": {
            name: None if time is None else time_shown(time)
            for name, time in (
                ("subscription", settings.causes.subscription),
                ("bits", settings.causes.bits),
                ("power_up", settings.causes.power_up),
            )
        },
        "messages": {
            "texts": dict(said.texts),
            "off": list(said.off),
            "ends_soon_seconds": said.ends_soon_ms // 1000,
            "says_online": said.says_online,
            "answers_vip": said.answers_vip,
            "faults": broken_texts(channel),
        },
        "discord": {
            "configured": bool(said.discord_url),
            "shown": masked(discord) if discord else "",
            "events": list(said.discord),
            "fault": said.discord_fault,
        },
    }


def broken_texts(channel: Channel) -> dict[str, list[str]]:
    """What is wrong with those of the streamer's own texts that cannot be used (the catalogue's are said instead)."""
    texts = channel.settings.messages.texts.items()
    known = {event: text for event, text in texts if event in messages.EVENTS}
    found = {event: messages.faults(event, text, channel.language) for event, text in known.items()}
    return {event: list(faults) for event, faults in found.items() if faults}


def changed(channel: Channel, change: Mapping[str, Any], *, sealed_url: str | None = None) -> Channel:
    """The channel after a change. `sealed_url` takes the place of `discord.url`, which is never in a record as it is;
    `None` leaves it. Raises `Rejected` with the code `settings.<field>` for what cannot be."""
    settings = channel.settings
    if "language" in change and change["language"] not in LANGUAGES:
        raise refused("language", f"There are no messages in {change['language']!r}.", ", ".join(LANGUAGES))
    settings = replace(
        settings,
        default_vip_ms=_vip_ms(change["default_seconds"], "default_seconds")
        if "default_seconds" in change
        else settings.default_vip_ms,
        removes=change.get("removes", settings.removes),
        timezone=_zone(change["timezone"]) if "timezone" in change else settings.timezone,
        wizard_done=change.get("wizard_done", settings.wizard_done),
        limits=_limits(settings.limits, change.get("limits", {})),
        causes=_causes(settings.causes, change.get("causes", {})),
        messages=_messages(settings.messages, change.get("messages", {})),
    )
    if "rules" in change:
        check_rules(change["rules"])
        settings = replace(settings, rules=rules_of(change["rules"], settings.rules))
    settings = _discord(settings, change.get("discord", {}), sealed_url)
    return replace(
        channel,
        language=change.get("language", channel.language),
        chat=change.get("chat", channel.chat),
        paused=change.get("paused", channel.paused),
        settings=settings,
    )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a change made of what: `{"limits.cap": {"before": 0, "after": 10}}`. Both as `shown` gives them."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in after.items():
        if isinstance(value, Mapping) and isinstance(before.get(name), Mapping):
            for inner, change in differences(before[name], value).items():
                found[f"{name}.{inner}"] = change
        elif before.get(name) != value:
            found[name] = {"before": before.get(name), "after": value}
    for name in before.keys() - after.keys():
        found[name] = {"before": before[name], "after": None}
    return found


def parts_of(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Which parts of the settings these differences belong to."""
    fields = {name.partition(".")[0] for name in changes}
    return tuple(part for part, names in PARTS.items() if fields & set(names))


def webhook(url: str) -> str:
    """The address of a Discord webhook, in the one form that is called. Raises `Rejected` (`settings.discord`)."""
    try:
        split = urlsplit(url.strip())
        port = split.port
    except ValueError:
        split, port = urlsplit(""), None
    if (
        split.scheme != "https"
        or split.hostname not in DISCORD_HOSTS
        or port not in (None, 443)
        or "@" in split.netloc
        or not _WEBHOOK.fullmatch(split.path)
    ):
        raise refused(
            "discord",
            "This is not the address of a Discord webhook.",
            "On Discord: channel settings, Integrations, Webhooks, Copy URL. It begins with"
            " https://discord.com/api/webhooks/.",
        )
    return f"https://{split.hostname}{split.path}"


def masked(url: str) -> str:
    """Enough of a webhook's address to recognise it, and not enough to use it."""
    return f"{urlsplit(url).hostname}/…/…{url[-4:]}"


def check_rules(given: Mapping[str, Any]) -> None:
    """Raises `Rejected` (`settings.rules`) for a length that no rule can have."""
    for name in ("min_follow_seconds", "cooldown_seconds", "most_seconds"):
        if not 0 <= given.get(name, 0) <= LONGEST_RULE_SECONDS:
            raise refused(
                "rules", f"{name} is from 0 (off) to ten years.", "Choose a length within these bounds."
            )


def refused(field: str, message: str, advice: str) -> Rejected:
    """What is wrong with a setting."""
    return Rejected(message, code=f"settings.{field}", advice=advice)


def _vip_ms(seconds: int, field: str) -> int:
    if not 1 <= seconds <= LONGEST_VIP_MS // 1000:
        raise refused(
            field, "A VIP lasts from one second to 366 days.", "Choose a length within these bounds."
        )
    return seconds * 1000


def _zone(name: str) -> str:
    try:
        if not _ZONE.fullmatch(name):
            raise ValueError
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise refused(
            "timezone", "There is no such time zone.", "Use a name like Europe/Berlin or UTC."
        ) from None
    return name


def _limits(held: Limits, given: Mapping[str, Any]) -> Limits:
    cap = given.get("cap", held.cap)
    if not 0 <= cap <= MOST_CAP:
        raise refused(
            "limits", f"The cap is from 0 (none) to {MOST_CAP}.", "Choose a number within these bounds."
        )
    wait = given.get("longest_wait_seconds", held.longest_wait_ms // 1000)
    if not SHORTEST_WAIT_SECONDS <= wait <= LONGEST_WAIT_SECONDS:
        raise refused(
            "limits", "The longest wait is from a minute to seven days.", "Choose a length within these."
        )
    return Limits(cap, WhenFull(given.get("when_full", held.when_full)), wait * 1000)


def _causes(held: Causes, given: Mapping[str, Any]) -> Causes:
    fresh: dict[str, VipTime | None] = {}
    for name, time in given.items():
        if time is not None:
            _vip_ms(time["seconds"], "causes")
            if time.get("per", 1) < 1:
                raise refused("causes", "The time is for one unit or more.", "Use 1 or more units.")
        fresh[name] = None if time is None else time_of(time)
    return replace(held, **fresh)


def _messages(held: Messages, given: Mapping[str, Any]) -> Messages:
    texts = dict(held.texts)
    for event, text in given.get("texts", {}).items():
        if event not in messages.EVENTS:
            raise _no_event(event)
        if not text:  # back to the catalogue's
            texts.pop(event, None)
            continue
        wrong = messages.faults(event, text) if len(text) <= MOST_TEXT else ("The message is too long.",)
        if wrong:
            raise refused("messages", f"{event}: {' '.join(wrong)}", "See the preview.")
        texts[event] = text
    notice = given.get("ends_soon_seconds", held.ends_soon_ms // 1000)
    if not 0 <= notice <= LONGEST_NOTICE_SECONDS:
        raise refused("messages", "The reminder comes from 0 (never) to seven days before.", "Choose less.")
    return replace(
        held,
        texts=texts,
        off=_events(given["off"]) if "off" in given else held.off,
        ends_soon_ms=notice * 1000,
        says_online=given.get("says_online", held.says_online),
        answers_vip=given.get("answers_vip", held.answers_vip),
    )


def _discord(settings: ChannelSettings, given: Mapping[str, Any], sealed_url: str | None) -> ChannelSettings:
    said = settings.messages
    if "events" in given:
        said = replace(said, discord=_events(given["events"]))
    if sealed_url is not None:
        said = replace(said, discord_url=sealed_url, discord_fault="")
    return replace(settings, messages=said)


def _events(names: list[str]) -> tuple[str, ...]:
    for name in names:
        _event(name)
    return tuple(dict.fromkeys(names))


def _event(name: str) -> None:
    if name not in messages.EVENTS and name not in messages.FAMILIES:
        raise _no_event(name)


def _no_event(name: str) -> Rejected:
    return refused("messages", f"There is no event {name[:60]!r}.", "See GET /api/settings/messages.")
