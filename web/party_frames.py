"""WebSocket frames as a server reads them (RFC 6455, sections 5 and 7.4): masked, whole text messages out of parts,
nothing longer than the limit. Without I/O, and without state while no frame is cut in two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import IntEnum

LONGEST_CONTROL = 125
TOO_MANY = 4029
_OPS = frozenset((0, 1, 2, 8, 9, 10))


class Op(IntEnum):
    """The opcodes of RFC 6455, section 5.2."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class FrameError(Exception):
    """What came breaks the protocol: close with `code` and `reason`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class FrameReader:
    """`feed` what was received; it yields whole messages and control frames. After a `FrameError` it is of no use."""

    __slots__ = ("_limit", "_parts", "_rest", "_size", "left")

    def __init__(self, limit: int) -> None:
        """`left`: so many frames more may come, whatever they are."""
        self._limit = limit
        self.left = math.inf
        self._size = 0  # of the parts
        self._rest = b""  # the beginning of a frame whose end has not come yet
        self._parts: list[bytes] | None = None  # of a message in several frames

    def feed(self, data: bytes) -> Iterator[tuple[Op, bytes]]:
        """What is whole now: texts (as UTF-8, not checked) and control frames. Raises `FrameError`: 1002, 1003 for
        binary messages, 1009 for one that is too long, which is known from its head, 4029 for one frame too many."""
        data, self._rest = self._rest + data if self._rest else data, b""
        place = 0
        while len(data) - place >= 2:
            first, size = data[place], data[place + 1] & 0x7F
            op = self._head(first, data[place + 1], size)
            more = {126: 2, 127: 8}.get(size, 0)
            body = place + 2 + more + 4
            if more:
                if len(data) < place + 2 + more:
                    break
                size = int.from_bytes(data[place + 2 : place + 2 + more], "big")
            if op < 8 and size + self._size > self._limit:
                raise FrameError(1009, "too large")
            if len(data) < body + size:
                break
            if self.left < 1:
                raise FrameError(TOO_MANY, "too many messages")
            self.left -= 1
            payload = _unmasked(data[body : body + size], data[body - 4 : body])
            place = body + size
            whole = self._whole(op, payload, is_last=bool(first & 0x80))
            if whole is not None:
                yield whole
        self._rest = data[place:]

    def _head(self, first: int, second: int, size: int) -> Op:
        op = first & 0x0F
        if first & 0x70 or not second & 0x80 or op not in _OPS:
            raise FrameError(1002, "not a frame of a client")
        if op >= Op.CLOSE and (size > LONGEST_CONTROL or not first & 0x80):
            raise FrameError(1002, "a control frame is short and whole")
        if op == Op.BINARY:
            raise FrameError(1003, "text only")
        if op < Op.CLOSE and (op == Op.CONTINUATION) != (self._parts is not None):
            raise FrameError(1002, "a message inside another")
        return Op(op)

    def _whole(self, op: Op, payload: bytes, *, is_last: bool) -> tuple[Op, bytes] | None:
        if op >= Op.CLOSE:
            return op, payload
        if is_last and self._parts is None:
            return Op.TEXT, payload
        self._parts = self._parts or []
        self._parts.append(payload)
        self._size += len(payload)
        if len(self._parts) > self._limit // 16 + 1:
            raise FrameError(1009, "too many parts")
        if not is_last:
            return None
        joined, self._parts, self._size = b"".join(self._parts), None, 0
        return Op.TEXT, joined


def close_frame(code: int, reason: str) -> bytes:
    """A Close frame; the reason is cut to what fits."""
    payload = code.to_bytes(2, "big") + reason.encode()[: LONGEST_CONTROL - 2]
    return bytes((0x88, len(payload))) + payload


def answer_to_close(payload: bytes) -> bytes:
    """The Close frame with which a client's is answered. What no client may send is answered by 1002."""
    if not payload:
        return bytes((0x88, 0))
    code = int.from_bytes(payload[:2], "big")
    good = len(payload) >= 2 and (code in {*range(1000, 1004), *range(1007, 1015)} or 3000 <= code < 5000)
    return close_frame(code if good else 1002, "")


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")
