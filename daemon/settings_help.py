"""The settings, told to people: `.env.example` and `cuelight check`. Written from the fields themselves."""

from __future__ import annotations

import textwrap
from pathlib import Path

from pydantic import SecretStr

from daemon.settings import Settings

HEAD = """\
# Settings of Cuelight. Copy this file to .env and fill in what has no default; the environment wins over .env.
# Lines that begin with "#" show the default or an example. `cuelight check` says whether all is well.
# Written by `cuelight settings example`.
"""
APPLICATION = "Your Twitch application: these two are needed (`cuelight setup` fills them in)"
# Heading → variables, in the order of the file. A test holds it complete.
CHAPTERS: dict[str, tuple[str, ...]] = {
    APPLICATION: ("TWITCH_CLIENT_ID", "TWITCH_CLIENT_SECRET"),
    "The process": (
        "HOST", "PORT", "PUBLIC_URL", "TRUSTED_PROXIES", "DATA_DIR", "STORAGE_MAX_BYTES", "WORKERS", "PRODUCTS",
        "ROLES", "QUOTA_CHANNEL_EVENTS_PER_MINUTE", "QUOTA_CHANNEL_WAITING",
        "QUOTA_CHANNEL_VIEWERS",
    ),
    "How long things are kept": (
        "RETENTION_INBOX_DAYS", "RETENTION_HISTORY_DAYS", "RETENTION_AUDIT_DAYS", "RETENTION_MAX_DOCUMENTS",
    ),
    "A fleet: one program on many machines": (
        "MONGO_URL", "REDIS_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD",
    ),
    "More about Twitch": (
        "TWITCH_BOT_ID", "TWITCH_EVENTSUB_SECRET", "EVENTSUB_TRANSPORT", "CONDUIT_SHARDS", "TWITCH_API_URL",
        "TWITCH_ID_URL", "TWITCH_EVENTSUB_URL", "STREAM_GRACE_SECONDS",
    ),
    "Discord": ("DISCORD_URL",),
    "Watch parties": (
        "JWT_ISSUER_KEYS", "JWT_AUDIENCE", "PARTY_ORIGINS", "PARTY_JOINS_PER_ADDRESS", "PARTY_ACCEPTS_PER_SECOND",
        "PARTY_MAX_VIEWERS", "PARTY_BUFFER_BYTES",
    ),
    "Keys and doors": (
        "ENCRYPTION_KEYS", "SESSION_SECRET", "CRON_SECRET", "CRON_OIDC_AUDIENCE", "CRON_OIDC_EMAIL", "METRICS_TOKEN",
        "METRICS_PORT", "ALLOWED_CHANNELS", "RATE_LIMIT_AUTH", "RATE_LIMIT_WRITES", "RATE_LIMIT_READS",
        "RATE_LIMIT_WEBHOOKS",
    ),
    "Logs and errors": ("LOG_LEVEL", "LOG_FORMAT", "GOOGLE_CLOUD_PROJECT", "SENTRY_DSN"),
    "Not for this file": ("K_SERVICE", "CLOUD_RUN_WORKER_POOL", "CUELIGHT_DEMO", "STORAGE_COMMIT_MS"),
}  # fmt: skip
NEEDED = CHAPTERS[APPLICATION]


def env_example() -> str:
    """The text of `.env.example`."""
    blocks = [HEAD]
    for heading, names in CHAPTERS.items():
        blocks.append(f"# ---- {heading} ----\n")
        for name in names:
            field = Settings.model_fields[name.lower()]
            about = textwrap.fill(field.description or "", 110, initial_indent="# ", subsequent_indent="# ")
            example = str((field.examples or [""])[0])
            line = f"{name}=" if name in NEEDED else f"#{name}={example}"
            blocks.append(f"{about}\n{line}\n")
    return "\n".join(blocks)


def described(settings: Settings) -> dict[str, str]:
    """Every variable and its value, in the order of `.env.example`; of secrets only whether they are set."""
    return {name: _told(getattr(settings, name.lower())) for names in CHAPTERS.values() for name in names}


def _told(value: object) -> str:
    if value is None or value == ():
        return "(not set)"
    if isinstance(value, SecretStr):
        return "(set)"
    if isinstance(value, tuple):
        return "(set)" if isinstance(value[0], SecretStr) else ",".join(str(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.as_posix() if isinstance(value, Path) else str(value)
