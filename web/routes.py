"""Every route of Cuelight on one page: method, path, handler, who may, body limit. What is not here does not exist.

Each row carries its spec, from which `web/openapi.py` describes it; a test finds rows without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from web.api.accounts import AccountApi, TeamApi
from web.api.analytics import AnalyticsApi
from web.api.audit import AuditApi
from web.api.channel_party import ChannelPartyApi
from web.api.connection import ConnectionApi
from web.api.operations import OperationsApi
from web.api.party import PartyApi
from web.api.privacy import PrivacyApi
from web.api.rewards import RewardsApi
from web.api.settings import SettingsApi
from web.api.viewers import ViewersApi
from web.api.vips import VipsApi
from web.api.waiting_list import WaitingListApi
from web.auth_login import Auth, TwitchLogin
from web.cron import CronWeb
from web.health import Health, MetricsPage
from web.keys import Handler, Rate, Role, Route, Who
from web.models import (
    accounts,
    analytics,
    audit,
    channel_party,
    connection,
    operations,
    overlay,
    party,
    privacy,
    rewards,
    system,
    viewers,
    vips,
)
from web.models import session as signing_in
from web.models import settings as preferences
from web.overlay import OverlayStreams
from web.pages import PARTY_PATHS, PATHS, Pages
from web.party_quality import PartyQuality
from web.party_socket import PartySocket
from web.spec import Spec
from web.sse import Streams
from web.webhooks import MAX_BODY, EventSubWebhook

SMALL = 4096  # bodies that we read little or nothing from
MODEST = 64 << 10
OPERATORS = frozenset({"/livez", "/readyz", "/api/health", "/metrics"})
"""What every process answers, whatever its roles."""

_QUALITY = "/api/v1/party/rooms/{roomId}/quality"


@dataclass(frozen=True, slots=True)
class Handlers:
    """Everything that answers."""

    audit: AuditApi
    auth: Auth
    cron: CronWeb
    eventsub: EventSubWebhook
    health: Health
    metrics: MetricsPage
    openapi: Handler
    pages: Pages
    streams: Streams
    twitch: TwitchLogin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The parts of the API that a channel's pages are made of. What is `None` has no routes in this process.

    A new part: a field here, its rows below, one line in `daemon/wiring_api.py`; see docs/api.md.
    """

    account: AccountApi | None = None
    team: TeamApi | None = None
    vips: VipsApi | None = None
    waiting_list: WaitingListApi | None = None
    operations: OperationsApi | None = None
    connection: ConnectionApi | None = None
    rewards: RewardsApi | None = None
    settings: SettingsApi | None = None
    viewers: ViewersApi | None = None
    analytics: AnalyticsApi | None = None
    privacy: PrivacyApi | None = None
    overlay: OverlayStreams | None = None
    party: PartyApi | None = None
    channel_party: ChannelPartyApi | None = None
    party_socket: PartySocket | None = None
    party_quality: PartyQuality | None = None


def table(do: Handlers, api: Api, *, development_login: bool) -> tuple[Route, ...]:
    """All routes. The development login is one of them only where it is asked for."""
    cron = "/api/cron/remove-expired-vips"
    rows = [
        # the pages
        *(Route("GET", path, do.pages.page, Who.PUBLIC, spec=system.PAGE) for path in PATHS),
        *(Route("HEAD", path, do.pages.page, Who.PUBLIC) for path in PATHS),
        *(Route("GET", path, do.pages.party, Who.PUBLIC, spec=system.PAGE) for path in PARTY_PATHS),
        *(Route("HEAD", path, do.pages.party, Who.PUBLIC) for path in PARTY_PATHS),
        Route("GET", "/overlay", do.pages.overlay, Who.PUBLIC, spec=system.PAGE),
        Route("GET", "/static/{path:.+}", do.pages.static, Who.PUBLIC, quiet=True, spec=system.STATIC),
        # signing in
        Route("GET", "/api/auth/session", do.auth.session, Who.PUBLIC, spec=signing_in.SESSION),
        Route("GET", "/api/auth/csrf", do.auth.csrf, Who.SESSION, spec=signing_in.CSRF),
        *_signing_out(do.auth),
        *(_logging_in(do.twitch) if do.twitch is not None else ()),
        # what the page shows
        replace(_gets("/api/ws", do.streams.stream, system.STREAM), rate=Rate.NONE),
        _gets("/api/audit-log", do.audit.page, audit.LIST),
        _gets("/api/audit-log/export", do.audit.export, audit.EXPORT),
        # who calls us
        Route(
            "POST",
            "/api/webhooks/eventsub",
            do.eventsub.receive,
            Who.WEBHOOK,
            body_limit=MAX_BODY,
            spec=system.EVENTSUB,
        ),
        Route("GET", cron, do.cron.remove_expired, Who.CRON, spec=system.CRON),
        Route("POST", cron, do.cron.remove_expired, Who.CRON, body_limit=SMALL, spec=system.CRON),
        # operators
        Route("GET", "/livez", do.health.livez, Who.PUBLIC, quiet=True, spec=system.LIVEZ),
        Route("GET", "/readyz", do.health.readyz, Who.PUBLIC, quiet=True, spec=system.READYZ),
        Route("GET", "/api/health", do.health.health, Who.PUBLIC, quiet=True, spec=system.HEALTH),
        Route("HEAD", "/api/health", do.health.health, Who.PUBLIC, quiet=True),
        Route("GET", "/metrics", do.metrics.metrics, Who.METRICS, quiet=True, spec=system.METRICS),
        Route("GET", "/api/openapi.json", do.openapi, Who.PUBLIC, spec=system.OPENAPI),
        Route("GET", "/api/docs", do.pages.docs, Who.PUBLIC, spec=system.DOCS),
    ]
    if development_login:
        rows.append(
            Route(
                "POST",
                "/api/auth/dev",
                do.auth.development,
                Who.PUBLIC,
                body_limit=SMALL,
                spec=signing_in.DEVELOPMENT,
            )
        )
        rows.append(
            Route(
                "GET",
                "/api/auth/dev",
                do.auth.as_streamer,
                Who.PUBLIC,
                spec=signing_in.DEVELOPMENT_AS,
                rate=Rate.AUTH,
            )
        )
    if api.party_quality is not None:
        seen = api.party_quality.on(do.streams)
        rows.append(replace(_gets(_QUALITY, seen, party.QUALITY, None), rate=Rate.NONE))
    return (*rows, *_parts(api))


def _signing_out(auth: Auth) -> Iterator[Route]:
    for path in ("/api/auth/sign-out", "/api/auth/signout"):
        yield _does("POST", path, auth.sign_out, signing_in.SIGN_OUT, None)
    yield _does(
        "POST",
        "/api/auth/sign-out-everywhere",
        auth.sign_out_everywhere,
        signing_in.SIGN_OUT_EVERYWHERE,
        None,
    )


def _logging_in(twitch: TwitchLogin) -> Iterator[Route]:
    """With the paths that NextAuth has, which the document that we began from names."""
    yield Route("GET", "/api/auth/providers", twitch.providers, Who.PUBLIC, spec=signing_in.PROVIDERS)
    for path in ("/api/auth/sign-in", "/api/auth/signin", "/api/auth/signin/twitch"):
        yield Route("GET", path, twitch.sign_in, Who.PUBLIC, spec=signing_in.SIGN_IN, rate=Rate.AUTH)
    callback = "/api/auth/callback/twitch"
    yield Route("GET", callback, twitch.callback, Who.PUBLIC, spec=signing_in.CALLBACK, rate=Rate.AUTH)
    yield Route(
        "GET", "/api/auth/bot", twitch.bot, Who.SESSION, role=Role.OWNER, spec=signing_in.BOT, rate=Rate.AUTH
    )
    device, poll = "/api/auth/device", "/api/auth/device/poll"
    yield Route("POST", device, twitch.device, Who.PUBLIC, SMALL, spec=signing_in.DEVICE, rate=Rate.AUTH)
    yield Route("POST", poll, twitch.device_poll, Who.PUBLIC, SMALL, spec=signing_in.DEVICE_POLL)


def _accounts(api: Api) -> Iterator[Route]:
    if api.account is not None:
        account = api.account
        yield _gets("/api/account", account.show, accounts.SHOW)
        yield _gets("/api/settings/scopes", account.scopes, accounts.SCOPES)
        yield _does("DELETE", "/api/account/bot", account.remove_bot, accounts.BOT_REMOVE, Role.OWNER)
        yield _does("POST", "/api/account/disconnect", account.disconnect, accounts.DISCONNECT, Role.OWNER)
    if api.team is not None:
        team = api.team
        yield _gets("/api/team", team.list, accounts.TEAM, Role.OWNER)
        yield _does("POST", "/api/team", team.add, accounts.TEAM_ADD, Role.OWNER)
        yield _does("POST", "/api/team/moderators", team.add_moderators, accounts.TEAM_MODERATORS, Role.OWNER)
        yield _does("DELETE", "/api/team/{user_id}", team.remove, accounts.TEAM_REMOVE, Role.OWNER)


def _choices(api: Api) -> Iterator[Route]:
    points, settings, lists = "/api/channel-points", "/api/settings", "/api/viewers"
    if (do := api.rewards) is not None:
        yield _gets(points, do.list, rewards.LIST)
        yield _does("POST", points, do.create, rewards.CREATE, Role.OWNER, MODEST)
        yield _does("PATCH", f"{points}/{{reward_id}}", do.change, rewards.CHANGE, Role.OWNER, MODEST)
        yield _does("DELETE", f"{points}/{{reward_id}}", do.delete, rewards.DELETE, Role.OWNER)
        yield _does("POST", f"{points}/{{reward_id}}/adopt", do.adopt, rewards.ADOPT, Role.OWNER)
    if (chosen := api.settings) is not None:
        yield _gets(settings, chosen.read, preferences.READ)
        yield _does("PATCH", settings, chosen.change, preferences.CHANGE, Role.OWNER, MODEST)
        rotate = f"{settings}/overlay/rotate"
        yield _does("POST", rotate, chosen.rotate_overlay, preferences.ROTATE_OVERLAY, Role.OWNER)
        yield _gets(f"{settings}/messages", chosen.catalogue, preferences.CATALOGUE)
        yield _does("POST", f"{settings}/messages/preview", chosen.preview, preferences.PREVIEW)
        yield _does(
            "POST", f"{settings}/discord/test", chosen.test_discord, preferences.TEST_DISCORD, Role.OWNER
        )
    if (listed := api.viewers) is not None:
        yield _gets(lists, listed.page, viewers.LIST)
        yield _does("PUT", lists, listed.put, viewers.PUT, Role.OWNER)
        yield _gets(f"{lists}/find", listed.find, viewers.FIND)
    if (shown := api.overlay) is not None:
        yield Route("GET", "/api/overlay/stream", shown.stream, Who.PUBLIC, spec=overlay.STREAM)
    if (personal := api.privacy) is not None:
        yield _gets(f"{lists}/{{id}}/export", personal.export, privacy.EXPORT, Role.OWNER)
        yield _does("POST", f"{lists}/{{id}}/erase", personal.erase, privacy.ERASE, Role.OWNER)
    if (counted := api.analytics) is not None:
        yield _gets("/api/analytics", counted.show, analytics.SHOW)


def _parties(do: PartyApi) -> Iterator[Route]:
    root = "/api/v1/party"
    tickets = Route("POST", f"{root}/tickets", do.ticket, Who.PUBLIC, SMALL, spec=party.TICKET)
    yield replace(tickets, rate=Rate.TICKETS)
    yield Route("GET", f"{root}/rooms", do.rooms, Who.PUBLIC, spec=party.ROOMS)
    yield _does("DELETE", f"{root}/rooms/{{roomId}}/invites", do.void_invites, party.VOID, None)


def _parts(api: Api) -> Iterator[Route]:
    yield from _accounts(api)
    yield from _choices(api)
    if api.party is not None:
        yield from _parties(api.party)
    if (held := api.channel_party) is not None:
        root = "/api/v1/party"
        yield _gets(root, held.show, channel_party.SHOW)
        yield _does("POST", root, held.open, channel_party.OPEN)
        yield _does("PATCH", root, held.change, channel_party.CHANGE)
        yield _does("DELETE", root, held.close, channel_party.CLOSE)
        yield _does("POST", f"{root}/invites", held.invite, channel_party.INVITE)
    if api.party_socket is not None:
        yield Route("GET", "/ws/connect", api.party_socket.connect, Who.PUBLIC, spec=party.CONNECT)
    if (do := api.vips) is not None:
        yield _gets("/api/vip", do.page, vips.LIST)
        yield _does("POST", "/api/vip", do.grant, vips.GRANT)
        yield _does("DELETE", "/api/vip", do.revoke, vips.REVOKE)
        yield _does("POST", "/api/vip/extend", do.extend, vips.EXTEND)
        yield _does("POST", "/api/vip/protect", do.protect, vips.PROTECT, Role.OWNER)
    if (waiting := api.waiting_list) is not None:
        yield _gets("/api/waiting-list", waiting.show, vips.WAITING)
        yield _does("DELETE", "/api/waiting-list/{redemption_id}", waiting.let_go, vips.LET_GO)
    if api.operations is not None:
        yield _gets("/api/operations/{id}", api.operations.show, operations.SHOW)
    if (connected := api.connection) is not None:
        yield _gets("/api/connection", connected.show, connection.SHOW)
        yield _does("POST", "/api/connection/restart", connected.restart, connection.RESTART)
        yield _does("POST", "/api/connection/reconcile", connected.reconcile, connection.RECONCILE)


def _gets(path: str, handler: Handler, spec: Spec, role: Role | None = Role.MODERATOR) -> Route:
    """A row that shows something of one channel."""
    return Route("GET", path, handler, Who.SESSION, role=role, spec=spec)


def _does(  # noqa: PLR0917 - read as a row of the table
    method: str,
    path: str,
    handler: Handler,
    spec: Spec,
    role: Role | None = Role.MODERATOR,
    body_limit: int = SMALL,
) -> Route:
    """A row that changes something of one channel."""
    limit = 0 if method == "DELETE" else body_limit
    return Route(method, path, handler, Who.SESSION, body_limit=limit, role=role, spec=spec)
