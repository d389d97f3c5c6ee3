"""The frames of an EventSub WebSocket, read with suspicion: `parse` answers with a value for any input at all.

A frame that cannot be used is a `BadFrame`, never an exception, so that nothing a server (or whoever sits between)
sends can end a session's task. Shapes: Twitch documentation, "EventSub WebSocket reference"; each text frame is
`{"metadata": {...}, "payload": {...}}`.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from gateways.twitch.contracts import RemoteSubscription

# The longest notification (a chat message with all its fragments) is below 32 KiB.
MAX_FRAME_BYTES = 256 * 1024
# The documented frames nest six deep; a limit keeps what we hand on safe for every recursive reader behind us.
MAX_DEPTH = 32
MAX_NAME_LENGTH = 256
# Twitch says 10 to 600 seconds; its value is where it is used, and an hour is where trust ends.
MAX_KEEPALIVE_SECONDS = 3600
DEFAULT_KEEPALIVE_SECONDS = 10
# Integers that a store or another program can hold.
MAX_INTEGER = 2**63 - 1


class Reason(StrEnum):
    """Why a frame was not used; also the label of its counter."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    BAD_NUMBER = "bad_number"
    BAD_TEXT = "bad_text"
    WRONG_SHAPE = "wrong_shape"
    UNKNOWN_TYPE = "unknown_type"
    UNEXPECTED = "unexpected"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class BadFrame:
    """A frame that was left aside. `detail` names the place, never quotes the content."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Welcome:
    session_id: str
    keepalive_seconds: int


@dataclass(frozen=True, slots=True)
class Keepalive:
    pass


@dataclass(frozen=True, slots=True)
class Reconnect:
    message_id: str
    url: str


@dataclass(frozen=True, slots=True)
class Notification:
    """`payload` is `{"subscription": {...}, "event": {...}}`, the body that a webhook would carry; `raw` the frame."""

    message_id: str
    timestamp: int
    timestamp_text: str
    type: str
    version: str
    payload: dict[str, Any] = field(repr=False)
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Revocation:
    message_id: str
    subscription: RemoteSubscription


Frame = Welcome | Keepalive | Reconnect | Notification | Revocation


class _BadError(Exception):
    """How the readers below leave; caught in `parse` alone."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.bad = BadFrame(reason, detail)


def _integer(text: str) -> int:
    if len(text) > 20 or not -MAX_INTEGER - 1 <= (number := int(text)) <= MAX_INTEGER:
        raise _BadError(Reason.BAD_NUMBER, "integer beyond 64 bits")
    return number


def _real(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _BadError(Reason.BAD_NUMBER, "number without an end")
    return number


def _constant(text: str) -> float:
    raise _BadError(Reason.BAD_NUMBER, f"{text} is not JSON")


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_real, parse_constant=_constant)


def parse(data: str | bytes) -> Frame | BadFrame:
    """Read one frame. Raises nothing.

    Args:
        data: the frame as it came, at most `MAX_FRAME_BYTES` bytes.
    """
    try:
        raw, text = _text(data)
        document = _document(text)
        return _frame(document, raw)
    except _BadError as error:
        return error.bad


def parse_timestamp(text: str) -> int | None:
    """Wall time in UTC milliseconds of an RFC 3339 time with up to nine digits of fraction; `None` if it is none."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{_offset(match[4])}")
    except ValueError:
        return None
    fraction = int(((match[3] or "") + "000")[:3])
    return round((moment - _EPOCH).total_seconds()) * 1000 + fraction


def socket_scheme(url: str) -> str:
    """`ws` or `wss`; empty for anything that is not the address of a WebSocket."""
    try:
        parts = urlsplit(url)
        return parts.scheme if parts.scheme in ("ws", "wss") and parts.hostname and parts.port != 0 else ""
    except ValueError:
        return ""


_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _offset(text: str) -> str:
    return "+00:00" if text in "Zz" else text


def _text(data: str | bytes) -> tuple[bytes, str]:
    try:
        raw, text = (data.encode(), data) if isinstance(data, str) else (data, "")
        if len(raw) > MAX_FRAME_BYTES:
            raise _BadError(Reason.TOO_LARGE, f"{len(raw)} bytes")
        return raw, text or raw.decode()
    except UnicodeError:
        raise _BadError(Reason.NOT_UTF8, "not UTF-8") from None


def _document(text: str) -> dict[str, Any]:
    try:
        document = _DECODER.decode(text)
    except RecursionError:
        raise _BadError(Reason.TOO_DEEP, "nested without end") from None
    except ValueError:
        raise _BadError(Reason.NOT_JSON, "not JSON") from None
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth_beyond(document, MAX_DEPTH):
        raise _BadError(Reason.TOO_DEEP, f"nested more than {MAX_DEPTH} deep")
    if "\\u" in text:
        _check_text(document)
    if not isinstance(document, dict):
        raise _BadError(Reason.WRONG_SHAPE, "frame")
    return document


def _depth_beyond(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True


def _check_text(value: Any) -> None:
    """Escapes can spell what UTF-8 cannot (half a surrogate pair), and names that no store takes (with NUL)."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if any("\0" in key for key in item):
                raise _BadError(Reason.BAD_TEXT, "NUL in a name")
            pending.extend(item.keys())
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, str):
            try:
                item.encode()
            except UnicodeError:
                raise _BadError(Reason.BAD_TEXT, "half a surrogate pair") from None


def _frame(document: dict[str, Any], raw: bytes) -> Frame:
    metadata = _object(document, "metadata")
    payload = _object(document, "payload")
    kind = _name(metadata, "message_type")
    match kind:
        case "session_keepalive":
            return Keepalive()
        case "session_welcome":
            session = _object(payload, "session")
            return Welcome(_name(session, "id"), _keepalive(session))
        case "session_reconnect":
            url = _object(payload, "session").get("reconnect_url")
            if not isinstance(url, str) or not 0 < len(url) <= 4096 or not url.isascii():
                raise _BadError(Reason.WRONG_SHAPE, "reconnect_url")
            return Reconnect(_name(metadata, "message_id"), url)
        case "revocation":
            return Revocation(_name(metadata, "message_id"), _subscription(_object(payload, "subscription")))
        case "notification":
            return _notification(metadata, payload, raw)
        case _:
            raise _BadError(Reason.UNKNOWN_TYPE, "message_type")


def _notification(metadata: dict[str, Any], payload: dict[str, Any], raw: bytes) -> Notification:
    stamp = _name(metadata, "message_timestamp")
    timestamp = parse_timestamp(stamp)
    if timestamp is None:
        raise _BadError(Reason.WRONG_SHAPE, "message_timestamp")
    kind, version = _name(metadata, "subscription_type"), _name(metadata, "subscription_version")
    subscription = _object(payload, "subscription")
    _object(payload, "event")
    if (subscription.get("type", kind), subscription.get("version", version)) != (kind, version):
        raise _BadError(Reason.WRONG_SHAPE, "subscription_type")
    return Notification(_name(metadata, "message_id"), timestamp, stamp, kind, version, payload, raw)


def _subscription(source: dict[str, Any]) -> RemoteSubscription:
    condition, transport = source.get("condition", {}), source.get("transport", {})
    if not isinstance(condition, dict) or not isinstance(transport, dict):
        raise _BadError(Reason.WRONG_SHAPE, "subscription")
    return RemoteSubscription(
        id=_name(source, "id"),
        type=_name(source, "type"),
        version=_name(source, "version"),
        status=_name(source, "status"),
        condition={key: value for key, value in condition.items() if isinstance(value, str)},
        method=str(transport.get("method", "websocket")),
        session_id=str(transport.get("session_id") or ""),
    )


def _object(source: dict[str, Any], key: str) -> dict[str, Any]:
    value = source.get(key)
    if not isinstance(value, dict):
        raise _BadError(Reason.WRONG_SHAPE, key)
    return value


def _name(source: dict[str, Any], key: str) -> str:
    value = source.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_LENGTH or "\0" in value:
        raise _BadError(Reason.WRONG_SHAPE, key)
    return value


def _keepalive(session: dict[str, Any]) -> int:
    value = session.get("keepalive_timeout_seconds")
    if value is None:
        return DEFAULT_KEEPALIVE_SECONDS
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_KEEPALIVE_SECONDS:
        raise _BadError(Reason.WRONG_SHAPE, "keepalive_timeout_seconds")
    return value
