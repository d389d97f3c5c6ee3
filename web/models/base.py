"""How requests are read into models, and models written as answers.

Times are UTC milliseconds in fields that end in `_at`, lengths are whole seconds in fields that end in `_seconds`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from domain.errors import Rejected
from web.answers import json_answer
from web.keys import BODY

MOST_FAULTS = 5


class Asked(BaseModel):
    """A body or a query. What it does not name is refused, so that a misspelt field is never silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Told(BaseModel):
    """An answer. All its fields are always there, those with a default too."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_serialization_defaults_required=True)


A = TypeVar("A", bound=Asked)


def body_of(request: web.Request, model: type[A]) -> A:
    """The JSON body as a model; raises `Rejected` (code `web.body`) that names what is wrong with which field."""
    try:
        given = json.loads(request[BODY] or b"{}")
    except (ValueError, RecursionError) as error:
        raise Rejected("The body is not JSON.", code="web.body", advice="See /api/docs.") from error
    return _read(model, given, "web.body")


def query_of(request: web.Request, model: type[A]) -> A:
    """The query as a model, apart from `channel`, which the guard reads; raises `Rejected` (code `web.parameter`)."""
    given = {name: value for name, value in request.query.items() if name != "channel" and value != ""}
    return _read(model, given, "web.parameter")


def path_of(request: web.Request, model: type[A]) -> A:
    """The variable parts of the path as a model; raises `Rejected` (code `web.parameter`)."""
    return _read(model, dict(request.match_info), "web.parameter")


def told(model: Told, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A model as an answer."""
    response = json_answer(model.model_dump(mode="json", by_alias=True), status=status)
    response.headers.update(headers or {})
    return response


def _read(model: type[A], given: Any, code: str) -> A:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)[:MOST_FAULTS]
        words = [f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}" for fault in faults]
        raise Rejected(". ".join(words) + ".", code=code, advice="See /api/docs.") from error
