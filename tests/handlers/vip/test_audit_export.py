"""The trail as a file that a spreadsheet opens without running anything in it."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.audit import SYSTEM, Action, Actor, AuditRecord
from domain.channel import Viewer
from handlers.vip.audit_export import AuditExport, _cell, _lines
from handlers.vip.live_bodies import activity_body
from storage.audit import ROWS_AT_ONCE, AuditFilter, AuditTrail
from storage.contracts import Page
from tests.support.scene import Scene

EVIL = '=HYPERLINK("http://evil.example","click")'


def record(number: int, **changes: Any) -> AuditRecord:
    given_: dict[str, Any] = {
        "id": f"a-{number:05}",
        "channel_id": "1",
        "at": 1_772_359_200_000 + number,
        "action": Action.GRANTED,
        "actor": SYSTEM,
        "cause": "redemption",
        "viewer": Viewer("2", "ann", "Ann"),
    }
    return AuditRecord(**given_ | changes)


async def made(scene: Scene, kind: str, only: AuditFilter | None = None) -> tuple[bytes, int]:
    pieces = [
        piece
        async for piece in AuditExport(audit=scene.repositories.audit).pieces(
            kind, "1", only or AuditFilter()
        )
    ]
    return b"".join(pieces), len(pieces)


async def test_a_spreadsheet_reads_it_and_runs_nothing(scene: Scene) -> None:
    names = [EVIL, "+1", "-1", "@sum", "\tx", "\rx", "＝1", 'quoted "name"', "two\nlines", "Ünïcödé", "あん"]
    for number, name in enumerate(names):
        detail = {"reward_title": name, "seconds": -60, "expires_at": 1_772_359_200_000}
        await scene.repositories.audit.add(
            record(number, viewer=Viewer("2", "ann", name), detail=detail, actor=Actor("viewer", "2", name))
        )
    body, _ = await made(scene, "csv")
    assert body.startswith(b"\xef\xbb\xbfat,action,")
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert len(rows) == len(names)
    for row, name in zip(reversed(rows), names, strict=True):
        expected = f"'{name}" if name[0] in "=+-@\t\r＝" else name
        assert (row["viewer_name"], row["reward_title"], row["actor_name"]) == (expected,) * 3
        assert row["seconds"] == "-60"  # a number of ours, and none that anybody chooses
        assert row["at"].startswith("2026-03-01T10:00:00")
        assert row["expires_at"] == "2026-03-01T10:00:00.000Z"
        assert json.loads(row["detail"])["reward_title"] == name
    assert body.count(b"\r\n") == len(names) + 1


async def test_json_is_one_array_of_the_entries_as_they_are(scene: Scene) -> None:
    assert json.loads((await made(scene, "json"))[0]) == []
    records = [record(number, viewer=Viewer("2", "ann", EVIL)) for number in range(3)]
    for one in records:
        await scene.repositories.audit.add(one)
    body, _ = await made(scene, "json")
    assert json.loads(body) == [activity_body(one) for one in reversed(records)]
    some, _ = await made(scene, "json", AuditFilter(since=records[1].at, until=records[2].at))
    assert [line["id"] for line in json.loads(some)] == ["a-00001"]


class Counting:
    """A collection that is asked for one page after the other, and how large each was."""

    def __init__(self, records: Any) -> None:
        self.records = records
        self.sizes: list[int] = []

    async def find(self, where: Any, **how: Any) -> Page:
        page: Page = await self.records.find(where, **how)
        self.sizes.append(len(page.documents))
        return page


async def test_a_long_trail_comes_in_pieces(scene: Scene) -> None:
    total = 2 * ROWS_AT_ONCE + 1
    for number in range(total):
        await scene.repositories.audit.add(record(number))
    from storage.audit import AUDIT

    counting: Any = Counting(await scene.store.collection(AUDIT))
    pieces = [
        piece async for piece in AuditExport(audit=AuditTrail(counting)).pieces("json", "1", AuditFilter())
    ]
    assert counting.sizes == [ROWS_AT_ONCE, ROWS_AT_ONCE, 1]
    assert len(pieces) == 4
    assert len(json.loads(b"".join(pieces))) == total
    body, count = await made(scene, "csv")
    assert (count, body.count(b"\r\n")) == (3, total + 1)


@given(st.text(max_size=20))
def test_no_text_begins_like_a_formula(text: str) -> None:
    (row,) = list(csv.reader(io.StringIO(_lines([[_cell(text), "end"]]), newline="")))
    assert row[0].lstrip("'") == text.lstrip("'")
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r"))
