from __future__ import annotations

import json
from typing import Any

import pytest

from tests.web.world import World
from web.keys import Route, Who
from web.openapi import OPERATIONS, document


async def fetched(world: World) -> dict[str, Any]:
    async with world.client.get(world.url("/api/openapi.json")) as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        return await response.json()


async def test_every_route_is_described_and_nothing_else(world: World) -> None:
    described = {
        (method.upper(), path)
        for path, methods in (await fetched(world))["paths"].items()
        for method in methods
    }
    routes = {
        (route.method, route.path.replace(":.+", ""))
        for route in world.web_app.routes
        if route.method != "HEAD"
    }
    assert described == routes
    assert {f"{method} {path}" for method, path in routes} == set(OPERATIONS)


async def test_it_is_complete_where_openapi_wants_it(world: World) -> None:
    made = await fetched(world)
    assert made["openapi"] == "3.1.0"
    assert made["info"]["version"] == "1.2.3"
    ids = []
    for path, methods in made["paths"].items():
        for operation in methods.values():
            ids.append(operation["operationId"])
            assert operation["summary"]
            assert operation["responses"]["default"]
            for answer in operation["responses"].values():
                assert answer["description"]
            named = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}
    assert len(ids) == len(set(ids))


async def test_every_reference_leads_somewhere(world: World) -> None:
    made = await fetched(world)

    def references(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    found = set(references(made))
    assert found
    for reference in found:
        assert reference.removeprefix("#/components/schemas/") in made["components"]["schemas"]
    schemes = made["components"]["securitySchemes"]
    for methods in made["paths"].values():
        for operation in methods.values():
            assert all(name in schemes for choice in operation["security"] for name in choice)


async def test_what_needs_a_session_says_so(world: World) -> None:
    paths = (await fetched(world))["paths"]
    assert paths["/api/ws"]["get"]["security"] == [{"session": []}]
    assert paths["/livez"]["get"]["security"] == []


async def test_answers_have_the_described_shape(world: World) -> None:
    made = await fetched(world)
    for path, schema in (
        ("/api/health", "Health"),
        ("/readyz", "Readiness"),
        ("/api/auth/session", "Session"),
    ):
        async with world.client.get(world.url(path)) as response:
            body = await response.json()
        assert set(body) == set(made["components"]["schemas"][schema]["properties"])


def test_a_route_without_description_is_an_error() -> None:
    async def handler(request: Any) -> Any:
        return None

    with pytest.raises(KeyError):
        document([Route("GET", "/new", handler, Who.PUBLIC)], version="1")


def test_the_document_is_plain_json() -> None:
    assert json.loads(json.dumps(OPERATIONS)) == OPERATIONS
