"""A redemption and what became of it. The id is Twitch's; everything that follows is idempotent by it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from domain.channel import Viewer
from domain.errors import Broken
from domain.events import RedemptionEvent, format_time
from domain.rules import Refusal

__all__ = (
    "MOVES",
    "SETTLED",
    "Alarm",
    "Redemption",
    "RedemptionStatus",
    "Refusal",
    "event_of",
    "moved",
    "received",
)


class RedemptionStatus(StrEnum):
    RECEIVED = "received"
    WAITING = "waiting"  # for a slot; unfulfilled on Twitch meanwhile
    GRANTED = "granted"  # VIP granted or extended, points not yet taken for good
    FULFILLED = "fulfilled"
    REFUNDING = "refunding"  # decided to give back: there is no way from here to a VIP
    REFUNDED = "refunded"
    CANCELLED = "cancelled"  # by a moderator, in Twitch's queue
    ALARMED = "alarmed"  # neither VIP nor refund was possible: a person has to look


S = RedemptionStatus
MOVES: dict[RedemptionStatus, frozenset[RedemptionStatus]] = {
    S.RECEIVED: frozenset({S.WAITING, S.GRANTED, S.REFUNDING, S.CANCELLED, S.ALARMED}),
    S.WAITING: frozenset({S.GRANTED, S.REFUNDING, S.CANCELLED, S.ALARMED}),
    S.GRANTED: frozenset({S.FULFILLED, S.CANCELLED, S.ALARMED}),
    S.FULFILLED: frozenset({S.CANCELLED}),
    S.REFUNDING: frozenset({S.REFUNDED, S.ALARMED}),
    S.REFUNDED: frozenset(),
    S.CANCELLED: frozenset(),
    S.ALARMED: frozenset(),
}
"""Every legal move; a move to the present status is a no-op, any other raises `Broken`."""

SETTLED = frozenset({S.FULFILLED, S.REFUNDED, S.CANCELLED, S.ALARMED})


class Alarm(StrEnum):
    """Why a redemption needs a person."""

    FULFILLED_BY_OTHERS = "fulfilled_by_others"  # to be refunded, but a moderator had fulfilled it
    FOREIGN_REWARD = "foreign_reward"  # another application made the reward: neither call is allowed
    VANISHED = "vanished"  # Twitch does not know it any more
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Redemption:
    """Times in UTC ms; cost in channel points. `outcome` is `granted` or `extended` once there is a VIP."""

    id: str
    channel_id: str
    reward_id: str
    reward_title: str
    reward_cost: int
    viewer_id: str
    viewer_login: str
    viewer_name: str
    user_input: str
    redeemed_at: int
    received_at: int
    status: RedemptionStatus = RedemptionStatus.RECEIVED
    outcome: str = ""
    reason: str = ""
    session_id: str = ""
    settled_at: int | None = None
    v: int = 1

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.viewer_id, self.viewer_login, self.viewer_name)

    @property
    def settled(self) -> bool:
        return self.status in SETTLED


def received(event: RedemptionEvent, *, now: int) -> Redemption:
    """The record of a redemption that we hear of for the first time, `now` in UTC ms."""
    return Redemption(
        id=event.id,
        channel_id=event.channel_id,
        reward_id=event.reward_id,
        reward_title=event.reward_title,
        reward_cost=event.reward_cost,
        viewer_id=event.viewer.id,
        viewer_login=event.viewer.login,
        viewer_name=event.viewer.name,
        user_input=event.user_input,
        redeemed_at=event.redeemed_at,
        received_at=now,
    )


def event_of(redemption: Redemption, status: str = "unfulfilled") -> dict[str, Any]:
    """A redemption in EventSub's form, so that one parser reads all: the inverse of `received`."""
    return {
        "id": redemption.id,
        "broadcaster_user_id": redemption.channel_id,
        "user_id": redemption.viewer_id,
        "user_login": redemption.viewer_login,
        "user_name": redemption.viewer_name,
        "user_input": redemption.user_input,
        "status": status,
        "reward": {
            "id": redemption.reward_id,
            "title": redemption.reward_title,
            "cost": redemption.reward_cost,
        },
        "redeemed_at": format_time(redemption.redeemed_at),
    }


def moved(
    redemption: Redemption,
    to: RedemptionStatus,
    *,
    now: int,
    reason: str = "",
    outcome: str = "",
    session_id: str = "",
) -> Redemption:
    """The redemption in its next status. Raises `Broken` for a move that the table does not list."""
    if to is redemption.status:
        return redemption
    if to not in MOVES[redemption.status]:
        raise Broken(
            f"Redemption {redemption.id} is {redemption.status} and cannot become {to}.",
            code="redemption.move",
        )
    return replace(
        redemption,
        status=to,
        reason=reason or redemption.reason,
        outcome=outcome or redemption.outcome,
        session_id=session_id or redemption.session_id,
        settled_at=now if to in SETTLED else None,
    )
