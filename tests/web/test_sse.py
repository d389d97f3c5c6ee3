"""Event streams over real sockets: resume, reset, heartbeat, slow readers, shutdown."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import ClientSession, CookieJar
from yarl import URL

from domain.errors import Unavailable
from gateways.topics.contracts import NewEntry
from gateways.topics.memory import MemoryTopics
from handlers.accounts.sessions import IDLE_MS, RoleName
from tests.support.clock import ManualClock
from tests.web.world import Event, World, running, stream, until
from web.sse import Frames, StreamLimits


@pytest.fixture
async def signed_in(world: World) -> World:
    await world.sign_in()
    return world


async def followers(world: World, number: int) -> None:
    """Wait until `number` streams wait for news."""
    await until(lambda: world.web_app.streams is not None and world.web_app.streams.count == number)


# beginning and resuming


async def test_headers_and_first_bytes_come_at_once(signed_in: World) -> None:
    async with await stream(signed_in) as events:
        headers = events.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert headers["Cache-Control"] == "no-cache, no-transform"
        assert headers["X-Accel-Buffering"] == "no"
        assert "Content-Length" not in headers
        assert "Content-Encoding" not in headers
        first = await events.block()
        assert first is not None
        assert first.comment == "welcome"
        assert 2000 <= (first.retry or 0) <= 6000


async def test_retry_differs_from_client_to_client(signed_in: World) -> None:
    seen = set()
    for _ in range(5):
        async with await stream(signed_in) as events:
            first = await events.block()
            assert first is not None
            seen.add(first.retry)
    assert len(seen) > 1


async def test_a_new_client_gets_a_snapshot_and_then_what_happens(signed_in: World) -> None:
    before = await signed_in.happen(text="before")
    signed_in.outside.vips = [{"id": "v1"}]
    async with await stream(signed_in) as events:
        reset = await events.event()
        assert (reset.name, reset.id) == ("reset", str(before))
        assert reset.data["vips"] == [{"id": "v1"}]
        after = await signed_in.happen("vip", id="v2", name="a\nb \u2028 ü")
        event = await events.event()
        assert event == Event(id=str(after), name="vip", data={"id": "v2", "name": "a\nb \u2028 ü"})


@pytest.mark.parametrize("by", ["header", "query"])
async def test_a_client_that_comes_back_gets_what_it_missed_and_no_snapshot(
    signed_in: World, by: str
) -> None:
    positions = [await signed_in.happen(n=n) for n in range(5)]
    seen = str(positions[1])
    given = {"after": seen} if by == "header" else {"query": f"&last_event_id={seen}"}
    async with await stream(signed_in, **given) as events:
        await signed_in.happen(n=5)
        got = [await events.event() for _ in range(4)]
        assert [event.data["n"] for event in got] == [2, 3, 4, 5]
        assert [event.id for event in got][:3] == [str(position) for position in positions[2:]]
    assert signed_in.outside.snapshots == 0


async def test_the_header_wins_over_the_query(signed_in: World) -> None:
    """A reconnecting EventSource keeps the URL of its first connection: its header is the newer one."""
    first, second = [await signed_in.happen(n=n) for n in range(2)]
    async with await stream(signed_in, after=str(second), query=f"&last_event_id={first}") as events:
        await signed_in.happen(n=2)
        assert (await events.event()).data == {"n": 2}


@pytest.mark.parametrize(
    "after", ["elsewhere-3", "rubbish", "-", "a-", "🙂", "k3f9-999999999999999999999", "x" * 500, "0"]
)
async def test_a_position_that_nobody_knows_is_answered_with_a_reset(signed_in: World, after: str) -> None:
    top = await signed_in.happen(n=1)
    async with await stream(signed_in, after=after) as events:
        reset = await events.event()
        assert (reset.name, reset.id) == ("reset", str(top))


async def test_a_position_ahead_of_the_log_is_answered_with_a_reset(signed_in: World) -> None:
    top = await signed_in.happen(n=1)
    async with await stream(signed_in, after=f"{top.epoch}-17") as events:
        assert (await events.event()).name == "reset"


async def test_a_position_that_fell_out_of_the_ring_is_answered_with_a_reset() -> None:
    clock = ManualClock()
    async with running(topics=MemoryTopics(clock=clock, max_entries=3)) as world:
        await world.sign_in()
        first = await world.happen(n=0)
        for n in range(1, 10):
            last = await world.happen(n=n)
        async with await stream(world, after=str(first)) as events:
            reset = await events.event()
            assert (reset.name, reset.id) == ("reset", str(last))


async def test_a_new_epoch_under_way_resets_and_goes_on(signed_in: World) -> None:
    old = await signed_in.happen(n=1)
    async with await stream(signed_in) as events:
        await events.event()
        await signed_in.topics.reseed("channel:100", {}, old.epoch)
        reset = await events.event()
        assert reset.name == "reset"
        assert not reset.id.startswith(old.epoch)
        await signed_in.happen(n=2)
        assert (await events.event()).data == {"n": 2}


async def test_nothing_is_missed_between_snapshot_and_stream(signed_in: World) -> None:
    """What is appended while the snapshot is taken comes after it, though the snapshot may hold it too."""
    outside, snapshot = signed_in.outside, signed_in.outside.snapshot

    async def snapshot_with_news(channel_id: str) -> dict:
        taken = await snapshot(channel_id)
        await signed_in.happen(n="while the snapshot was taken")
        return taken

    outside.snapshot = snapshot_with_news  # type: ignore[method-assign]
    async with await stream(signed_in) as events:
        assert (await events.event()).name == "reset"
        assert (await events.event()).data == {"n": "while the snapshot was taken"}


async def test_channels_are_apart(signed_in: World) -> None:
    async with await stream(signed_in, channel="100") as one, await stream(signed_in, channel="200") as two:
        await one.event()
        await two.event()
        await signed_in.happen(channel="200", n=2)
        await signed_in.happen(channel="100", n=1)
        assert (await one.event()).data == {"n": 1}
        assert (await two.event()).data == {"n": 2}


# heartbeat and lifetime


async def test_a_heartbeat_comes_every_fifteen_quiet_seconds(signed_in: World) -> None:
    async with await stream(signed_in) as events:
        await events.event()
        for _ in range(3):
            await until(lambda: signed_in.clock.sleepers > 0)
            await signed_in.clock.advance(14.9)
            await signed_in.clock.advance(0.2)
            beat = await events.block()
            assert beat == Event(comment="beat")


async def test_a_stream_ends_after_its_lifetime_and_can_be_resumed() -> None:
    async with running(limits=StreamLimits(lifetime_seconds=(20, 20))) as world:
        await world.sign_in()
        async with await stream(world) as events:
            reset = await events.event()
            for seconds in (15.0, 5.1):
                await until(lambda: world.clock.sleepers > 0)
                await world.clock.advance(seconds)
            rest = await events.rest()
            assert rest[-1].retry is not None
        assert world.counted("sse_ended_total", reason="lifetime") == 1
        await world.happen(n=1)
        async with await stream(world, after=reset.id) as events:
            assert (await events.event()).data == {"n": 1}


async def test_a_stream_ends_with_its_session() -> None:
    async with running(limits=StreamLimits(lifetime_seconds=(10**6, 10**6))) as world:
        await world.sign_in()
        async with await stream(world) as events:
            await events.event()
            await until(lambda: world.clock.sleepers > 0)
            world.clock.step_wall(IDLE_MS)
            await world.clock.advance(15.1)
            assert [event.name for event in await events.rest() if event.name] == ["auth"]
        async with world.client.get(world.url("/api/ws?channel=100")) as response:
            assert response.status == 401


# who may


async def test_without_a_session_there_is_no_stream(world: World) -> None:
    async with world.client.get(world.url("/api/ws?channel=100")) as response:
        assert response.status == 401
        assert (await response.json(content_type="application/problem+json"))["code"] == "auth.signed_out"


@pytest.mark.parametrize(("channel", "status"), [("", 400), ("x" * 65, 400), ("300", 404)])
async def test_a_channel_that_is_not_there(signed_in: World, channel: str, status: int) -> None:
    async with signed_in.client.get(signed_in.url(f"/api/ws?channel={channel}")) as response:
        assert response.status == status
    assert signed_in.topics.topic_count == 0, "a request may not create topics"


# bounds


async def test_over_the_cap_a_client_is_told_to_come_back_later() -> None:
    async with running(limits=StreamLimits(max_streams=1)) as world:
        await world.sign_in()
        async with await stream(world) as first:
            await first.event()
            async with await stream(world) as second:
                (only,) = await second.rest()
                assert 5000 <= (only.retry or 0) <= 15000
            await world.happen(n=1)
            assert (await first.event()).data == {"n": 1}
        assert world.counted("sse_ended_total", reason="full") == 1


async def test_a_client_that_went_away_is_noticed_by_the_next_write(signed_in: World) -> None:
    async with await stream(signed_in) as events:
        await events.event()
    await until(lambda: signed_in.clock.sleepers > 0)
    async with asyncio.timeout(30):
        while signed_in.counted("sse_streams"):  # the kernel may swallow the first write after a hang-up
            await signed_in.clock.advance(15.1)
    await followers(signed_in, 0)
    assert signed_in.counted("sse_ended_total", reason="gone") == 1
    assert signed_in.counted("sse_streams") == 0


async def test_a_slow_reader_is_ended_bounded_and_delays_nobody() -> None:
    limits = StreamLimits(write_seconds=0.5)
    clock = ManualClock()
    topics = MemoryTopics(clock=clock, max_bytes=64 << 20, max_total_bytes=64 << 20)
    async with running(limits=limits, topics=topics) as world:
        await world.sign_in()
        cookie = world.client.cookie_jar.filter_cookies(URL(world.url("/")))["cuelight"].value
        loop = asyncio.get_running_loop()
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.setblocking(False)
            await loop.sock_connect(slow, ("127.0.0.1", world.port))
            request = (
                f"GET /api/ws?channel=100 HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: cuelight={cookie}\r\n\r\n"
            )
            await loop.sock_sendall(slow, request.encode())
            assert (await loop.sock_recv(slow, 1000)).startswith(b"HTTP/1.1 200")
            async with await stream(world) as fast:
                await fast.event()
                await followers(world, 2)
                largest = 0
                for n in range(100):  # 5 MB
                    await world.happen(n=n, text="x" * 50_000)
                    assert (await fast.event()).data["n"] == n
                    largest = max(largest, world.server.unsent_bytes)
                await followers(world, 1)
                assert largest <= 256 << 10
                assert world.counted("sse_ended_total", reason="slow") == 1
                await world.happen(n="after")
                assert (await fast.event()).data == {"n": "after"}
        assert world.server.unsent_bytes == 0


async def test_a_burst_larger_than_a_chunk_arrives_whole(signed_in: World) -> None:
    start = await signed_in.happen(n=-1)
    for n in range(15):
        await signed_in.happen(n=n, text="x" * 60_000)
    async with await stream(signed_in, after=str(start)) as events:
        assert [(await events.event()).data["n"] for _ in range(15)] == list(range(15))


# trouble and the end


async def test_a_snapshot_that_cannot_be_had_ends_the_stream_cleanly(signed_in: World) -> None:
    signed_in.outside.snapshot_error = Unavailable("The store is closed.")
    async with await stream(signed_in) as events:
        rest = await events.rest()
        assert 5000 <= (rest[-1].retry or 0) <= 15000
    assert signed_in.counted("sse_ended_total", reason="unavailable") == 1


async def test_an_unknown_error_ends_the_stream_cleanly_and_is_counted(signed_in: World) -> None:
    signed_in.outside.snapshot_error = RuntimeError("boom")
    async with await stream(signed_in) as events:
        rest = await events.rest()
        assert rest[-1].retry is not None
        assert not any(event.name for event in rest)
    assert signed_in.counted("errors_total", where="web.sse") == 1
    assert signed_in.counted("sse_ended_total", reason="error") == 1


async def test_at_shutdown_every_stream_is_asked_back_at_its_own_time_and_ended_cleanly(
    signed_in: World,
) -> None:
    streams = [await stream(signed_in) for _ in range(8)]
    for events in streams:
        await events.event()
    stopping = asyncio.ensure_future(signed_in.server.stop())
    retries = [(await events.rest())[-1].retry for events in streams]
    assert all(1000 <= (retry or 0) <= 8000 for retry in retries)
    assert len(set(retries)) > 1
    await asyncio.wait_for(stopping, 30)
    assert signed_in.counted("sse_ended_total", reason="shutdown") == 8
    assert signed_in.counted("sse_streams") == 0


async def test_shutdown_does_not_wait_for_a_stalled_reader() -> None:
    async with running(limits=StreamLimits(write_seconds=0.3)) as world:
        await world.sign_in()
        cookie = world.client.cookie_jar.filter_cookies(URL(world.url("/")))["cuelight"].value
        world.outside.vips = [{"text": "x" * (4 << 20)}]
        loop = asyncio.get_running_loop()
        with socket.socket() as slow:
            slow.setblocking(False)
            await loop.sock_connect(slow, ("127.0.0.1", world.port))
            request = (
                f"GET /api/ws?channel=100 HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: cuelight={cookie}\r\n\r\n"
            )
            await loop.sock_sendall(slow, request.encode())
            await until(lambda: world.server.unsent_bytes > 0)
            await asyncio.wait_for(world.server.stop(), 3)


async def test_a_stream_that_comes_while_stopping_is_turned_away_with_200(signed_in: World) -> None:
    assert signed_in.web_app.streams is not None
    signed_in.web_app.streams.stop()
    async with await stream(signed_in) as events:
        (only,) = await events.rest()
        assert 1000 <= (only.retry or 0) <= 8000


async def test_closed_topics_end_the_stream_cleanly(signed_in: World) -> None:
    async with await stream(signed_in) as events:
        await events.event()
        await signed_in.topics.close()
        assert (await events.rest())[-1].retry is not None


# encoding


async def test_an_entry_is_encoded_once_for_all_its_readers() -> None:
    topics = MemoryTopics(clock=ManualClock())
    async with topics.follow("a") as follower:
        await topics.append("a", NewEntry("vip", {"text": "x" * 100}))
        (entry,) = await follower.next()
    frames = Frames(max_bytes=1000)
    assert frames.of("a", entry) is frames.of("a", entry)
    assert frames.of("b", entry) == frames.of("a", entry)
    assert frames.encoded == 2


async def test_several_people_may_watch(signed_in: World) -> None:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as other:
        await signed_in.sign_in(other)
        async with await stream(signed_in) as one, await stream(signed_in, client=other) as two:
            await one.event()
            await two.event()
            await signed_in.happen(n=1)
            assert (await one.event()) == (await two.event())


ROLES: tuple[RoleName, ...] = ("moderator", "owner")


async def test_a_snapshot_says_what_whose_stream_it_is_may_do(world: World) -> None:
    for number, role in enumerate(ROLES):
        key, _ = await world.logins.open(subject=f"{number}", login="", name="", agent="", replaces="")
        world.logins.roles[f"{number}"] = {"100": role}
        world.client.cookie_jar.update_cookies({"cuelight": key}, URL(world.url("")))
        async with await stream(world) as events:
            event = await events.event()
            assert (event.name, event.data["me"]) == ("reset", {"role": role})


async def test_a_channel_that_is_not_there_has_no_stream(world: World) -> None:
    await world.sign_in()
    async with world.client.get(world.url("/api/ws?channel=999")) as response:
        assert response.status == 404
