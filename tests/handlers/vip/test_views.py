"""What the API shows."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import Rejected
from handlers.vip.views import Views
from tests.support.scene import Scene


@pytest.fixture
def views(scene: Scene) -> Views:
    return Views(channels=scene.repositories.channels, audit=scene.repositories.audit)


async def test_channels_are_listed_in_the_order_of_their_coming(scene: Scene, views: Views) -> None:
    first = await scene.channel("zoe")
    await scene.pass_ms(10)
    second = await scene.channel("adam")
    assert await views.channels() == [
        {"id": first.id, "login": "zoe", "name": "Zoe"},
        {"id": second.id, "login": "adam", "name": "Adam"},
    ]


async def test_the_trail_is_paged_and_filtered(scene: Scene, views: Views) -> None:
    channel = await scene.channel(vip_slots=2)
    viewers = [await scene.viewer(f"viewer{number}") for number in range(4)]
    for viewer in (*viewers, viewers[0]):
        await scene.settled(await scene.redeem(channel, viewer))
        await scene.pass_ms(10)
    everything: dict[str, Any] = {"channel_id": channel.id, "viewer_id": None, "action": None}
    first, cursor = await views.audit(**everything, limit=3, cursor=None)
    rest, end = await views.audit(**everything, limit=3, cursor=cursor)
    assert end is None
    actions = [line["action"] for line in (*first, *rest)]
    assert actions == ["vip.extended", "vip.refunded", "vip.refunded", "vip.granted", "vip.granted"]
    mine, _ = await views.audit(
        channel_id=channel.id, viewer_id=viewers[0].id, action=None, limit=10, cursor=None
    )
    assert [line["action"] for line in mine] == ["vip.extended", "vip.granted"]
    refunds, _ = await views.audit(
        channel_id=channel.id, viewer_id=None, action="vip.refunded", limit=10, cursor=None
    )
    assert {line["reason"] for line in refunds} == {"slots_full"}
    assert refunds[0]["detail"]["reward_cost"] == 500
    with pytest.raises(Rejected):
        await views.audit(**everything, limit=3, cursor="not a cursor")
