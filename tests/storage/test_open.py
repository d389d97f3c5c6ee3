"""A store by its URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import Rejected
from storage.open import open_store, sqlite_path, sqlite_url
from storage.sqlite import SQLiteOptions
from tests.support.clock import ManualClock


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


@pytest.mark.parametrize("url", ["mongodb://me:hunter2@host/x", "mongodb+srv://host", "MongoDB://host"])
async def test_mongodb_is_not_in_this_release(url: str) -> None:
    with pytest.raises(Rejected, match="SQLite only") as caught:
        await open_store(url, clock=ManualClock())
    assert "hunter2" not in str(caught.value)


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
