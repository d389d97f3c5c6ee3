"""Who may become VIP, and for how long: a streamer's rules, judged from facts. No I/O: `needs` says which facts have to
be fetched, `judge` decides.

The lists come first. Who is blocked gets nothing; who is allowed passes every rule about who he is and when he was VIP
last, but not the stacking limit (`most_ms`), and not the cap (`domain/slots.py`). Who is protected has his badge from
the streamer for good: he is sold no time on top, since the end of it would have to take the badge away.

Time is sold whole or not at all: where only a part of it would fit below `most_ms`, the points go back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.viewer import Listed


class Refusal(StrEnum):
    """Why there is no VIP, and points were given back. Each has a sentence for chat (`domain/words.py`)."""

    SLOTS_FULL = "slots_full"
    MODERATOR = "moderator"
    BLOCKED = "blocked"
    NOT_UNLOCKED = "not_unlocked"
    VIP_BY_HAND = "vip_by_hand"
    BROADCASTER = "broadcaster"  # the streamer's own test of the whole way
    NOT_SUBSCRIBED = "not_subscribed"
    FOLLOWS_TOO_SHORT = "follows_too_short"
    NOT_ON_LIST = "not_on_list"
    LISTED = "listed"  # on the streamer's block list
    COOLDOWN = "cooldown"
    ENOUGH = "enough"  # has as much time ahead as the rules allow
    TOO_FEW = "too_few"  # points or bits that buy no time at all
    PAUSED = "paused"
    CROWDED = "crowded"  # more waits in this channel already than its quota lets wait
    WAITED = "waited"  # the longest wait is over
    LEFT = "left"  # left the waiting list, or was taken off it
    STREAM_OVER = "stream_over"
    NO_PARTY = "no_party"  # of the channel is open
    PARTY_IS_OPEN = "party_is_open"  # so there is nothing to pay for
    PARTY_ADDRESS = "party_address"  # what the viewer wrote is no address of a video
    PARTY_FULL = "party_full"  # its queue
    PARTY_VIPS = "party_vips"  # only VIPs are let in
    PARTY_BARRED = "party_barred"  # banned or muted there, or on the streamer's block list
    REWARD_GONE = "reward_gone"  # the streamer deleted the reward before it was this viewer's turn
    VIEWER_GONE = "viewer_gone"
    UNKNOWN = (
        "unknown"  # a rule asks what Twitch does not tell us: the streamer has not granted the permission
    )
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Rules:
    """`min_follow_ms`: how long the viewer has followed; `allow_only`: only who is on the channel's allow list;
    `cooldown_ms`: from the end of one VIP of a viewer until he may have the next (extending one is no new one);
    `most_ms`: the most VIP time that a viewer may have ahead of him. Zero switches a rule off."""

    subscribers_only: bool = False
    min_follow_ms: int = 0
    allow_only: bool = False
    cooldown_ms: int = 0
    most_ms: int = 0


NO_RULES = Rules()


@dataclass(frozen=True, slots=True)
class Needs:
    """What has to be asked of Twitch before a viewer can be judged. His record is needed in any case."""

    subscription: bool = False
    follow: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a viewer who asks for VIP time. `added_ms`: how much he would get; `left_ms`: how much he has
    ahead of him, `None` if he has no VIP of ours; `followed_at`: UTC ms, `None`: does not follow; `last_ended_at`: when
    his last VIP ended, UTC ms, 0: never had one. What `needs` did not ask for may be left out."""

    added_ms: int
    left_ms: int | None = None
    listed: Listed = Listed.NONE
    is_subscriber: bool = False
    followed_at: int | None = None
    last_ended_at: int = 0


def needs(rules: Rules, listed: Listed) -> Needs:
    """Which facts `judge` will look at."""
    if listed is not Listed.NONE:
        return Needs()  # the lists decide
    if rules.allow_only:
        return Needs()
    return Needs(subscription=rules.subscribers_only, follow=rules.min_follow_ms > 0)


def judge(rules: Rules, facts: Facts, *, now: int) -> Refusal | None:
    """Why this viewer may not have this time; `None`: he may. `now` in UTC ms. The first reason counts, the one that he
    can do least about in front."""
    match facts.listed:
        case Listed.BLOCK:
            return Refusal.LISTED
        case Listed.PROTECTED:
            return Refusal.ENOUGH
        case Listed.NONE:
            refusal = _who(rules, facts, now) or _when(rules, facts, now)
            if refusal is not None:
                return refusal
    return _how_long(rules, facts)


def _who(rules: Rules, facts: Facts, now: int) -> Refusal | None:
    if rules.allow_only:
        return Refusal.NOT_ON_LIST
    if rules.subscribers_only and not facts.is_subscriber:
        return Refusal.NOT_SUBSCRIBED
    if rules.min_follow_ms > 0 and (
        facts.followed_at is None or now - facts.followed_at < rules.min_follow_ms
    ):
        return Refusal.FOLLOWS_TOO_SHORT
    return None


def _when(rules: Rules, facts: Facts, now: int) -> Refusal | None:
    extends = facts.left_ms is not None
    if not extends and facts.last_ended_at and now - facts.last_ended_at < rules.cooldown_ms:
        return Refusal.COOLDOWN
    return None


def _how_long(rules: Rules, facts: Facts) -> Refusal | None:
    if facts.added_ms <= 0:
        # An extension that adds nothing: he has for sure already what he would pay for.
        return Refusal.TOO_FEW if facts.left_ms is None else Refusal.ENOUGH
    if rules.most_ms > 0 and (facts.left_ms or 0) + facts.added_ms > rules.most_ms:
        return Refusal.ENOUGH
    return None
