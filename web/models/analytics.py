"""What happened, in numbers: what the API reads and answers."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from web.models.base import Asked, Told
from web.spec import Spec


class PeriodAsked(Asked):
    period: Literal["7d", "30d", "90d", "365d"] = Field(
        default="30d", description="So many days, today is the last of them."
    )


class DayFigures(Told):
    """A day of the channel's time zone."""

    day: str = Field(examples=["2026-11-21"])
    granted: int
    extended: int
    refunded: int
    ended: int
    points: int = Field(description="Channel points that became VIP time.")
    bits: int


class TotalFigures(Told):
    """The whole period."""

    granted: int
    extended: int
    refunded: int
    ended: int
    points: int
    bits: int
    viewers: int = Field(description="How many different viewers were given VIP time.")


class RewardFigures(Told):
    """One reward."""

    reward_id: str
    title: str
    granted: int
    extended: int
    points: int


class CauseFigures(Told):
    """One cause: redemption, subscription, bits, power_up, dashboard."""

    cause: str
    granted: int
    extended: int


class ReasonFigures(Told):
    """Why points were given back."""

    reason: str
    count: int


class FiguresViewer(Told):
    id: str
    login: str
    name: str


class ViewerFigures(Told):
    """One viewer."""

    viewer: FiguresViewer
    vips: int = Field(description="How often he became VIP or stayed it for longer.")
    seconds: int = Field(description="VIP time that he was given.")
    points: int


class Figures(Told):
    """A period in numbers."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    first: str = Field(alias="from", description="Its first day.", examples=["2026-11-15"])
    last: str = Field(alias="to", description="Its last day: today.", examples=["2026-11-21"])
    now: int = Field(description="Until when it was counted (UTC ms).")
    timezone: str
    days: list[DayFigures]
    totals: TotalFigures
    by_reward: list[RewardFigures]
    by_cause: list[CauseFigures]
    refund_reasons: list[ReasonFigures]
    top_viewers: list[ViewerFigures]
    complete: bool = Field(
        description="False: there was so much to count that it goes on with the next request."
    )


SHOW = Spec(
    "analytics",
    "A period in numbers",
    "Days are those of the channel's time zone (see settings). Counted from the audit log.",
    query=PeriodAsked,
    answers={200: Figures},
)
