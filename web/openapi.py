"""The description of our routes as an OpenAPI 3.1 document, served at `/api/openapi.json`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from web.keys import Route, Who

Json = dict[str, Any]


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: Json, optional: Json | None = None) -> Json:
    return {"type": "object", "properties": required | (optional or {}), "required": list(required)}


def _answer(description: str, schema: Json | None = None, kind: str = "application/json") -> Json:
    return {"description": description} | ({"content": {kind: {"schema": schema}}} if schema else {})


def _query(name: str, description: str, schema: Json | None = None, *, required: bool = False) -> Json:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "required": required,
        "schema": schema or TEXT,
    }


def _header(name: str, description: str, *, required: bool = True) -> Json:
    return {"name": name, "in": "header", "description": description, "required": required, "schema": TEXT}


TEXT: Json = {"type": "string"}
INTEGER: Json = {"type": "integer"}
NUMBER: Json = {"type": "number"}
FLAG: Json = {"type": "boolean"}
CHANNEL_QUERY = _query("channel", "Id of the channel.", required=True)
EVENTSUB = "Twitch-Eventsub-"

SCHEMAS: Json = {
    "Problem": _object(
        {"title": TEXT, "status": INTEGER, "code": TEXT, "detail": TEXT, "request_id": TEXT},
        {"type": TEXT, "advice": TEXT},
    ),
    "Channel": _object({"id": TEXT, "login": TEXT, "name": TEXT}),
    "Session": _object(
        {"signed_in": FLAG, "name": TEXT, "channels": {"type": "array", "items": _ref("Channel")}},
        {"development_login": FLAG},
    ),
    "Check": _object({"name": TEXT, "ok": FLAG, "detail": TEXT}),
    "Readiness": _object(
        {"ready": FLAG, "stopping": FLAG, "checks": {"type": "array", "items": _ref("Check")}}
    ),
    "Health": _object(
        {
            "status": {"enum": ["ok", "degraded", "unavailable"]},
            "version": TEXT,
            "uptime_seconds": NUMBER,
            "checks": {"type": "array", "items": _ref("Check")},
        }
    ),
    "AuditPage": _object(
        {
            "entries": {"type": "array", "items": {"type": "object"}},
            "cursor": {"type": ["string", "null"]},
        }
    ),
}

_CRON: Json = {
    "tags": ["cron"],
    "summary": "Remove every VIP whose time is over",
    "description": "What the clock does by itself, on demand. Calling it twice does no harm.",
    "responses": {"200": _answer("What was queued.", {"type": "object"})},
}
_HEALTH: Json = {
    "tags": ["operators"],
    "summary": "Health, version and uptime",
    "responses": {"200": _answer("Works.", _ref("Health")), "503": _answer("Does not.", _ref("Health"))},
}

OPERATIONS: dict[str, Json] = {
    "GET /": {
        "tags": ["page"],
        "summary": "The live page",
        "responses": {"200": _answer("HTML.", TEXT, "text/html"), "304": _answer("Unchanged.")},
    },
    "GET /static/{path}": {
        "tags": ["page"],
        "summary": "A file of the page",
        "parameters": [{"name": "path", "in": "path", "required": True, "schema": TEXT}],
        "responses": {"200": _answer("The file."), "304": _answer("Unchanged.")},
    },
    "GET /api/auth/session": {
        "tags": ["session"],
        "summary": "Who is signed in",
        "responses": {"200": _answer("The session.", _ref("Session"))},
    },
    "GET /api/auth/csrf": {
        "tags": ["session"],
        "summary": "The token that writes send as X-CSRF-Token",
        "responses": {"200": _answer("The token.", _object({"token": TEXT}))},
    },
    "POST /api/auth/sign-out": {
        "tags": ["session"],
        "summary": "Forget the session",
        "parameters": [_header("X-CSRF-Token", "From /api/auth/csrf.")],
        "responses": {"200": _answer("Signed out.", _object({"signed_in": FLAG}))},
    },
    "POST /api/auth/dev": {
        "tags": ["session"],
        "summary": "Development login",
        "description": "Exists only in the demo and answers this machine only.",
        "responses": {
            "200": _answer("Signed in (asked by a script).", _ref("Session")),
            "303": _answer("Signed in (asked by a form)."),
        },
    },
    "GET /api/ws": {
        "tags": ["live"],
        "summary": "Server-Sent Events of a channel",
        "description": "Events `vip`, `activity`, `channel`; `reset` carries a snapshot when the position is unknown; "
        "`auth` says that the session is over. The id of an event is a position `epoch-seq`.",
        "parameters": [
            CHANNEL_QUERY,
            _header("Last-Event-ID", "Position after which to go on.", required=False),
            _query("last_event_id", "The same, for a first connection."),
        ],
        "responses": {"200": _answer("The stream.", TEXT, "text/event-stream")},
    },
    "GET /api/audit-log": {
        "tags": ["audit"],
        "summary": "Who did what, when and why; newest first",
        "parameters": [
            CHANNEL_QUERY,
            _query("viewer", "Only about this viewer (id)."),
            _query("action", "Only this action, e.g. vip.granted."),
            _query("limit", "At most so many.", INTEGER | {"minimum": 1, "maximum": 200, "default": 50}),
            _query("cursor", "From the page before."),
        ],
        "responses": {"200": _answer("One page.", _ref("AuditPage"))},
    },
    "POST /api/webhooks/eventsub": {
        "tags": ["webhooks"],
        "summary": "EventSub messages of Twitch",
        "parameters": [
            _header(EVENTSUB + "Message-Id", "Decides what is a duplicate."),
            _header(EVENTSUB + "Message-Type", "notification, webhook_callback_verification or revocation."),
            _header(EVENTSUB + "Message-Timestamp", "RFC 3339 in UTC; ten minutes old at most."),
            _header(EVENTSUB + "Message-Signature", "sha256=HMAC over id, timestamp and raw body."),
            _header(EVENTSUB + "Subscription-Type", "E.g. stream.online."),
            _header(EVENTSUB + "Subscription-Version", "E.g. 1."),
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {
            "200": _answer("The challenge, echoed.", TEXT, "text/plain"),
            "204": _answer("Kept (or known already)."),
            "413": _answer("Larger than 1 MiB.", _ref("Problem"), "application/problem+json"),
            "503": _answer("Nothing was kept; send it again.", _ref("Problem"), "application/problem+json"),
        },
    },
    "GET /api/cron/remove-expired-vips": _CRON,
    "POST /api/cron/remove-expired-vips": _CRON,
    "GET /livez": {
        "tags": ["operators"],
        "summary": "Does the event loop turn?",
        "responses": {"200": _answer("Yes."), "503": _answer("It is stuck.")},
    },
    "GET /readyz": {
        "tags": ["operators"],
        "summary": "May events be sent here?",
        "responses": {"200": _answer("Yes.", _ref("Readiness")), "503": _answer("No.", _ref("Readiness"))},
    },
    "GET /api/health": _HEALTH,
    "GET /metrics": {
        "tags": ["operators"],
        "summary": "Prometheus metrics",
        "responses": {"200": _answer("Text.", TEXT, "text/plain")},
    },
    "GET /api/openapi.json": {
        "tags": ["operators"],
        "summary": "This document",
        "responses": {"200": _answer("OpenAPI 3.1.", {"type": "object"})},
    },
}

_SECURITY: dict[Who, list[Json]] = {
    Who.PUBLIC: [],
    Who.WEBHOOK: [],
    Who.SESSION: [{"session": []}],
    Who.CRON: [{"bearer": []}, {"cronSecret": []}],
    Who.METRICS: [{"bearer": []}],
}


def described_path(route: Route) -> str:
    """The path as OpenAPI writes it: `{path:.+}` becomes `{path}`."""
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.path)


def document(routes: Sequence[Route], *, version: str) -> Json:
    """The description of exactly these routes (HEAD is left to HTTP); raises `KeyError` for one without description."""
    paths: dict[str, Json] = {}
    for route in routes:
        if route.method == "HEAD":
            continue
        path = described_path(route)
        operation = dict(OPERATIONS[f"{route.method} {path}"])
        operation["operationId"] = re.sub(r"\W+", "_", f"{route.method.lower()} {path}").strip("_")
        operation["security"] = _SECURITY[route.who]
        operation["responses"] = operation["responses"] | {
            "default": _answer("What went wrong.", _ref("Problem"), "application/problem+json")
        }
        paths.setdefault(path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Cuelight", "version": version, "summary": "Channel points become timed VIPs."},
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "cuelight"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "cronSecret": {"type": "apiKey", "in": "header", "name": "X-Cron-Secret"},
            },
        },
    }
