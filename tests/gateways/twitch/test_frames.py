from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.twitch.frames import (
    MAX_FRAME_BYTES,
    BadFrame,
    Keepalive,
    Notification,
    Reason,
    Reconnect,
    Revocation,
    Welcome,
    parse,
    parse_timestamp,
    socket_scheme,
)
from tests.gateways.twitch import eventsub_frames as frames


def test_a_welcome_gives_session_and_keepalive() -> None:
    assert parse(frames.welcome("S9", keepalive=30)) == Welcome("S9", 30)


def test_a_welcome_without_keepalive_means_ten_seconds() -> None:
    assert parse(frames.welcome(keepalive=None)) == Welcome("S1", 10)


def test_a_keepalive_is_read() -> None:
    assert parse(frames.keepalive()) == Keepalive()


def test_a_reconnect_keeps_the_url_verbatim() -> None:
    url = "wss://cell-a.test/ws?challenge=a%2Fb&id=c+d"
    assert parse(frames.reconnect(url)) == Reconnect("r-1", url)


def test_a_notification_keeps_payload_and_raw_bytes() -> None:
    text = frames.notification("n-7", event={"id": "red-1", "user_name": "Änne 🎉"})
    frame = parse(text)
    assert isinstance(frame, Notification)
    assert (frame.message_id, frame.type, frame.version) == ("n-7", frames.REDEMPTION_ADD, "1")
    assert frame.payload["event"]["user_name"] == "Änne 🎉"
    assert frame.raw == text.encode()
    assert frame.timestamp == frames.NOW_MS
    assert parse(text.encode()) == frame


def test_a_revocation_gives_the_subscription_with_its_status() -> None:
    frame = parse(frames.revocation(status="user_removed"))
    assert isinstance(frame, Revocation)
    assert frame.subscription.status == "user_removed"
    assert frame.subscription.condition == {"broadcaster_user_id": "100"}
    assert frame.subscription.session_id == "S1"


def _without(text: str, *path: str) -> str:
    document = json.loads(text)
    place = document
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return json.dumps(document)


def _with(text: str, value: Any, *path: str) -> str:
    document = json.loads(text)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(document)


NOTE = frames.notification()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", Reason.NOT_JSON),
        ("hello", Reason.NOT_JSON),
        ("{", Reason.NOT_JSON),
        (b"\xff\xfe", Reason.NOT_UTF8),
        ("\ud800", Reason.NOT_UTF8),
        ("[]", Reason.WRONG_SHAPE),
        ("null", Reason.WRONG_SHAPE),
        ("{}", Reason.WRONG_SHAPE),
        ("1" * 5000, Reason.BAD_NUMBER),
        ('{"a": 9223372036854775808}', Reason.BAD_NUMBER),
        ('{"a": 1e999}', Reason.BAD_NUMBER),
        ('{"a": NaN}', Reason.BAD_NUMBER),
        ('{"a": -Infinity}', Reason.BAD_NUMBER),
        ("[" * 100_000, Reason.TOO_DEEP),
        ("[" * 100_000 + "]" * 100_000, Reason.TOO_DEEP),
        ("[" * 40 + "]" * 40, Reason.TOO_DEEP),
        (" " * MAX_FRAME_BYTES + "{}", Reason.TOO_LARGE),
        ('{"metadata": {}, "payload": {}, "x": "\\ud800"}', Reason.BAD_TEXT),
        ('{"metadata": {"a\\u0000b": 1}, "payload": {}}', Reason.BAD_TEXT),
        (frames.frame("session_pause", {}), Reason.UNKNOWN_TYPE),
        (frames.welcome(keepalive=True), Reason.WRONG_SHAPE),
        (frames.welcome(keepalive=0), Reason.WRONG_SHAPE),
        (frames.welcome(keepalive=10**9), Reason.WRONG_SHAPE),
        (frames.welcome(keepalive="10"), Reason.WRONG_SHAPE),
        (frames.welcome(keepalive=10.5), Reason.WRONG_SHAPE),
        (frames.welcome(""), Reason.WRONG_SHAPE),
        (frames.welcome("S" * 257), Reason.WRONG_SHAPE),
        (frames.reconnect(None), Reason.WRONG_SHAPE),
        (frames.reconnect("ws://ä.test/"), Reason.WRONG_SHAPE),
        (_without(NOTE, "metadata"), Reason.WRONG_SHAPE),
        (_without(NOTE, "payload"), Reason.WRONG_SHAPE),
        (_without(NOTE, "payload", "event"), Reason.WRONG_SHAPE),
        (_without(NOTE, "payload", "subscription"), Reason.WRONG_SHAPE),
        (_without(NOTE, "metadata", "message_id"), Reason.WRONG_SHAPE),
        (_without(NOTE, "metadata", "message_timestamp"), Reason.WRONG_SHAPE),
        (_without(NOTE, "metadata", "subscription_type"), Reason.WRONG_SHAPE),
        (_with(NOTE, 7, "metadata", "message_id"), Reason.WRONG_SHAPE),
        (_with(NOTE, "yesterday", "metadata", "message_timestamp"), Reason.WRONG_SHAPE),
        (_with(NOTE, "a\0b", "metadata", "message_id"), Reason.WRONG_SHAPE),
        (_with(NOTE, [], "payload", "event"), Reason.WRONG_SHAPE),
        (_with(NOTE, "channel.vip.add", "metadata", "subscription_type"), Reason.WRONG_SHAPE),
        (_with(frames.revocation(), [], "payload", "subscription", "condition"), Reason.WRONG_SHAPE),
        (_with(frames.revocation(), ["x"], "payload", "subscription", "transport"), Reason.WRONG_SHAPE),
        (_without(frames.revocation(), "payload", "subscription", "id"), Reason.WRONG_SHAPE),
    ],
)
def test_what_cannot_be_used_says_why(data: str | bytes, reason: Reason) -> None:
    answer = parse(data)
    assert isinstance(answer, BadFrame)
    assert answer.reason is reason


def test_wide_events_pass() -> None:
    many = {"fragments": [{"type": "text", "emote": {}} for _ in range(200)]}
    assert isinstance(parse(frames.notification(event=many)), Notification)
    assert isinstance(parse(frames.notification(event={"a": {"b": {"c": [1, 2.5, -3]}}})), Notification)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1500),
        ("1970-01-01T00:00:01.123456789Z", 1123),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2026-03-01T10:00:00.123456789Z", 1_772_359_200_123),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140_000),
        ("2026-02-30T10:00:00Z", None),
        ("2026-03-01T25:00:00Z", None),
        ("2026-03-01 10:00:00Z", None),
        ("2026-03-01T10:00:00", None),
        ("2026-03-01T10:00:00.1234567890Z", None),
        ("٢٠٢٦-03-01T10:00:00Z", None),
        ("", None),
    ],
)
def test_timestamps(text: str, expected: int | None) -> None:
    assert parse_timestamp(text) == expected


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("wss://a.test/ws", "wss"),
        ("ws://127.0.0.1:8080/ws?x=y", "ws"),
        ("https://a.test", ""),
        ("ws://", ""),
        ("ws://[::1", ""),
        ("ws://a:99999/", ""),
        ("", ""),
    ],
)
def test_socket_addresses(url: str, scheme: str) -> None:
    assert socket_scheme(url) == scheme


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    assert isinstance(parse(text), BadFrame)


@given(st.binary())
def test_any_bytes_are_answered(data: bytes) -> None:
    assert isinstance(parse(data), BadFrame)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**301)
    | st.floats()
    | st.text()
    | st.sampled_from(["session_welcome", "notification", "S1", "ws://x/"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)

_TEMPLATES = (
    frames.welcome(),
    frames.keepalive(),
    frames.reconnect(),
    frames.notification(),
    frames.revocation(),
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A sound frame in which one value, anywhere, became another."""
    document = json.loads(draw(st.sampled_from(_TEMPLATES)))
    place: Any = document
    while True:
        key = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or draw(st.booleans()):
            break
        place = place[key]
    place[key] = draw(_JSON)
    return json.dumps(document)


@given(damaged())
def test_damaged_frames_are_answered_and_what_passes_is_storable(text: str) -> None:
    answer = parse(text)
    if isinstance(answer, Notification):
        json.dumps(answer.payload, ensure_ascii=False, allow_nan=False).encode()
