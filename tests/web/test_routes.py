"""The table of routes, and that each row's guard really stands before its handler."""

from __future__ import annotations

import pytest

from tests.web.world import World, running
from web.keys import Who


async def test_no_route_is_listed_twice(world: World) -> None:
    pairs = [(route.method, route.path) for route in world.web_app.routes]
    assert len(pairs) == len(set(pairs))


async def test_whatever_takes_a_body_has_a_limit(world: World) -> None:
    assert all((route.body_limit > 0) == (route.method == "POST") for route in world.web_app.routes)
    assert max(route.body_limit for route in world.web_app.routes) == 1 << 20


async def test_the_table_is_what_the_application_answers(world: World) -> None:
    listed = {(route.method, route.path) for route in world.web_app.routes}
    served = set()
    for route in world.web_app.application.router.routes():
        assert route.resource is not None
        served.add((route.method, route.resource.canonical))
    assert served == {(method, path.replace(":.+", "")) for method, path in listed}


GUARDED = {
    Who.SESSION: (401, "auth.signed_out"),
    Who.CRON: (401, "cron.denied"),
    Who.METRICS: (401, "metrics.denied"),
}


async def test_a_stranger_gets_nowhere_but_to_public_routes() -> None:
    async with running(metrics_token="a metrics token") as world:
        for route in world.web_app.routes:
            if route.who not in GUARDED:
                continue
            async with world.client.request(route.method, world.url(route.path)) as response:
                body = await response.json(content_type=None)
                assert (response.status, body["code"]) == GUARDED[route.who], route.path
        assert world.outside.removed == 0


@pytest.mark.parametrize("path", ["/api/ws/", "/API/WS", "/api", "/metrics/", "/.env", "/favicon.ico"])
async def test_what_is_not_listed_does_not_exist(world: World, path: str) -> None:
    async with world.client.get(world.url(path)) as response:
        assert response.status == 404
