from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from domain.errors import Rejected, Unavailable
from storage.audit import AuditFilter
from tests.web.world import AUDIT_LINE, SECONDS, World, until
from web.api.audit import MOST_EXPORTS


async def get(world: World, query: str, path: str = "") -> tuple[int, Any]:
    async with world.client.get(world.url(f"/api/audit-log{path}{query}")) as response:
        return response.status, await response.json(content_type=None)


async def test_a_page_with_its_cursor(world: World) -> None:
    await world.sign_in()
    status, body = await get(world, "?channel=100")
    assert status == 200
    assert body == {"entries": [AUDIT_LINE], "cursor": "more"}
    assert world.outside.audit_calls == [
        {"channel_id": "100", "only": AuditFilter(), "limit": 50, "cursor": None}
    ]


async def test_every_filter_is_handed_on(world: World) -> None:
    await world.sign_in()
    query = "?channel=200&viewer=7&action=vip.granted&cause=redemption&actor=system&from=5&to=9&limit=200&cursor=abc"
    assert (await get(world, query))[0] == 200
    only = AuditFilter("7", "vip.granted", "redemption", "system", "", 5, 9)
    assert world.outside.audit_calls == [{"channel_id": "200", "only": only, "limit": 200, "cursor": "abc"}]


async def test_a_viewer_may_be_named_by_login_and_an_actor_by_id(world: World) -> None:
    await world.sign_in()
    await get(world, "?channel=200&viewer=ann&actor=7")
    assert world.outside.audit_calls[0]["only"] == AuditFilter(viewer_id="id of ann", actor_id="7")


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
        "?channel=100&viewer=anna!",
        "?channel=100&action=DROP%20TABLE",
        "?channel=100&cause=%00",
        "?channel=100&actor=An%20na",
        "?channel=100&from=-1",
        "?channel=100&to=1e400",
        "?channel=100&until=5",
        "?channel=100&cursor=bad",
        f"?channel=100&cursor={'x' * 600}",
    ],
)
async def test_a_malformed_parameter_is_a_400(world: World, query: str) -> None:
    await world.sign_in()
    assert (await get(world, query))[0] == 400
    assert (await get(world, query, "/export"))[0] == 400
    assert not world.outside.audit_calls


@pytest.mark.parametrize(
    ("format", "kind"), [("csv", "text/csv"), ("json", "application/json"), ("", "text/csv")]
)
async def test_the_file_comes_in_pieces_under_a_name(world: World, format: str, kind: str) -> None:
    await world.sign_in()
    url = world.url(f"/api/audit-log/export?channel=100&format={format}&action=vip.ended")
    async with world.client.get(url) as response:
        assert (response.status, response.content_type, response.charset) == (200, kind, "utf-8")
        name = f"cuelight-audit-100-{world.clock.now()}.{format or 'csv'}"
        assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert await response.read() == b"onetwo"
    assert world.outside.audit_calls[0]["only"] == AuditFilter(action="vip.ended")


async def test_a_file_that_broke_off_does_not_look_whole(world: World) -> None:
    await world.sign_in()
    world.outside.pieces = [b"one", Unavailable("the store is away")]
    async with world.client.get(world.url("/api/audit-log/export?channel=100")) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_what_goes_wrong_before_the_first_piece_is_a_problem(world: World) -> None:
    await world.sign_in()
    world.outside.pieces = [Rejected("no", code="storage.cursor")]
    assert (await get(world, "?channel=100", "/export"))[0] == 400


async def test_a_few_at_the_same_time_only(world: World) -> None:
    await world.sign_in()
    go_on = asyncio.Event()
    world.outside.pieces = [b"one", go_on, b"two"]
    url = world.url("/api/audit-log/export?channel=100")
    async with asyncio.timeout(SECONDS):
        answers = [asyncio.create_task(_read(world, url)) for _ in range(MOST_EXPORTS)]
        await until(lambda: len(world.outside.audit_calls) == MOST_EXPORTS)
        async with world.client.get(url) as response:
            assert response.status == 503
            assert (await response.json(content_type=None))["code"] == "audit.busy"
        go_on.set()
        assert await asyncio.gather(*answers) == [b"onetwo"] * MOST_EXPORTS
    assert (await _read(world, url)) == b"onetwo"


async def _read(world: World, url: str) -> bytes:
    async with world.client.get(url) as response:
        return await response.read()
