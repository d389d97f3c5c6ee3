"""Which store a command opens, and when it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.offline import LIVE_MS, StorePlace, opened, refuse_running
from daemon.settings_words import SettingsInvalid
from domain.errors import Conflict, NotFound
from storage.daemons import DAEMONS
from tests.support.clock import ManualClock


def test_the_data_directory_or_mongodb() -> None:
    alone = StorePlace.load(environ={"DATA_DIR": "/var/lib/x"})
    assert (alone.engine, alone.url) == ("sqlite", "sqlite:////var/lib/x")
    fleet = StorePlace.load(environ={"MONGO_URL": "mongodb://me:hunter2@host/x", "DATA_DIR": "/var/lib/x"})
    assert (fleet.engine, fleet.url) == ("mongodb", "mongodb://me:hunter2@host/x")
    assert "hunter2" not in repr(fleet)


def test_the_command_line_wins_over_the_environment() -> None:
    where = StorePlace.load(data_dir="here", environ={"DATA_DIR": "/var/lib/x"})
    assert where.data_dir == Path("here")


def test_the_environment_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", "")
    (tmp_path / ".env").write_text("DATA_DIR=from-the-file\n")
    assert StorePlace.load().data_dir == Path("from-the-file")
    monkeypatch.setenv("DATA_DIR", "from-the-environment")
    assert StorePlace.load().data_dir == Path("from-the-environment")


def test_a_url_that_is_none_is_told_without_its_password() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        StorePlace.load(environ={"MONGO_URL": "http://me:hunter2@host"})
    assert "MONGO_URL must be a URL that begins with mongodb://" in caught.value.message
    assert "hunter2" not in str(caught.value)


async def test_where_there_is_no_data_none_is_made(tmp_path: Path) -> None:
    where = StorePlace.load(data_dir=str(tmp_path / "data"), environ={})
    with pytest.raises(NotFound):
        where.refuse_missing()
    assert not (tmp_path / "data").exists()
    async with opened(where) as (store, _):
        await store.probe()
    where.refuse_missing()


async def test_with_a_daemon_on_sqlite_the_lock_says_no(tmp_path: Path) -> None:
    where = StorePlace.load(data_dir=str(tmp_path), environ={})
    async with opened(where):
        with pytest.raises(Conflict) as caught:
            async with opened(where):
                pass
    assert caught.value.code == "storage.locked"


@pytest.mark.parametrize("ahead_ms", [0, 2000, -2000, LIVE_MS - 1])
async def test_a_daemon_that_was_seen_lately_works(tmp_path: Path, ahead_ms: int) -> None:
    clock = ManualClock()
    async with opened(StorePlace.load(data_dir=str(tmp_path), environ={})) as (store, _):
        await refuse_running(store, clock)
        daemons = await store.collection(DAEMONS)
        await daemons.insert({"_id": "x", "shared": True, "started_at": 1, "seen_at": clock.now() - ahead_ms})
        with pytest.raises(Conflict) as caught:
            await refuse_running(store, clock)
        assert caught.value.code == "data.in_use"
        await clock.advance(2 * LIVE_MS / 1000)
        await refuse_running(store, clock)
