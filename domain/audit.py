"""The audit trail: who did what to whom, when, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from domain.channel import NOBODY, Viewer


class Action(StrEnum):
    GRANTED = "vip.granted"
    EXTENDED = "vip.extended"
    REFUNDED = "vip.refunded"
    ENDED = "vip.ended"
    SHORTENED = "vip.shortened"
    NOTICED = "vip.noticed"
    RESTORED = "vip.restored"
    WITHDRAWN = "vip.withdrawn"
    REFUSED = "vip.refused"  # what made no VIP, and cannot be given back
    PROTECTED = "vip.protected"
    UNPROTECTED = "vip.unprotected"
    LISTED = "viewer.listed"
    GONE = "vip.gone"  # a VIP by hand was taken away, by hand
    LEFT = "vip.left"  # the time is over; nothing is removed, as the streamer chose
    LIVE = "stream.live"
    OVER = "stream.over"
    CANCELLED = "redemption.cancelled"
    WAITING = "redemption.waiting"
    PARTY_OPENED = "party.opened"
    PARTY_QUEUED = "party.queued"
    PARTY_CHANGED = "party.changed"
    PARTY_CLOSED = "party.closed"
    ALARM = "redemption.alarm"
    SETTINGS_CHANGED = "settings.changed"
    REWARD_CREATED = "reward.created"
    REWARD_CHANGED = "reward.changed"
    REWARD_DELETED = "reward.deleted"
    ERASURE = "data.erased"  # data of a viewer or of the channel was erased
    ERASED = "erased"  # what this record said was erased; only its commitment is left


@dataclass(frozen=True, slots=True)
class Actor:
    """`kind` is viewer, streamer (what came from Twitch: he or a moderator, Twitch does not tell), moderator, api (a
    program with a key) or system."""

    kind: str
    id: str = ""
    name: str = ""


SYSTEM = Actor("system", name="Cuelight")


def streamer(channel_id: str, name: str = "") -> Actor:
    return Actor("streamer", channel_id, name)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One line of the trail; never changed. `id` is derived from what happened, so that it is written once.

    `cause` says what set it off: redemption, subscription, bits, power_up, dashboard, api, clock, cron, stream, twitch,
    reconciliation, queue, takeover (a process that had been stopped reached Twitch too late). `detail` holds redemption
    metadata (reward, cost, input) and figures (ms added, new end).
    """

    id: str
    channel_id: str
    at: int
    action: Action
    actor: Actor
    cause: str
    viewer: Viewer = NOBODY
    reason: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    v: int = 1
