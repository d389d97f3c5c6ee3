"""Frames as a server reads them, held against those that a well-kept library writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from web.party_frames import FrameError, FrameReader, Op, answer_to_close, close_frame

LIMIT = 1000
messages = st.lists(st.lists(st.binary(max_size=300), min_size=1, max_size=3), max_size=5)


def framed(parts: list[bytes]) -> bytes:
    last = len(parts) - 1
    return b"".join(
        Frame(Opcode.CONT if place else Opcode.TEXT, part, fin=place == last).serialize(mask=True)
        for place, part in enumerate(parts)
    )


@given(messages, st.lists(st.integers(1, 40), min_size=1))
def test_whatever_the_pieces_the_messages_are_the_same(parts: list[list[bytes]], sizes: list[int]) -> None:
    data = b"".join(framed(one) for one in parts)
    reader, found, place, turn = FrameReader(LIMIT), [], 0, 0
    while place < len(data):
        size = sizes[turn % len(sizes)]
        found += list(reader.feed(data[place : place + size]))
        place, turn = place + size, turn + 1
    assert found == [(Op.TEXT, b"".join(one)) for one in parts]


def test_control_frames_come_between_the_parts_of_a_message() -> None:
    data = (
        Frame(Opcode.TEXT, b"ab", fin=False).serialize(mask=True)
        + Frame(Opcode.PING, b"p").serialize(mask=True)
        + Frame(Opcode.CONT, b"cd").serialize(mask=True)
    )
    assert list(FrameReader(LIMIT).feed(data)) == [(Op.PING, b"p"), (Op.TEXT, b"abcd")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (Frame(Opcode.TEXT, b"x").serialize(mask=False), 1002),
        (b"\xc1\x80\x00\x00\x00\x00", 1002),
        (Frame(Opcode.CONT, b"x").serialize(mask=True), 1002),
        (Frame(Opcode.TEXT, b"x", fin=False).serialize(mask=True) * 2, 1002),
        (Frame(Opcode.BINARY, b"x").serialize(mask=True), 1003),
        (b"\x83\x80", 1002),
        (b"\x09\x80", 1002),
        (b"\x89\xfe", 1002),
        (Frame(Opcode.TEXT, b"x" * (LIMIT + 1)).serialize(mask=True)[:8], 1009),
        (b"\x81\xff" + (2**63 - 1).to_bytes(8, "big"), 1009),
        (framed([b"x" * 600, b"x" * 600]), 1009),
        (Frame(Opcode.TEXT, b"", fin=False).serialize(mask=True)
         + Frame(Opcode.CONT, b"", fin=False).serialize(mask=True) * 100, 1009),
    ],
    ids=[
        "unmasked", "reserved", "part of nothing", "two beginnings", "binary", "no such op", "ping in parts",
        "long ping", "too large", "far too large", "too large in parts", "too many parts",
    ],
)  # fmt: skip
def test_what_no_client_may_send(data: bytes, code: int) -> None:
    with pytest.raises(FrameError) as caught:
        list(FrameReader(LIMIT).feed(data))
    assert caught.value.code == code


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    found, code = 0, 1000
    try:
        for _, payload in FrameReader(LIMIT).feed(data):
            found += len(payload)
    except FrameError as error:
        code = error.code
    assert code in (1000, 1002, 1003, 1009)
    assert found <= len(data)


def test_the_end() -> None:
    assert close_frame(4000, "x" * 200)[:4] == b"\x88\x7d" + (4000).to_bytes(2, "big")
    assert answer_to_close(b"") == b"\x88\x00"
    for code, answer in ((1000, 1000), (4999, 4999), (1005, 1002), (999, 1002), (5000, 1002)):
        assert answer_to_close(code.to_bytes(2, "big") + b"why") == close_frame(answer, "")
    assert answer_to_close(b"\x03") == close_frame(1002, "")


def test_frames_are_counted_whatever_they_are() -> None:
    reader = FrameReader(LIMIT)
    reader.left = 5.0
    parts = framed([b"", b"", b"x"])
    ping = Frame(Opcode.PING, b"").serialize(mask=True)
    assert list(reader.feed(parts + ping)) == [(Op.TEXT, b"x"), (Op.PING, b"")]
    more = reader.feed(ping * 3)
    assert next(more) == (Op.PING, b"")
    with pytest.raises(FrameError) as caught:
        next(more)
    assert caught.value.code == 4029


def test_the_size_of_a_message_in_parts_is_its_own() -> None:
    reader = FrameReader(LIMIT)
    for _ in range(3):
        assert list(reader.feed(framed([b"x" * 600, b"x" * 400]))) == [(Op.TEXT, b"x" * 1000)]
