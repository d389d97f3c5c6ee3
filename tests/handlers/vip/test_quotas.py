"""Over its quota a channel's events wait their turn, evenly and once; others, and what must happen, do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.metrics import PrometheusMetrics
from domain.inbox import RowState
from domain.ports import NullMetrics
from domain.retry import NOTICE
from gateways.twitch.contracts import Waiting
from handlers.vip.quotas import BURST_SECONDS, CODE, UNDER_QUOTA, ChannelQuota, passed_over, with_quota
from handlers.work import Handler, Work
from tests.support.clock import ManualClock
from tests.support.house import House


def wait_of(quota: ChannelQuota, channel: str, row: str) -> float:
    """Seconds that a row is told to wait; 0: its turn is now."""
    try:
        quota.admit(channel, row)
    except Waiting as error:
        return error.retry_after_seconds
    return 0.0


def test_without_a_quota_nobody_waits() -> None:
    quota = ChannelQuota(per_minute=0, clock=ManualClock(), metrics=NullMetrics())
    assert not any(wait_of(quota, "1", str(row)) for row in range(1000))


async def test_a_burst_goes_through_and_the_rest_is_spread_evenly() -> None:
    clock, metrics = ManualClock(), PrometheusMetrics()
    quota = ChannelQuota(per_minute=60, clock=clock, metrics=metrics)
    waits = [wait_of(quota, "1", str(row)) for row in range(20)]
    burst = int(BURST_SECONDS) + 1
    assert waits[:burst] == [0.0] * burst
    assert waits[burst:] == [float(second) for second in range(1, 20 - burst + 1)]
    assert metrics.value("quota_waits_total") == 20 - burst
    with pytest.raises(Waiting) as refused:
        quota.admit("1", "19")
    assert refused.value.code == CODE
    assert wait_of(quota, "2", "other") == 0.0, "another channel has its own"
    await clock.advance(1.0)
    assert wait_of(quota, "1", str(burst)) == 0.0
    assert wait_of(quota, "1", str(burst + 1)) == 1.0, "asking again spends nothing more"


@given(
    st.integers(1, 6000),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 30)), min_size=1, max_size=60),
)
def test_never_more_than_the_quota_and_every_row_has_its_moment(
    per_minute: int, steps: list[tuple[int, int]]
) -> None:
    clock = ManualClock()
    quota = ChannelQuota(per_minute=per_minute, clock=clock, metrics=NullMetrics())
    moments, row = [], 0
    for pause_ms, rows in steps:
        clock.step_wall(pause_ms)
        for _ in range(rows):
            moments.append(clock.now() + wait_of(quota, "1", f"row{row}") * 1000)
            row += 1
    moments.sort()
    burst_ms = min(BURST_SECONDS * 1000, 60_000)
    for first in range(0, len(moments), 7):
        for last in range(first, len(moments), 5):
            span = moments[last] - moments[first]
            assert last - first <= (span + burst_ms) * per_minute / 60_000 + 1.001


async def test_rows_over_the_quota_wait_in_the_inbox_and_none_is_dropped(house: House) -> None:
    async def done(work: Work) -> str:
        house.handled.append(work.row.message_id)
        return "done"

    quota = ChannelQuota(per_minute=6, clock=house.clock, metrics=house.metrics)
    plain = {kind: Handler(done, NOTICE) for kind in ("redemption.add", "vip.expire")}
    worker = house.worker(table=with_quota(plain, quota))
    for number in range(5):
        await house.put(f"r{number}", f"vip:1:{number}", "redemption.add", channel_id="1")
    await house.put("end", "vip:1:9", "vip.expire", channel_id="1")
    await house.put("other", "vip:2:1", "redemption.add", channel_id="2")
    await house.becomes("other", RowState.DONE)
    await house.becomes("end", RowState.DONE)

    async def held_back() -> bool:
        return await house.inbox.count_waiting_for("1", CODE) == 3

    await house.until(held_back)
    assert await house.inbox.crowded(CODE, more_than=100) == {"1": (3, 3)}

    async def hands_are_free() -> bool:
        return worker.busy == 0

    await house.until(hands_are_free)  # who waits holds none
    row = await house.row("r4")
    assert (row.attempts, row.waiting_for) == (0, CODE)
    await house.all_done(move=1.0)
    assert sorted(house.handled) == ["end", "other", "r0", "r1", "r2", "r3", "r4"]


def test_only_what_viewers_set_off_is_under_quota() -> None:
    assert not {kind for kind in UNDER_QUOTA if kind.startswith(("vip.e", "vip.r", "redemption.refund"))}

    async def nothing(work: Work) -> str:
        return "done"

    handler = Handler(nothing, NOTICE)
    quota = ChannelQuota(per_minute=1, clock=ManualClock(), metrics=NullMetrics())
    table = with_quota({"vip.expire": handler, "redemption.add": handler}, quota)
    assert table["vip.expire"] is handler
    assert table["redemption.add"] is not handler


@pytest.mark.parametrize("channel", ["", "1"])
def test_rows_of_no_channel_have_no_quota(channel: str) -> None:
    quota = ChannelQuota(per_minute=1, clock=ManualClock(), metrics=NullMetrics())
    waits = [wait_of(quota, channel, str(row)) for row in range(5)]
    assert any(waits) is bool(channel)


async def test_where_as_many_wait_as_may_who_can_be_turned_away_is() -> None:
    """And takes no moment from anybody; who cannot be turned away waits behind the others."""
    clock, metrics = ManualClock(), PrometheusMetrics()
    quota = ChannelQuota(per_minute=60, most_waiting=5, clock=clock, metrics=metrics)
    waits: list[float] = []
    turned_away = 0
    for row in range(30):
        try:
            turned_away += not quota.admit("1", f"r{row}", has_to=False)
        except Waiting as error:
            waits.append(error.retry_after_seconds)
    assert waits == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert turned_away == 30 - 5 - int(BURST_SECONDS) - 1 == metrics.value("quota_turned_away_total")
    assert wait_of(quota, "1", "paid with bits") == 6.0
    await clock.advance(2.0)
    with pytest.raises(Waiting):
        quota.admit("1", "r15", has_to=False)  # has its moment still


async def test_what_is_turned_away_is_handled_by_another_hand(house: House) -> None:
    async def done(work: Work) -> str:
        return "done"

    quota = ChannelQuota(per_minute=6, most_waiting=1, clock=house.clock, metrics=house.metrics)
    plain = {kind: Handler(done, NOTICE) for kind in ("chat.message", "vip.contributed")}
    house.worker(table=with_quota(plain, quota, {"chat.message": passed_over}))
    for number in range(5):
        await house.put(f"c{number}", f"chat-in:1:{number}", "chat.message", channel_id="1")
        await house.put(f"b{number}", f"vip:1:{number}", "vip.contributed", channel_id="1")
    await house.all_done(move=1.0)
    results = [[(await house.row(f"{kind}{number}")).result for number in range(5)] for kind in "cb"]
    assert "too_many" in results[0]
    assert results[1] == ["done"] * 5
