from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import Field

from tests.web.world import World
from web.keys import Role, Route, Who
from web.models.base import Asked, Told
from web.openapi import TAGS, document
from web.spec import Header, Spec


async def nothing(request: Any) -> Any:
    return None


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


async def test_it_is_valid(world: World) -> None:
    errors = [error.message for error in OpenAPIV31SpecValidator(await fetched(world)).iter_errors()]
    assert not errors


async def test_it_is_complete_where_openapi_wants_it(world: World) -> None:
    made = await fetched(world)
    assert made["openapi"] == "3.1.0"
    assert made["info"]["version"] == "1.2.3"
    ids = []
    for path, methods in made["paths"].items():
        for operation in methods.values():
            ids.append(operation["operationId"])
            assert operation["summary"]
            assert not operation["summary"].endswith(".")
            assert "default" not in operation["responses"]  # else no status would be undocumented
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
    assert paths["/api/auth/sign-out"]["post"]["security"] == [{"session": [], "csrf": []}]


async def test_answers_have_the_described_shape(world: World) -> None:
    made = await fetched(world)
    for path, schema in (
        ("/api/health", "Health"),
        ("/readyz", "Readiness"),
        ("/api/auth/session", "SessionTold"),
    ):
        async with world.client.get(world.url(path)) as response:
            body = await response.json()
        assert set(body) == set(made["components"]["schemas"][schema]["properties"])


class Thing(Told):
    """A thing."""

    title: str
    left_seconds: int = Field(0, description="How long.")


class WhichThings(Asked):
    limit: int = Field(50, ge=1, le=200, description="At most so many.")
    since: str = Field(alias="from")


class ThingId(Asked):
    thing: str = Field(pattern="^[0-9]+$", description="Which.")


def described(route: Route) -> dict[str, Any]:
    made = document([route], version="1")
    errors = [error.message for error in OpenAPIV31SpecValidator(made).iter_errors()]
    assert not errors
    return made


def test_a_row_tells_what_its_spec_does_not() -> None:
    spec = Spec(
        "vips",
        "A thing",
        path=ThingId,
        query=WhichThings,
        answers={200: Thing},
        problems={409: "It is taken."},
        headers={"X-How": Header("How.", required=True)},
        sends={"X-Sent": Header("What was sent.")},
        idempotent=True,
    )
    route = Route("POST", "/api/things/{thing}", nothing, Who.SESSION, 100, role=Role.OWNER, spec=spec)
    made = described(route)
    operation = made["paths"]["/api/things/{thing}"]["post"]
    parameters = {(one["in"], one["name"]): one for one in operation["parameters"]}
    assert set(parameters) == {
        ("path", "thing"),
        ("query", "channel"),
        ("query", "limit"),
        ("query", "from"),
        ("header", "X-How"),
        ("header", "Idempotency-Key"),
    }
    assert parameters["path", "thing"]["schema"]["pattern"] == "^[0-9]+$"
    assert parameters["path", "thing"]["description"] == "Which."
    assert parameters["query", "from"]["required"]
    assert not parameters["query", "limit"]["required"]
    assert parameters["query", "limit"]["schema"]["maximum"] == 200
    assert set(operation["responses"]) == {
        "200", "400", "401", "403", "404", "408", "409", "413", "429", "503"
    }  # fmt: skip
    assert operation["responses"]["409"]["description"] == "It is taken."
    assert operation["responses"]["200"]["headers"]["X-Sent"]
    assert operation["responses"]["429"]["headers"]["Retry-After"]
    assert "Only the owner" in operation["description"]
    assert operation["security"] == [{"session": [], "csrf": []}]
    assert set(made["components"]["schemas"]) == {"Problem", "Thing"}
    # an answer has all its fields, also those with a default; a field may be called `title`
    assert made["components"]["schemas"]["Thing"]["required"] == ["title", "left_seconds"]
    assert "title" in made["components"]["schemas"]["Thing"]["properties"]


def test_a_key_that_was_used_before_is_a_conflict() -> None:
    route = Route("POST", "/api/things", nothing, Who.SESSION, 9, spec=Spec("vips", "Make", idempotent=True))
    answers = described(route)["paths"]["/api/things"]["post"]["responses"]
    assert "Idempotency-Key" in answers["409"]["description"]


def test_what_is_not_json_has_its_media_type() -> None:
    spec = Spec("page", "A file", answers={200: "text/html", 304: None})
    answers = described(Route("GET", "/file", nothing, Who.PUBLIC, spec=spec))["paths"]["/file"]["get"]
    assert answers["responses"]["200"]["content"] == {"text/html": {"schema": {"type": "string"}}}
    assert "content" not in answers["responses"]["304"]
    assert set(answers["responses"]) == {"200", "304"}


def test_a_route_without_a_spec_is_left_out() -> None:
    assert document([Route("GET", "/new", nothing, Who.PUBLIC)], version="1")["paths"] == {}


def test_a_group_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError):
        document([Route("GET", "/new", nothing, Who.PUBLIC, spec=Spec("newest", "New"))], version="1")


def test_the_cookie_is_the_one_that_is_set() -> None:
    made = document([], version="1", cookie="__Host-cuelight")
    assert made["components"]["securitySchemes"]["session"]["name"] == "__Host-cuelight"
    assert all(what.endswith(".") for what in TAGS.values())
