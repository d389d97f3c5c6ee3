"""Any bytes, any text, any JSON: an answer or a close for each, and never a fault of ours."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from websockets.frames import Opcode

from rooms.commands import FIELDS
from rooms.settings import FIELDS as SETTINGS
from rooms.talk.limits import CLASSES
from tests.web.hostile.stand import Raw, Stand, resident_kib, standing

pytestmark = pytest.mark.server

CODES = {1000, 1002, 1003, 1005, 1006, 1007, 1009, 4008, 4029, 4501}
TYPES = sorted(
    {
        *FIELDS,
        *CLASSES,
        "party:hello",
        "party:resume",
        "party:leave",
        "party:roster",
        "party:invite",
        "party:pong",
    }
)
NAMES = sorted(
    {name for fields in FIELDS.values() for name in fields}
    | {"token", "ticket", "invite", "roomId", "resumeToken", "epoch", "lastSeq", "userName", "password", "t1", "emoji"}
    | {"settings", "channel", "after", "limit", "role", "uses", "kind", "url", "title", "duration", "startLatencyMs"}
    | {"driftMs", "clockErrMs", "rttMs", "stalls", "oneWayMs", *SETTINGS}
)  # fmt: skip

odd = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(10**400), 10**400), st.floats(),
    st.text(st.characters(), max_size=40), st.text(st.characters(categories=["Cs", "Cc", "Cf", "Mn"]), max_size=40),
    st.sampled_from(["host", "cohost", "auto", "https://films.example/a.mp4", "r1.e30.x", "t1.e30.x", "v1.e30.x", "❤"]),
)  # fmt: skip
json_of = st.recursive(
    odd,
    lambda one: st.lists(one, max_size=4) | st.dictionaries(st.sampled_from(NAMES), one, max_size=4),
    max_leaves=8,
)
messages = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES) | odd},
    optional={
        "data": st.dictionaries(st.sampled_from(NAMES), json_of, max_size=6) | json_of,
        "id": st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64) | odd,
        "v": odd,
    },
)


def framed(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A frame, whether it may be one or not; masked with zeros."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes((fin << 7 | opcode,)) + length + b"\x00" * 4 + payload


frames = st.one_of(
    st.binary(max_size=300),
    st.builds(framed, st.sampled_from([0, 1, 2, 8, 9, 10]), st.binary(max_size=200), fin=st.booleans()),
    st.builds(
        lambda text: framed(1, text.encode("utf-8", "surrogatepass")), st.text(st.characters(), max_size=100)
    ),
    st.builds(lambda one: framed(1, json.dumps(one).encode()), messages),
    st.builds(
        lambda one: framed(1, json.dumps(one, ensure_ascii=False).encode("utf-8", "replace")), messages
    ),
)


async def _exchange(stand: Stand, room: str, said: list[bytes], pieces: int) -> None:
    """Come in, say it, in pieces, and ask for the time: what comes back is JSON, or a Close with a good code. `room`
    is "" for a room of one's own."""
    raw: Raw = await stand.wire(name="fuzz" if room else f"host{stand.clock.monotonic()}")
    if room:
        raw.say("party:join", id="in", roomId=room)
    else:
        raw.say("party:create", id="in", settings={"waiting": "off"})
    await raw.answered("in")
    data = b"".join(said)
    for place in range(0, len(data), pieces):
        raw.write(data[place : place + pieces])
        if pieces < 100:
            await asyncio.sleep(0)
    raw.write(framed(1, b'{"type": "clock:ping", "id": "out", "data": {"t1": 1}}'))
    # A frame of which only the head came may swallow the question: then there is no answer, but hanging up is heard.
    raw.transport.write_eof()
    code, is_answered = 1006, False
    try:
        while True:
            op, payload = await raw.read()
            if op == Opcode.CLOSE:
                code = int.from_bytes(payload[:2], "big") if payload else 1005
            elif op == Opcode.TEXT:
                one = json.loads(payload)
                assert isinstance(one["type"], str)
                is_answered = is_answered or one.get("re") == "out"
                assert one["data"].get("code") != "internal", (one, said)
            else:
                assert op in (Opcode.PING, Opcode.PONG)
    except EOFError:
        pass
    assert is_answered or code in CODES or 3000 <= code < 5000, (code, said)  # or the client's own, said back
    raw.transport.abort()


@pytest.mark.parametrize(
    "examples", [150, pytest.param(5000, marks=[pytest.mark.soak, pytest.mark.timeout(900)])]
)
async def test_any_bytes(tmp_path: Path, examples: int) -> None:
    async with standing(tmp_path) as stand:
        ann, room = await stand.room(waiting="off")
        loop = asyncio.get_running_loop()
        grown: list[int] = []

        @settings(
            max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None,
            phases=[Phase.explicit, Phase.generate],
        )  # fmt: skip
        @given(st.lists(frames, min_size=1, max_size=12), st.sampled_from([3, 1000, 100_000]), st.booleans())
        def run(said: list[bytes], pieces: int, is_host: bool) -> None:
            asyncio.run_coroutine_threadsafe(step(said, pieces, is_host), loop).result(60)

        async def step(said: list[bytes], pieces: int, is_host: bool) -> None:
            await _exchange(stand, "" if is_host else room, said, pieces)
            assert not stand.faults, (said, stand.faults)
            stand.clock.leap(0.4)
            assert await ann.is_well()
            grown.append(resident_kib())

        await asyncio.to_thread(run)
        here = stand.desk.rooms.here(room)
        assert here is not None
        assert here.replica.room.host == ann.self
        assert not here.replica.room.closed_at
        quarter = len(grown) // 4
        # The ring of topics remembers rooms that are closed, up to its bound.
        assert max(grown[-quarter:]) - max(grown[:quarter]) < min(40 + examples / 50, 250) * 1024
        assert await ann.is_well()
