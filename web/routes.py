"""Every route of Cuelight on one page: method, path, handler, who may, body limit. What is not here does not exist.

`web/openapi.py` describes each of them; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from web.audit import AuditLog
from web.auth import Auth
from web.cron import CronWeb
from web.health import Health, MetricsPage
from web.keys import Handler, Route, Who
from web.pages import Pages
from web.sse import Streams
from web.webhooks import MAX_BODY, EventSubWebhook

SMALL = 4096  # bodies that we do not read anything from
OPERATORS = frozenset({"/livez", "/readyz", "/api/health", "/metrics"})
"""What every process answers, whatever its roles."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """Everything that answers."""

    audit: AuditLog
    auth: Auth
    cron: CronWeb
    eventsub: EventSubWebhook
    health: Health
    metrics: MetricsPage
    openapi: Handler
    pages: Pages
    streams: Streams


def table(do: Handlers, *, development_login: bool) -> tuple[Route, ...]:
    """All routes. The development login is one of them only where it is asked for."""
    cron = "/api/cron/remove-expired-vips"
    rows = [
        # the page
        Route("GET", "/", do.pages.index, Who.PUBLIC),
        Route("HEAD", "/", do.pages.index, Who.PUBLIC),
        Route("GET", "/static/{path:.+}", do.pages.static, Who.PUBLIC, quiet=True),
        # signing in
        Route("GET", "/api/auth/session", do.auth.session, Who.PUBLIC),
        Route("GET", "/api/auth/csrf", do.auth.csrf, Who.SESSION),
        Route("POST", "/api/auth/sign-out", do.auth.sign_out, Who.SESSION, body_limit=SMALL),
        # what the page shows
        Route("GET", "/api/ws", do.streams.stream, Who.SESSION),
        Route("GET", "/api/audit-log", do.audit.page, Who.SESSION),
        # who calls us
        Route("POST", "/api/webhooks/eventsub", do.eventsub.receive, Who.WEBHOOK, body_limit=MAX_BODY),
        Route("GET", cron, do.cron.remove_expired, Who.CRON),
        Route("POST", cron, do.cron.remove_expired, Who.CRON, body_limit=SMALL),
        # operators
        Route("GET", "/livez", do.health.livez, Who.PUBLIC, quiet=True),
        Route("GET", "/readyz", do.health.readyz, Who.PUBLIC, quiet=True),
        Route("GET", "/api/health", do.health.health, Who.PUBLIC, quiet=True),
        Route("HEAD", "/api/health", do.health.health, Who.PUBLIC, quiet=True),
        Route("GET", "/metrics", do.metrics.metrics, Who.METRICS, quiet=True),
        Route("GET", "/api/openapi.json", do.openapi, Who.PUBLIC),
    ]
    if development_login:
        rows.append(Route("POST", "/api/auth/dev", do.auth.development, Who.PUBLIC, body_limit=SMALL))
    return tuple(rows)
