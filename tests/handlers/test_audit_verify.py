"""Whatever somebody changes in the store, the verification says what and where."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from domain.audit import SYSTEM, Action, Actor, AuditRecord
from domain.audit_chain import Fault
from domain.channel import Viewer
from domain.ports import NullMetrics
from handlers.audit_chain import Linker
from handlers.audit_verify import DAY_MS, Report, Verifier
from storage.audit import AUDIT, AuditTrail
from storage.audit_chain import CHAIN, AuditChain, blanked, committed
from storage.contracts import Collection, Document
from storage.open import open_store, sqlite_url
from tests.support.clock import ManualClock

Change = Callable[[Document], Document]


class Kept:
    """Six records in three blocks; record n was written at n."""

    def __init__(self, records: Collection, blocks: Collection) -> None:
        self.records, self.blocks, self.clock = records, blocks, ManualClock(now=1000)
        self.chain = AuditChain(records=records, blocks=blocks)
        self.trail = AuditTrail(records)

    async def add(self, name: str, at: int, **more: Any) -> None:
        actor, viewer = Actor("viewer", "777"), Viewer("777", "ann", "Ann")
        await self.trail.add(AuditRecord(name, "1", at, Action.GRANTED, actor, "redemption", viewer, **more))

    async def link(self) -> None:
        await Linker(chain=self.chain, clock=self.clock, metrics=NullMetrics()).round()

    async def look(self, **limits: Any) -> Report:
        verifier = Verifier(chain=self.chain, **limits)
        return await verifier.verify("1", now=self.clock.now())

    async def faults(self, **limits: Any) -> list[tuple[str, int, str]]:
        report = await self.look(**limits)
        assert report.faults == len(report.findings)
        return [(each.fault.value, each.n, each.record_id) for each in report.findings]


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    store = await open_store(sqlite_url(tmp_path / "data"), clock=ManualClock())
    made = Kept(await store.collection(AUDIT), await store.collection(CHAIN))
    for start in (1, 3, 5):
        await made.add(f"r-{start}", start)
        await made.add(f"r-{start + 1}", start + 1)
        await made.link()
    yield made
    await store.close()


async def test_a_chain_that_nobody_touched_is_whole(kept: Kept) -> None:
    await kept.add("later", 7)
    report = await kept.look()
    assert report.told()["whole"]
    last = await kept.chain.last("1")
    assert last is not None
    assert (report.blocks, report.records, report.head) == (3, 6, last.hash)
    heard: list[int] = []

    async def told(blocks: int) -> None:
        heard.append(blocks)

    for number in range(8, 60):
        await kept.add(f"r-{number}", number)
        await kept.link()
    report = await Verifier(chain=kept.chain).verify("1", now=1000, told=told)
    assert (report.faults, heard) == (0, [50])
    sample = await Verifier(chain=kept.chain).sample("1", now=1000)
    assert (sample.faults, sample.blocks, sample.records) == (0, 1, 1)
    assert (await Verifier(chain=kept.chain).sample("2", now=1000)).blocks == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda held: {**held, "detail": {"points": 1}},
        lambda held: {**held, "viewer": {"id": "778", "login": "ann", "name": "Ann"}},
        lambda held: {**held, "viewer_id": "778"},
        lambda held: {**held, "actor_kind": "system"},
        lambda held: {**held, "salt": "ff" * 16},
        lambda held: {**held, "salt": "no digits"},
        lambda held: {key: value for key, value in held.items() if key != "salt"},
        lambda held: {**held, "actor": None},
        lambda held: {**held, "at": 77},
        lambda held: committed({**held, "commitment": "", "reason": "x"}),
    ],
)
async def test_an_altered_record_is_named(kept: Kept, change: Change) -> None:
    await kept.records.change("r-3", change)
    assert ("altered", 2, "r-3") in await kept.faults()


async def test_a_removed_record_is_named_unless_age_accounts_for_it(kept: Kept) -> None:
    await kept.records.delete("r-1")
    await kept.records.delete("r-4")
    assert await kept.faults() == [("missing", 1, "r-1"), ("missing", 2, "r-4")]
    kept.clock.step_wall(10 * DAY_MS)
    assert await kept.faults() == [("missing", 1, "r-1"), ("missing", 2, "r-4")]
    report = await kept.look(audit_days=9)
    assert (report.faults, report.aged) == (0, 2)


async def test_the_oldest_may_have_gone_where_there_are_too_many(kept: Kept) -> None:
    await kept.records.delete("r-1")
    assert await kept.faults(most_documents=1000) == [("missing", 1, "r-1")]
    report = await kept.look(most_documents=5)
    assert (report.faults, report.aged) == (0, 1)
    await kept.records.delete("r-3")
    assert await kept.faults(most_documents=4) == [("missing", 2, "r-3")]


async def test_an_erased_record_needs_a_note_of_it(kept: Kept) -> None:
    await kept.records.change("r-3", lambda held: blanked(held, note="erasure:x"))
    assert await kept.faults() == [("erased_without_note", 0, "erasure:x")]
    note = AuditRecord("erasure:x", "1", 9, Action.ERASURE, SYSTEM, "operator")
    await kept.trail.add(note)
    report = await kept.look()
    assert (report.faults, report.erased) == (0, 1)
    await kept.records.change("r-3", lambda held: {**held, "erasure": "r-1"})
    assert await kept.faults() == [("erased_without_note", 0, "r-1")]
    await kept.records.change("r-3", lambda held: {**held, "commitment": "0" * 64})
    assert ("altered", 2, "r-3") in await kept.faults()


@pytest.mark.parametrize(
    "change",
    [
        lambda block: {**block, "links": block["links"][:1]},
        lambda block: {**block, "links": [{**block["links"][0], "at": "x"}, block["links"][1]]},
        lambda block: {**block, "hash": "0" * 64},
        lambda block: {**block, "links": "nonsense"},
    ],
)
async def test_an_altered_block_is_named(kept: Kept, change: Change) -> None:
    await kept.blocks.change("1:000000002", change)
    assert ("block_altered", 2, "") in await kept.faults()


async def test_a_removed_block_is_named(kept: Kept) -> None:
    await kept.blocks.delete("1:000000002")
    assert ("block_missing", 2, "") in await kept.faults()


async def test_an_end_that_was_cut_off_shows_even_when_the_chain_went_on(kept: Kept) -> None:
    await kept.blocks.delete("1:000000003")
    assert [fault for fault, _, _ in await kept.faults()] == ["block_missing"] * 2
    await kept.add("later", 7)
    await kept.link()
    assert await kept.faults() == [("in_no_block", 3, "r-5"), ("in_no_block", 3, "r-6")]


async def test_a_record_that_only_says_that_it_is_linked_is_named(kept: Kept) -> None:
    await kept.add("forged", 4)
    await kept.records.change("forged", lambda held: {**held, "linked": 2})
    assert await kept.faults() == [("in_no_block", 2, "forged")]


async def test_one_record_in_two_blocks(kept: Kept) -> None:
    twice = await kept.records.get("r-1")
    assert twice is not None
    await kept.records.change(
        "r-1", lambda held: {key: value for key, value in held.items() if key != "linked"}
    )
    await kept.link()
    assert (Fault.TWICE.value, 4, "r-1") in await kept.faults()


async def test_a_report_names_some_faults_and_counts_all(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.audit_verify.FINDINGS", 1)
    for name in ("r-1", "r-2"):
        await kept.records.delete(name)
    report = await kept.look()
    assert (report.faults, len(report.findings)) == (2, 1)
    assert report.told()["findings"][0]["fault"] == "missing"
