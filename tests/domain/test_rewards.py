"""What a streamer may ask of a reward."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.channel import LONGEST_VIP_MS, Lasting, Reward, RewardAction, VipTime
from domain.errors import Rejected
from domain.rewards import (
    asks,
    check,
    check_room,
    check_status,
    check_time,
    promised,
    rules_of,
    rules_shown,
    time_of,
    time_shown,
    twitch_body,
)
from domain.rules import Rules
from simulators.twitch.errors import ApiError
from simulators.twitch.rewards import Reward as TwitchReward

REWARD = Reward("r", "VIP", 500, 60_000, pauses_when_full=True, paused_by_us=True)


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("title", {"title": ""}),
        ("title", {"title": "   "}),
        ("title", {"title": "x" * 46}),
        ("title", {"title": "taken"}),
        ("title", {"title": "two\nlines"}),
        ("prompt", {"prompt": "x" * 201}),
        ("cost", {"cost": 0}),
        ("cost", {"cost": 2**31}),
        ("color", {"color": "red"}),
        ("color", {"color": "#12345"}),
        ("cooldown_seconds", {"cooldown_seconds": 59}),
        ("cooldown_seconds", {"cooldown_seconds": 604_801}),
        ("cooldown_seconds", {"cooldown_seconds": -1}),
        ("max_per_stream", {"max_per_stream": -1}),
        ("max_per_viewer_per_stream", {"max_per_viewer_per_stream": 2**31}),
    ],
)
def test_what_twitch_would_refuse_is_refused_with_advice(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as caught:
        check(fields, titles={"taken"})
    assert caught.value.code == f"reward.{field}"
    assert caught.value.advice


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "title": st.one_of(st.text(max_size=50), st.just("taken")),
        "prompt": st.text(max_size=210),
        "cost": st.integers(-1, 2**31 + 1),
        "color": st.sampled_from(["#9147FF", "#00ff00", "blue"]),
        "enabled": st.booleans(),
        "paused": st.booleans(),
        "user_input": st.booleans(),
        "cooldown_seconds": st.sampled_from([0, 1, 59, 60, 604_800, 604_801]),
        "max_per_stream": st.integers(-1, 3),
        "max_per_viewer_per_stream": st.integers(-1, 3),
    },
)


@given(FIELDS)
def test_what_passes_is_taken_by_twitch(fields: dict[str, Any]) -> None:
    """The simulator checks by Twitch's own rules, written without looking at ours."""
    try:
        check(fields, titles={"taken"})
    except Rejected:
        return
    there = TwitchReward("r", "c", "held", 1)
    try:
        there.set_fields(twitch_body(fields))
    except ApiError as error:
        raise AssertionError(f"{fields}: {error}") from error
    if "cooldown_seconds" in fields:
        assert there.is_global_cooldown_enabled is (fields["cooldown_seconds"] > 0)
        assert there.global_cooldown_seconds == fields["cooldown_seconds"]
    if "color" in fields:
        assert there.background_color == fields["color"].upper()


def test_what_does_not_concern_twitch_is_not_told_to_it() -> None:
    assert twitch_body({"time": {}, "rules": None, "pauses_when_full": True}) == {}
    assert twitch_body({"max_per_stream": 0}) == {"is_max_per_stream_enabled": False}


def test_fifty_rewards_are_the_most() -> None:
    check_room(49)
    with pytest.raises(Rejected) as caught:
        check_room(50)
    assert caught.value.code == "reward.limit"


@pytest.mark.parametrize("status", ["", "staff"])
def test_channel_points_are_for_affiliates_and_partners(status: str) -> None:
    check_status("affiliate")
    check_status("partner")
    with pytest.raises(Rejected) as caught:
        check_status(status)
    assert caught.value.code == "reward.status"


@pytest.mark.parametrize(
    ("time", "cost", "good"),
    [
        (VipTime(1000), 1, True),
        (VipTime(999), 1, False),
        (VipTime(LONGEST_VIP_MS + 1), 1, False),
        (VipTime(60_000, Lasting.PER_UNIT, 100), 500, True),
        (VipTime(60_000, Lasting.PER_UNIT, 100), 1, False),
        (VipTime(60_000, Lasting.PER_UNIT, 0), 500, False),
    ],
)
def test_one_redemption_buys_some_time(time: VipTime, cost: int, *, good: bool) -> None:
    if good:
        check_time(time, cost)
        return
    with pytest.raises(Rejected) as caught:
        check_time(time, cost)
    assert caught.value.code == "reward.time"


def test_only_what_is_named_changes() -> None:
    assert promised(REWARD, {}) == REWARD
    time = {"lasting": "stream", "seconds": 3600}
    changed = promised(REWARD, {"time": time, "rules": {"subscribers_only": True}, "title": "Long"})
    assert (changed.title, changed.time) == ("Long", VipTime(3_600_000, Lasting.STREAM))
    assert changed.rules == Rules(subscribers_only=True)
    assert promised(changed, {"rules": None}).rules is None
    with pytest.raises(Rejected):
        promised(REWARD, {"time": {"lasting": "per_unit", "seconds": 1, "per": 1000}})


@pytest.mark.parametrize(
    ("fields", "ours"),
    [({}, True), ({"paused": True}, False), ({"paused": False}, False), ({"pauses_when_full": False}, False)],
)
def test_who_pauses_by_hand_has_decided(fields: dict[str, Any], *, ours: bool) -> None:
    assert promised(REWARD, fields).paused_by_us is ours


@given(st.booleans(), st.integers(0, 10**6), st.booleans(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_shapes_go_both_ways(one: bool, a: int, two: bool, b: int, c: int) -> None:
    rules = Rules(one, a * 1000, two, b * 1000, c * 1000)
    assert rules_of(rules_shown(rules)) == rules
    assert rules_of({}, rules) == rules
    time = VipTime((a + 1) * 1000, Lasting.PER_UNIT, b + 1)
    assert time_of(time_shown(time)) == time


def test_a_reward_of_the_watch_party_sells_no_time() -> None:
    party = promised(Reward("r", "Add", 500, 0), {"action": "party_queue", "pauses_when_full": True})
    assert (party.action, party.sells_time, party.vip_ms) == (RewardAction.PARTY_QUEUE, False, 0)
    assert not party.pauses_when_full, "slots are nothing to it"
    assert asks(party) == {"user_input": True}
    opens = promised(party, {"action": "party_open"})
    assert asks(opens) == {}
    with pytest.raises(Rejected) as caught:
        promised(party, {"action": "vip"})
    assert caught.value.code == "reward.time"
    vip = promised(party, {"action": "vip", "time": {"seconds": 60}})
    assert (vip.sells_time, vip.vip_ms) == (True, 60_000)


def test_who_turns_a_paused_reward_to_the_party_has_it_paused_no_more() -> None:
    changed = promised(REWARD, {"action": "party_open"})
    assert not changed.pauses_when_full
    assert not changed.paused_by_us
