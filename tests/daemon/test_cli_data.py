"""`cuelight backup`, `restore` and `migrate` as a person meets them."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main
from daemon.clock import SystemClock
from domain.channel import Channel
from storage.backup import BackupReader
from storage.catalog import PASSING, SCHEMAS
from storage.channels import CHANNELS, Channels
from storage.contracts import Document, Store
from storage.open import open_store, sqlite_url
from tests.daemon.running import joining, running
from tests.fixtures import make
from tests.servers.mongo import shared_mongo

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def at(path: Path) -> AsyncIterator[Store]:
    store = await open_store(sqlite_url(path), clock=SystemClock())
    yield store
    await store.close()


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A data directory with three channels."""
    async with at(tmp_path / "data") as store:
        channels = Channels(await store.collection(CHANNELS))
        for number in range(3):
            await channels.put(Channel(f"{number}", f"login{number}", "Näme"), lambda channel: channel)
    return tmp_path / "data"


async def cuelight(*words: str | Path) -> int:
    return await asyncio.to_thread(main, [str(word) for word in words])


async def contents(path: Path) -> dict[tuple[str, str], Document]:
    async with at(path) as store:
        return {
            (name, document["_id"]): {**document, "rev": 0}
            async for name, document in store.export()
            if name not in PASSING
        }


async def test_there_and_back(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "backup"
    assert await cuelight("backup", file, "--data-dir", data) == 0
    out, err = capsys.readouterr()
    assert "documents   3" in out
    assert "Keys are not in it" in err
    assert await cuelight("restore", file, "--data-dir", tmp_path / "other") == 0
    out, err = capsys.readouterr()
    assert "restored    3" in out
    assert "Keys are not in it" in err
    assert await contents(tmp_path / "other") == await contents(data)


async def test_json_is_for_programs(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "backup"
    await cuelight("backup", file, "--data-dir", data, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"channels": 3}
    assert told["bytes"] == file.stat().st_size
    assert len(told["sha256"]) == 64
    await cuelight("restore", file, "--data-dir", tmp_path / "other", "--json")
    assert json.loads(capsys.readouterr().out)["counts"] == {"channels": 3}
    assert await cuelight("backup", file, "--data-dir", data, "--json") == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "backup.exists"
    assert await cuelight("backup", file, "--data-dir", data, "--force") == 0


def test_down_a_pipe(tmp_path: Path, data: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "daemon.cli", "backup", "-", "--data-dir", str(data)]
    ended = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, timeout=30, check=False)
    assert ended.returncode == 0, ended.stderr
    (tmp_path / "piped").write_bytes(ended.stdout)
    with (tmp_path / "piped").open("rb") as file:
        assert [name for name, _ in BackupReader(file)] == ["channels"] * 3
    assert b"3 documents" in ended.stderr


async def test_a_store_with_something_in_it_is_not_written_over(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "backup"
    await cuelight("backup", file, "--data-dir", data)
    before = await contents(data)
    assert await cuelight("restore", file, "--data-dir", data) == 1
    assert "The store is not empty" in capsys.readouterr().err
    assert await contents(data) == before


@pytest.mark.parametrize("damage", ["cut", "byte", "other", "missing", "directory"])
async def test_a_bad_file_is_refused_before_anything_is_made(
    data: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "backup"
    await cuelight("backup", file, "--data-dir", data)
    content = file.read_bytes()
    match damage:
        case "cut":
            file.write_bytes(content[:-20])
        case "byte":
            file.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
        case "other":
            file.write_bytes(gzip.compress(b"hello\n"))
        case "missing":
            file = tmp_path / "nothing"
        case "directory":
            file = tmp_path
    capsys.readouterr()
    assert await cuelight("restore", file, "--data-dir", tmp_path / "other", "--json") == 1
    error = json.loads(capsys.readouterr().out)["error"]
    expected = {
        "cut": {"backup.cut_short"},
        "byte": {"backup.damaged"},
        "other": {"backup.not_one"},
        "missing": {"backup.file"},
        "directory": {"backup.file"},
    }
    assert error["code"] in expected[damage]
    assert error["advice"]
    assert not (tmp_path / "other").exists()


async def test_nothing_there_is_told_and_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["backup", tmp_path / "b"], ["migrate"]):
        assert await cuelight(*words, "--data-dir", tmp_path / "data") == 1
        assert "There is no data in" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


async def test_migrate(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await cuelight("migrate", "--data-dir", data) == 0
    assert "nothing to do" in capsys.readouterr().err
    newer = replace(CHANNELS, version=2, upgrades={1: lambda document: {**document, "language": "de"}})
    monkeypatch.setattr("daemon.cli_data.SCHEMAS", {**SCHEMAS, "channels": newer})
    assert await cuelight("migrate", "--data-dir", data, "--dry-run", "--json") == 0
    rows = {row["collection"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["channels"] == {
        "collection": "channels",
        "version": 2,
        "documents": 3,
        "older": 3,
        "written": 0,
    }
    assert await cuelight("migrate", "--data-dir", data) == 0
    assert "3 documents of older versions were written anew" in capsys.readouterr().err
    assert {document.get("_v") for document in (await contents(data)).values()} == {2}


@pytest.mark.server
async def test_a_backup_of_a_daemon_at_work_becomes_a_daemon_at_work(tmp_path: Path) -> None:
    """Redemptions pour in while the copy is made; it is of one moment, and what it holds goes on elsewhere."""
    file, other = tmp_path / "backup", tmp_path / "other"
    async with running(tmp_path) as run:
        channel_id, reward_id = await run.enrol()
        first = await run.redeem(channel_id, reward_id, "first")
        await run.until(lambda: run.status_of(channel_id, first["id"]) == "FULFILLED")
        load = [asyncio.ensure_future(run.redeem(channel_id, reward_id, f"viewer{n}")) for n in range(7)]
        assert await cuelight("backup", file, "--data-dir", run.data_dir) == 0
        assert await cuelight("migrate", "--data-dir", run.data_dir) == 1  # the daemon has the store
        assert await cuelight("restore", file, "--data-dir", run.data_dir) == 1
        redeemed = await asyncio.gather(*load)
        for one in redeemed:
            await run.until(lambda one=one: run.status_of(channel_id, one["id"]) == "FULFILLED")  # type: ignore[misc]
        run.daemon.lifecycle.request_stop("its disk is lost")
        await run.ended

        assert await cuelight("restore", file, "--data-dir", other) == 0
        of_one_moment(await contents(other))
        for name in ("encryption-keys", "session-secret"):
            (other / name).write_bytes((run.data_dir / name).read_bytes())
        async with joining(run.sim, other) as again:
            await again.until(lambda: again.state(channel_id) == "live")
            last = await again.redeem(channel_id, reward_id, "last")
            await again.until(lambda: again.status_of(channel_id, last["id"]) == "FULFILLED")


@pytest.mark.server
async def test_one_machine_becomes_many_and_one_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLite to MongoDB and back: everything that a release left behind comes through unchanged."""
    data = make.unpack(make.HERE / "data-0.1.0", tmp_path / "data")
    before = await contents(data)
    assert await cuelight("backup", tmp_path / "of-sqlite", "--data-dir", data) == 0
    url = shared_mongo(f"cli-{secrets.token_hex(6)}")
    monkeypatch.setenv("MONGO_URL", url)
    assert await cuelight("restore", tmp_path / "of-sqlite") == 0
    assert await cuelight("restore", tmp_path / "of-sqlite") == 1
    assert "The store is not empty" in capsys.readouterr().err
    assert await cuelight("migrate") == 0
    capsys.readouterr()
    assert await cuelight("backup", tmp_path / "of-mongo", "--json") == 0
    assert json.loads(capsys.readouterr().out)["engine"] == "mongodb"

    store = await open_store(url, clock=SystemClock())
    daemons = await store.collection(SCHEMAS["daemons"])
    now = SystemClock().now()
    await daemons.insert({"_id": "one", "shared": True, "started_at": now, "seen_at": now})
    await store.close()
    assert await cuelight("restore", tmp_path / "of-sqlite") == 1
    assert "A daemon works on this store" in capsys.readouterr().err

    monkeypatch.delenv("MONGO_URL")
    assert await cuelight("restore", tmp_path / "of-mongo", "--data-dir", tmp_path / "again") == 0
    assert await contents(tmp_path / "again") == before


def of_one_moment(found: dict[tuple[str, str], Document]) -> None:
    """Whoever is told to have been granted has his session; sessions have their redemption."""

    def all_of(name: str) -> dict[str, Any]:
        return {id_: document for (collection, id_), document in found.items() if collection == name}

    sessions, redemptions = all_of("vip_sessions"), all_of("redemptions")
    assert sessions
    for redemption in redemptions.values():
        if redemption["status"] in ("granted", "fulfilled"):
            assert redemption["session_id"] in sessions
    for session in sessions.values():
        assert {grant["cause"] for grant in session["grants"]} <= redemptions.keys()
