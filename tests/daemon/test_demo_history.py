"""The week before a demo keeps the rules of the real thing, whatever the seed."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from daemon.demo_cast import DAY, MINUTE, Part, audience, cast
from daemon.demo_history import Past, past_of
from domain.analytics import days_until, merged, of, report
from domain.audit import Action
from domain.channel import Channel, Reward, Viewer
from domain.redemption import SETTLED
from domain.vip import VipStatus

NOW = 1_772_359_200_000


def lived(part: Part, seed: int) -> tuple[Channel, Past]:
    names = audience(random.Random(seed), 60)
    viewers = [Viewer(str(1000 + number), login, name) for number, (login, name) in enumerate(names)]
    rewards = tuple(
        Reward(f"r{number}", sale.title, sale.cost, sale.time.ms, sale.time.lasting, sale.time.per)
        for number, sale in enumerate(part.sales)
    )
    channel = Channel("1", part.login, part.name, rewards, settings=part.settings)
    return channel, past_of(part, channel, viewers[1:], moderator=viewers[0], now=NOW, seed=seed)


@pytest.fixture(params=range(8))
def seed(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.mark.parametrize("part", cast(longest_wait_ms=1000), ids=lambda part: part.login)
def test_it_might_have_happened(part: Part, seed: int) -> None:
    _, past = lived(part, seed)
    assert past.records == sorted(past.records, key=lambda one: (one.at, one.id))
    assert all(NOW - 8 * DAY <= record.at <= NOW for record in past.records)
    assert len({record.id for record in past.records}) == len(past.records)
    spans: dict[str, list[tuple[int, int]]] = {}
    for session in past.sessions.values():
        ended_at = session.ended_at if session.status is VipStatus.ENDED else NOW
        assert ended_at is not None
        assert session.granted_at <= max(grant.at for grant in session.grants) <= ended_at
        spans.setdefault(session.viewer_id, []).append((session.granted_at, ended_at))
    for of_viewer in spans.values():
        of_viewer.sort()
        assert all(first[1] <= second[0] for first, second in pairwise(of_viewer))
    counts = Counter(record.action for record in past.records)
    ended = [one for one in past.sessions.values() if one.status is VipStatus.ENDED]
    assert counts[Action.GRANTED] == len(past.sessions)
    assert counts[Action.ENDED] == len(ended)
    assert counts[Action.GRANTED] + counts[Action.EXTENDED] == sum(
        len(session.grants) for session in past.sessions.values()
    )
    assert all(redemption.status in SETTLED for redemption in past.redemptions)
    assert len(past.still_open) <= part.most_open
    assert all(session.expires_at - NOW >= 20 * MINUTE for session in past.still_open)
    if part.on_air:
        assert counts[Action.LIVE] == counts[Action.OVER] + 1


def test_the_figures_look_like_a_week(seed: int) -> None:
    star = cast(longest_wait_ms=1000)[0]
    channel, past = lived(star, seed)
    days = days_until(NOW, ZoneInfo("UTC"), 9)
    told = report(
        [
            (day, merged(of(one) for one in past.records if day.starts_at <= one.at < day.ends_at))
            for day in days
        ]
    )
    granted = [counts.granted for _, counts in told.days]
    assert granted.count(0) >= 1, "a day off"
    assert 10 <= sum(granted) / len([count for count in granted if count]) <= 35
    assert {row.id for row in told.causes} == {"redemption", "subscription", "bits", "dashboard"}
    assert {row.title for row in told.rewards} == {reward.title for reward in channel.rewards}
    assert told.totals.refunded >= 4
    assert told.totals.points > 100_000
    assert len(told.reasons) >= 2
    assert told.top_viewers[0].vips >= 3
    assert past.still_open


def test_the_same_seed_makes_the_same_week() -> None:
    star = cast(longest_wait_ms=1000)[0]
    assert lived(star, 3)[1].records == lived(star, 3)[1].records
    assert lived(star, 3)[1].records != lived(star, 4)[1].records
