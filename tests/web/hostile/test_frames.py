"""Bytes that no sane client sends: each is answered by one Close, and nobody else notices."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.frames import Opcode

from tests.web.hostile.stand import UPGRADE, Raw, Stand
from web.party_lines import FRAMES_AT_ONCE

pytestmark = pytest.mark.server

MASK = b"\x00\x00\x00\x00"
CHAT = json.dumps({"type": "party:chat", "id": "x", "data": {"message": "x"}}).encode()

BROKEN: dict[str, tuple[bytes, int]] = {
    "compressed": (b"\xc1\x85" + MASK + b"hello", 1002),
    "second reserved bit": (b"\xa1\x80" + MASK, 1002),
    "third reserved bit": (b"\x91\x80" + MASK, 1002),
    "reserved opcode": (b"\x83\x80" + MASK, 1002),
    "reserved control opcode": (b"\x8b\x80" + MASK, 1002),
    "not masked": (b"\x81\x05hello", 1002),
    "continuation of nothing": (b"\x80\x81" + MASK + b"x", 1002),
    "a message in a message": (b"\x01\x81" + MASK + b"x" + b"\x81\x81" + MASK + b"x", 1002),
    "a ping in parts": (b"\x09\x80" + MASK, 1002),
    "a long ping": (b"\x89\xfe\x00\x7e" + MASK + b"x" * 126, 1002),
    "binary": (b"\x82\x81" + MASK + b"x", 1003),
    "a megabyte": (b"\x81\xff" + (1 << 20).to_bytes(8, "big") + MASK + b"x" * (1 << 20), 1009),
    "the largest that can be named": (b"\x81\xff" + b"\xff" * 8 + MASK, 1009),
    "one byte too many": (b"\x81\xfe" + (16_385).to_bytes(2, "big") + MASK + b"x" * 16_385, 1009),
    "too much in parts": (
        b"\x01\xfe" + (16_384).to_bytes(2, "big") + MASK + b"x" * 16_384 + b"\x80\x81" + MASK + b"x", 1009,
    ),
    "too many parts": (b"\x01\x80" + MASK + (b"\x00\x80" + MASK) * 1100, 1009),
    "not UTF-8": (b"\x81\x82" + MASK + b"\xc3\x28", 1007),
    "a surrogate in UTF-8": (b"\x81\x83" + MASK + b"\xed\xa0\x80", 1007),
    "half a character": (b"\x81\x81" + MASK + b"\xe2", 1007),
}  # fmt: skip


async def test_what_is_no_frame_of_a_client_ends_this_connection_alone(stand: Stand) -> None:
    ann, room = await stand.room()
    raws = {why: await stand.wire(name="evil") for why in BROKEN}
    for why, (data, _) in BROKEN.items():
        raws[why].say("party:join", id="j", roomId=room)
        raws[why].write(data)
    codes = {why: await raw.ended() for why, raw in raws.items()}
    assert codes == {why: code for why, (_, code) in BROKEN.items()}
    for raw in raws.values():
        raw.write(CHAT * 10)  # after the end nothing counts
    assert (await ann.ask("party:chat", message="still here"))["type"] == "party:ok"
    here = stand.desk.rooms.here(room)
    assert here is not None
    assert [line.text for line in here.replica.room.chat] == ["still here"]


async def test_a_message_may_come_in_parts_with_pings_between_and_byte_by_byte(stand: Stand) -> None:
    _, room = await stand.room()
    raw = await stand.wire(name="odd")
    raw.say("party:join", id="j", roomId=room)
    assert (await raw.answered("j"))["type"] == "party:join"
    text = json.dumps({"type": "party:chat", "id": "p", "data": {"message": "x", "pad": "y" * 16_200}})
    parts = [text[place : place + 100].encode() for place in range(0, len(text), 100)]
    for place, part in enumerate(parts):
        raw.frame(Opcode.CONT if place else Opcode.TEXT, part, fin=place == len(parts) - 1)
        if place % 50 == 0:
            raw.frame(Opcode.PING, b"?")
    assert (await raw.answered("p"))["type"] == "party:ok"
    for byte in b"\x81\xc0" + MASK + CHAT.ljust(64):
        raw.write(bytes((byte,)))
        await asyncio.sleep(0)
    assert (await raw.answered("x"))["type"] == "party:ok"


@pytest.mark.parametrize("kind", ["pings", "pongs", "parts", "texts", "unheard"])
async def test_a_flood_of_frames_is_cut_off_at_once(stand: Stand, kind: str) -> None:
    """As fast as the loopback takes it: what counts is the frame, so parts and pings are no way around the limits."""
    ann, room = await stand.room()
    raw = await stand.wire(name="" if kind == "unheard" else "evil")
    if kind != "unheard":
        raw.say("party:join", id="j", roomId=room)
        await raw.answered("j")
    each = {
        "pings": b"\x89\x80" + MASK,
        "pongs": b"\x8a\x80" + MASK,
        "parts": b"\x01\x80" + MASK + (b"\x00\x80" + MASK) * 500 + b"\x80\x80" + MASK,
    }.get(kind, b"\x81\x82" + MASK + b"{}")
    flood = each * (100_000 // (len(each) // 6 or 1))
    assert len(flood) / 6 > 10 * FRAMES_AT_ONCE
    raw.write(flood)
    assert await raw.ended() in (4029, 1006)
    assert await ann.is_well()
    assert stand.run.daemon._metrics.value("party_sent_away_total", reason="flood") == 1
    await stand.until(lambda: stand.parties.count == 1)


async def test_what_comes_with_the_upgrade_is_no_fault(stand: Stand) -> None:
    """Frames before the answer: no client may, so what becomes of them does not matter, but to nobody else."""
    early = await stand.wire(UPGRADE.format(query="") + "\x01\x02\x03" + "x" * 5000)
    assert b" 101 " in await early.head()
    early.frame(Opcode.TEXT, b"{}")
    for head in (
        UPGRADE.format(query="").replace("13", "12"),
        UPGRADE.format(query="").replace("dGhlIHNhbXBsZSBub25jZQ==", "short"),
        UPGRADE.format(query="").replace("dGhlIHNhbXBsZSBub25jZQ==", "é"),
        UPGRADE.format(query="").replace("Upgrade: websocket", "Upgrade: h2c"),
        UPGRADE.format(query="?token=" + "x" * 9000),
        UPGRADE.format(query="?token=%ED%A0%80&roomId=%00"),
        UPGRADE.format(query="?ticket=%ff%fe"),
        UPGRADE.format(query="").replace("GET", "POST"),
    ):
        raw = await stand.wire(head)
        status = (await raw.head()).split()[1]
        assert status in (b"101", b"400", b"404", b"405", b"413", b"414", b"431"), (head, status)
        raw.transport.abort()
    ann, _ = await stand.room()
    assert await ann.is_well()


async def test_half_open_connections_are_found_and_cut_off(stand: Stand) -> None:
    """Nothing comes, no FIN, and nothing is read: not even the Close."""
    ann, room = await stand.room()
    dead = [await stand.wire(name=f"u{number}") for number in range(5)]
    for raw in dead:
        raw.say("party:join", id="j", roomId=room)
        await raw.answered("j")
        raw.transport.pause_reading()
    await stand.until(lambda: stand.parties.count == 6)
    for _ in range(5):
        stand.clock.leap(8.5)
        assert await ann.is_well()
    for _ in range(4):
        stand.clock.leap(2.0)
        assert await ann.is_well()
    await stand.until(lambda: stand.parties.count == 1)
    here = stand.desk.rooms.here(room)
    assert here is not None
    assert await ann.is_well()
    stand.clock.leap(2.0)
    await stand.until(lambda: len(here.replica.roster.here) == 1)


async def test_a_head_that_never_ends_is_not_waited_for(stand: Stand) -> None:
    """Slowloris: a request that comes letter by letter, and one that never comes."""
    slow = [await stand.wire("GET /ws/connect HTTP/1.1\r\nHost: x\r\n") for _ in range(3)]
    slow.append(await stand.wire(""))
    ann, _ = await stand.room()
    for _ in range(4):
        stand.clock.leap(10.0)
        assert await ann.is_well()
        for raw in slow[:2]:
            raw.write(b"X-A: b\r\n")
    for raw in slow:
        await raw.hung_up()
    assert await ann.is_well()


async def test_a_hello_that_never_comes_is_not_waited_for(stand: Stand) -> None:
    """Byte by byte, so that something is heard all the time."""
    raw: Raw = await stand.wire()
    hello = b'{"type": "party:hello", "data": {"token": "'
    raw.write(b"\x81\xfe" + (16_000).to_bytes(2, "big") + MASK)
    for byte in hello[:12]:
        raw.write(bytes((byte,)))
        await asyncio.sleep(0)
        stand.clock.leap(1.0)
        await asyncio.sleep(0.01)
    assert await raw.ended() == 4501
