from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Malformed, format_time, parse_time, redemption_event, role_event

REDEMPTION: dict[str, Any] = {
    "id": "red-1",
    "broadcaster_user_id": "100",
    "broadcaster_user_login": "chan",
    "broadcaster_user_name": "Chan",
    "user_id": "7",
    "user_login": "ann",
    "user_name": "Ann",
    "user_input": "",
    "status": "unfulfilled",
    "reward": {"id": "rw-1", "title": "VIP for a week", "cost": 50000, "prompt": "7 days of VIP"},
    "redeemed_at": "2026-03-01T10:05:00.123456789Z",
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def test_a_redemption_is_read_whole() -> None:
    event = redemption_event(REDEMPTION)
    assert (event.id, event.channel_id, event.viewer.id, event.reward_cost) == ("red-1", "100", "7", 50000)
    assert event.redeemed_at % 1000 == 123


def test_both_spellings_of_cancelled_mean_one_thing() -> None:
    for word in ("canceled", "cancelled", "CANCELED"):
        assert redemption_event({**REDEMPTION, "status": word}).status == "canceled"


@pytest.mark.parametrize("field", ["id", "broadcaster_user_id", "user_id", "status", "reward", "redeemed_at"])
@pytest.mark.parametrize("value", [None, 5, "", [], {}, "x" * 5000, True])
def test_a_missing_or_wrong_field_is_malformed(field: str, value: object) -> None:
    with pytest.raises(Malformed):
        redemption_event({**REDEMPTION, field: value})


@pytest.mark.parametrize("cost", [-1, 10**400, 1.5, True, "5", None])
def test_a_cost_is_a_whole_number_in_range(cost: object) -> None:
    with pytest.raises(Malformed):
        redemption_event({**REDEMPTION, "reward": {"id": "rw-1", "title": "t", "cost": cost}})


@pytest.mark.parametrize("bad", ["a b", "a:b", "a#b", "\u00e4", "a\nb"])
def test_identifiers_cannot_break_our_own(bad: str) -> None:
    with pytest.raises(Malformed):
        role_event({"broadcaster_user_id": bad, "user_id": "7", "user_login": "", "user_name": ""})


@given(st.dictionaries(st.sampled_from([*REDEMPTION, "other"]), json_values))
def test_anything_is_read_or_malformed(changes: dict[str, Any]) -> None:
    for parse in (redemption_event, role_event):
        try:
            parse({**REDEMPTION, **changes})
        except Malformed:
            continue


@pytest.mark.parametrize(
    "stamp",
    [
        "",
        "yesterday",
        "2026-02-30T00:00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.1234567890Z",
        "0000-01-01T00:00:00Z",
        "٢٠٢٦-01-01T00:00:00Z",
    ],
)
def test_other_time_stamps_are_malformed(stamp: str) -> None:
    with pytest.raises(Malformed):
        parse_time(stamp)


@given(st.integers(0, 4_000_000_000_000))
def test_times_survive_the_round_trip(milliseconds: int) -> None:
    assert parse_time(format_time(milliseconds)) == milliseconds
