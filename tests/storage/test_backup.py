"""The format of a backup: what goes in comes out, and nothing else passes for one."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import CuelightError
from storage import backup
from storage.backup import BackupReader, BackupWriter, Contents, Header
from storage.contracts import Document
from tests.storage.test_documents import JSON

HEADER = Header("0.1.0", 1_772_359_200_000, "sqlite")
Items = list[tuple[str, Document]]
ITEMS: Items = [("channels", {"_id": f"{n}", "rev": 1, "name": "Ä" * n}) for n in range(40)]
NAMES = st.sampled_from(["channels", "inbox", "c", "sha256"])


def written(items: Iterable[tuple[str, Document]], *, block_bytes: int = 1000) -> tuple[bytes, Contents]:
    writer = BackupWriter(HEADER)
    out = bytearray()
    for collection, document in items:
        writer.add(collection, document)
        if writer.waiting_bytes >= block_bytes:
            out += writer.block()
    end, contents = writer.finish()
    return bytes(out + end), contents


def read(content: bytes) -> tuple[Items, Contents]:
    reader = BackupReader(io.BytesIO(content))
    items = list(reader)
    assert reader.contents is not None
    return items, reader.contents


def refusal(content: bytes) -> str:
    with pytest.raises(CuelightError) as caught:
        read(content)
    assert caught.value.advice
    return caught.value.code


DOCUMENTS = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=4)


@given(st.lists(st.tuples(NAMES, DOCUMENTS), max_size=8))
def test_any_documents_come_back(items: Items) -> None:
    content, contents = written(items, block_bytes=50)
    assert read(content) == (items, contents)
    assert sum(contents.counts.values()) == len(items)
    assert contents.header == HEADER


@given(st.integers(0), st.integers(1, 255))
def test_one_changed_byte_never_passes(position: int, difference: int) -> None:
    """Whatever byte it is: the backup is refused, or (a byte that means nothing) what comes out is what went in."""
    content, contents = written(ITEMS)
    place = position % len(content)
    changed = bytearray(content)
    changed[place] ^= difference
    try:
        found = read(bytes(changed))
    except CuelightError as error:
        code = error.code
    else:
        assert found == (ITEMS, contents)
        return
    assert code.startswith("backup.")


@given(st.integers(0))
def test_a_backup_that_is_cut_short_never_passes(length: int) -> None:
    content, _ = written(ITEMS)
    code = refusal(content[: length % len(content)])
    assert code in {"backup.cut_short", "backup.not_one"}


@given(st.binary())
def test_any_bytes_are_refused(content: bytes) -> None:
    assert refusal(content) in {"backup.not_one", "backup.cut_short", "backup.damaged"}


def packed(*lines: Any) -> bytes:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    return gzip.compress(text.encode())


FIRST = {"format": "cuelight-backup", "version": 1, "program": "0.1.0", "created_at": 1, "engine": "sqlite"}
ONE = {"c": "channels", "d": {"_id": "1"}}
LAST = {"counts": {}, "sha256": "0"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "backup.not_one"),
        (b"SQLite format 3\0", "backup.not_one"),
        (packed("hello"), "backup.not_one"),
        (packed([1]), "backup.not_one"),
        (packed({"format": "other"}), "backup.not_one"),
        (packed({**FIRST, "version": 2}), "backup.newer"),
        (packed({**FIRST, "created_at": "yesterday"}), "backup.damaged"),
        (packed(FIRST), "backup.cut_short"),
        (packed(FIRST, ONE), "backup.cut_short"),
        (gzip.compress(json.dumps(FIRST).encode()), "backup.cut_short"),
        (packed(FIRST, "{"), "backup.damaged"),
        (packed(FIRST, "[" * 100_000), "backup.damaged"),
        (packed(FIRST, {"c": 1, "d": {}}), "backup.damaged"),
        (packed(FIRST, {"c": "channels"}), "backup.damaged"),
        (packed(FIRST, ONE, LAST), "backup.damaged"),
        (written(ITEMS)[0] + packed(ONE), "backup.damaged"),
        (written(ITEMS)[0] + b"rubbish", "backup.not_one"),
    ],
    ids=lambda given: given if isinstance(given, str) else "content",  # gzip's bytes hold the time
)
def test_what_is_no_backup_says_what_it_is(content: bytes, code: str) -> None:
    assert refusal(content) == code


def test_a_document_that_was_taken_out_is_missed() -> None:
    lines = gzip.decompress(written(ITEMS)[0]).splitlines(keepends=True)
    assert refusal(gzip.compress(b"".join(lines[:5] + lines[6:]))) == "backup.damaged"
    assert (
        refusal(gzip.compress(b"".join(lines[:1] + lines[2:3] + lines[1:2] + lines[3:]))) == "backup.damaged"
    )


def test_counts_that_do_not_fit_are_seen() -> None:
    lines = gzip.decompress(written(ITEMS)[0]).splitlines(keepends=True)
    end = {**json.loads(lines[-1]), "counts": {"channels": 41}}
    assert refusal(gzip.compress(b"".join(lines[:-1]) + json.dumps(end).encode() + b"\n")) == "backup.damaged"


def test_a_line_without_an_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "LONGEST_LINE_BYTES", 10_000)
    assert refusal(packed(FIRST, "x" * 20_000)) == "backup.damaged"


def test_batches_are_bounded_by_number_and_by_size() -> None:
    content, _ = written([("c", {"_id": f"{n}", "body": "x" * 100}) for n in range(10)])
    reader = BackupReader(io.BytesIO(content))
    assert [len(batch) for batch in reader.batches(documents=4, size_bytes=10_000)] == [4, 4, 2]
    assert [len(batch) for batch in reader.batches(documents=100, size_bytes=250)] == [2, 2, 2, 2, 2]
    assert reader.contents is not None


def test_any_tool_reads_it() -> None:
    """gzip and JSON lines: `zcat backup | jq` works."""
    lines = [json.loads(line) for line in gzip.decompress(written(ITEMS)[0]).splitlines()]
    assert lines[0] == FIRST | {"created_at": HEADER.created_at}
    assert lines[1] == {"c": "channels", "d": {"_id": "0", "rev": 1, "name": ""}}
    assert lines[-1]["counts"] == {"channels": 40}
