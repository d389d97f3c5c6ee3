"""The server that other tests stand on does what its verbs say."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from tests.servers.mongo import build, shared_mongo, start_mongo
from tests.support.need import need

pytestmark = pytest.mark.server


async def ping(url: str, **options: Any) -> dict[str, Any]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url, **options)
    try:
        return await client.admin.command("ping")
    finally:
        await client.close()


async def test_a_restart_keeps_the_port_and_nothing_else() -> None:
    async with start_mongo() as mongo:
        url, first = mongo.url, mongo.process
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
        await client["a"]["b"].insert_one({"_id": 1})
        await mongo.restart()
        assert mongo.url == url
        assert first.poll() is not None
        assert mongo.running
        assert await client["a"]["b"].find_one({}) is None
        await client.close()
    assert not mongo.running


async def test_a_paused_server_keeps_its_connections_and_is_silent() -> None:
    async with start_mongo() as mongo:
        reader, writer = await asyncio.open_connection(mongo.host, mongo.port)
        async with mongo.paused():
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.2)
        assert (await ping(mongo.url))["ok"] == 1
        writer.close()
        await writer.wait_closed()


async def test_it_ends_with_whoever_started_it() -> None:
    async with start_mongo() as mongo:
        assert mongo.process.stdin is not None
        mongo.process.stdin.close()
        assert await asyncio.to_thread(mongo.process.wait, 20) == 0


async def test_the_shared_one_has_a_database_for_each() -> None:
    one, other = shared_mongo("test-one"), shared_mongo("test-other")
    assert one.rpartition("/")[0] == other.rpartition("/")[0]
    assert (await ping(one))["ok"] == 1


def test_two_builds_at_once_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As two workers of one test run do it; here with tools that take their time and count."""
    need("java")
    count = tmp_path / "count"
    tool = tmp_path / "tool"
    tool.write_text(f'#!/bin/sh\necho x >> {count}\nsleep 0.2\nmkdir -p "$(dirname "$0")/made"\n')
    tool.chmod(0o755)
    monkeypatch.setattr(build, "CACHE", tmp_path / "cache")
    real = build._run

    def run(command: list[str]) -> None:
        target = next(
            (word.partition("=")[2] for word in command if word.startswith("-DoutputDirectory=")), None
        )
        Path(target or command[command.index("-d") + 1]).mkdir(parents=True)
        real([str(tool)])

    monkeypatch.setattr(build, "_run", run)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: build.launcher(), range(2))
    assert first == second
    assert count.read_text() == "x\nx\n", "one Maven, one javac"
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [build._checksum(), "lock"]
