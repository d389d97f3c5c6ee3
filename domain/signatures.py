"""Is this EventSub webhook really Twitch's, and is it fresh? Pure: headers, bytes, secrets and the time go in.

Rules and their source (https://dev.twitch.tv/docs/eventsub/handling-webhook-events/): the signature is
`"sha256=" + hex(HMAC-SHA256(secret, message id + timestamp + raw body))` over the header texts exactly as received;
messages older than ten minutes are dropped. That a stamp from the future is refused alike is our own rule: it would
stay replayable for longer than ids are remembered.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.errors import Rejected

MAX_AGE_MS = 10 * 60 * 1000

_ID = "twitch-eventsub-message-id"
_STAMP = "twitch-eventsub-message-timestamp"
_SIGNATURE = "twitch-eventsub-message-signature"
_KIND = "twitch-eventsub-message-type"
_TYPE = "twitch-eventsub-subscription-type"
_VERSION = "twitch-eventsub-subscription-version"

# What each header may look like. The lengths leave room for growth but not for abuse.
_SHAPES = {
    _ID: re.compile(r"[\x21-\x7e]{1,256}"),
    _STAMP: re.compile(r"[0-9T:.Z-]{20,30}"),
    _SIGNATURE: re.compile(r"sha256=[0-9a-f]{64}"),
    _KIND: re.compile(r"[a-z_]{1,64}"),
    _TYPE: re.compile(r"[a-z0-9_.]{1,128}"),
    _VERSION: re.compile(r"[A-Za-z0-9_.-]{1,32}"),
}
_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Verified:
    """What the headers of an authentic, fresh message say. `key_id` names the secret that fitted."""

    message_id: str
    message_type: str
    timestamp_ms: int
    subscription_type: str
    version: str
    key_id: str


def verify_eventsub(
    *, headers: Mapping[str, str], body: bytes, secrets: Sequence[tuple[str, bytes]], now_ms: int
) -> Verified:
    """Check one message; `secrets` are pairs of key id and secret, any of which may fit.

    Raises `Rejected` with one of the codes `signature.missing`, `signature.malformed`, `signature.not_ascii`,
    `signature.wrong`, `signature.too_old`, `signature.from_future`, and nothing else whatever the input. Header names
    are compared without case; the age is judged after the signature, since an unsigned time says nothing.
    """
    values = _values(headers)
    stamp_ms = _milliseconds(values[_STAMP])
    signed = values[_ID].encode("ascii") + values[_STAMP].encode("ascii") + body
    given = bytes.fromhex(values[_SIGNATURE].removeprefix("sha256="))
    key_id: str | None = None
    for name, secret in secrets:
        if hmac.compare_digest(hmac.digest(secret, signed, hashlib.sha256), given) and key_id is None:
            key_id = name
    if key_id is None:
        raise _rejected(
            "wrong", "The signature does not fit the message.", "Compare the secrets of both sides."
        )
    if stamp_ms < now_ms - MAX_AGE_MS:
        raise _rejected(
            "too_old", "The message is older than ten minutes.", "Compare the clocks of both sides."
        )
    if stamp_ms > now_ms + MAX_AGE_MS:
        raise _rejected("from_future", "The message is from the future.", "Compare the clocks of both sides.")
    return Verified(
        message_id=values[_ID],
        message_type=values[_KIND],
        timestamp_ms=stamp_ms,
        subscription_type=values[_TYPE],
        version=values[_VERSION],
        key_id=key_id,
    )


def sign_eventsub(*, message_id: str, timestamp: str, body: bytes, secret: bytes) -> str:
    """The signature header of a message, as the sender makes it."""
    signed = message_id.encode("ascii") + timestamp.encode("ascii") + body
    return "sha256=" + hmac.digest(secret, signed, hashlib.sha256).hex()


def _values(headers: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in values:
            raise _rejected("malformed", f"The header {lower} came twice.")
        if lower in _SHAPES:
            values[lower] = value
    for name, shape in _SHAPES.items():
        value = values.get(name, "")
        if not value:
            raise _rejected("missing", f"The header {name} is missing.", "Only Twitch calls this address.")
        if not value.isascii():
            raise _rejected("not_ascii", f"The header {name} is not plain ASCII.")
        if not shape.fullmatch(value):
            raise _rejected("malformed", f"The header {name} is malformed.")
    return values


def _milliseconds(text: str) -> int:
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise _rejected("malformed", f"The header {_STAMP} is no RFC 3339 time in UTC.")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise _rejected("malformed", f"The header {_STAMP} is no time of the calendar.") from None
    fraction_ms = int((match[7] or "").ljust(9, "0")) // 1_000_000
    return (moment - _EPOCH) // timedelta(milliseconds=1) + fraction_ms


def _rejected(why: str, sentence: str, advice: str = "") -> Rejected:
    return Rejected(sentence, code=f"signature.{why}", advice=advice)
