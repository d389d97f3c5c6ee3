from __future__ import annotations

import pytest

from domain.audit import SYSTEM, Action, AuditRecord
from domain.channel import Viewer
from domain.errors import Rejected
from storage.audit import AUDIT, AuditTrail
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
