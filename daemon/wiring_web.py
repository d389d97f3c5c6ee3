"""Joins the web layer: what it is told of the settings, and what it asks of everybody else."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import Any

from daemon.loop_probe import LoopProbe
from daemon.metrics import PrometheusMetrics
from daemon.settings import Settings
from daemon.wiring_accounts import Accounts, account_api, team_api
from daemon.wiring_api import build_api
from daemon.wiring_channel_party import channel_party_api
from daemon.wiring_choices import with_choices
from daemon.wiring_handlers import Desk
from daemon.wiring_outside import Outside
from daemon.wiring_party import Served
from daemon.wiring_privacy import privacy_api
from daemon.wiring_shared import Shared
from daemon.wiring_store import Kept
from domain.errors import Unavailable
from domain.ports import Checkpoint
from gateways.http import HttpClient
from handlers.vip.channels import Enrolment
from handlers.vip.live import VERSIONS
from handlers.vip.views import Views
from handlers.vip.who import Who
from web.app import WebApp, WebSettings, build_app
from web.cron import GOOGLE_KEYS_URL, OidcRule
from web.keys import Rate
from web.limits import Allowance


def web_settings(settings: Settings, *, session_secret: str) -> WebSettings:
    """The part of the settings that the web layer knows."""
    oidc = None
    if settings.cron_oidc_audience and settings.cron_oidc_email:
        oidc = OidcRule(audience=settings.cron_oidc_audience, email=settings.cron_oidc_email)
    return WebSettings(
        public_url=settings.base_url,
        session_secret=session_secret,
        version=version("cuelight"),
        eventsub_secrets=[
            (f"eventsub-{number}", secret.get_secret_value().encode())
            for number, secret in enumerate(settings.twitch_eventsub_secret, 1)
        ],
        cron_secret=settings.cron_secret.get_secret_value() if settings.cron_secret else None,
        cron_oidc=oidc,
        metrics_token=settings.metrics_token.get_secret_value() if settings.metrics_token else None,
        trusted_proxies=settings.trusted_proxies,
        development_login=settings.development_login,
        on_cloud_run=bool(settings.k_service),
        rate_limits=rate_limits(settings),
        only_health="web" not in settings.roles,
        works="worker" in settings.roles,
    )


def rate_limits(settings: Settings) -> dict[Rate, Allowance]:
    """How often somebody may ask, as the operator wrote it."""
    return {
        Rate.AUTH: Allowance(*settings.rate_limit_auth),
        Rate.WRITES: Allowance(*settings.rate_limit_writes),
        Rate.READS: Allowance(*settings.rate_limit_reads),
        Rate.WEBHOOKS: Allowance(*settings.rate_limit_webhooks),
        Rate.TICKETS: Allowance(settings.party_joins_per_address, 60),
    }


def build_web(
    settings: Settings,
    *,
    kept: Kept,
    shared: Shared,
    desk: Desk,
    outside: Outside,
    accounts: Accounts,
    enrolment: Enrolment,
    probe: LoopProbe,
    metrics: PrometheusMetrics,
    checkpoint: Checkpoint,
    served: Served | None = None,
) -> WebApp:
    """Join the web layer with what this process has. `served`: its watch parties."""
    repositories = desk.repositories
    views = Views(
        channels=repositories.channels,
        audit=repositories.audit,
        viewers=repositories.viewers,
        who=Who(helix=outside.helix),
    )
    return build_app(
        settings=web_settings(settings, session_secret=kept.session_secret),
        clock=shared.clock,
        metrics=metrics,
        topics=shared.topics,
        sink=desk.eventsub,
        snapshots=desk.live,
        channels=views,
        logins=accounts.parts.logins,
        newcomers=accounts.admission,
        twitch=accounts.login,
        cron=desk.expiries,
        audit=views,
        storage=kept.store,
        backlog=repositories.inbox,
        loop_probe=probe,
        exposition=metrics,
        fetch_keys=lambda: google_keys(outside.http),
        checks=shared.checks,
        versions=VERSIONS,
        api=replace(
            with_choices(
                build_api(settings, desk=desk, outside=outside, shared=shared, enrolment=enrolment),
                settings=settings,
                kept=kept,
                desk=desk,
                outside=outside,
                shared=shared,
                enrolment=enrolment,
                metrics=metrics,
            ),
            account=account_api(accounts, desk=desk, outside=outside, shared=shared),
            team=team_api(accounts),
            privacy=privacy_api(accounts.privacy, desk=desk),
            party=served.api if served else None,
            channel_party=channel_party_api(served, desk=desk) if served else None,
            party_socket=served.socket if served else None,
            party_quality=served.quality if served else None,
        ),
        checkpoint=checkpoint,
    )


async def google_keys(http: HttpClient) -> dict[str, Any]:
    """Google's public keys, by which the tokens of Cloud Scheduler are verified."""
    answer = await http.request("GET", GOOGLE_KEYS_URL, guard="public")
    try:
        keys = answer.json()
    except ValueError:
        keys = None
    if answer.status != 200 or not isinstance(keys, dict):
        raise Unavailable(f"Google's keys could not be read ({answer.status}).", code="cron.keys")
    return keys
