"""`cuelight backup`, `restore` and `migrate`: what concerns the data as a whole."""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import aclosing, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from daemon.admin_client import admin_call
from daemon.backup_file import BackupFile
from daemon.cli_output import ProgressLine, print_record, print_table
from daemon.offline import StorePlace, opened, refuse_running
from domain.errors import Rejected, Unavailable
from storage import restore as restoring
from storage.backup import Backup, Header, described
from storage.catalog import PASSING, SCHEMAS
from storage.migrate import migrate as migrated

KEYS_ARE_NOT_IN_IT = (
    "Keys are not in it: keep encryption-keys and session-secret of the data directory (or ENCRYPTION_KEYS and"
    " SESSION_SECRET) in another place. Without them the stored logins cannot be read."
)
ERASE_AGAIN = "Who was erased after this backup was made is back: erase them again (docs/privacy.md)."
Write = Callable[[bytes], None]


def backup(options: argparse.Namespace) -> int:
    """Write everything into one file, whether a daemon runs or not."""
    where = StorePlace.load(data_dir=options.data_dir)
    to_stdout = options.file == "-"
    target = nullcontext(_Stdout()) if to_stdout else BackupFile(Path(options.file), force=options.force)
    with target as file:
        told = _copy(where, file.write, progress=ProgressLine(silent=options.json))
        told = {"file": options.file, "bytes": file.finish(), **told}
    if to_stdout:
        print(
            f"{told['documents']} documents, SHA-256 {told['sha256']}. {KEYS_ARE_NOT_IN_IT}", file=sys.stderr
        )
        return 0
    print_record(told, as_json=options.json)
    print(KEYS_ARE_NOT_IN_IT, file=sys.stderr)
    return 0


def _copy(where: StorePlace, write: Write, *, progress: ProgressLine) -> dict[str, Any]:
    """Through the daemon if one holds the store, else from the store itself."""

    def see(facts: dict[str, Any]) -> None:
        write(base64.b64decode(facts["block"]))
        progress({"documents": facts["documents"]})

    try:
        if where.engine == "sqlite":
            try:
                result: dict[str, Any] = admin_call(where.data_dir, "backup", progress=see)
                return result
            except Unavailable as error:
                if error.code != "admin.no_daemon":
                    raise
        where.refuse_missing()
        return asyncio.run(_copy_here(where, write, progress))
    finally:
        progress.end()


async def _copy_here(where: StorePlace, write: Write, progress: ProgressLine) -> dict[str, Any]:
    async with opened(where) as (store, clock):
        made = Backup(store, Header(version("cuelight"), clock.now(), where.engine), passing=PASSING)
        async with aclosing(made.blocks()) as blocks:
            async for block in blocks:
                await asyncio.to_thread(write, block)
                progress({"documents": made.documents})
        assert made.contents is not None
        return described(made.contents)


class _Stdout:
    """The place of a backup that goes down a pipe."""

    def __init__(self) -> None:
        self._bytes = 0
        if sys.stdout.isatty():
            raise Rejected(
                "A backup is no text for a terminal.",
                code="backup.target",
                advice="Send it on (cuelight backup - | ssh …), or name a file.",
            )

    def write(self, block: bytes) -> None:
        try:
            sys.stdout.buffer.write(block)
            self._bytes += len(block)
        except OSError as error:
            raise _pipe_ended() from error

    def finish(self) -> int:
        try:
            sys.stdout.buffer.flush()
        except OSError as error:
            raise _pipe_ended() from error
        return self._bytes


def _pipe_ended() -> Rejected:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Rejected(
        "Who was to read the backup has gone.", code="backup.target", advice="It is not complete."
    )


def restore(options: argparse.Namespace) -> int:
    """Write a backup into an empty store."""
    where = StorePlace.load(data_dir=options.data_dir)
    progress = ProgressLine(silent=options.json)
    try:
        with Path(options.file).open("rb") as file:
            contents = restoring.check(file, SCHEMAS)
            result = asyncio.run(_restore(where, file, sum(contents.counts.values()), progress))
    except OSError as error:
        raise Rejected(
            f"{options.file} cannot be read: {error.strerror or error}.",
            code="backup.file",
            advice="Name a file that `cuelight backup` wrote.",
        ) from error
    finally:
        progress.end()
    told = {
        "restored": sum(result.counts.values()),
        "counts": dict(sorted(result.counts.items())),
        "from": {"program": contents.header.program, "engine": contents.header.engine},
        "created_at": contents.header.created_at,
        "into": where.engine,
        "left_out": [f"{name} {id_}" for name, id_ in result.left_out],
    }
    print_record(told, as_json=options.json)
    print(KEYS_ARE_NOT_IN_IT, file=sys.stderr)
    print(ERASE_AGAIN, file=sys.stderr)
    if result.left_out:
        print(
            f"{len(result.left_out)} documents were left out: others with the same unique key came first. Restore a"
            " backup that was made while no daemon ran.",
            file=sys.stderr,
        )
    return 1 if result.left_out else 0


async def _restore(
    where: StorePlace, file: IO[bytes], total: int, progress: ProgressLine
) -> restoring.Restored:
    async def told(done: int) -> None:
        progress({"documents": done, "of": total})

    async with opened(where, migrate=True) as (store, clock):
        await refuse_running(store, clock)
        await restoring.refuse_unless_empty(store, passing=PASSING)
        return await restoring.restore(file, store, SCHEMAS, passing=PASSING, told=told)


def migrate(options: argparse.Namespace) -> int:
    """Bring indexes and documents up to date."""
    where = StorePlace.load(data_dir=options.data_dir)
    where.refuse_missing()
    rows = asyncio.run(_migrate(where, dry_run=options.dry_run))
    print_table(rows, ("collection", "version", "documents", "older", "written"), as_json=options.json)
    older = sum(row["older"] for row in rows)
    what = "would be written anew" if options.dry_run else "were written anew"
    print(
        f"{older} documents of older versions{' ' + what if older else ': nothing to do'}.", file=sys.stderr
    )
    return 0


async def _migrate(where: StorePlace, *, dry_run: bool) -> list[dict[str, Any]]:
    async with opened(where, migrate=not dry_run) as (store, _):
        found = await migrated(store, SCHEMAS, dry_run=dry_run)
    return [
        {
            "collection": each.collection,
            "version": each.version,
            "documents": each.documents,
            "older": each.older,
            "written": each.written,
        }
        for each in found
    ]


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "backup": backup,
    "restore": restore,
    "migrate": migrate,
}
