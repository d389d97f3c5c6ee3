from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.channel import Viewer
from domain.errors import NotFound
from domain.vip import Ended, Method, VipSession, ended, extended, opened
from storage.contracts import Duplicate, Store
from storage.sessions import SESSIONS, Sessions


@pytest.fixture
async def sessions(store: Store) -> Sessions:
    return Sessions(await store.collection(SESSIONS))


def session(id: str = "r-1", viewer: str = "2", added_ms: int = 1000) -> VipSession:
    return opened(
        id=id, channel_id="1", viewer=Viewer(viewer), cause=id, added_ms=added_ms, now=0,
        method=Method.REDEMPTION, granted_by=viewer,
    )  # fmt: skip


async def test_a_viewer_has_one_open_session_in_a_channel(sessions: Sessions) -> None:
    first = await sessions.create(session())
    assert await sessions.create(session()) == first, "the same one again is no other one"
    with pytest.raises(Duplicate):
        await sessions.create(session("r-2"))
    assert await sessions.open_for("1", "2") == first


async def test_the_end_of_one_makes_room_for_the_next(sessions: Sessions) -> None:
    await sessions.create(session())
    over = await sessions.change("r-1", lambda held: ended(held, because=Ended.EXPIRED, now=5))
    assert await sessions.open_for("1", "2") is None
    await sessions.create(session("r-2"))
    assert await sessions.get("r-1") == over
    assert [held.id for held in await sessions.recently_ended("1", limit=5)] == ["r-1"]


async def test_due_sessions_come_with_the_earliest_in_front(sessions: Sessions) -> None:
    for number, added in ((1, 3000), (2, 1000), (3, 9000)):
        await sessions.create(session(f"r-{number}", str(number), added))
    assert [held.id for held in await sessions.due(3001)] == ["r-2", "r-1"]
    assert [held.id for held in await sessions.active("1")] == ["r-2", "r-1", "r-3"]
    await sessions.change("r-2", lambda held: extended(held, cause="x", added_ms=9000, now=0))
    assert [held.id for held in await sessions.due(3001)] == ["r-1"]


async def test_what_is_not_there_is_told(sessions: Sessions) -> None:
    assert await sessions.get("no") is None
    with pytest.raises(NotFound):
        await sessions.change("no", lambda held: held)


async def test_ended_sessions_are_listed_in_each_order_and_searched(sessions: Sessions) -> None:
    for number, name in enumerate(("cem", "ann", "ben")):
        made = opened(
            id=f"e-{number}",
            channel_id="1",
            viewer=Viewer(f"{number}", name, name.title()),
            cause=f"e-{number}",
            added_ms=1,
            now=10 - number,
            method=Method.REDEMPTION,
            granted_by="9",
        )
        await sessions.create(ended(made, because=Ended.EXPIRED, now=20 + number))

    async def names(**how: Any) -> list[str]:
        found: list[str] = []
        cursor: str | None = None
        while True:
            page, cursor = await sessions.ended_page("1", limit=2, after=cursor, **how)
            found += [session.viewer_login for session in page]
            if cursor is None:
                return found

    assert await names(by="ends") == ["ben", "ann", "cem"]
    assert await names(by="granted") == ["cem", "ann", "ben"]
    assert await names(by="name") == ["ann", "ben", "cem"]
    assert await names(by="name", search="B") == ["ben"]
    assert await names(by="name", search="é") == []


async def test_the_ends_of_a_channel_between_two_times(sessions: Sessions) -> None:
    for number, added in ((1, 3000), (2, 1000), (3, 9000)):
        await sessions.create(session(f"r-{number}", str(number), added))
    await sessions.create(replace(session("r-4", "4", 3000), channel_id="2"))
    assert [held.id for held in await sessions.ending("1", after=2000, before=9000)] == ["r-1"]
    assert [held.id for held in await sessions.ending("1", after=0, before=9001)] == ["r-2", "r-1", "r-3"]
    assert await sessions.ending("3", after=0, before=9001) == []
