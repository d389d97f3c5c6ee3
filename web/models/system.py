"""Answers for those who run Cuelight or call it by machine, the problem that every route may answer with, and the specs
of these routes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from web.models.base import Told
from web.spec import JSON, Header, Spec


class Problem(Told):
    """What went wrong (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(description="The status in words.")
    status: int
    code: str = Field(description="Stable; for programs.", examples=["web.parameter"])
    detail: str = Field(description="What happened; for people.")
    advice: str = Field(description="What to do now. May be empty.")
    request_id: str = Field(description="Also in the log and in the header `X-Request-Id`.")


class Check(Told):
    """One line of the health."""

    name: str
    ok: bool
    detail: str


class Alive(Told):
    """Whether the event loop turns."""

    alive: bool
    loop_lag_seconds: float


class Readiness(Told):
    """Whether events may be sent here."""

    ready: bool
    stopping: bool
    checks: list[Check]


class Health(Told):
    """How it is, check by check."""

    status: Literal["ok", "degraded", "unavailable"]
    version: str
    uptime_seconds: float
    checks: list[Check]


class Queued(Told):
    """What was queued."""

    due: int = Field(description="How many VIPs' time is over.")


HTML = "text/html"
_OPERATORS = "operators"
_EVENTSUB = "Twitch-Eventsub-"
_UNCHANGED = {304: None}

PAGE = Spec("page", "A page", answers={200: HTML, **_UNCHANGED})
STATIC = Spec("page", "A file of the pages", answers={200: "*/*", **_UNCHANGED})
LIVEZ = Spec(_OPERATORS, "Does the event loop turn", answers={200: Alive, 503: Alive})
READYZ = Spec(_OPERATORS, "May events be sent here", answers={200: Readiness, 503: Readiness})
HEALTH = Spec(_OPERATORS, "Health, version and uptime", answers={200: Health, 503: Health})
METRICS = Spec(_OPERATORS, "Prometheus metrics", answers={200: "text/plain"})
OPENAPI = Spec(_OPERATORS, "This document", answers={200: JSON})
DOCS = Spec(_OPERATORS, "This document as a page", answers={200: HTML, **_UNCHANGED})
CRON = Spec(
    "cron",
    "Remove every VIP whose time is over",
    "What the clock does by itself, on demand. Calling it twice does no harm.",
    answers={200: Queued},
)
STREAM = Spec(
    "live",
    "Server-sent events of a channel",
    "The kinds of events are in docs/live.md. `reset` carries a snapshot when the position is unknown; `auth` says that"
    " the session is over. The id of an event is a position `epoch-seq`.",
    answers={200: "text/event-stream"},
    headers={"Last-Event-ID": Header("Position after which to go on; or the query's `last_event_id`.")},
    problems={404: "There is no such channel."},
)
EVENTSUB = Spec(
    "webhooks",
    "EventSub messages of Twitch",
    body=JSON,
    answers={200: "text/plain", 204: None},
    problems={403: "The signature is wrong, or the message is too old."},
    headers={
        _EVENTSUB + "Message-Id": Header("Decides what is a duplicate.", True),
        _EVENTSUB + "Message-Type": Header(
            "notification, webhook_callback_verification or revocation.", True
        ),
        _EVENTSUB + "Message-Timestamp": Header("RFC 3339 in UTC; ten minutes old at most.", True),
        _EVENTSUB + "Message-Signature": Header("sha256=HMAC over id, timestamp and raw body.", True),
        _EVENTSUB + "Subscription-Type": Header("E.g. stream.online.", True),
        _EVENTSUB + "Subscription-Version": Header("E.g. 1.", True),
    },
)
