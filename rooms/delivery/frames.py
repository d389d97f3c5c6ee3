"""WebSocket frames as a server sends them (RFC 6455, section 5.2): not masked, never in parts.

Made once and written to every viewer, which is why they are made here and not by the web framework."""

from __future__ import annotations

_TEXT, _PING, _PONG = 0x81, 0x89, 0x8A  # FIN and the opcode
LONGEST_CONTROL = 125


def text(payload: bytes) -> bytes:
    """A text frame; `payload` is UTF-8."""
    return _frame(_TEXT, payload)


def ping(payload: bytes = b"") -> bytes:
    """A ping with at most 125 bytes, which the other side sends back. Raises `ValueError` for more."""
    return _frame(_PING, _short(payload))


def pong(payload: bytes) -> bytes:
    """The answer to a ping, with its bytes. Raises `ValueError` for more than 125."""
    return _frame(_PONG, _short(payload))


def _short(payload: bytes) -> bytes:
    if len(payload) > LONGEST_CONTROL:
        raise ValueError(f"A control frame has at most {LONGEST_CONTROL} bytes, not {len(payload)}.")
    return payload


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size <= 125:
        head = bytes((first, size))
    elif size < 65536:
        head = bytes((first, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 127)) + size.to_bytes(8, "big")
    return head + payload
