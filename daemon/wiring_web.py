"""What the web layer is told of the settings, and the two things that it asks of the world."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from daemon.settings import Settings
from domain.errors import Unavailable
from gateways.http import HttpClient
from web.app import WebSettings
from web.cron import GOOGLE_KEYS_URL, OidcRule


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
        only_health="web" not in settings.roles,
        works="worker" in settings.roles,
    )


async def google_keys(http: HttpClient) -> dict[str, Any]:
    """Google's public keys, by which the tokens of Cloud Scheduler are verified."""
    answer = await http.request("GET", GOOGLE_KEYS_URL, guard="public")
    keys = answer.json()
    if not isinstance(keys, dict):
        raise Unavailable("Google's keys could not be read.", code="cron.keys")
    return keys
