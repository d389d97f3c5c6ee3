"""What the API shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.channel import Viewer
from domain.errors import Rejected
from handlers.vip.views import UNKNOWN, Views
from handlers.vip.who import Who
from storage.audit import AuditFilter
from tests.support.scene import Scene


@pytest.fixture
def views(scene: Scene) -> Views:
    r = scene.repositories
    return Views(channels=r.channels, audit=r.audit, viewers=r.viewers, who=Who(helix=scene.helix))


async def test_channels_are_listed_in_the_order_of_their_coming(scene: Scene, views: Views) -> None:
    first = await scene.channel("zoe")
    await scene.pass_ms(10)
    second = await scene.channel("adam")
    assert await views.channels() == [
        {"id": first.id, "login": "zoe", "name": "Zoe"},
        {"id": second.id, "login": "adam", "name": "Adam"},
    ]
    assert [one["login"] for one in await views.channels([second.id, "404", second.id])] == ["adam"]
    assert await views.channels([]) == []
    assert await views.channel(first.id) == {"id": first.id, "login": "zoe", "name": "Zoe"}
    assert await views.channel("404") is None


async def test_the_trail_is_paged_and_filtered(scene: Scene, views: Views) -> None:
    channel = await scene.channel(vip_slots=2)
    viewers = [await scene.viewer(f"viewer{number}") for number in range(4)]
    for viewer in (*viewers, viewers[0]):
        await scene.settled(await scene.redeem(channel, viewer))
        await scene.pass_ms(10)
    everything: dict[str, Any] = {"channel_id": channel.id, "only": AuditFilter()}
    first, cursor = await views.audit(**everything, limit=3, cursor=None)
    rest, end = await views.audit(**everything, limit=3, cursor=cursor)
    assert end is None
    actions = [line["action"] for line in (*first, *rest)]
    assert actions == ["vip.extended", "vip.refunded", "vip.refunded", "vip.granted", "vip.granted"]

    async def only(**what: Any) -> list[dict[str, Any]]:
        lines, _ = await views.audit(channel_id=channel.id, only=AuditFilter(**what), limit=10, cursor=None)
        return lines

    mine = await only(viewer_id=viewers[0].id)
    assert [line["action"] for line in mine] == ["vip.extended", "vip.granted"]
    refunds = await only(action="vip.refunded")
    assert {line["reason"] for line in refunds} == {"slots_full"}
    assert refunds[0]["detail"]["reward_cost"] == 500
    with pytest.raises(Rejected):
        await views.audit(**everything, limit=3, cursor="not a cursor")


async def test_a_viewer_is_named_by_id_or_by_the_login_that_the_channel_knows(
    scene: Scene, views: Views
) -> None:
    await scene.repositories.viewers.change(
        "1", Viewer("42", "ann", "Ann"), lambda held: replace(held, seen_at=5)
    )
    assert await views.viewer_id("1", "42") == "42"
    assert await views.viewer_id("1", "@Ann") == "42"
    assert await views.viewer_id("2", "ann") == UNKNOWN
    channel, ben = await scene.channel(), await scene.viewer("ben")
    assert await views.viewer_id(channel.id, "ben") == ben.id, "Twitch knows him"
    assert await views.viewer_id(channel.id, "nobody") == UNKNOWN
    assert [piece async for piece in views.export(kind="json", channel_id="1", only=AuditFilter())] == [
        b"",
        b"[]\n",
    ]
