from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.channel import Lasting, Viewer, VipTime
from domain.decisions import (
    Adopt,
    CloseFirst,
    Extend,
    Fulfil,
    GrantVip,
    Refund,
    RestoreFirst,
    Settled,
    World,
    decide,
    early,
    time_to_add,
)
from domain.redemption import SETTLED, Redemption, RedemptionStatus, Refusal
from domain.vip import Method, VipSession, extended, left, opened, stream_over

VIP, MODERATOR, PLAIN = World(True, False), World(False, True), World(False, False)


def redemption(**changes: object) -> Redemption:
    return replace(Redemption("r-1", "1", "rw", "VIP", 500, "2", "ann", "Ann", "", 1, 2), **changes)  # type: ignore[arg-type]


def session(cause: str) -> VipSession:
    return opened(
        id=cause,
        channel_id="1",
        viewer=Viewer("2"),
        cause=cause,
        added_ms=9,
        now=0,
        method=Method.REDEMPTION,
        granted_by="2",
    )


def test_the_first_redemption_of_a_plain_viewer_is_granted() -> None:
    assert early(redemption()) is None
    assert decide(redemption(), None, PLAIN, intended=False) == GrantVip()


def test_another_redemption_adds_to_the_open_session() -> None:
    assert decide(redemption(), session("r-0"), VIP, intended=False) == Extend()


def test_a_session_that_twitch_does_not_confirm_is_closed_first() -> None:
    assert decide(redemption(), session("r-0"), PLAIN, intended=False) == CloseFirst()


def test_in_a_lane_that_was_taken_over_it_is_restored_first() -> None:
    held = session("r-0")
    assert decide(redemption(), held, PLAIN, intended=False, doubtful=True) == RestoreFirst()
    assert decide(redemption(), held, MODERATOR, intended=False, doubtful=True) == CloseFirst()
    assert decide(redemption(), held, VIP, intended=False, doubtful=True) == Extend()


def test_vips_by_hand_and_moderators_get_their_points_back() -> None:
    assert decide(redemption(), None, VIP, intended=False) == Refund(Refusal.VIP_BY_HAND)
    assert decide(redemption(), None, MODERATOR, intended=False) == Refund(Refusal.MODERATOR)


def test_the_broadcaster_cannot_be_his_own_vip() -> None:
    assert early(redemption(viewer_id="1")) == Refund(Refusal.BROADCASTER)


def test_after_a_crash_a_vip_with_our_intent_is_ours() -> None:
    assert decide(redemption(), None, VIP, intended=True) == Adopt()
    assert decide(redemption(), None, PLAIN, intended=True) == GrantVip()


def test_after_a_crash_what_was_recorded_is_recognised() -> None:
    assert decide(redemption(), session("r-1"), VIP, intended=True) == Adopt()
    both = extended(session("r-0"), cause="r-1", added_ms=9, now=0)
    assert decide(redemption(), both, VIP, intended=False) == Extend()


def test_in_a_paused_channel_only_what_was_begun_is_completed() -> None:
    paused = Refund(Refusal.PAUSED)
    assert decide(redemption(), None, PLAIN, intended=False, paused=True) == paused
    assert decide(redemption(), None, PLAIN, intended=True, paused=True) == paused
    assert decide(redemption(), session("r-0"), VIP, intended=False, paused=True) == paused
    assert decide(redemption(), None, VIP, intended=True, paused=True) == Adopt()
    assert decide(redemption(), session("r-1"), VIP, intended=True, paused=True) == Adopt()


def test_who_waits_is_decided_like_who_comes() -> None:
    waiting = redemption(status=RedemptionStatus.WAITING)
    assert early(waiting) is None
    assert decide(waiting, None, PLAIN, intended=False) == GrantVip()


UNTIL_1000 = replace(session("r-0"), expires_at=1000)
FIXED = VipTime(500)
STREAM = VipTime(900, Lasting.STREAM)


def test_time_by_the_clock_is_always_added() -> None:
    for open_session in (None, UNTIL_1000, replace(UNTIL_1000, until_stream_end=True)):
        assert time_to_add(FIXED, 1, open_session, now=0) == 500
    assert time_to_add(VipTime(500, Lasting.PER_UNIT, per=100), 250, None, now=0) == 1250


def test_time_until_the_end_of_the_stream_is_a_promise() -> None:
    assert time_to_add(STREAM, 1, None, now=0) == 900
    assert time_to_add(STREAM, 1, replace(UNTIL_1000, until_stream_end=True), now=0) == 0, "sold already"
    assert time_to_add(STREAM, 1, UNTIL_1000, now=50) == 900, "the clock stands still meanwhile"
    over = replace(UNTIL_1000, until_stream_end=True)
    assert time_to_add(STREAM, 1, over, now=1000) == 900, "of that one nothing is left"
    assert time_to_add(STREAM, 1, left(over, now=300), now=400) == 900


@given(
    st.sampled_from([FIXED, STREAM]),
    st.booleans(),
    st.integers(0, 2000),
)
def test_no_time_is_lost_by_an_extension(time: VipTime, until_stream_end: bool, now: int) -> None:
    before = replace(UNTIL_1000, until_stream_end=until_stream_end)
    added = time_to_add(time, 1, before, now=now)
    if added <= 0:
        return  # not sold
    is_stream = time.lasting is Lasting.STREAM
    after = extended(before, cause="r-1", added_ms=added, now=now, until_stream_end=is_stream)
    assert after.expires_at >= before.expires_at
    assert after.expires_at >= now + time.ms, "what was paid for is there"
    soon = stream_over(after, over_at=now).expires_at
    by_the_clock = 0 if until_stream_end else before.left_ms(now)
    assert soon >= now + by_the_clock + (0 if is_stream else time.ms), (
        "and no stream that ends early takes it"
    )


def test_what_is_under_way_goes_on_the_way_it_went() -> None:
    assert early(redemption(status=RedemptionStatus.GRANTED)) == Fulfil()
    assert early(redemption(status=RedemptionStatus.REFUNDING, reason="blocked")) == Refund(Refusal.BLOCKED)
    for status in SETTLED:
        assert early(redemption(status=status)) == Settled()


@given(st.booleans(), st.booleans(), st.booleans(), st.sampled_from([None, "r-0", "r-1"]), st.booleans())
def test_nobody_is_granted_twice_and_nobody_who_is_vip_by_hand_is_touched(
    is_vip: bool, is_moderator: bool, intended: bool, cause: str | None, doubtful: bool
) -> None:
    open_session = session(cause) if cause else None
    world = World(is_vip, is_moderator)
    decision = decide(redemption(), open_session, world, intended=intended, doubtful=doubtful)
    if decision == RestoreFirst():
        assert open_session is not None
        assert doubtful
        assert not is_vip
        assert not is_moderator
    if decision == GrantVip():
        assert open_session is None
        assert not is_vip
        assert not is_moderator
    if open_session is None and is_vip and not intended:
        assert isinstance(decision, Refund)
