"""Signatures of EventSub webhooks: the good, every kind of bad, and arbitrary bytes."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejected
from domain.signatures import MAX_AGE_MS, Verified, sign_eventsub, verify_eventsub

NOW = 1_772_359_200_000  # 2026-03-01T10:00:00Z
STAMP = "2026-03-01T10:00:00.123456789Z"
SECRET = b"0123456789abcdef"
BODY = '{"event":{"name":"Zoë"}}'.encode()


def headers(
    *, stamp: str = STAMP, body: bytes = BODY, secret: bytes = SECRET, **changes: str | None
) -> dict[str, str]:
    made = {
        "Twitch-Eventsub-Message-Id": "b6a1-e",
        "Twitch-Eventsub-Message-Retry": "0",
        "Twitch-Eventsub-Message-Type": "notification",
        "Twitch-Eventsub-Message-Timestamp": stamp,
        "Twitch-Eventsub-Subscription-Type": "channel.channel_points_custom_reward_redemption.add",
        "Twitch-Eventsub-Subscription-Version": "1",
    }
    message_id = made["Twitch-Eventsub-Message-Id"]
    made["Twitch-Eventsub-Message-Signature"] = sign_eventsub(
        message_id=message_id, timestamp=stamp, body=body, secret=secret
    )
    for name, value in changes.items():
        full = "Twitch-Eventsub-" + name.replace("_", "-").title()
        if value is None:
            del made[full]
        else:
            made[full] = value
    return made


def verify(given_headers: Any, **changes: Any) -> Verified:
    arguments: dict[str, Any] = {"body": BODY, "secrets": [("main", SECRET)], "now_ms": NOW} | changes
    return verify_eventsub(headers=given_headers, **arguments)


def code_of(given_headers: Any, **changes: Any) -> str:
    with pytest.raises(Rejected) as caught:
        verify(given_headers, **changes)
    assert caught.value.message
    return caught.value.code


def test_a_good_message_is_read() -> None:
    assert verify(headers()) == Verified(
        message_id="b6a1-e",
        message_type="notification",
        timestamp_ms=NOW + 123,
        subscription_type="channel.channel_points_custom_reward_redemption.add",
        version="1",
        key_id="main",
    )


def test_the_signature_is_that_of_the_documentation() -> None:
    made = headers()
    text = made["Twitch-Eventsub-Message-Id"].encode() + STAMP.encode() + BODY
    expected = "sha256=" + hmac.new(SECRET, text, hashlib.sha256).hexdigest()
    assert made["Twitch-Eventsub-Message-Signature"] == expected


def test_header_names_have_no_case() -> None:
    assert verify({name.upper(): value for name, value in headers().items()}).key_id == "main"


def test_the_key_that_fits_is_named() -> None:
    secrets = [("new", b"new-secret-0"), ("old", SECRET), ("oldest", b"oldest-secret")]
    assert verify(headers(), secrets=secrets).key_id == "old"


def test_without_secrets_nothing_fits() -> None:
    assert code_of(headers(), secrets=[]) == "signature.wrong"


@pytest.mark.parametrize(
    "name",
    [
        "message_id",
        "message_type",
        "message_timestamp",
        "message_signature",
        "subscription_type",
        "subscription_version",
    ],
)
def test_a_missing_or_empty_header(name: str) -> None:
    assert code_of(headers(**{name: None})) == "signature.missing"
    assert code_of(headers(**{name: ""})) == "signature.missing"


@pytest.mark.parametrize(
    "name", ["message_id", "message_timestamp", "message_signature", "subscription_type"]
)
@pytest.mark.parametrize("bad", ["ñ", "٣", "\udcff"])
def test_a_header_that_is_not_ascii(name: str, bad: str) -> None:
    assert code_of(headers(**{name: bad * 64})) == "signature.not_ascii"


@pytest.mark.parametrize(
    "signature",
    ["sha256=", "sha256=" + "0" * 63, "sha256=" + "0" * 65, "sha256=" + "g" * 64, "sha1=" + "0" * 64, "0" * 64,
     "SHA256=" + "0" * 64, "sha256=" + "0" * 64 + "\n", " sha256=" + "0" * 64, "sha256=" + "A" * 64],
)  # fmt: skip
def test_a_malformed_signature(signature: str) -> None:
    assert code_of(headers(message_signature=signature)) == "signature.malformed"


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-13-01T10:00:00Z",
        "2026-02-30T10:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T10:00:60Z",
        "0000-01-01T00:00:00Z",
        "2026-03-01T10:00:00",
        "2026-03-01T10:00:00.Z",
        "2026-03-01T10:00:00.1234567890Z",
        "2026-03-01 10:00:00Z",
        "1772359200000",
        "2026-03-01T10:00:00+00:00",
        "2026-03-01T10:00:00.1234567890123456789Z",
        "20260301T100000Z-----",
    ],
)
def test_a_malformed_time(stamp: str) -> None:
    assert code_of(headers(stamp=stamp)) == "signature.malformed"


@pytest.mark.parametrize(
    ("stamp", "milliseconds"),
    [("2026-03-01T10:00:00Z", 0), ("2026-03-01T10:00:00.5Z", 500), ("2026-03-01T10:00:00.000999999Z", 0),
     ("2026-03-01T09:59:59.999999999Z", -1)],
)  # fmt: skip
def test_fractions_of_a_second(stamp: str, milliseconds: int) -> None:
    assert verify(headers(stamp=stamp)).timestamp_ms == NOW + milliseconds


def test_headers_have_bounded_lengths() -> None:
    assert code_of(headers(message_id="x" * 257)) == "signature.malformed"
    assert code_of(headers(message_type="x" * 10_000)) == "signature.malformed"


def test_a_header_that_comes_twice() -> None:
    twice = headers() | {"twitch-eventsub-message-id": "other"}
    assert code_of(twice) == "signature.malformed"


def test_any_change_breaks_the_signature() -> None:
    assert code_of(headers(), body=BODY + b" ") == "signature.wrong"
    assert code_of(headers(message_id="b6a1-f")) == "signature.wrong"
    assert code_of(headers(message_timestamp=STAMP.replace("123", "124"))) == "signature.wrong"
    assert code_of(headers(secret=b"another-secret")) == "signature.wrong"


def test_ten_minutes_on_both_sides() -> None:
    at = NOW + 123
    assert verify(headers(), now_ms=at + MAX_AGE_MS)
    assert verify(headers(), now_ms=at - MAX_AGE_MS)
    assert code_of(headers(), now_ms=at + MAX_AGE_MS + 1) == "signature.too_old"
    assert code_of(headers(), now_ms=at - MAX_AGE_MS - 1) == "signature.from_future"


def test_the_age_of_an_unsigned_message_is_not_judged() -> None:
    assert code_of(headers(secret=b"another-secret"), now_ms=NOW + 10**9) == "signature.wrong"


NAMES = st.sampled_from([*headers(), *(name.lower() for name in headers()), "Host", ""])


@given(
    made=st.dictionaries(
        NAMES | st.text(max_size=40),
        st.text(max_size=80) | st.binary(max_size=80).map(lambda raw: raw.decode("latin-1")),
    ),
    body=st.binary(max_size=200),
    keep=st.sets(st.sampled_from(list(headers()))),
)
def test_whatever_comes_it_is_verified_or_rejected(made: dict[str, str], body: bytes, keep: set[str]) -> None:
    good = headers(body=body)
    mixed = made | {name: good[name] for name in keep}
    try:
        outcome = verify(mixed, body=body).key_id
    except Rejected as error:
        outcome = error.code
    assert outcome == "main" or outcome.startswith("signature.")


@given(st.binary(max_size=500), st.binary(min_size=10, max_size=100))
def test_what_we_sign_we_accept(body: bytes, secret: bytes) -> None:
    assert verify(headers(body=body, secret=secret), body=body, secrets=[("k", secret)])


@given(st.integers(0, 63), st.sampled_from("0123456789abcdef"))
def test_one_digit_changed_is_wrong(place: int, digit: str) -> None:
    made = headers()
    signature = made["Twitch-Eventsub-Message-Signature"]
    index = len("sha256=") + place
    changed = signature[:index] + digit + signature[index + 1 :]
    if changed != signature:
        assert code_of(made | {"Twitch-Eventsub-Message-Signature": changed}) == "signature.wrong"
