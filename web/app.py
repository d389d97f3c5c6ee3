"""Builds the web application from the ports that it is handed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from domain.ports import Checkpoint, Clock, Metrics, no_checkpoint
from gateways.topics.contracts import Topics
from web.answers import json_answer
from web.api.audit import AuditApi
from web.auth import Guards, check_development_login
from web.auth_login import Auth, LoginParts, TwitchLogin
from web.auth_sessions import Bindings, Sessions
from web.cron import CronAuth, CronWeb, OidcRule
from web.health import BacklogCheck, Health, MetricsPage, StorageCheck
from web.keys import Rate, Route, Who
from web.limits import Allowance, Limiter, limit_headers
from web.middleware import InFlight, edge, guarded, security_headers
from web.openapi import document
from web.overlay import OverlayStreams
from web.pages import STATIC, Pages
from web.party_socket import PartySocket
from web.peers import Network
from web.ports import (
    AuditReader,
    Backlog,
    Channels,
    Check,
    Cron,
    EventSubSink,
    Exposition,
    FetchKeys,
    LoginBook,
    LoopProbe,
    Newcomers,
    Snapshots,
    StorageProbe,
)
from web.routes import OPERATORS, Api, Handlers, table
from web.sse import StreamLimits, Streams
from web.webhooks import EventSubWebhook


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What the operator decides about the web layer. Secrets do not appear in its representation."""

    public_url: str  # how browsers come, e.g. "http://127.0.0.1:8080"
    session_secret: str = field(repr=False)  # 32 characters or more
    version: str
    eventsub_secrets: Sequence[tuple[str, bytes]] = field(default=(), repr=False)  # key id and secret
    cron_secret: str | None = field(default=None, repr=False)
    cron_oidc: OidcRule | None = None
    metrics_token: str | None = field(default=None, repr=False)
    trusted_proxies: Sequence[Network] = ()
    development_login: bool = False
    on_cloud_run: bool = False
    only_health: bool = False  # a process without the role `web`: what its operator asks, and nothing else
    works: bool = True  # a process without the role `worker` is ready however much waits for others
    max_backlog_seconds: float = 120.0
    max_lag_seconds: float = 5.0
    stream_limits: StreamLimits = field(default_factory=StreamLimits)
    rate_limits: Mapping[Rate, Allowance] = field(
        default_factory=dict
    )  # where they differ from the usual ones
    static: Path = STATIC


class Stopping:
    """Whether the end has begun; `/readyz` says so from then on."""

    def __init__(self) -> None:
        self.begun = False


@dataclass(frozen=True, slots=True)
class WebApp:
    """A built application and what its server needs to stop it in stages."""

    application: web.Application
    routes: tuple[Route, ...]
    in_flight: InFlight
    streams: Streams | None = None
    stopping: Stopping = field(default_factory=Stopping)
    overlays: OverlayStreams | None = None
    parties: PartySocket | None = None


def build_app(
    *,
    settings: WebSettings,
    clock: Clock,
    metrics: Metrics,
    topics: Topics,
    sink: EventSubSink,
    snapshots: Snapshots,
    channels: Channels,
    logins: LoginBook,
    newcomers: Newcomers,
    cron: Cron,
    audit: AuditReader,
    storage: StorageProbe,
    backlog: Backlog,
    loop_probe: LoopProbe,
    exposition: Exposition,
    fetch_keys: FetchKeys | None = None,
    checks: Sequence[Check] = (),
    versions: Mapping[str, int] | None = None,
    api: Api | None = None,
    twitch: LoginParts | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> WebApp:
    """Join everything. Raises `Rejected` for a short session secret or a development login open to strangers."""
    https = settings.public_url.startswith("https:")
    if settings.development_login:
        check_development_login(public_url=settings.public_url, on_cloud_run=settings.on_cloud_run)
    bindings = Bindings(secret=settings.session_secret, secure=https)
    sessions = Sessions(logins=logins, secure=https)
    limiter = Limiter(sessions=sessions, clock=clock, metrics=metrics, allowances=settings.rate_limits)
    guards = Guards(
        sessions=sessions,
        channels=channels,
        cron=CronAuth(
            clock=clock, secret=settings.cron_secret, oidc=settings.cron_oidc, fetch_keys=fetch_keys
        ),
        metrics_token=settings.metrics_token,
        public_url=settings.public_url,
    )
    stopping = Stopping()
    ready: list[Check] = [
        StorageCheck(storage=storage),
        BacklogCheck(
            backlog=backlog,
            clock=clock,
            max_seconds=settings.max_backlog_seconds,
            critical=settings.works,
        ),
    ]
    streams = Streams(
        topics=topics,
        snapshots=snapshots,
        channels=channels,
        logins=logins,
        clock=clock,
        metrics=metrics,
        versions=versions,
        limits=settings.stream_limits,
    )

    async def allow(request: web.Request, route: Route) -> None:
        await limiter.admit(request, route)
        await guards.allow(request, route)

    async def openapi(request: web.Request) -> web.Response:
        return json_answer(described())

    handlers = Handlers(
        audit=AuditApi(reader=audit, clock=clock),
        auth=Auth(
            sessions=sessions,
            channels=channels,
            newcomers=newcomers,
            development_login=settings.development_login,
        ),
        twitch=TwitchLogin(sessions=sessions, bindings=bindings, parts=twitch) if twitch else None,
        cron=CronWeb(cron=cron),
        eventsub=EventSubWebhook(
            sink=sink, clock=clock, metrics=metrics, checkpoint=checkpoint, secrets=settings.eventsub_secrets
        ),
        health=Health(
            clock=clock,
            loop=loop_probe,
            checks=(*ready, *checks),
            version=settings.version,
            stopping=lambda: stopping.begun,
            max_lag_seconds=settings.max_lag_seconds,
        ),
        metrics=MetricsPage(exposition=exposition),
        openapi=openapi,
        pages=Pages(directory=settings.static),
        streams=streams,
    )
    routes = table(handlers, api or Api(), development_login=settings.development_login)
    if settings.only_health:
        routes = tuple(route for route in routes if route.path in OPERATORS)

    @cache
    def described() -> dict[str, Any]:
        """Made when somebody first asks: most processes are never asked."""
        return document(routes, version=settings.version, cookie=sessions.cookie)

    in_flight = InFlight()
    application = _application(
        routes,
        allow,
        clock,
        metrics,
        in_flight,
        settings.trusted_proxies,
        https,
        outside=[handlers.pages.friendly()],
    )
    parts = api or Api()
    return WebApp(application, routes, in_flight, streams, stopping, parts.overlay, parts.party_socket)


def build_metrics_app(*, exposition: Exposition, clock: Clock, metrics: Metrics) -> WebApp:
    """`/metrics` alone, for a port of its own that only the operator's network reaches."""

    async def allow(request: web.Request, route: Route) -> None:
        return None

    routes = (Route("GET", "/metrics", MetricsPage(exposition=exposition).metrics, Who.METRICS, quiet=True),)
    return build_plain_app(routes, allow, clock=clock, metrics=metrics)


def build_plain_app(
    routes: tuple[Route, ...],
    allow: Callable[[web.Request, Route], Awaitable[None]],
    *,
    clock: Clock,
    metrics: Metrics,
    trusted: Sequence[Network] = (),
    https: bool = False,
) -> WebApp:
    """Other routes behind the same edge: errors, headers, log lines, limits of bodies."""
    in_flight = InFlight()
    return WebApp(_application(routes, allow, clock, metrics, in_flight, trusted, https), routes, in_flight)


def _application(  # noqa: PLR0917 - two callers, right above
    routes: tuple[Route, ...],
    allow: Callable[[web.Request, Route], Awaitable[None]],
    clock: Clock,
    metrics: Metrics,
    in_flight: InFlight,
    trusted: Sequence[Network],
    https: bool,
    outside: Sequence[Middleware] = (),
) -> web.Application:
    application = web.Application(
        middlewares=[
            *outside,
            edge(clock=clock, metrics=metrics, trusted=trusted, in_flight=in_flight),
        ]
    )
    application.on_response_prepare.append(security_headers(https=https))
    application.on_response_prepare.append(limit_headers())
    for route in routes:
        application.router.add_route(route.method, route.path, guarded(route, allow))
    return application
