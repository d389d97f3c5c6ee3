"""`/api/cron/…`: what a scheduler outside may trigger, and how it proves who it is.

Either the shared secret (`Authorization: Bearer` or `X-Cron-Secret`), or an OpenID Connect token that Google signed for
the service account of Cloud Scheduler. A public Cloud Run service skips IAM, so the token is checked here
(https://cloud.google.com/scheduler/docs/http-target-auth). With neither configured nobody gets in.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from aiohttp import web

from domain.errors import Denied
from domain.ports import Clock
from web.answers import json_answer
from web.ports import Cron, FetchKeys

GOOGLE_KEYS_URL = "https://www.googleapis.com/oauth2/v3/certs"
GOOGLE_ISSUERS = ("https://accounts.google.com", "accounts.google.com")

KEYS_SECONDS = 3600.0  # Google rotates every few days and announces a new key well before it signs with it
REFETCH_SECONDS = 60.0  # an unknown key id makes us look again, but not more often than this
LEEWAY_SECONDS = 60
_MAX_TOKEN = 8192


@dataclass(frozen=True, slots=True)
class OidcRule:
    """Whose tokens are welcome: issued for this audience, to this service account."""

    audience: str
    email: str


class CronAuth:
    """Decides whether a caller may trigger cron work."""

    def __init__(
        self,
        *,
        clock: Clock,
        secret: str | None = None,
        oidc: OidcRule | None = None,
        fetch_keys: FetchKeys | None = None,
    ) -> None:
        self._clock = clock
        self._secret = secret.encode() if secret else None
        self._oidc = oidc
        self._keys = _Keys(clock, fetch_keys) if oidc and fetch_keys else None

    async def check(self, headers: Mapping[str, str]) -> None:
        """Return if the caller is welcome; raises `Denied`, or `Unavailable` if Google's keys cannot be fetched."""
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        if self._secret is not None:
            for given in (bearer, headers.get("X-Cron-Secret", "")):
                if hmac.compare_digest(given.encode("utf-8", "replace"), self._secret):
                    return
        if self._oidc is not None and self._keys is not None and bearer.count(".") == 2:
            await self._check_token(bearer, self._oidc, self._keys)
            return
        raise _denied()

    async def _check_token(self, token: str, rule: OidcRule, keys: _Keys) -> None:
        if len(token) > _MAX_TOKEN or not token.isascii():
            raise _denied()
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != "RS256":
                raise _denied()
            key = await keys.get(str(header.get("kid", "")))
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=rule.audience,
                issuer=GOOGLE_ISSUERS,
                options={
                    "require": ["exp", "iat", "aud", "iss"],
                    # PyJWT would read the clock by itself; times are judged below.
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            now = self._clock.now() // 1000
            in_time = int(claims["exp"]) > now - LEEWAY_SECONDS and int(claims["iat"]) < now + LEEWAY_SECONDS
        except (jwt.PyJWTError, TypeError, ValueError):
            raise _denied() from None
        if not in_time or claims.get("email") != rule.email or claims.get("email_verified") is not True:
            raise _denied()


class _Keys:
    """Google's public keys, fetched when first needed and kept for an hour."""

    def __init__(self, clock: Clock, fetch: FetchKeys) -> None:
        self._clock = clock
        self._fetch = fetch
        self._lock = asyncio.Lock()
        self._known: dict[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None

    async def get(self, kid: str) -> jwt.PyJWK:
        async with self._lock:  # of callers at the same time one fetches
            age = None if self._fetched_at is None else self._clock.monotonic() - self._fetched_at
            if age is None or age > (REFETCH_SECONDS if kid not in self._known else KEYS_SECONDS):
                self._known = _read(await self._fetch())
                self._fetched_at = self._clock.monotonic()
            if kid not in self._known:
                raise _denied()
            return self._known[kid]


def _read(document: dict[str, Any]) -> dict[str, jwt.PyJWK]:
    known: dict[str, jwt.PyJWK] = {}
    keys = document.get("keys")
    for row in keys if isinstance(keys, list) else []:
        if isinstance(row, dict) and row.get("kty") == "RSA" and row.get("kid"):
            try:
                known[str(row["kid"])] = jwt.PyJWK(row, algorithm="RS256")
            except jwt.PyJWTError:
                continue  # one key that cannot be read does not make the others useless
    return known


class CronWeb:
    """The endpoints; who may call them is decided by the guard of the route."""

    def __init__(self, *, cron: Cron) -> None:
        self._cron = cron

    async def remove_expired(self, request: web.Request) -> web.Response:
        """GET or POST `/api/cron/remove-expired-vips`. Schedulers deliver at least once; twice does no harm."""
        return json_answer(await self._cron.remove_expired())


def _denied() -> Denied:
    return Denied(
        "This caller may not trigger scheduled work.",
        code="cron.denied",
        advice="Send CRON_SECRET as bearer token or X-Cron-Secret, or a Google OIDC token of the configured account.",
    )
