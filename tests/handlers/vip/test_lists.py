"""The allow, block and protected lists."""

from __future__ import annotations

import pytest

from domain.audit import Actor
from domain.channel import Channel
from domain.errors import NotFound, Rejected
from domain.redemption import RedemptionStatus as Status
from handlers.vip.lists import Lists
from handlers.vip.operations import Operations
from handlers.vip.vip_desk import Asker, VipDesk
from handlers.vip.who import Who
from tests.support.scene import Scene


@pytest.fixture
def lists(scene: Scene) -> Lists:
    r, who = scene.repositories, Who(helix=scene.helix)
    operations = Operations(inbox=r.inbox, intake=scene.desk.intake, clock=scene.clock)
    desk = VipDesk(operations=operations, who=who, slots=r.slots, redemptions=r.redemptions)
    return Lists(viewers=r.viewers, desk=desk, who=who)


def asker(channel: Channel, key: str = "") -> Asker:
    return Asker(channel.id, channel.id, Actor("streamer", channel.id, "Streamer"), key)


async def names(lists: Lists, channel: Channel, listed: str | None, search: str = "") -> list[str]:
    records, _ = await lists.page(channel.id, listed=listed, search=search, limit=50, cursor=None)
    return [record.login for record in records]


async def test_a_viewer_is_put_on_a_list_and_taken_off(scene: Scene, lists: Lists) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    operation, record = await lists.put(asker(channel), "@ANN", "block")
    assert operation.result == "listed"
    assert record is not None
    assert (record.viewer_id, record.login, record.listed) == (ann.id, "ann", "block")
    assert await names(lists, channel, "block") == ["ann"]
    assert await names(lists, channel, "allow") == []
    redemption = await scene.settled(await scene.redeem(channel, ann))
    assert (redemption.status, redemption.reason) == (Status.REFUNDED, "listed")
    await lists.put(asker(channel), ann.id, "")
    assert await names(lists, channel, None) == []
    assert (await scene.settled(await scene.redeem(channel, ann))).status is Status.FULFILLED


async def test_a_list_is_searched_and_paged(scene: Scene, lists: Lists) -> None:
    channel = await scene.channel()
    for login in ("anton", "ann", "ben"):
        await scene.viewer(login)
        await lists.put(asker(channel), login, "allow")
    assert await names(lists, channel, "allow") == ["ann", "anton", "ben"]
    assert await names(lists, channel, None, "an") == ["ann", "anton"]
    page, cursor = await lists.page(channel.id, listed="allow", search="", limit=2, cursor=None)
    rest, end = await lists.page(channel.id, listed="allow", search="", limit=2, cursor=cursor)
    assert [one.login for one in (*page, *rest)] == ["ann", "anton", "ben"]
    assert end is None
    with pytest.raises(Rejected):
        await lists.page(channel.id, listed="allow", search="", limit=2, cursor="nonsense")


async def test_the_same_request_again_is_carried_out_once(scene: Scene, lists: Lists) -> None:
    channel = await scene.channel()
    await scene.viewer()
    first, _ = await lists.put(asker(channel, "once"), "ann", "block")
    again, record = await lists.put(asker(channel, "once"), "ann", "block")
    assert again == first
    assert record is not None
    assert (await scene.actions(channel)).count("viewer.listed") == 1


async def test_who_is_not_there_is_not_found(scene: Scene, lists: Lists) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    assert await lists.find(channel.id, "ann") == ann
    with pytest.raises(NotFound) as caught:
        await lists.put(asker(channel), "nobody", "block")
    assert caught.value.code == "vip.no_viewer"
