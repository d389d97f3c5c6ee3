"""The file that a backup is written to: whole or not there, and only for the eyes of who made it."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from domain.errors import Broken, Conflict, CuelightError, Rejected, Unavailable


class BackupFile:
    """Writes beside `path` (`.part`, mode 0600), and takes its place in `finish`, when all is on the disk.

    Without `finish` nothing is left. `close` and the methods block. Raises `Conflict` (`backup.exists`, `backup.busy`),
    `Unavailable` (`backup.full`), `Rejected` (`backup.target`).
    """

    def __init__(self, path: Path, *, force: bool) -> None:
        self._path, self._force = path, force
        self._part = path.with_name(path.name + ".part")
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        if os.path.isdir(self._path):  # noqa: PTH112 - says no where a path cannot be, and does not raise
            raise Rejected(
                f"{self._path} is a directory.",
                code="backup.target",
                advice=f"Name a file in it, like {self._path / 'cuelight.backup'}.",
            )
        self._refuse_existing()
        try:
            descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            self._file = os.fdopen(descriptor, "wb")
            os.fchmod(descriptor, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)  # what a broken-off backup left
        except BlockingIOError:
            self._drop()
            raise Conflict(
                f"Another backup is being written to {self._path}.",
                code="backup.busy",
                advice="Wait for it, or name another file.",
            ) from None
        except OSError as error:
            self._drop()
            raise self._ours(error) from error
        return self

    def write(self, block: bytes) -> None:
        """Put a block behind the others."""
        assert self._file is not None
        try:
            self._file.write(block)
        except OSError as error:
            raise self._ours(error) from error

    def finish(self) -> int:
        """Bring all to the disk and give it its name; returns the size in bytes."""
        assert self._file is not None
        self._refuse_existing()
        try:
            self._file.flush()
            size = self._file.tell()
            os.fsync(self._file.fileno())
            self._part.replace(self._path)
            directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise self._ours(error) from error
        self._drop()
        return size

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._part.unlink(missing_ok=True)
            self._drop()

    def _drop(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                return  # no room for what was left in memory: it is not wanted any more

    def _refuse_existing(self) -> None:
        if os.path.lexists(self._path) and not self._force:
            raise Conflict(
                f"{self._path} is there already.",
                code="backup.exists",
                advice="Name another file, or replace it with --force.",
            )

    def _ours(self, error: OSError) -> CuelightError:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            return Unavailable(
                f"There is no room for {self._path}.",
                code="backup.full",
                advice="Free some space, or write to another disk. What was there before is as it was.",
            )
        if error.errno == errno.EIO:
            return Broken(
                f"The disk of {self._path} failed.", code="backup.target", advice="Write to another disk."
            )
        return Rejected(
            f"{self._path} cannot be written: {error.strerror or error}.",
            code="backup.target",
            advice="Name a file in a directory that this user may write.",
        )
