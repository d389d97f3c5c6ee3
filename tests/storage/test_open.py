"""A store by its URL."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from domain.errors import Rejected
from storage.contracts import Schema
from storage.open import is_mongo, open_store, sqlite_path, sqlite_url
from storage.sqlite import SQLiteOptions
from tests.servers.mongo import shared_mongo
from tests.storage.conftest import forget_database
from tests.support.clock import ManualClock
from tests.support.need import ROOT


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///data", "data"),
        ("sqlite:////var/lib/cuelight", "/var/lib/cuelight"),
        ("SQLite:///./a/b.db", "a/b.db"),
        ("sqlite:////tmp/100%25%20%3F", "/tmp/100% ?"),
    ],
)
def test_a_path_in_a_url(url: str, path: str) -> None:
    assert sqlite_path(url) == Path(path)


@pytest.mark.parametrize("path", ["data", "/a b/c?d#e%20", "/ü/🎉.db"])
def test_a_url_and_back(path: str) -> None:
    assert sqlite_path(sqlite_url(Path(path))) == Path(path)


@pytest.mark.parametrize(
    "url",
    ["", "data", "sqlite:", "sqlite://", "sqlite:///", "sqlite://host/x", "sqlite:///a?b=c", "sqlite:///a#b",
     "postgres://me:hunter2@host/x", "redis://x", "sqlite:///a%00b"],
)  # fmt: skip
async def test_any_other_url_is_rejected_with_advice_and_without_its_secrets(url: str) -> None:
    with pytest.raises(Rejected) as caught:
        await open_store(url, clock=ManualClock())
    assert caught.value.code == "storage.url"
    assert "sqlite:///" in caught.value.advice
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["mongodb://me:hunter2@host:port/x", "mongodb+srv://me:hunter2@a:1/x", "MongoDB://"]
)
async def test_a_mongodb_url_is_read_by_its_engine(url: str) -> None:
    assert is_mongo(url)
    with pytest.raises(Rejected) as caught:
        await open_store(url, clock=ManualClock())
    assert caught.value.code == "storage.url"
    assert "mongodb://" in caught.value.advice
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["sqlite:///mongodb", "mongo://host/x", "mongodb", "", "sqlite:////mongodb://x"]
)
def test_other_urls_are_not_mongodb(url: str) -> None:
    assert not is_mongo(url)


@pytest.mark.server
async def test_open_a_database_and_migrate_it() -> None:
    """Both ways of opening reach the engine: what was laid out otherwise waits for `migrate`."""
    url = shared_mongo(f"test-{secrets.token_hex(6)}")
    first, second = (
        Schema(name="t", fields={"a": str}),
        Schema(name="t", fields={"a": str}, indexes=(("a",),)),
    )
    for schema, migrate in ((first, False), (second, True), (second, False)):
        store = await open_store(url, clock=SystemClock(), migrate=migrate)
        await store.collection(schema)
        await store.close()
    store = await open_store(url, clock=SystemClock())
    with pytest.raises(Rejected) as caught:
        await store.collection(Schema(name="t", fields={"b": str}, indexes=(("b",),)))
    assert caught.value.code == "storage.migrate"
    await store.close()
    forget_database(url)


def test_a_store_on_sqlite_does_not_load_the_driver() -> None:
    """It costs a fifth of a second and some megabytes."""
    script = "import sys, storage.open; sys.exit(any(name in sys.modules for name in ('motor', 'pymongo', 'bson')))"
    assert subprocess.run([sys.executable, "-c", script], check=False, cwd=ROOT).returncode == 0


async def test_open_by_directory_and_by_file(tmp_path: Path) -> None:
    for path, file in (
        (tmp_path / "d", tmp_path / "d" / "cuelight.db"),
        (tmp_path / "f.db", tmp_path / "f.db"),
    ):
        store = await open_store(
            sqlite_url(path), clock=ManualClock(), sqlite=SQLiteOptions(reading_threads=1)
        )
        await store.probe()
        await store.close()
        assert file.is_file()
