"""Whose tokens are believed: the JSON Web Tokens (RFC 7519) of the issuers of `JWT_ISSUER_KEYS`, and our own.

The algorithm is fixed with each key and never taken from a token, so that a public key is never used as a secret (RFC
8725 section 2.1). A token that is not good is refused without a word about why.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from domain.errors import Denied, Rejected, Unavailable
from domain.ports import Clock
from handlers.party.issuer_keys import ALGORITHMS, IssuerKey, secret_of

KINDS: Mapping[str, type[Any]] = {
    "oct": bytes,
    "RSA": RSAPublicKey,
    "EC": EllipticCurvePublicKey,
    "OKP": Ed25519PublicKey,
}
"""Kinds of keys as a JWK names them."""

LONGEST_TOKEN = 8192
LONGEST_SUBJECT = 128
LEEWAY_SECONDS = 30
SMALLEST_RSA_BITS = 2048
KEYS_SECONDS = 3600.0
REFETCH_SECONDS = 60.0
MOST_KEYS = 50

log = structlog.get_logger(__name__)

Fetch = Callable[[str], Awaitable[Any]]
"""Reads the JSON at a URL; raises `Unavailable` when it cannot."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good token says. `subject` is unique within `issuer`."""

    issuer: str
    subject: str
    name: str


class Issuers:
    """Verifies tokens. `audience`: what they have to be for; "" for tokens of any audience, or none."""

    def __init__(
        self, rows: Sequence[IssuerKey], *, clock: Clock, fetch: Fetch | None = None, audience: str = ""
    ) -> None:
        """Raises `Rejected` (`party.issuer_key`) for a file that holds no key of the row's algorithm."""
        self._clock, self._audience = clock, audience
        self._keys: dict[str, list[tuple[str, _Key]]] = {}
        for row in rows:
            self._keys.setdefault(row.issuer, []).append((row.alg, _key_of(row, clock, fetch)))

    async def verify(self, token: str) -> Claims:
        """Whom a token is about. Raises `Denied` (`party.unauthorized`), and `Unavailable` while the keys of its issuer
        cannot be read."""
        if len(token) > LONGEST_TOKEN or not token.isascii() or token.count(".") != 2:
            raise unauthorized()
        try:
            header = jwt.get_unverified_header(token)
            said = jwt.decode(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise unauthorized() from None
        issuer = said.get("iss")
        if "crit" in header or not isinstance(issuer, str):
            raise unauthorized()
        for alg, held in self._keys.get(issuer, ()):
            if header.get("alg") != alg:
                continue
            for key in await held.candidates(header.get("kid")):
                claims = self._read(token, alg, key, issuer)
                if claims is not None:
                    return claims
        raise unauthorized()

    def _read(self, token: str, alg: str, key: Any, issuer: str) -> Claims | None:
        try:
            found = jwt.decode(
                token,
                key,
                algorithms=[alg],
                issuer=issuer,
                audience=self._audience or None,
                options={
                    "require": ["iss", "sub", "exp", *(["aud"] if self._audience else [])],
                    "verify_aud": bool(self._audience),
                    # PyJWT would read the clock by itself; times are judged below.
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return None
        if not self._is_in_time(found):
            return None
        subject = found["sub"]
        if (
            not isinstance(subject, str)
            or not 0 < len(subject) <= LONGEST_SUBJECT
            or not subject.isprintable()
        ):
            return None
        return Claims(issuer, subject, _name(found))

    def _is_in_time(self, found: Mapping[str, Any]) -> bool:
        now = self._clock.now() / 1000
        ends, begins, made = found["exp"], found.get("nbf", 0), found.get("iat", 0)
        if not all(
            isinstance(one, int | float) and not isinstance(one, bool) for one in (ends, begins, made)
        ):
            return False
        if not all(math.isfinite(one) for one in (ends, begins, made)):
            return False
        return bool(ends > now - LEEWAY_SECONDS and max(begins, made) <= now + LEEWAY_SECONDS)


def subject_of(issuer: str, subject: str) -> str:
    """Somebody of another issuer, as rooms name him: never the name of somebody who signed in here."""
    return f"jwt-{hashlib.sha256(issuer.encode()).hexdigest()[:12]}:{subject}"


def unauthorized() -> Denied:
    """One answer for everything that is not good."""
    return Denied(
        "This credential is not good, or no longer.", code="party.unauthorized", advice="Sign in again."
    )


def _name(found: Mapping[str, Any]) -> str:
    for claim in ("name", "userName", "preferred_username", "nickname"):
        value = found.get(claim)
        if isinstance(value, str) and value.strip():
            return value[:200]
    return ""


# -- where keys come from -----------------------------------------------------------------------------------------


class _Key:
    """A key that never changes."""

    def __init__(self, key: Any) -> None:
        self._key = key

    async def candidates(self, kid: object) -> Sequence[Any]:
        return (self._key,)


class _KeySet(_Key):
    """The keys at a URL, fetched when first needed, kept for an hour; one that is not known makes us look again, at
    most once a minute. While the issuer does not answer, what was known counts."""

    def __init__(self, url: str, *, alg: str, clock: Clock, fetch: Fetch) -> None:
        self._url, self._alg, self._clock, self._fetch = url, alg, clock, fetch
        self._lock = asyncio.Lock()
        self._known: dict[str, Any] = {}
        self._asked_at: float | None = None

    async def candidates(self, kid: object) -> Sequence[Any]:
        name = kid if isinstance(kid, str) else ""
        async with self._lock:  # of callers at the same time one fetches
            age = None if self._asked_at is None else self._clock.monotonic() - self._asked_at
            if age is None or age > (KEYS_SECONDS if name in self._known else REFETCH_SECONDS):
                await self._refresh()
        if name:
            return (self._known[name],) if name in self._known else ()
        return tuple(self._known.values())

    async def _refresh(self) -> None:
        self._asked_at = self._clock.monotonic()
        try:
            self._known = _keys_in(await self._fetch(self._url), self._alg)
        except Unavailable as error:
            log.warning("party.issuer_keys", url=self._url, code=error.code, known=len(self._known))
            if not self._known:
                self._asked_at = None
                raise


def _key_of(row: IssuerKey, clock: Clock, fetch: Fetch | None) -> _Key:
    if row.source.startswith("https://"):
        if fetch is None:
            raise _bad_key(row, "there is no way to fetch it")
        return _KeySet(row.source, alg=row.alg, clock=clock, fetch=fetch)
    if not row.source.startswith("file:"):
        return _Key(secret_of(row.source))
    path = Path(row.source.removeprefix("file:"))
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise _bad_key(row, f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _bad_key(row, f"{path} holds no public key in PEM") from error
    if not _fits(key, row.alg):
        raise _bad_key(row, f"{path} holds a key of another kind, or one that is too short")
    return _Key(key)


def _fits(key: Any, alg: str) -> bool:
    if not isinstance(key, KINDS[ALGORITHMS[alg]]):
        return False
    return not isinstance(key, RSAPublicKey) or key.key_size >= SMALLEST_RSA_BITS


def _keys_in(document: Any, alg: str) -> dict[str, Any]:
    rows = document.get("keys") if isinstance(document, dict) else None
    known: dict[str, Any] = {}
    for number, row in enumerate(rows[:MOST_KEYS] if isinstance(rows, list) else []):
        if not isinstance(row, dict) or row.get("kty") != ALGORITHMS[alg] or row.get("use", "sig") != "sig":
            continue
        if row.get("alg", alg) != alg:
            continue
        try:
            key = jwt.PyJWK(row, algorithm=alg).key
        except (jwt.PyJWTError, ValueError, TypeError):
            continue  # one key that cannot be read does not make the others useless
        if _fits(key, alg):
            known[str(row.get("kid") or f"#{number}")] = key
    return known


def _bad_key(row: IssuerKey, why: str) -> Rejected:
    return Rejected(
        f"The key of {row.issuer} in JWT_ISSUER_KEYS cannot be used: {why}.",
        code="party.issuer_key",
        advice="Name a public key of that algorithm, in PEM or by the address of a key set.",
    )
