from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.audit import SYSTEM, Action, Actor, AuditRecord
from domain.audit_chain import Link, fits, next_block
from domain.channel import Viewer
from domain.errors import Broken
from storage.audit import AUDIT, AuditTrail
from storage.audit_chain import CHAIN, AuditChain, blanked, committed, link_of, text_of
from storage.codec import to_document
from storage.contracts import Collection, Document, Store


class Trail:
    """The records and the blocks of one store."""

    def __init__(self, records: Collection, blocks: Collection) -> None:
        self.records, self.blocks = records, blocks
        self.trail, self.chain = AuditTrail(records), AuditChain(records=records, blocks=blocks)

    async def add(self, number: int, channel: str = "1", **more: Any) -> AuditRecord:
        record = AuditRecord(
            f"a-{number}", channel, number, Action.GRANTED, SYSTEM, "redemption", Viewer("2")
        )
        record = replace(record, **more)
        assert await self.trail.add(record)
        return record


@pytest.fixture
async def kept(store: Store) -> Trail:
    return Trail(await store.collection(AUDIT), await store.collection(CHAIN))


async def test_each_record_is_committed_to_with_a_salt_of_its_own(kept: Trail) -> None:
    for number in (1, 2):
        await kept.add(number, id=f"a-{number}", at=5)
    found = await kept.chain.unlinked()
    assert [document["_id"] for document in found] == ["a-1", "a-2"]
    salts = {document["salt"] for document in found}
    assert len(salts) == 2
    for document in found:
        assert len(bytes.fromhex(document["salt"])) >= 16
        assert fits(document["commitment"], bytes.fromhex(document["salt"]), text_of(document))


async def test_records_of_a_release_without_chain_are_committed_to_once(kept: Trail) -> None:
    old = AuditRecord("old", "1", 1, Action.ENDED, SYSTEM, "clock", Viewer("2", "ann"))
    await kept.records.insert({**to_document(old), "viewer_id": "2"})
    first, second = [await kept.chain.unlinked() for _ in range(2)]
    assert first == second
    assert fits(first[0]["commitment"], bytes.fromhex(first[0]["salt"]), text_of(first[0]))
    assert await kept.trail.get("old") == old


async def test_what_is_in_a_block_is_unlinked_no_more(kept: Trail) -> None:
    for number in range(1, 5):
        await kept.add(number)
    documents = await kept.chain.unlinked(limit=3)
    assert [document["at"] for document in documents] == [1, 2, 3]
    block = next_block("1", None, [link_of(document) for document in documents], now=9)
    assert await kept.chain.append(block)
    assert not await kept.chain.append(replace(block, at=10))
    assert await kept.chain.last("1") == block
    for _ in range(2):
        await kept.chain.mark(block)
    assert [document["_id"] for document in await kept.chain.unlinked()] == ["a-4"]
    assert await kept.chain.marked("1") == 3
    assert await kept.chain.waiting() == (1, 4)
    assert await kept.chain.channels() == ["1"]
    assert [found async for found in kept.chain.blocks("1")] == [block]
    assert (await kept.chain.oldest(), await kept.chain.count()) == (1, 4)
    assert [document["at"] async for document in kept.chain.every_marked("1")] == [1, 2, 3]


async def test_a_block_that_cannot_be_read_is_told_by_its_number(kept: Trail) -> None:
    await kept.blocks.insert({"_id": "1:1", "channel_id": "1", "n": 1})
    assert [found async for found in kept.chain.blocks("1")] == [1]


async def test_what_is_left_of_a_record_says_nothing_and_can_be_read(kept: Trail) -> None:
    await kept.add(
        1, actor=Actor("viewer", "2", "Zoe"), viewer=Viewer("2", "zoe", "Zoe"), detail={"x": "zoe"}
    )
    [before] = await kept.chain.unlinked()
    await kept.records.change("a-1", lambda held: blanked(held, note="n"))
    [after] = await kept.chain.unlinked()
    assert after["commitment"] == before["commitment"]
    assert "zoe" not in str(after).lower()
    assert not {"salt", "viewer_id", "viewer", "detail"} & set(after)
    read = await kept.trail.get("a-1")
    assert read is not None
    assert (read.action, read.viewer) == (Action.ERASED, Viewer(""))
    assert await kept.trail.page("1") == ([], None)
    assert not await kept.trail.add(AuditRecord("a-1", "1", 1, Action.GRANTED, SYSTEM, "redemption"))


def test_a_record_of_old_is_committed_to_before_it_is_emptied() -> None:
    record = to_document(AuditRecord("old", "1", 1, Action.ENDED, SYSTEM, "clock"))
    stub = blanked(record, note="n")
    assert len(stub["commitment"]) == 64
    assert committed(stub) is stub


@pytest.mark.parametrize(
    ("record_id", "told"), [("r-1:granted", "r-1:granted"), ("kept-1-77-5:granted", ""), ("x:88:gone", "")]
)
def test_a_block_does_not_hold_ids_that_name_people(record_id: str, told: str) -> None:
    viewer, actor = Viewer("77"), Actor("moderator", "88")
    document = committed(to_document(AuditRecord(record_id, "1", 1, Action.GONE, actor, "twitch", viewer)))
    assert link_of(document) == Link(document["commitment"], 1, told)


async def test_records_that_never_keep_their_mark_are_no_endless_loop(kept: Trail) -> None:
    await kept.add(1)
    [document] = await kept.chain.unlinked()
    block = next_block("1", None, [link_of(document)], now=1)

    class Forgetful:
        def __getattr__(self, name: str) -> Any:
            return getattr(kept.records, name)

        async def change(self, id: str, fn: Callable[[Document], Document | None]) -> Document | None:
            return None

    with pytest.raises(Broken):
        await AuditChain(records=Forgetful(), blocks=kept.blocks).mark(block)  # type: ignore[arg-type]
