"""The file of a backup: gzip'd lines of JSON, and how it is written and read. What is told of its content is checked.

    {"format": "cuelight-backup", "version": 1, "program": "0.1.0", "created_at": 1772359200000, "engine": "sqlite"}
    {"c": "channels", "d": {"_id": "1234", "rev": 3, …}}           a document as it is stored
    …
    {"counts": {"channels": 1, …}, "sha256": "…"}                  of all lines before this one

The last line tells a whole file from one that was cut short. Keys are not in it: what is sealed stays sealed.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import IO, Any

from domain.errors import Broken, Rejected
from storage.contracts import Document, Store
from storage.documents import MAX_DOCUMENT_BYTES

FORMAT = "cuelight-backup"
VERSION = 1
BLOCK_BYTES = 128 * 1024
LONGEST_LINE_BYTES = MAX_DOCUMENT_BYTES + 64 * 1024  # a document with what stands around it
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False)


@dataclass(frozen=True, slots=True)
class Header:
    """Who wrote the backup, when (UTC ms), and of which engine."""

    program: str
    created_at: int
    engine: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a whole backup holds: documents by collection, and the SHA-256 of its lines."""

    header: Header
    counts: Mapping[str, int]
    sha256: str


def described(contents: Contents) -> dict[str, Any]:
    """What is told of a backup."""
    return {
        "program": contents.header.program,
        "engine": contents.header.engine,
        "created_at": contents.header.created_at,
        "documents": sum(contents.counts.values()),
        "counts": dict(contents.counts),
        "sha256": contents.sha256,
    }


class BackupWriter:
    """Lines in, compressed blocks out. `add` is quick; `block` does the work, so it belongs into a thread."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._lines = bytearray()
        self._counts: Counter[str] = Counter()
        self._digest = hashlib.sha256()
        self._gzip = zlib.compressobj(6, zlib.DEFLATED, 31)  # 31: with the frame of gzip
        self._line(
            {
                "format": FORMAT,
                "version": VERSION,
                "program": header.program,
                "created_at": header.created_at,
                "engine": header.engine,
            }
        )

    def add(self, collection: str, document: Document) -> None:
        """One document as it is stored."""
        self._line({"c": collection, "d": document})
        self._counts[collection] += 1

    @property
    def waiting_bytes(self) -> int:
        """How much was added since the last block."""
        return len(self._lines)

    @property
    def documents(self) -> int:
        """How many were added in all."""
        return self._counts.total()

    def block(self) -> bytes:
        """What was added, compressed; may be empty, the rest comes with a later block."""
        lines, self._lines = bytes(self._lines), bytearray()
        self._digest.update(lines)
        return self._gzip.compress(lines)

    def finish(self) -> tuple[bytes, Contents]:
        """The last block, and what was written."""
        block = self.block()
        contents = Contents(self._header, dict(sorted(self._counts.items())), self._digest.hexdigest())
        end = _ENCODER.encode({"counts": contents.counts, "sha256": contents.sha256}).encode() + b"\n"
        return block + self._gzip.compress(end) + self._gzip.flush(), contents

    def _line(self, value: Mapping[str, Any]) -> None:
        self._lines += _ENCODER.encode(value).encode() + b"\n"


class Backup:
    """A whole store on its way into a file. `contents` is set once `blocks` came to its end."""

    def __init__(self, store: Store, header: Header, *, passing: frozenset[str]) -> None:
        """`passing` collections are left out."""
        self._store, self._passing = store, passing
        self._writer = BackupWriter(header)
        self.contents: Contents | None = None

    @property
    def documents(self) -> int:
        """How many came so far."""
        return self._writer.documents

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the file, in blocks. Raises what the store raises."""
        async with aclosing(self._store.export()) as documents:
            async for collection, document in documents:
                if collection in self._passing:
                    continue
                self._writer.add(collection, document)
                if self._writer.waiting_bytes >= BLOCK_BYTES and (
                    block := await asyncio.to_thread(self._writer.block)
                ):
                    yield block
        block, self.contents = await asyncio.to_thread(self._writer.finish)
        yield block


class BackupReader:
    """Goes through a backup from its beginning. Bounded memory; blocks, so it belongs into a thread.

    Iterating raises `Rejected`: `backup.not_one`, `backup.newer`; `Broken`: `backup.cut_short`, `backup.damaged`,
    `backup.unreadable`. Only when it ended is it known that what came out is what was written: `contents` is set then.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.contents: Contents | None = None

    def __iter__(self) -> Iterator[tuple[str, Document]]:
        for collection, document, _ in self._sized():
            yield collection, document

    def batches(self, *, documents: int, size_bytes: int) -> Iterator[list[tuple[str, Document]]]:
        """The same in lists: at most so many documents each, and a new list once one has so many bytes."""
        batch: list[tuple[str, Document]] = []
        size = 0
        for collection, document, length in self._sized():
            batch.append((collection, document))
            size += length
            if len(batch) >= documents or size >= size_bytes:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _sized(self) -> Iterator[tuple[str, Document, int]]:
        self._file.seek(0)
        lines = _lines(self._file)
        first = next(lines, b"")
        header = _header(_json(first, or_else=_not_one))
        digest, counts = hashlib.sha256(first), Counter[str]()
        for line in lines:
            value = _json(line, or_else=_damaged)
            if "sha256" in value:
                contents = Contents(header, dict(sorted(counts.items())), digest.hexdigest())
                if value.get("counts") != contents.counts or value["sha256"] != contents.sha256:
                    raise _damaged("its check sum does not fit its content")
                if next(lines, None) is not None:
                    raise _damaged("something follows its last line")
                self.contents = contents
                return
            collection, document = value.get("c"), value.get("d")
            if not isinstance(collection, str) or not isinstance(document, dict):
                raise _damaged(f"line {counts.total() + 2} is no document")
            digest.update(line)
            counts[collection] += 1
            yield collection, document, len(line)
        raise _cut_short()


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
            while line := unpacked.readline(LONGEST_LINE_BYTES + 1):
                if not line.endswith(b"\n"):
                    raise _damaged("a line has no end") if len(line) > LONGEST_LINE_BYTES else _cut_short()
                yield line
    except EOFError:
        raise _cut_short() from None
    except gzip.BadGzipFile as error:
        raise (_damaged if "CRC" in str(error) or "length" in str(error) else _not_one)(str(error)) from None
    except zlib.error as error:
        raise _damaged(str(error)) from None
    except OSError as error:
        raise Broken(
            f"The backup cannot be read: {error.strerror or error}.",
            code="backup.unreadable",
            advice="Copy it to a disk that is well, then try again.",
        ) from error


def _json(line: bytes, *, or_else: Callable[[str], Rejected | Broken]) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise or_else("a line is not JSON") from None
    if not isinstance(value, dict):
        raise or_else("a line is no JSON object")
    return value


def _header(value: Mapping[str, Any]) -> Header:
    if value.get("format") != FORMAT or not isinstance(value.get("version"), int):
        raise _not_one("its first line is another one")
    if value["version"] > VERSION:
        writer = str(value.get("program", "unknown"))[:40]
        raise Rejected(
            f"This backup has format {value['version']}, this release reads up to {VERSION}.",
            code="backup.newer",
            advice=f"Restore it with the release that wrote it ({writer}), or a newer one.",
        )
    program, created_at, engine = (value.get(name) for name in ("program", "created_at", "engine"))
    if not isinstance(program, str) or not isinstance(created_at, int) or not isinstance(engine, str):
        raise _damaged("its first line is incomplete")
    return Header(program, created_at, engine)


def _not_one(why: str) -> Rejected:
    return Rejected(
        f"This is no backup of Cuelight ({why}).",
        code="backup.not_one",
        advice="Name a file that `cuelight backup` wrote.",
    )


def _cut_short() -> Broken:
    return Broken(
        "This backup is cut short: its end is missing.",
        code="backup.cut_short",
        advice="Copy it again from where it was made, or take an earlier one.",
    )


def _damaged(why: str) -> Broken:
    return Broken(
        f"This backup is damaged: {why}.",
        code="backup.damaged",
        advice="Copy it again from where it was made, or take an earlier one.",
    )
