"""The list shows everybody once, whichever way it is turned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.channel import Channel, Viewer
from domain.errors import Rejected
from domain.viewer import Listed
from domain.vip import Ended, Method, VipSession, ended, opened
from handlers.vip.vip_list import VipList, VipQuery
from tests.support.scene import Scene

NAMES = ("ann", "ben", "cem", "dan", "eve")


def listing(scene: Scene) -> VipList:
    return VipList(sessions=scene.repositories.sessions, live=scene.desk.live, clock=scene.clock)


async def session(scene: Scene, channel: Channel, number: int, *, over: bool = False) -> VipSession:
    name = NAMES[number % len(NAMES)]
    made = opened(
        id=f"s-{number}",
        channel_id=channel.id,
        viewer=Viewer(f"{100 + number}", name, name.title()),
        cause=f"s-{number}",
        added_ms=(90 - 7 * number) * 60_000,
        now=scene.clock.now() + number * 1000,
        method=Method.REDEMPTION,
        granted_by="1",
    )
    if over:
        made = ended(made, because=Ended.EXPIRED, now=scene.clock.now() + number * 2000)
    return await scene.repositories.sessions.create(made)


async def by_hand(scene: Scene, channel: Channel, id: str, login: str, **changes: Any) -> None:
    await scene.repositories.viewers.change(
        channel.id,
        Viewer(id, login, login.title()),
        lambda held: replace(held, by_hand_since=scene.clock.now() - int(id), **changes),
    )


async def full(scene: Scene) -> Channel:
    """Five of ours, two by hand, four that are over."""
    channel = await scene.channel()
    for number in range(5):
        await session(scene, channel, number)
    await by_hand(scene, channel, "201", "zoe", listed=Listed.PROTECTED)
    await by_hand(scene, channel, "202", "andy")
    for number in range(5, 9):
        await session(scene, channel, number, over=True)
    return channel


async def every(scene: Scene, channel: Channel, query: VipQuery) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await listing(scene).page(channel.id, replace(query, cursor=cursor))
        assert len(page["entries"]) <= query.limit
        assert page["total_active"] == 7
        entries += page["entries"]
        cursor = page["cursor"]
    return entries


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("sort", ["ends", "granted", "name"])
async def test_all_pages_together_are_all_vips(scene: Scene, sort: Any, limit: int) -> None:
    channel = await full(scene)
    entries = await every(scene, channel, VipQuery(state="all", sort=sort, limit=limit))
    ids = [entry["id"] for entry in entries]
    assert len(ids) == len(set(ids)) == 11
    assert [entry["status"] for entry in entries] == ["active"] * 7 + ["ended"] * 4
    whole = await every(scene, channel, VipQuery(state="all", sort=sort, limit=200))
    assert ids == [entry["id"] for entry in whole]


async def test_each_sort_has_its_order(scene: Scene) -> None:
    channel = await full(scene)
    soonest = await every(scene, channel, VipQuery(sort="ends"))
    assert [entry["id"] for entry in soonest] == ["s-4", "s-3", "s-2", "s-1", "s-0", "hand:201", "hand:202"]
    latest = await every(scene, channel, VipQuery(sort="granted"))
    assert [entry["id"] for entry in latest] == ["s-4", "s-3", "s-2", "s-1", "s-0", "hand:201", "hand:202"]
    named = await every(scene, channel, VipQuery(sort="name"))
    assert [entry["viewer_login"] for entry in named] == ["andy", "ann", "ben", "cem", "dan", "eve", "zoe"]
    over = await every(scene, channel, VipQuery(state="ended"))
    assert [entry["id"] for entry in over] == ["s-8", "s-7", "s-6", "s-5"]


async def test_filters(scene: Scene) -> None:
    channel = await full(scene)
    ours = await every(scene, channel, VipQuery(by="ours"))
    assert {entry["method"] for entry in ours} == {"redemption"}
    hand = await every(scene, channel, VipQuery(by="hand", state="all"))
    assert [(entry["id"], entry["protected"]) for entry in hand] == [("hand:201", True), ("hand:202", False)]
    assert {entry["left_seconds"] for entry in hand} == {None}
    found = await every(scene, channel, VipQuery(state="all", search="AN"))
    assert {entry["viewer_login"] for entry in found} == {"ann", "andy"}
    assert await every(scene, channel, VipQuery(state="ended", by="hand")) == []


async def test_a_viewer_with_time_of_ours_is_not_shown_as_one_by_hand_too(scene: Scene) -> None:
    channel = await full(scene)
    await by_hand(scene, channel, "100", "ann")
    assert len(await every(scene, channel, VipQuery())) == 7
    vip = await listing(scene).of(channel.id, "100")
    assert vip is not None
    assert (vip["id"], vip["left_seconds"]) == ("s-0", 90 * 60)
    assert await listing(scene).of(channel.id, "999") is None


async def test_names_that_are_no_logins_are_searched_as_they_are_written(scene: Scene) -> None:
    channel = await scene.channel()
    name = "あん"
    made = opened(
        id="s-1", channel_id=channel.id, viewer=Viewer("1", "ann", name), cause="s-1", added_ms=1, now=1,
        method=Method.REDEMPTION, granted_by="1",
    )  # fmt: skip
    await scene.repositories.sessions.create(ended(made, because=Ended.EXPIRED, now=2))
    for search, count in (("あ", 1), ("い", 0), ("AN", 1)):
        page = await listing(scene).page(channel.id, VipQuery(state="ended", search=search))
        assert len(page["entries"]) == count
        assert all(entry["left_seconds"] == 0 for entry in page["entries"])


@pytest.mark.parametrize("cursor", ["x", "bm8=", "W10=", "é", "WzFd"])
async def test_a_cursor_of_something_else_is_refused(scene: Scene, cursor: str) -> None:
    channel = await scene.channel()
    with pytest.raises(Rejected):
        await listing(scene).page(channel.id, VipQuery(cursor=cursor))


async def test_a_cursor_of_another_list_is_refused(scene: Scene) -> None:
    channel = await full(scene)
    cursor = (await listing(scene).page(channel.id, VipQuery(limit=1)))["cursor"]
    for other in (VipQuery(sort="name"), VipQuery(search="a"), VipQuery(by="ours"), VipQuery(state="all")):
        with pytest.raises(Rejected):
            await listing(scene).page(channel.id, replace(other, cursor=cursor))
