"""The description of our routes as an OpenAPI 3.1 document, served at `/api/openapi.json`.

It is made from the rows of `web/routes.py` and their specs. What every operation of a kind can answer follows from its
row: who may use it, whether it concerns a channel, whether it takes a body. No operation has a `default` answer, so
that a status that is not listed is a fault, and found as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from web.keys import Rate, Role, Route, Who
from web.limits import rate_of
from web.models.system import Problem
from web.openapi_schemas import Schemas
from web.spec import JSON, PROBLEM, Answer, Header, Spec

Json = dict[str, Any]

TAGS: Mapping[str, str] = {
    "vips": "Who is VIP, and for how long.",
    "waiting list": "Who waits for a free slot.",
    "operations": "What became of a write that took longer than its request.",
    "rewards": "Channel-point rewards.",
    "viewers": "Allow, block and protected lists.",
    "settings": "Rules, messages and everything else that a streamer chooses.",
    "analytics": "What happened, in numbers.",
    "audit": "Who did what, when and why.",
    "connection": "How we are connected to Twitch.",
    "parties": "Watch parties: credentials for their socket, and the public rooms.",
    "live": "Everything that changes, as it changes.",
    "session": "Signing in with Twitch, and who is signed in.",
    "account": "The channel's account, its permissions, and leaving.",
    "team": "Who else may work with a channel.",
    "privacy": "What is held of a viewer, as a file, and its erasure.",
    "webhooks": "Where Twitch delivers.",
    "cron": "For schedulers.",
    "operators": "For those who run Cuelight.",
    "page": "The pages and their files.",
}

_SECURITY: Mapping[Who, list[Json]] = {
    Who.PUBLIC: [],
    Who.WEBHOOK: [],
    Who.SESSION: [{"session": []}],
    Who.CRON: [{"bearer": []}, {"cronSecret": []}],
    Who.METRICS: [{"bearer": []}],
}
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_GUARDED = frozenset({Who.SESSION, Who.CRON, Who.METRICS})

CHANNEL = {
    "name": "channel",
    "in": "query",
    "required": False,
    "description": "Id of the channel. May be left out by who has only one.",
    "schema": {"type": "string", "maxLength": 64, "examples": ["141981764"]},
}
IDEMPOTENCY_KEY = Header(
    "Any text of your own, once per change: the same request with the same key is carried out once, and answered as"
    " the first time.",
    longest=128,
)
RETRY_AFTER = Header("Seconds after which to try again.")
RATE_HEADERS: Mapping[str, Header] = {
    "X-RateLimit-Limit": Header("How many requests a window takes."),
    "X-RateLimit-Remaining": Header("How many are left."),
    "X-RateLimit-Reset": Header("When the window ends, in ISO 8601."),
}
"""What every answer of a counted route carries (`web/limits.py`)."""


def described_path(route: Route) -> str:
    """The path as OpenAPI writes it: `{path:.+}` becomes `{path}`."""
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.path)


def document(routes: Sequence[Route], *, version: str, cookie: str = "cuelight") -> Json:
    """The description of the routes that have a spec (HEAD is left to HTTP). `cookie` holds the session.

    Raises `Broken` for models that share a name, `KeyError` for a tag that is not in `TAGS`.
    """
    told = [(route, route.spec) for route in routes if route.spec is not None and route.method != "HEAD"]
    schemas = Schemas([(Problem, True), *(pair for _, spec in told for pair in spec.models)])
    paths: dict[str, Json] = {}
    for route, spec in told:
        path = described_path(route)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, spec, path, schemas)
    written_out = [one for _, spec in told for one in (spec.path, spec.query) if one is not None]
    used = {spec.tag for _, spec in told}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Cuelight",
            "version": version,
            "summary": "Channel points become timed VIPs.",
            "description": "How to call it: docs/api.md. Times are UTC milliseconds (`_at`), lengths seconds"
            " (`_seconds`). Whatever goes wrong is answered as a problem with a stable `code`.",
        },
        "tags": [{"name": name, "description": what} for name, what in TAGS.items() if name in used],
        "paths": paths,
        "components": {
            "schemas": schemas.components(without=written_out),
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": cookie,
                    "description": "Set by signing in with Twitch.",
                },
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-CSRF-Token",
                    "description": "From /api/auth/csrf. Writes need it beside the session.",
                },
                "bearer": {"type": "http", "scheme": "bearer"},
                "cronSecret": {"type": "apiKey", "in": "header", "name": "X-Cron-Secret"},
            },
        },
    }


def _operation(route: Route, spec: Spec, path: str, schemas: Schemas) -> Json:
    name = re.sub(r"\W+", "_", f"{route.method.lower()} {path}").strip("_")
    made: Json = {"operationId": name, "tags": [_tag(spec.tag)], "summary": spec.summary}
    words = [spec.description] if spec.description else []
    if route.role is Role.OWNER:
        words.append("Only the owner of the channel may do this.")
    if words:
        made["description"] = " ".join(words)
    made["security"] = _SECURITY[route.who]
    if route.who is Who.SESSION and route.method in _WRITES:
        made["security"] = [{"session": [], "csrf": []}]
    parameters = list(_parameters(route, spec, path, schemas))
    if parameters:
        made["parameters"] = parameters
    if spec.body is not None:
        kind = spec.body if isinstance(spec.body, str) else JSON
        made["requestBody"] = {"required": True, "content": {kind: {"schema": _schema(spec.body, schemas)}}}
    made["responses"] = _responses(route, spec, path, schemas)
    return made


def _tag(name: str) -> str:
    if name not in TAGS:
        raise KeyError(f"{name} is no tag of web/openapi.py")
    return name


def _parameters(route: Route, spec: Spec, path: str, schemas: Schemas) -> Iterator[Json]:
    described = {} if spec.path is None else {name: one for name, _, one in schemas.fields(spec.path)}
    for name in re.findall(r"\{(\w+)\}", path):
        yield _parameter(name, "path", True, described.get(name, {"type": "string", "minLength": 1}))
    if route.role is not None:
        yield CHANNEL
    if spec.query is not None:
        for name, required, schema in schemas.fields(spec.query):
            yield _parameter(name, "query", required, schema)
    headers = {**spec.headers, **({"Idempotency-Key": IDEMPOTENCY_KEY} if spec.idempotent else {})}
    for name, header in headers.items():
        shape: Json = {"type": "string", "description": header.what}
        if header.longest:
            shape |= {"minLength": 1, "maxLength": header.longest, "pattern": "^[ -~]+$"}
        yield _parameter(name, "header", header.required, shape)


def _parameter(name: str, place: str, required: bool, schema: Json) -> Json:
    schema = dict(schema)
    what = schema.pop("description", "")
    made: Json = {"name": name, "in": place, "required": required, "schema": schema}
    return {**made, "description": what} if what else made


def _schema(answer: type[Any] | str, schemas: Schemas, *, answered: bool = False) -> Json:
    if not isinstance(answer, str):
        return schemas.ref(answer, answered=answered)
    if answer != JSON:
        return {"type": "string"}
    return {"type": ["object", "array"]} if answered else {"type": "object"}


def _responses(route: Route, spec: Spec, path: str, schemas: Schemas) -> Json:
    made: Json = {
        str(status): _good(status, answer, spec, schemas) for status, answer in spec.answers.items()
    }
    for status, when in sorted((_usual(route, spec, path) | dict(spec.problems)).items()):
        answer = made.setdefault(str(status), {"description": when})
        answer.setdefault("content", {})[PROBLEM] = {"schema": schemas.ref(Problem, answered=True)}
        if status in (429, 503):
            answer.setdefault("headers", {})["Retry-After"] = _sent(RETRY_AFTER, "integer")
        if status == 429:
            answer["headers"] |= {name: _sent(header) for name, header in RATE_HEADERS.items()}
    return dict(sorted(made.items()))


def _good(status: int, answer: Answer, spec: Spec, schemas: Schemas) -> Json:
    words = HTTPStatus(status).phrase + "."
    if answer is None:
        return {"description": words}
    if isinstance(answer, type) and answer.__doc__:
        words = answer.__doc__.partition("\n")[0]
    kinds = answer if isinstance(answer, tuple) else (answer,)
    made: Json = {
        "description": words,
        "content": {
            kind if isinstance(kind, str) else JSON: {"schema": _schema(kind, schemas, answered=True)}
            for kind in kinds
        },
    }
    if spec.sends and status < 300:
        made["headers"] = {name: _sent(header) for name, header in spec.sends.items()}
    return made


def _sent(header: Header, kind: str = "string") -> Json:
    return {"description": header.what, "schema": {"type": kind}}


def _usual(route: Route, spec: Spec, path: str) -> dict[int, str]:
    """The problems that any operation of this kind can answer with."""
    may: dict[int, str] = {}
    if spec.query is not None or spec.body is not None or route.role is not None:
        may[400] = "Something in the request is malformed; `detail` says what."
    if route.who in _GUARDED:
        may[401] = "Who asks is not known."
    if route.who is Who.SESSION and (route.role is not None or route.method in _WRITES):
        may[403] = "Who asks may not do this, or the CSRF token is wrong."
    if route.who is Who.PUBLIC and route.method in _WRITES:
        may[403] = "The request comes from another site."
    if route.role is not None:
        may[404] = "There is no such channel."
    if "{" in path:
        may[404] = "There is no such thing."
    if route.body_limit:
        may[408] = "The body did not come in time."
        may[413] = f"The body is larger than {route.body_limit} bytes."
    if spec.idempotent:
        may[409] = "The same `Idempotency-Key` came with another request."
    if rate_of(route) is not Rate.NONE:
        may[429] = "Too many requests."
    if route.path.startswith("/api/"):
        may[503] = "Not now; `Retry-After` says when."
    return may
