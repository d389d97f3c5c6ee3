from __future__ import annotations

from typing import Any

import pytest

from tests.web.world import World


async def get(world: World, query: str) -> tuple[int, Any]:
    async with world.client.get(world.url(f"/api/audit-log{query}")) as response:
        return response.status, await response.json(content_type=None)


async def test_a_page_with_its_cursor(world: World) -> None:
    await world.sign_in()
    status, body = await get(world, "?channel=100")
    assert status == 200
    assert body == {"entries": [{"id": "a1", "action": "vip.granted"}], "cursor": "more"}
    assert world.outside.audit_calls == [
        {"channel_id": "100", "viewer_id": None, "action": None, "limit": 50, "cursor": None}
    ]


async def test_every_filter_is_handed_on(world: World) -> None:
    await world.sign_in()
    assert (await get(world, "?channel=200&viewer=7&action=vip.granted&limit=200&cursor=abc"))[0] == 200
    assert world.outside.audit_calls == [
        {"channel_id": "200", "viewer_id": "7", "action": "vip.granted", "limit": 200, "cursor": "abc"}
    ]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?channel=",
        "?channel=100&limit=0",
        "?channel=100&limit=201",
        "?channel=100&limit=-1",
        "?channel=100&limit=x",
        "?channel=100&limit=%D9%A3",
        "?channel=100&viewer=anna",
        "?channel=100&action=DROP%20TABLE",
        "?channel=100&cursor=bad",
        f"?channel=100&cursor={'x' * 600}",
    ],
)
async def test_a_malformed_parameter_is_a_400(world: World, query: str) -> None:
    await world.sign_in()
    assert (await get(world, query))[0] == 400
    assert not world.outside.audit_calls


async def test_a_channel_that_is_not_there_is_a_404(world: World) -> None:
    await world.sign_in()
    assert (await get(world, "?channel=999"))[0] == 404
