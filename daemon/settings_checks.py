"""The rules that settings must keep: one by one, and between each other.

Values between variables are judged as they were written, before they are parsed, so that a mistake between
two variables is told together with a mistake in a third.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from daemon.settings_fleet import fleet_rules
from daemon.settings_words import OIDC_EXAMPLES, PRODUCTS, Problem, listed
from handlers.party.issuer_keys import parse


def url(*schemes: str, origin_only: bool = False) -> BeforeValidator:
    """A URL with one of these schemes; the text loses a slash at the end."""
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)

    def check(value: object) -> object:
        text = str(value).strip()
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise ValueError("is not a URL") from None
        if parts.scheme not in schemes or not parts.hostname or port == 0:
            raise ValueError(f"must be a URL that begins with {wanted} and names a host")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must be a URL without user name, query or fragment")
        if origin_only and parts.path not in ("", "/"):
            raise ValueError("must be scheme, host and perhaps port, without a path")
        return text.rstrip("/")

    return BeforeValidator(check)


def dsn() -> BeforeValidator:
    """Where Sentry's protocol is spoken: a URL with a public key and a project's number. No message shows it."""

    def check(value: object) -> object:
        text = str(value).strip()
        try:
            parts = urlsplit(text)
            usable = (
                parts.scheme in {"http", "https"} and parts.hostname and parts.username and parts.port != 0
            )
        except ValueError:
            usable = False
        if not usable or not parts.path.rpartition("/")[2].isdigit() or parts.query or parts.fragment:
            raise ValueError("must be a URL like https://key@host/number")
        return text

    return BeforeValidator(check)


def eventsub_secrets(value: object) -> object:
    """Twitch takes ASCII secrets of 10 to 100 characters (docs/facts/twitch.md)."""
    secrets = listed(value)
    if isinstance(secrets, tuple) and not all(
        isinstance(one, str) and one.isascii() and one.isprintable() and 10 <= len(one) <= 100
        for one in secrets
    ):
        raise ValueError("must be 10 to 100 ASCII characters (several live secrets are separated by commas)")
    return secrets


def is_fernet_key(text: str) -> bool:
    """32 bytes in URL-safe base64, which is what encryption at rest uses."""
    try:
        return len(text) == 44 and len(base64.b64decode(text, altchars=b"-_", validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


def fernet_keys(value: object) -> object:
    """Keys by commas, each of them one that `is_fernet_key`."""
    keys = listed(value)
    if isinstance(keys, tuple) and not all(isinstance(key, str) and is_fernet_key(key) for key in keys):
        raise ValueError("must be keys of 32 bytes in URL-safe base64, newest first, separated by commas")
    return keys


def allowance(value: object) -> object:
    """`120/60`: so many in so many seconds; `off`: as many as one likes, which is a limit of 0."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if text == "off":
        return (0, 60)
    limit, slash, seconds = text.partition("/")
    if not (slash and limit.isdecimal() and seconds.isdecimal() and limit.isascii() and seconds.isascii()):
        raise ValueError("must be a number of requests, a slash and a number of seconds, or off")
    if not (0 < int(limit) <= 1_000_000 and 0 < int(seconds) <= 86_400):
        raise ValueError("must be 1 to 1000000 requests in 1 to 86400 seconds")
    return (int(limit), int(seconds))


def issuer_keys(value: object) -> object:
    """Rows of issuer, algorithm and key by commas; no message shows a key."""
    if not isinstance(value, str):
        return value
    rows = listed(value)
    try:
        parse(value)
    except ValueError as error:
        raise ValueError(f"cannot be used: {error}") from None
    return rows


def origins(value: object) -> object:
    """Origins of other sites by commas, or `*`."""
    parts = listed(value)
    if not isinstance(parts, tuple):
        return parts
    for part in parts:
        split = urlsplit(part) if isinstance(part, str) else None
        if part != "*" and (
            split is None or part != f"{split.scheme}://{split.netloc}" or not split.hostname
        ):
            raise ValueError("must be origins like https://watch.example.org, without a path, or *")
        if split is not None and part != "*" and split.scheme not in ("http", "https"):
            raise ValueError("must be origins that begin with https:// or http://")
    return parts


def networks(value: object) -> object:
    """Addresses and networks by commas."""
    try:
        parts = listed(value)
        if not isinstance(parts, tuple):
            return parts
        return tuple(ipaddress.ip_network(str(one), strict=False) for one in parts)
    except ValueError:
        raise ValueError("must be addresses or networks, separated by commas") from None


def lower(value: object) -> object:
    """Capitals do not matter where there is a fixed choice."""
    return value.strip().lower() if isinstance(value, str) else value


def across(given: Mapping[str, Any]) -> list[Problem]:
    """What is wrong between variables, told from the raw values so that it is told together with the rest."""
    problems = fleet_rules(given)
    on_cloud_run = bool(given.get("k_service"))
    if bool(given.get("cron_oidc_audience")) != bool(given.get("cron_oidc_email")):
        missing = "cron_oidc_email" if given.get("cron_oidc_audience") else "cron_oidc_audience"
        example = OIDC_EXAMPLES[missing]
        problems.append(
            Problem(missing.upper(), "is missing: the audience and the e-mail belong together", example)
        )
    if given.get("metrics_port") and str(given["metrics_port"]) == str(given.get("port", "8080")):
        problems.append(Problem("METRICS_PORT", "is the same as PORT", "9090"))
    problems += _unknown_products(given)
    problems += package_problem(given.get("sentry_dsn"))
    if str(given.get("cuelight_demo", "")).strip().lower() in ("1", "true", "yes", "on", "t", "y"):
        problems += _demo_abroad(given, on_cloud_run=on_cloud_run)
    return problems


def package_problem(dsn_given: object) -> list[Problem]:
    """What is wrong where errors are to be reported and the package for it is not there."""
    if not dsn_given or find_spec("sentry_sdk") is not None:
        return []
    wrong = "is set, and the package for it is not installed. Type: pip install 'cuelight[sentry]'"
    return [Problem("SENTRY_DSN", wrong)]


def _unknown_products(given: Mapping[str, Any]) -> list[Problem]:
    problems = []
    products = listed(given.get("products", PRODUCTS))
    if isinstance(products, tuple) and not {"vip"} <= set(products) <= set(PRODUCTS):
        wrong = "must be vip or vip,party: this release has nothing else, and vip is always there"
        problems.append(Problem("PRODUCTS", wrong, ",".join(PRODUCTS)))
    return problems


def _demo_abroad(given: Mapping[str, Any], *, on_cloud_run: bool) -> list[Problem]:
    wrong = "opens the development login, which lets anybody in"
    if on_cloud_run:
        return [Problem("CUELIGHT_DEMO", f"{wrong}: never on Cloud Run. Remove it")]
    if str(given.get("public_url", "")).strip().lower().startswith("https:"):
        return [Problem("CUELIGHT_DEMO", f"{wrong}: never behind an https PUBLIC_URL. Remove one of them")]
    if not _is_loopback(str(given.get("host", "127.0.0.1"))):
        return [
            Problem("CUELIGHT_DEMO", f"{wrong}: only where HOST is this machine alone. Use HOST=127.0.0.1")
        ]
    return []


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
