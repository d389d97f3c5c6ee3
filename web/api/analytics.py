"""`/api/analytics`: what happened, in numbers."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from handlers.vip.analytics import Analytics, Counted
from web.keys import CHANNEL
from web.models.analytics import (
    CauseFigures,
    DayFigures,
    Figures,
    FiguresViewer,
    PeriodAsked,
    ReasonFigures,
    RewardFigures,
    TotalFigures,
    ViewerFigures,
)
from web.models.base import query_of, told


class AnalyticsApi:
    def __init__(self, *, analytics: Analytics) -> None:
        self._analytics = analytics

    async def show(self, request: web.Request) -> web.Response:
        """GET `/api/analytics`."""
        asked = query_of(request, PeriodAsked)
        return told(_figures(await self._analytics.look(request[CHANNEL], asked.period)))


def _figures(counted: Counted) -> Figures:
    report = counted.report
    span = {"from": report.days[0][0].day, "to": report.days[-1][0].day}  # no names that Python takes
    return Figures(
        **span,
        now=counted.now,
        timezone=counted.timezone,
        days=[DayFigures(day=day.day, **asdict(counts)) for day, counts in report.days],
        totals=TotalFigures(**asdict(report.totals), viewers=report.viewers),
        by_reward=[
            RewardFigures(
                reward_id=row.id,
                title=row.title,
                granted=row.granted,
                extended=row.extended,
                points=row.points,
            )
            for row in report.rewards
        ],
        by_cause=[
            CauseFigures(cause=row.id, granted=row.granted, extended=row.extended) for row in report.causes
        ],
        refund_reasons=[ReasonFigures(reason=row.id, count=row.count) for row in report.reasons],
        top_viewers=[
            ViewerFigures(
                viewer=FiguresViewer(id=row.id, login=row.login, name=row.name),
                vips=row.vips,
                seconds=row.seconds,
                points=row.points,
            )
            for row in report.top_viewers
        ],
        complete=counted.complete,
    )
