"""Frames by the bytes of RFC 6455, and as a client's library reads them."""

from __future__ import annotations

import pytest
from websockets.frames import Opcode
from websockets.protocol import CLIENT, OPEN, Protocol

from rooms.delivery import frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
def test_a_client_reads_texts_of_every_length(size: int) -> None:
    client = Protocol(CLIENT, state=OPEN, max_size=None)
    client.receive_data(frames.text(b"x" * size) + frames.ping(b"p") + frames.pong(b"q"))
    text, ping, pong = client.events_received()
    assert (text.opcode, bytes(text.data), text.fin) == (Opcode.TEXT, b"x" * size, True)  # type: ignore[union-attr]
    assert (ping.opcode, bytes(ping.data)) == (Opcode.PING, b"p")  # type: ignore[union-attr]
    assert (pong.opcode, bytes(pong.data)) == (Opcode.PONG, b"q")  # type: ignore[union-attr]


def test_the_example_of_the_standard() -> None:
    assert frames.text(b"Hello") == bytes.fromhex("810548656c6c6f")  # RFC 6455, section 5.7


@pytest.mark.parametrize("control", [frames.ping, frames.pong])
def test_control_frames_are_short(control: object) -> None:
    assert callable(control)
    assert len(control(b"x" * 125)) == 127
    with pytest.raises(ValueError, match="125"):
        control(b"x" * 126)
