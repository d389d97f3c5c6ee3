"""The file of a backup is there whole or not at all, and what was there before is safe until then."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.backup_file import BackupFile
from domain.errors import CuelightError


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def write(path: Path, *, force: bool = False, meanwhile: Callable[[], object] = lambda: None) -> None:
    with BackupFile(path, force=force) as file:
        file.write(b"new")
        meanwhile()
        file.finish()


def refusal(path: Path, *, force: bool = False, meanwhile: Callable[[], object] = lambda: None) -> str:
    with pytest.raises(CuelightError) as caught:
        write(path, force=force, meanwhile=meanwhile)
    assert caught.value.advice
    return caught.value.code


def test_a_finished_file_is_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "b"
    with BackupFile(path, force=False) as file:
        file.write(b"one ")
        file.write(b"two")
        assert names(tmp_path) == ["b.part"]
        assert file.finish() == 7
    assert path.read_bytes() == b"one two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["b"]


def test_without_a_finish_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "b"
    path.write_bytes(b"before")

    def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        write(path, force=True, meanwhile=fail)
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == ["b"]


def test_what_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "b"
    path.write_bytes(b"before")
    assert refusal(path) == "backup.exists"
    assert path.read_bytes() == b"before"
    with BackupFile(path, force=True) as file:
        file.write(b"new")
        assert path.read_bytes() == b"before"
        file.finish()
    assert path.read_bytes() == b"new"


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "b"
    assert refusal(path, meanwhile=lambda: path.write_bytes(b"somebody else's")) == "backup.exists"
    assert path.read_bytes() == b"somebody else's"
    assert names(tmp_path) == ["b"]


def test_two_backups_to_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "b"
    with BackupFile(path, force=False) as file:
        file.write(b"first")
        assert refusal(path) == "backup.busy"
        file.finish()
    assert path.read_bytes() == b"first"


def test_what_a_broken_off_backup_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "b.part").write_bytes(b"a long rest of before")
    (tmp_path / "b.part").chmod(0o644)
    with BackupFile(tmp_path / "b", force=False) as file:
        file.write(b"new")
        file.finish()
    assert (tmp_path / "b").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600


def test_places_that_cannot_be(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "backup.target"
    assert refusal(tmp_path / "nowhere" / "b") == "backup.target"
    assert refusal(tmp_path / ("x" * 300)) == "backup.target"


def test_nobody_leads_it_elsewhere(tmp_path: Path) -> None:
    """A link that somebody left in a directory which others may write."""
    (tmp_path / "theirs").write_bytes(b"precious")
    (tmp_path / "b.part").symlink_to(tmp_path / "theirs")
    assert refusal(tmp_path / "b") == "backup.target"
    assert (tmp_path / "theirs").read_bytes() == b"precious"
    (tmp_path / "c").symlink_to(tmp_path / "nowhere")
    assert refusal(tmp_path / "c") == "backup.exists"


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "backup.full"), (errno.EDQUOT, "backup.full"), (errno.EIO, "backup.target")],
)
def test_a_disk_that_fails_is_told_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    assert refusal(tmp_path / "b") == code
    assert names(tmp_path) == []
