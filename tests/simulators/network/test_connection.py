"""Each fault on real sockets: what the two ends see of it."""

from __future__ import annotations

import asyncio
import os

from tests.simulators.network.peers import Bench


async def test_without_fault_every_byte_passes(stand: Bench) -> None:
    client, data = await stand.talking(), os.urandom(3_000_000)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(client.send(data))
        heard = await client.hear(len(data))
        await sending
    assert heard == data


async def test_an_end_passes_and_the_other_direction_goes_on(stand: Bench) -> None:
    client = await stand.talking()
    client.writer.write(b"last words")
    client.writer.write_eof()
    assert await client.end() == (b"last words", "eof")
    await stand.echo.until_ended("eof")


async def test_delay_is_per_direction(stand: Bench) -> None:
    client, loop = await stand.talking(), asyncio.get_running_loop()
    stand.route.conditions({"up": {"delay_ms": 150}, "down": {"delay_ms": 100}})
    began = loop.time()
    await client.send(b"ping")
    await stand.echo.until_heard(b"ping")
    up = loop.time() - began
    assert await client.hear(4) == b"ping"
    assert up >= 0.149
    assert loop.time() - began >= 0.249


async def test_a_rate_is_a_rate(stand: Bench) -> None:
    client, loop = await stand.talking(), asyncio.get_running_loop()
    stand.route.conditions({"up": {"bytes_per_second": 50_000}})
    began = loop.time()
    await client.send(b"x" * 10_000)
    assert await client.hear(10_000) == b"x" * 10_000
    assert loop.time() - began >= 0.19


async def test_a_pause_loses_nothing_and_holds_the_sender_back(stand: Bench) -> None:
    client, data = await stand.talking(), os.urandom(20_000_000)
    stand.route.conditions({"up": {"paused": True}})
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(client.send(data))
        _, unfinished = await asyncio.wait({sending}, timeout=0.2)
        assert unfinished, "twenty megabytes went nowhere"
        assert not stand.echo.heard
        stand.route.conditions({"up": {"paused": False}})
        heard = await client.hear(len(data))
    assert heard == data


async def test_a_black_hole_keeps_open_and_is_cut_when_it_is_gone(stand: Bench) -> None:
    client = await stand.talking()
    stand.route.conditions({"up": {"black_hole": True}})
    await client.send(b"nobody hears this")
    ending = asyncio.ensure_future(client.end())
    done, _ = await asyncio.wait({ending}, timeout=0.1)
    assert not done
    assert not stand.echo.heard
    stand.route.calm()
    assert await ending == (b"", "reset")
    await stand.echo.until_ended("reset")
    assert (await stand.talking()) is not client, "new connections are sound"


async def test_cut_after_so_many_bytes_in_the_middle_of_a_frame(stand: Bench) -> None:
    client = await stand.talking()
    stand.route.trap({"act": "cut", "containing": "FRAME", "after_bytes": 7})
    await client.send(b"before FRA")
    await client.send(b"ME is cut here")
    _, end = await client.end()
    assert end == "reset"
    await stand.echo.until_ended("reset")
    assert bytes(stand.echo.heard) == b"before FRAME i"


async def test_cut_after_bytes_that_come_later(stand: Bench) -> None:
    client = await stand.talking()
    stand.route.trap({"act": "cut", "after_bytes": 12, "how": "close"})
    await client.send(b"12345")
    await client.send(b"6789012345")
    await client.end()
    await stand.echo.until_ended("eof")
    assert bytes(stand.echo.heard) == b"123456789012"


async def test_cut_after_a_request_was_carried_out_and_before_its_answer(stand: Bench) -> None:
    client = await stand.talking()
    stand.route.trap({"act": "cut_answer", "containing": "insert"})
    await client.send(b"insert this")
    assert await client.end() == (b"", "reset")
    await stand.echo.until_heard(b"insert this")


async def test_what_is_held_lands_late_even_if_the_sender_is_gone(stand: Bench) -> None:
    client, other = await stand.talking(), await stand.talking()
    trap = stand.route.trap({"act": "hold", "containing": "DELETE"})
    await client.send(b"DELETE it")
    client.writer.write_eof()
    await other.send(b"something else")
    assert await other.hear(14) == b"something else", "other connections are not held"
    assert trap.sprung == 1
    assert bytes(stand.echo.heard) == b"something else"
    client.writer.close()
    stand.route.release()
    await stand.echo.until_heard(b"something elseDELETE it")


async def test_the_client_s_reset_is_passed_on(stand: Bench) -> None:
    client = await stand.talking()
    sock = client.writer.get_extra_info("socket")
    sock.setsockopt(1, 13, b"\x01\0\0\0\0\0\0\0")  # SO_LINGER, 0 s
    client.writer.transport.abort()
    await stand.echo.until_ended("reset")
