"""What a streamer may ask of a reward: Twitch's limits, checked before Twitch is asked, each with what to do about it.

Fields are those of the API (`web/models/rewards.py`): what is not given stays as it is, and a limit of 0 is none.
Sources of the limits: Create and Update Custom Rewards, Twitch API reference (docs/facts/twitch.md).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from domain.channel import LONGEST_VIP_MS, Lasting, Reward, RewardAction, VipTime
from domain.errors import Rejected
from domain.rules import Rules

MOST_REWARDS = 50  # in a channel, whoever made them, switched off or not
TITLE_CHARACTERS = 45
PROMPT_CHARACTERS = 200
MOST_NUMBER = 2**31 - 1
SHORTEST_COOLDOWN_SECONDS = 60  # Twitch takes shorter ones and does not show them
LONGEST_COOLDOWN_SECONDS = 604_800
CHANNEL_POINTS_FOR = frozenset({"affiliate", "partner"})

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")

_PLAIN = {
    "title": "title",
    "cost": "cost",
    "prompt": "prompt",
    "color": "background_color",
    "enabled": "is_enabled",
    "paused": "is_paused",
    "user_input": "is_user_input_required",
}
"""Our field to Twitch's."""

_SWITCHED = {
    "cooldown_seconds": ("is_global_cooldown_enabled", "global_cooldown_seconds"),
    "max_per_stream": ("is_max_per_stream_enabled", "max_per_stream"),
    "max_per_viewer_per_stream": ("is_max_per_user_per_stream_enabled", "max_per_user_per_stream"),
}
"""Our field to Twitch's switch and number."""


def check(fields: Mapping[str, Any], *, titles: Collection[str]) -> None:
    """Raises `Rejected` with the code `reward.<field>` for the first field that Twitch would refuse. `titles`: those
    of the channel's other rewards."""
    if "title" in fields:
        _check_title(fields["title"], titles)
    if len(fields.get("prompt", "")) > PROMPT_CHARACTERS:
        raise refused(
            "prompt",
            f"The description has {len(fields['prompt'])} characters.",
            f"Twitch takes {PROMPT_CHARACTERS} at most.",
        )
    if not 1 <= fields.get("cost", 1) <= MOST_NUMBER:
        raise refused("cost", "A reward costs at least one point.", "Choose a price of 1 or more.")
    if "color" in fields and not _COLOR.fullmatch(fields["color"]):
        raise refused("color", "This is no colour.", "Write it like #9147FF.")
    cooldown = fields.get("cooldown_seconds", 0)
    if cooldown and not SHORTEST_COOLDOWN_SECONDS <= cooldown <= LONGEST_COOLDOWN_SECONDS:
        raise refused(
            "cooldown_seconds",
            "A pause between two redemptions lasts from one minute to seven days.",
            "Choose 60 to 604800 seconds, or 0 for none.",
        )
    for name in ("max_per_stream", "max_per_viewer_per_stream"):
        if not 0 <= fields.get(name, 0) <= MOST_NUMBER:
            raise refused(name, "A limit per stream is one redemption or more.", "Use 0 for no limit.")


def check_room(count: int) -> None:
    """Raises `Rejected` (`reward.limit`) when the channel has as many rewards as Twitch allows."""
    if count >= MOST_REWARDS:
        raise refused(
            "limit",
            f"The channel has {count} custom rewards, and Twitch allows {MOST_REWARDS}.",
            "Delete one on Twitch: those that are switched off count too.",
        )


def check_status(broadcaster_type: str) -> None:
    """Raises `Rejected` (`reward.status`) for a channel without channel points."""
    if broadcaster_type not in CHANNEL_POINTS_FOR:
        raise refused(
            "status",
            "Only affiliates and partners have channel points.",
            "Become an affiliate on Twitch first; then create the reward here.",
        )


def check_time(time: VipTime, cost: int) -> None:
    """Raises `Rejected` (`reward.time`) when one redemption would buy no VIP, or one that is too long."""
    if not 1000 <= time.ms <= LONGEST_VIP_MS:
        raise refused(
            "time", "A VIP lasts from one second to 366 days.", "Choose a length within these bounds."
        )
    if time.per < 1 or time.ms_for(cost) < 1000:
        raise refused(
            "time",
            f"At a price of {cost} points this would buy less than a second of VIP.",
            "Raise the time per unit, lower the points per unit, or raise the price.",
        )


def twitch_body(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is told to Twitch of these fields; empty when none of them concerns it."""
    body = {theirs: fields[ours] for ours, theirs in _PLAIN.items() if ours in fields}
    if "background_color" in body:
        body["background_color"] = body["background_color"].upper()
    for ours, (switch, number) in _SWITCHED.items():
        if ours in fields:
            body[switch] = fields[ours] > 0
            # Twitch refuses a number of 0 even where the switch is off.
            if fields[ours] > 0:
                body[number] = fields[ours]
    return body


def promised(reward: Reward, fields: Mapping[str, Any]) -> Reward:
    """Our part of a reward after these fields. Raises `Rejected` (`reward.time`, `reward.rules`). One that has to do
    with the watch party sells no time, so none has to be given, and slots are nothing to it.

    Who pauses a reward by hand, or lets it run, has decided: it is no longer paused by us. The same holds once it is
    not to pause by itself any more.
    """
    time, rules = reward.time, reward.rules
    if "time" in fields:
        time = time_of(fields["time"])
    if "rules" in fields:
        rules = None if fields["rules"] is None else rules_of(fields["rules"])
    action = RewardAction(fields.get("action", reward.action))
    sells_time = action is RewardAction.VIP
    pauses = sells_time and fields.get("pauses_when_full", reward.pauses_when_full)
    cost = fields.get("cost", reward.cost)
    if sells_time:
        check_time(time, cost)
    return replace(
        reward,
        title=fields.get("title", reward.title),
        cost=cost,
        vip_ms=time.ms,
        lasting=time.lasting,
        per=time.per,
        rules=rules,
        pauses_when_full=pauses,
        paused_by_us=reward.paused_by_us and pauses and "paused" not in fields,
        action=action,
    )


def asks(reward: Reward) -> dict[str, Any]:
    """What Twitch has to ask viewers for, whatever the streamer chose: where they add to the queue, an address."""
    return {"user_input": True} if reward.action is RewardAction.PARTY_QUEUE else {}


def time_of(given: Mapping[str, Any]) -> VipTime:
    """`{"lasting", "seconds", "per"}` as the record."""
    return VipTime(given["seconds"] * 1000, Lasting(given.get("lasting", Lasting.FIXED)), given.get("per", 1))


def time_shown(time: VipTime) -> dict[str, Any]:
    """The inverse of `time_of`."""
    return {"lasting": time.lasting.value, "seconds": time.ms // 1000, "per": time.per}


def rules_of(given: Mapping[str, Any], held: Rules | None = None) -> Rules:
    """Rules from the API's fields; what is not given is as in `held`."""
    before = rules_shown(held or Rules())
    after = {**before, **given}
    return Rules(
        subscribers_only=after["subscribers_only"],
        min_follow_ms=after["min_follow_seconds"] * 1000,
        allow_only=after["allow_only"],
        cooldown_ms=after["cooldown_seconds"] * 1000,
        most_ms=after["most_seconds"] * 1000,
    )


def rules_shown(rules: Rules) -> dict[str, Any]:
    """The inverse of `rules_of`."""
    return {
        "subscribers_only": rules.subscribers_only,
        "min_follow_seconds": rules.min_follow_ms // 1000,
        "allow_only": rules.allow_only,
        "cooldown_seconds": rules.cooldown_ms // 1000,
        "most_seconds": rules.most_ms // 1000,
    }


def refused(field: str, message: str, advice: str) -> Rejected:
    """What is wrong with a field of a reward."""
    return Rejected(message, code=f"reward.{field}", advice=advice)


def _check_title(title: str, titles: Collection[str]) -> None:
    if not title.strip() or not title.isprintable():
        raise refused("title", "The reward needs a title.", "Choose one of 1 to 45 characters.")
    if len(title) > TITLE_CHARACTERS:
        raise refused(
            "title",
            f"The title has {len(title)} characters.",
            f"Twitch takes {TITLE_CHARACTERS} at most.",
        )
    if title in titles:
        raise refused(
            "title",
            "The channel has a reward with this title already.",
            "Choose another one: rewards that are switched off count too.",
        )
