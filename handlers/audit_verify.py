"""Verifies the chain of a channel: every block, every link, and what each record that is still there says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from domain.audit import Action
from domain.audit_chain import Block, Fault, Finding, Link, block_faults, fits
from storage.audit_chain import FOUND_BY, AuditChain, text_of
from storage.contracts import Document

FINDINGS = 100  # that a report names
DAY_MS = 86_400_000
SWEEP_MS = 3_600_000  # what has just come of age may go while we look

Told = Callable[[int], Awaitable[None]]


@dataclass(slots=True)
class Report:
    """What a verification saw of a channel. `head` is the newest hash: who has noted it down elsewhere can tell later
    whether the chain was made anew. `aged`: records that retention has removed; `waiting`: not linked yet."""

    channel_id: str
    blocks: int = 0
    records: int = 0
    erased: int = 0
    aged: int = 0
    head: str = ""
    faults: int = 0
    findings: list[Finding] = field(default_factory=list)

    def found(self, finding: Finding) -> None:
        self.faults += 1
        if len(self.findings) < FINDINGS:
            self.findings.append(finding)

    def told(self) -> dict[str, Any]:
        """As the command line shows it."""
        findings = [{**asdict(each), "fault": each.fault.value} for each in self.findings]
        return {**asdict(self), "whole": not self.faults, "findings": findings}


class Verifier:
    """`audit_days`, `most_documents`: what retention leaves (`None`: everything)."""

    def __init__(
        self, *, chain: AuditChain, audit_days: int | None = None, most_documents: int | None = None
    ) -> None:
        self._chain, self._days, self._most = chain, audit_days, most_documents

    async def gone_before(self, now: int) -> int:
        """Records that are older than this (UTC ms) may have gone by age."""
        by_age = 0 if self._days is None else now - self._days * DAY_MS + SWEEP_MS
        # Beyond the bound of documents the oldest go, of all channels; below it, nothing has gone for that.
        if self._most is not None and await self._chain.count() >= self._most * 9 // 10:
            return max(by_age, await self._chain.oldest() or 0)
        return by_age

    async def verify(self, channel_id: str, *, now: int, told: Told | None = None) -> Report:
        """Go through a channel's chain. `told` hears of the blocks that were seen, now and then."""
        look = _Look(self._chain, Report(channel_id), await self.gone_before(now))
        async for block in self._chain.blocks(channel_id):
            await look.at(block)
            if told is not None and look.report.blocks % 50 == 0:
                await told(look.report.blocks)
        await look.notes()
        await look.strays()
        return look.report

    async def sample(self, channel_id: str, *, now: int) -> Report:
        """Only the newest block of a channel."""
        look = _Look(self._chain, Report(channel_id), await self.gone_before(now), part=True)
        last = await self._chain.last(channel_id)
        if last is not None:
            await look.at(last)
            await look.notes()
        return look.report


class _Look:
    """One verification under way."""

    def __init__(self, chain: AuditChain, report: Report, gone_before: int, *, part: bool = False) -> None:
        """`part`: not from the first block on."""
        self._chain, self.report, self._gone_before, self._part = chain, report, gone_before, part
        self._before: Block | None = None
        self._seen: set[str] = set()  # commitments
        self._erasures: Counter[str] = Counter()  # erased records by the note that they name
        self._last = 0

    async def at(self, block: Block | int) -> None:
        """Look at the next block and its records."""
        report = self.report
        report.blocks += 1
        if isinstance(block, int):
            report.found(Finding(Fault.BLOCK_ALTERED, block))
            return
        faults = block_faults(self._before, block)
        if self._part:
            faults = [each for each in faults if each.fault is not Fault.BLOCK_MISSING]
        for finding in faults:
            report.found(finding)
        report.head, self._before, self._last = block.hash, block, block.n
        if any(each.fault is Fault.BLOCK_ALTERED for each in faults):
            return  # what it says of records is worth nothing
        there = await self._chain.records(block.channel_id, block.links)
        for link in block.links:
            if link.commitment in self._seen:
                report.found(Finding(Fault.TWICE, block.n, link.record_id, link.at))
            self._seen.add(link.commitment)
            await self._record(block, link, there.get(link.commitment))

    async def _record(self, block: Block, link: Link, document: Document | None) -> None:
        report = self.report
        if document is None:
            other = await self._chain.record(link.record_id) if link.record_id else None
            if other is not None:
                report.found(Finding(Fault.ALTERED, block.n, link.record_id, link.at))
            elif link.at < self._gone_before:
                report.aged += 1
            else:
                report.found(Finding(Fault.MISSING, block.n, link.record_id, link.at))
            return
        report.records += 1
        if document.get("erased") is True:
            report.erased += 1
            self._erasures[str(document.get("erasure", ""))] += 1
        elif not _says(document, link):
            report.found(Finding(Fault.ALTERED, block.n, document["_id"], link.at))

    async def notes(self) -> None:
        """Does a record tell of each erasure?"""
        for note, count in self._erasures.items():
            document = await self._chain.record(note) if note else None
            if document is None or document.get("action") != Action.ERASURE.value:
                for _ in range(count):
                    self.report.found(Finding(Fault.UNNOTED, 0, note))

    async def strays(self) -> None:
        """Is what says that it is in a block in one? A chain whose end was cut off shows by that."""
        if await self._chain.marked(self.report.channel_id) <= self.report.records:
            return
        last = await self._chain.last(self.report.channel_id)
        newest = 0 if last is None else last.n
        async for document in self._chain.every_marked(self.report.channel_id):
            n = int(document["linked"])
            linked_since = self._last < n <= newest
            if document.get("commitment") not in self._seen and not linked_since:
                fault = Fault.STRAY if n <= self._last else Fault.BLOCK_MISSING
                self.report.found(Finding(fault, n, document["_id"], document["at"]))


def _says(document: Document, link: Link) -> bool:
    """Whether a record says what was committed to, and is found by what it says."""
    try:
        if not fits(link.commitment, bytes.fromhex(document["salt"]), text_of(document)):
            return False
        actor = document["actor"]
        copies = {"viewer_id": document["viewer"]["id"], "actor_kind": actor["kind"], "actor_id": actor["id"]}
    except (KeyError, TypeError, ValueError):
        return False
    return all(document.get(name, copies[name]) == copies[name] for name in FOUND_BY)
