from __future__ import annotations

from dataclasses import replace

import pytest

from domain.channel import Viewer
from domain.viewer import Kept, Listed, ViewerRecord
from storage.contracts import Store
from storage.viewers import VIEWERS, Viewers


@pytest.fixture
async def viewers(store: Store) -> Viewers:
    return Viewers(await store.collection(VIEWERS))


async def put(viewers: Viewers, login: str, listed: Listed = Listed.NONE, channel: str = "1") -> ViewerRecord:
    viewer = Viewer(f"id-{login}", login, login.title())
    return await viewers.change(channel, viewer, lambda held: replace(held, listed=listed, seen_at=7))


async def test_nothing_is_known_of_who_was_never_here(viewers: Viewers) -> None:
    assert await viewers.get("1", "2") == ViewerRecord("1:2", "1", "2")


async def test_what_is_changed_is_there_and_names_are_taken_over(viewers: Viewers) -> None:
    kept = Kept(ms=5, at=6, reward_id="rw")
    record = await viewers.change("1", Viewer("2", "ann", "Ann"), lambda held: replace(held, kept=kept))
    assert record == await viewers.get("1", "2")
    assert (record.login, record.name, record.kept) == ("ann", "Ann", kept)
    renamed = await viewers.change("1", Viewer("2", "anna", "Anna"), lambda held: held)
    assert (renamed.login, renamed.kept) == ("anna", kept)
    assert (await viewers.change("1", Viewer("2"), lambda held: held)).login == "anna"


async def test_nothing_is_written_where_nothing_changes(viewers: Viewers) -> None:
    await viewers.change("1", Viewer("2", "ann", "Ann"), lambda held: held)
    assert (await viewers.get("1", "2")).login == "ann", "a new record is written, whatever is in it"

    seen: list[int] = []

    def look(held: ViewerRecord) -> ViewerRecord:
        seen.append(held.seen_at)
        return replace(held, seen_at=9)

    await viewers.change("1", Viewer("2"), look)
    assert seen == [0]
    assert (await viewers.get("1", "2")).seen_at == 9


async def test_lists_are_found_by_name_and_page(viewers: Viewers) -> None:
    for login, listed in (
        ("zoe", Listed.ALLOW),
        ("ann", Listed.BLOCK),
        ("annika", Listed.PROTECTED),
        ("ben", Listed.NONE),
    ):
        await put(viewers, login, listed)
    await put(viewers, "other", Listed.ALLOW, channel="9")

    async def logins(listed: Listed | None = None, search: str = "") -> list[str]:
        return [record.login for record in (await viewers.listed("1", listed, search))[0]]

    assert await logins() == ["ann", "annika", "zoe"]
    assert await logins(Listed.BLOCK) == ["ann"]
    assert await logins(search=" ANN") == ["ann", "annika"]
    assert await logins(Listed.PROTECTED, "ann") == ["annika"]
    assert await logins(search="annika2") == []
    assert await viewers.protected("1") == {"id-annika"}
    first, cursor = await viewers.listed("1", limit=2)
    second, end = await viewers.listed("1", limit=2, after=cursor)
    assert [record.login for record in (*first, *second)] == ["ann", "annika", "zoe"]
    assert end is None


async def test_vips_by_hand_are_found(viewers: Viewers) -> None:
    for login, since in (("ann", 30), ("ben", 10), ("cat", 0)):
        viewer = Viewer(f"id-{login}", login)
        await viewers.change("1", viewer, lambda held, at=since: replace(held, by_hand_since=at))
    assert [record.login for record in await viewers.by_hand("1")] == ["ben", "ann"]
    assert await viewers.by_hand("2") == []


async def test_a_viewer_is_found_by_the_name_that_was_heard_last(viewers: Viewers) -> None:
    await put(viewers, "ann")
    found = await viewers.with_login("1", " ANN ")
    assert found is not None
    assert found.viewer_id == "id-ann"
    assert await viewers.with_login("1", "ben") is None
    assert await viewers.with_login("2", "ann") is None


async def test_who_has_kept_time_is_found_until_he_has_it_back(viewers: Viewers) -> None:
    for number, login in enumerate(("ben", "ann"), 1):
        kept = Kept(ms=5, at=9 - number)
        await viewers.change("1", Viewer(login), lambda held, kept=kept: replace(held, kept=kept))
    await put(viewers, "carl")
    assert [record.viewer_id for record in await viewers.with_kept("1")] == ["ann", "ben"]
    assert await viewers.with_kept("2") == []
    await viewers.change("1", Viewer("ann"), lambda held: replace(held, kept=None))
    assert [record.viewer_id for record in await viewers.with_kept("1")] == ["ben"]


async def test_those_on_a_list_are_counted(viewers: Viewers) -> None:
    await put(viewers, "ann", Listed.ALLOW)
    await put(viewers, "ben", Listed.PROTECTED)
    await put(viewers, "cem")
    await put(viewers, "dora", Listed.BLOCK, channel="2")
    assert await viewers.count_listed("1") == 2
