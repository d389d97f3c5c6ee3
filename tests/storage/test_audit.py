from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.audit import SYSTEM, Action, Actor, AuditRecord
from domain.channel import Viewer
from domain.errors import Rejected
from storage.audit import AUDIT, AuditFilter, AuditTrail
from storage.codec import to_document
from storage.contracts import Store


@pytest.fixture
async def trail(store: Store) -> AuditTrail:
    return AuditTrail(await store.collection(AUDIT))


def record(number: int, action: Action = Action.GRANTED, viewer: str = "2") -> AuditRecord:
    return AuditRecord(f"a-{number}", "1", number, action, SYSTEM, "redemption", Viewer(viewer))


async def test_a_record_is_written_once_and_stays(trail: AuditTrail) -> None:
    assert await trail.add(record(1))
    assert not await trail.add(record(1, Action.ENDED))
    assert await trail.get("a-1") == record(1)
    assert await trail.get("a-2") is None


async def test_the_trail_is_read_newest_first_page_by_page_and_filtered(trail: AuditTrail) -> None:
    for number in range(5):
        await trail.add(
            record(number, Action.ENDED if number == 3 else Action.GRANTED, viewer=str(number % 2))
        )
    page, cursor = await trail.page("1", limit=3)
    assert [line.at for line in page] == [4, 3, 2]
    rest, end = await trail.page("1", limit=3, after=cursor)
    assert ([line.at for line in rest], end) == ([1, 0], None)
    assert [line.at for line in (await trail.page("1", action="vip.ended"))[0]] == [3]
    assert [line.at for line in (await trail.page("1", viewer_id="1"))[0]] == [3, 1]
    assert await trail.page("2") == ([], None)


async def test_a_bad_cursor_is_rejected(trail: AuditTrail) -> None:
    with pytest.raises(Rejected):
        await trail.page("1", after="nonsense")


async def test_filters_for_cause_actor_and_time(trail: AuditTrail) -> None:
    by_anna = replace(record(1), actor=Actor("streamer", "7", "Anna"), cause="dashboard")
    by_ben = replace(record(2), actor=Actor("moderator", "8", "Ben"), cause="dashboard")
    for line in (by_anna, by_ben, record(3)):
        await trail.add(line)

    async def found(**only: Any) -> list[int]:
        return [line.at for line in (await trail.page("1", only=AuditFilter(**only)))[0]]

    assert await found() == [3, 2, 1]
    assert await found(cause="dashboard") == [2, 1]
    assert await found(actor_kind="moderator") == [2]
    assert await found(actor_id="7", cause="dashboard") == [1]
    assert await found(actor_kind="system") == [3]
    assert await found(since=2) == [3, 2]
    assert await found(since=2, until=3) == [2]
    assert await found(viewer_id="2", action="vip.granted", until=2) == [1]


async def test_records_of_the_first_release_are_found_by_their_actor(store: Store) -> None:
    """It kept the actor inside the document only."""
    records = await store.collection(AUDIT)
    for number, kind in enumerate(("viewer", "system", "viewer")):
        line = replace(record(number), actor=Actor(kind, str(number), ""))
        await records.insert({**to_document(line), "viewer_id": "2"})
    trail = AuditTrail(records)
    assert [line.at for line in (await trail.page("1", only=AuditFilter(actor_kind="viewer")))[0]] == [2, 0]
    assert [line.at for line in (await trail.page("1", only=AuditFilter(actor_id="1")))[0]] == [1]


async def test_the_whole_trail_comes_in_batches(trail: AuditTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.audit.ROWS_AT_ONCE", 2)
    for number in range(5):
        await trail.add(record(number))
    batches = [[line.at for line in batch] async for batch in trail.batches("1", AuditFilter(until=4))]
    assert batches == [[3, 2], [1, 0]]
    assert [batch async for batch in trail.batches("2")] == [[]]
