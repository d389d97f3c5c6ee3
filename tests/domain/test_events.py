from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.channel import NOBODY, Viewer
from domain.events import (
    Cause,
    Malformed,
    ban_event,
    contribution_event,
    format_time,
    parse_time,
    redemption_event,
    role_event,
    stream_event,
)

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


WHO = {
    "broadcaster_user_id": "100",
    "user_id": "7",
    "user_login": "ann",
    "user_name": "Ann",
}
SUBSCRIBE, BITS = "channel.subscribe", "channel.bits.use"
POWER_UP = "channel.custom_power_up_redemption.add"


@pytest.mark.parametrize(
    ("type", "fields", "cause", "units"),
    [
        (SUBSCRIBE, {"tier": "1000", "is_gift": False}, Cause.SUBSCRIPTION, 1),
        (SUBSCRIBE, {"tier": "3000", "is_gift": True}, Cause.SUBSCRIPTION, 3),
        (BITS, {"bits": 100, "type": "cheer"}, Cause.BITS, 100),
        (BITS, {"bits": 5, "type": "combo"}, Cause.BITS, 5),
        (BITS, {"bits": 5, "type": "power_up"}, Cause.POWER_UP, 5),
        (BITS, {"bits": 5, "type": "custom_power_up"}, None, 5),
        (BITS, {"bits": 5, "type": "something new"}, None, 5),
        (POWER_UP, {"id": "p-1", "custom_power_up": {"title": "T", "bits": 9}}, Cause.POWER_UP, 9),
    ],
)
def test_contributions(type: str, fields: dict[str, Any], cause: Cause | None, units: int) -> None:
    event = contribution_event({**WHO, **fields}, type)
    assert (event.channel_id, event.viewer) == ("100", Viewer("7", "ann", "Ann"))
    assert (event.cause, event.units) == (cause, units)
    assert (event.id, event.title) == (("p-1", "T") if type == POWER_UP else ("", ""))


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("channel.cheer", {"bits": 5}),
        (SUBSCRIBE, {}),
        (SUBSCRIBE, {"tier": "Prime"}),
        (BITS, {"bits": -1, "type": "cheer"}),
        (BITS, {"bits": "5", "type": "cheer"}),
        (BITS, {"bits": 5}),
        (POWER_UP, {"id": "p-1"}),
        (POWER_UP, {"custom_power_up": {"title": "T", "bits": 9}}),
    ],
)
def test_other_contributions_are_malformed(type: str, fields: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        contribution_event({**WHO, **fields}, type)


def test_bans_and_timeouts() -> None:
    moderator = {"moderator_user_id": "9", "moderator_user_login": "mo", "moderator_user_name": "Mo"}
    event = ban_event({**WHO, **moderator, "is_permanent": True})
    assert (event.permanent, event.moderator, event.viewer.id) == (True, Viewer("9", "mo", "Mo"), "7")
    timeout = ban_event({**WHO, "is_permanent": False})
    assert (timeout.permanent, timeout.moderator) == (False, NOBODY)
    assert not ban_event({**WHO, "is_permanent": "yes"}).permanent
    with pytest.raises(Malformed):
        ban_event({"broadcaster_user_id": "100"})


def test_streams() -> None:
    assert stream_event({"broadcaster_user_id": "1"}).started_at is None
    event = stream_event({"broadcaster_user_id": "1", "started_at": "1970-01-01T00:00:01Z"})
    assert (event.channel_id, event.started_at) == ("1", 1000)
    with pytest.raises(Malformed):
        stream_event({"broadcaster_user_id": "1", "started_at": "now"})
