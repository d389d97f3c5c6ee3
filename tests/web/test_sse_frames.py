"""The frames of the event stream: encoded once, remembered within bounds, always one event each."""

from __future__ import annotations

from gateways.topics.contracts import NewEntry
from gateways.topics.memory import MemoryTopics
from tests.support.clock import ManualClock
from web.sse import Frames, encode


async def test_remembered_frames_are_bounded() -> None:
    topics = MemoryTopics(clock=ManualClock())
    start = (await topics.head("a")).position
    for _ in range(50):
        await topics.append("a", NewEntry("vip", {"text": "x" * 100}))
    entries = await topics.read("a", start)
    frames = Frames(max_bytes=1000)
    for entry in entries:
        frames.of("a", entry)
    frames.of("a", entries[-1])
    assert frames.encoded == 50
    frames.of("a", entries[0])
    assert frames.encoded == 51


async def test_a_frame_is_always_one_event() -> None:
    position = (await MemoryTopics(clock=ManualClock()).head("a")).position
    frame = encode("vi\np\r", {"a": "x\n\nevent: fake\r", "b": "\ud800"}, position)
    assert frame.count(b"\n") == 4
    assert frame.endswith(b"\n\n")
    assert b"\r" not in frame
    assert b"event: vi_p_\n" in frame
