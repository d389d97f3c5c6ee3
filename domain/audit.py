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
    CANCELLED = "redemption.cancelled"
    ALARM = "redemption.alarm"


@dataclass(frozen=True, slots=True)
class Actor:
    """`kind` is viewer, streamer (he or a moderator: Twitch does not tell) or system."""

    kind: str
    id: str = ""
    name: str = ""


SYSTEM = Actor("system", name="Cuelight")


def streamer(channel_id: str, name: str = "") -> Actor:
    return Actor("streamer", channel_id, name)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One line of the trail; never changed. `id` is derived from what happened, so that it is written once.

    `cause` says what set it off: redemption, clock, cron, twitch, reconciliation, queue, takeover (a process that had
    been stopped reached Twitch too late). `detail` holds redemption
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
