"""The bench with tiny numbers: that every way reaches every viewer and what it tells, never how fast."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, broadcast, serve

from bench._fanout_programs import Sink, program, sink_program
from bench._fanout_server import framed, payload
from bench._fanout_sink import masked
from bench.fanout import Room, Sample, _result, loads
from tests.bench.running import told_by

TINY = ("--runs", "1", "--messages", "200", "--commands", "2", "--idle-seconds", "0.2", "--sources", "3")
WAYS = {"ours", "bare", "send_str", "broadcast"}


@pytest.mark.server
async def test_every_way_is_measured() -> None:
    """With the sink that the machine can have."""
    told = await told_by("fanout", "--viewers", "12", *TINY)
    details = told["details"]
    assert details["sink"] == ("c" if shutil.which("cc") else "python")
    assert set(details["runs"]["12"]) == {"one by one", "in bursts of five"}
    for ways in details["runs"]["12"].values():
        assert set(ways) == WAYS
        assert all(one["per_cpu_second"] > 0 for runs in ways.values() for one in runs)
    room = details["rooms"]["12"]
    assert (room["lost"], room["idle_other_frames"]) == (0, 0)
    assert room["last_ms"]["p99"] > 0
    assert len(told["aims"]) == 7


@pytest.mark.parametrize("prefer", ["c", "python"])
async def test_both_sinks_count_alike(prefer: str, tmp_path: Path) -> None:
    """Texts go out after the upgrade; a welcome opens; pings are answered and not counted; long frames are read."""
    heard: list[str] = []
    lines: set[ServerConnection] = set()

    async def room(line: ServerConnection) -> None:
        async for text in line:
            heard.append(str(text))
            if "join" in str(text):
                lines.add(line)
                await line.send('{"type":"party:join","data":{"resumeToken":"r"}}')

    words, kind = await sink_program(tmp_path, prefer=prefer)
    if kind != prefer:
        pytest.skip("there is no compiler: sudo apt-get install gcc")
    async with (
        serve(room, "127.0.0.1", 0, ping_interval=None) as server,
        program(words, "sink", core=None) as it,
    ):
        sink = Sink(it, tmp_path)
        port = server.sockets[0].getsockname()[1]
        opened = await sink.open(['/ws/connect?token=a\t{"type":"party:join"}'] * 3, port=port, sources=2)
        assert (opened.count, opened.failed) == (3, 0)
        await sink.reset()
        for text in ('{"type":"party:ping"}', payload(7, 200), payload(8, 70_000)):
            broadcast(lines, text)
        frames, _ = await sink.wait(6, 20.0)
        assert frames == 6
        assert {seq: count for seq, (count, _) in (await sink.seqs()).items()} == {7: 3, 8: 3}
        stats = await sink.stats()
        assert (stats["pings"], stats["closed"]) == (3, 0)
        async with asyncio.timeout(20):
            while sum("party:pong" in text for text in heard) < 3:
                await asyncio.sleep(0.01)


def sample(rate: float) -> Sample:
    return Sample(per_cpu_second=rate, per_second=rate, bytes_each=200.0, sink_cpu=0.5)


def room(**changed: float) -> Room:
    wanted = {"joined_seconds": 1.0, "kib_each": 10.0, "kib_each_broadcast": 14.0} | changed
    return Room(
        **wanted, last_ms=[5.0], chat_last_ms=[25.0], idle_bytes_each=400.0, idle_other_frames=0, lost=0
    )


def test_the_aims_are_judged_where_they_belong() -> None:
    one_by_one = {
        "ours": [sample(86)],
        "bare": [sample(100)],
        "send_str": [sample(60)],
        "broadcast": [sample(50)],
    }
    bursts = {
        "ours": [sample(149)],
        "bare": [sample(100)],
        "send_str": [sample(60)],
        "broadcast": [sample(50)],
    }
    samples = {"one by one": one_by_one, "in bursts of five": bursts}
    result = _result({1000: (samples, room()), 10_000: (samples, room(kib_each=23.0))}, "c")
    judged = {one.what: one.met for one in result.aims}
    assert judged["deliveries one by one, of bare transport.write, 1,000 viewers"] is True
    assert judged["deliveries in bursts, of websockets.broadcast(), 10,000 viewers"] is False
    assert judged["join of 1,000 viewers"] is True
    assert judged["last of 1,000 viewers after a host's command, p99"] is True
    assert judged["resident memory for each of 10,000 viewers"] is False
    assert "resident memory for each of 1,000 viewers" not in judged


def test_a_load_has_as_many_deliveries_whatever_the_size() -> None:
    for viewers in (100, 1000):
        for load in loads(viewers, 100_000):
            assert load.bursts * load.burst * viewers == 100_000


def test_frames_are_as_the_protocol_has_them() -> None:
    assert len(payload(7, 200)) == 200
    assert '"seq":7' in payload(7, 200)
    assert framed("x" * 125)[:2] == b"\x81\x7d"
    assert framed("x" * 126)[:4] == b"\x81\x7e\x00\x7e"
    assert masked(1, b"hi") == b"\x81\x82\x00\x00\x00\x00hi"
