"""Bodies of Helix: the known shapes are read, everything else is a `ValueError`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.http import Answer
from gateways.twitch import shapes

REDEMPTION = {
    "broadcaster_id": "100",
    "broadcaster_login": "chan",
    "broadcaster_name": "Chan",
    "id": "red-1",
    "user_id": "7",
    "user_login": "ann",
    "user_name": "Ann",
    "user_input": "",
    "status": "UNFULFILLED",
    "redeemed_at": "2026-03-01T10:05:00.123456789Z",
    "reward": {"id": "rw-1", "title": "VIP", "prompt": "", "cost": 50000},
}
REWARD = {
    "id": "rw-1",
    "title": "VIP",
    "cost": 5,
    "is_enabled": True,
    "is_paused": False,
    "should_redemptions_skip_request_queue": False,
    "image": None,
}
SUBSCRIPTION = {
    "id": "sub-1",
    "type": "channel.vip.add",
    "version": "1",
    "status": "enabled",
    "cost": 0,
    "condition": {"broadcaster_user_id": "100", "reward_id": ""},
    "transport": {"method": "websocket", "session_id": "S"},
    "created_at": "2026-03-01T10:00:02Z",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_redemption() -> None:
    found = shapes.redemption(REDEMPTION)
    assert (found.id, found.channel_id, found.reward_id, found.reward_cost) == ("red-1", "100", "rw-1", 50000)
    assert (found.user.id, found.user.login, found.user.name) == ("7", "ann", "Ann")
    assert (found.status, found.redeemed_at) == ("UNFULFILLED", 1772359500123)


@pytest.mark.parametrize("spelling", ["CANCELED", "CANCELLED", "canceled"])
def test_cancelled_has_one_spelling(spelling: str) -> None:
    assert shapes.redemption({**REDEMPTION, "status": spelling}).status == "CANCELED"


def test_half_a_surrogate_pair_does_no_harm() -> None:
    (row,) = shapes.rows(answer(b'{"data":[{"user_id":"7","user_name":"A\\ud800"}]}'))
    assert shapes.role_holder(row).name == "A?"


def test_reward_and_subscription() -> None:
    assert shapes.reward(REWARD).cost == 5
    assert shapes.reward(REWARD).redeemed_now is None
    full = shapes.reward({
        **REWARD, "prompt": "For a day", "background_color": "#00FF00", "is_user_input_required": True,
        "max_per_stream_setting": {"is_enabled": True, "max_per_stream": 9},
        "max_per_user_per_stream_setting": {"is_enabled": False, "max_per_user_per_stream": 3},
        "global_cooldown_setting": {"is_enabled": True, "global_cooldown_seconds": 60},
        "is_in_stock": False, "redemptions_redeemed_current_stream": 4,
    })  # fmt: skip
    assert (full.prompt, full.color, full.user_input) == ("For a day", "#00FF00", True)
    assert (full.max_per_stream, full.max_per_viewer_per_stream, full.cooldown_seconds) == (9, 0, 60)
    assert (full.in_stock, full.redeemed_now) == (False, 4)
    with pytest.raises(ValueError, match="global_cooldown_setting"):
        shapes.reward({**REWARD, "global_cooldown_setting": 60})
    found = shapes.subscription(SUBSCRIPTION)
    assert found.condition == {"broadcaster_user_id": "100"}, "an empty optional field was not asked for"
    assert (found.method, found.session_id, found.callback) == ("websocket", "S", "")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"Bad Request","status":400,"message":"no"}', "no"),
        (b'{"error":"Bad Request"}', ""),
        (b'{"message":5}', ""),
        (b"[]", None),
        (b"{}", None),
        (b"", None),
        (b"<html>", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_error_objects(body: bytes, message: str | None) -> None:
    assert shapes.error_message(answer(body, 400)) == message


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"data":{}}', b'{"data":[1]}', b'{"data":null}']
)
def test_bodies_without_rows(body: bytes) -> None:
    with pytest.raises(ValueError):
        shapes.rows(answer(body))


@pytest.mark.parametrize(
    ("pagination", "found"), [({}, ""), (None, ""), ({"cursor": None}, ""), ({"cursor": "x"}, "x"), ([], "")]
)
def test_cursors(pagination: Any, found: str) -> None:
    assert shapes.cursor(answer({"data": [], "pagination": pagination})) == found


def test_a_cursor_that_is_no_text() -> None:
    with pytest.raises(ValueError):
        shapes.cursor(answer({"pagination": {"cursor": 5}}))


def test_one_row_is_one_row() -> None:
    bodies: list[dict[str, list[dict[str, str]]]] = [{"data": []}, {"data": [{}, {}]}]
    for body in bodies:
        with pytest.raises(ValueError):
            shapes.one(answer(body))


@pytest.mark.parametrize("value", [None, True, "5", -1, 1.5, 2**63, 10**400])
def test_numbers_that_are_none(value: Any) -> None:
    with pytest.raises(ValueError):
        shapes.whole({"cost": value}, "cost")


@pytest.mark.parametrize(
    "value",
    [None, 5, "", "yesterday", "2026-13-01T00:00:00Z", "2026-03-01T00:00:00", "0001-01-01T00:00:00+14:00"],
)
def test_moments_that_are_none(value: Any) -> None:
    if value == "0001-01-01T00:00:00+14:00":
        assert shapes.moment({"at": value}, "at") < 0, "far off, but a moment"
        return
    with pytest.raises(ValueError):
        shapes.moment({"at": value}, "at")


@given(JSON, st.sampled_from(["redemption", "reward", "subscription", "user", "role_holder"]))
def test_wrong_shapes_are_value_errors(junk: Any, name: str) -> None:
    row = (
        junk
        if isinstance(junk, dict)
        else {"id": "1", "user_id": "2", "reward": junk, "transport": junk, "cost": junk}
    )
    try:
        getattr(shapes, name)(row)
    except ValueError:
        return


@given(st.sampled_from(sorted(REDEMPTION)), JSON)
def test_one_wrong_field_is_a_value_error_or_harmless(name: str, junk: Any) -> None:
    try:
        shapes.redemption({**REDEMPTION, name: junk})
    except ValueError:
        return
