"""One daemon or many: what MONGO_URL, REDIS_URL and ROLES may be together, each refusal with its sentence.

Alone: SQLite, everything in one process. Fleet: MongoDB keeps, Redis connects. MongoDB without Redis serves one daemon
only; that there is no second one is seen at the start (`storage/daemons.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import BeforeValidator

from daemon.settings_words import ROLES, Problem, listed


def secret_url(*schemes: str) -> BeforeValidator:
    """A URL that may hold a password, so that no message shows it."""
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)

    def check(value: object) -> object:
        if not isinstance(value, str):
            return value
        text = value.strip()
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port if "," not in parts.netloc else 1
        except ValueError:
            raise ValueError("is not a URL") from None
        if parts.scheme not in schemes or not host or port == 0:
            raise ValueError(f"must be a URL that begins with {wanted} and names a host")
        return text

    return BeforeValidator(check)


def redis_address(url: str | None, host: str | None, port: int, password: str | None) -> str | None:
    """The one URL of Redis: REDIS_URL wins over REDIS_HOST, REDIS_PORT and REDIS_PASSWORD."""
    if url or not host:
        return url
    secret = f":{quote(password, safe='')}@" if password else ""
    return f"redis://{secret}[{host}]:{port}" if ":" in host else f"redis://{secret}{host}:{port}"


def fleet_rules(given: Mapping[str, Any]) -> list[Problem]:
    """What is wrong between the variables of a fleet."""
    mongo = bool(given.get("mongo_url"))
    redis = "redis_url" if given.get("redis_url") else "redis_host" if given.get("redis_host") else ""
    on_cloud_run = bool(given.get("k_service"))
    problems = []
    if redis and not mongo:
        problems.append(
            Problem(
                redis.upper(),
                "is set and MONGO_URL is not: several daemons cannot share a SQLite file. Set MONGO_URL too, or"
                " remove it to run one daemon alone",
            )
        )
    if given.get("redis_password") and not redis:
        problems.append(Problem("REDIS_PASSWORD", "is set without REDIS_HOST", "…"))
    if on_cloud_run and not mongo:
        problems.append(
            Problem(
                "MONGO_URL",
                "is missing: this is Cloud Run (K_SERVICE is set), where the disk is lost with each instance, so"
                " SQLite would lose what it promised to keep",
                "mongodb+srv://user:password@cluster.example.net/cuelight",
            )
        )
    if on_cloud_run and mongo and not redis:
        problems.append(
            Problem(
                "REDIS_URL",
                "is missing: on Cloud Run two instances overlap at each deploy, and without Redis they cannot agree",
                "redis://10.0.0.3:6379",
            )
        )
    for name, example in (("encryption_keys", "…"), ("session_secret", "…")):
        if (on_cloud_run or mongo) and not given.get(name):
            why = (
                "on Cloud Run, where nothing made on disk stays"
                if on_cloud_run
                else "with MONGO_URL: each daemon would make its own and could not read what another one sealed"
            )
            problems.append(Problem(name.upper(), f"must be given {why}", example))
    return problems + _roles(given, fleet=mongo and bool(redis))


def _roles(given: Mapping[str, Any], *, fleet: bool) -> list[Problem]:
    roles = listed(given.get("roles", ROLES))
    if not isinstance(roles, tuple):
        return []
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles or len(set(roles)) != len(roles):
        wrong = f"must name one or more of {', '.join(ROLES)}, each once"
        return [Problem("ROLES", wrong, ",".join(ROLES))]
    if not fleet and set(roles) != set(ROLES):
        wrong = (
            "leaves out parts that nobody else can run: that needs MONGO_URL and REDIS_URL. Name all of them"
        )
        return [Problem("ROLES", wrong, ",".join(ROLES))]
    return []
