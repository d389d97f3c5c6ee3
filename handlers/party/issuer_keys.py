"""The rows of `JWT_ISSUER_KEYS`: who signs tokens, by which algorithm, with which key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

ALGORITHMS: Mapping[str, str] = {
    **dict.fromkeys(("HS256", "HS384", "HS512"), "oct"),
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "EdDSA": "OKP",
}
"""Each algorithm with the kind of key that it takes, as a JWK (RFC 7517) names it."""

SMALLEST_SECRET_BYTES: Mapping[str, int] = {"HS256": 32, "HS384": 48, "HS512": 64}
OWN_ISSUER = "cuelight"
"""Of the tokens that we sign ourselves (`tickets.py`)."""


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """One row: who signs, how, and by which key, as `parse` explains. `source` may be a secret."""

    issuer: str
    alg: str
    source: str = field(repr=False)


def parse(text: str) -> tuple[IssuerKey, ...]:
    """The rows of `JWT_ISSUER_KEYS`, separated by commas; each is issuer, algorithm and key, separated by spaces.

    The key is `https://…` (a JSON Web Key Set), `file:/path/key.pem` (a public key), `secret:…` (the secret itself, at
    least as long as the hash) or `base64:…` (the same in base64, for one with commas or spaces). Raises `ValueError`.
    """
    rows = []
    for number, part in enumerate((one.strip() for one in text.split(",")), 1):
        if not part:
            continue
        words = part.split()
        if len(words) != 3:
            raise ValueError(f"row {number} has to be issuer, algorithm and key, with a space between them")
        issuer, alg, source = words
        if issuer == OWN_ISSUER:
            raise ValueError(f"row {number}: {OWN_ISSUER} is our own name")
        if alg not in ALGORITHMS:
            raise ValueError(f"row {number}: the algorithm has to be one of {', '.join(ALGORITHMS)}")
        is_secret = source.startswith(("secret:", "base64:"))
        if is_secret != alg.startswith("HS"):
            wanted = "secret:… or base64:…" if alg.startswith("HS") else "https://… or file:…"
            raise ValueError(f"row {number}: the key of {alg} has to be {wanted}")
        if is_secret and len(secret_of(source, number)) < SMALLEST_SECRET_BYTES[alg]:
            raise ValueError(
                f"row {number}: a secret of {alg} has {SMALLEST_SECRET_BYTES[alg]} bytes or more"
            )
        if not is_secret and not source.startswith(("https://", "file:")):
            raise ValueError(f"row {number}: the key of {alg} has to be https://… or file:…")
        rows.append(IssuerKey(issuer, alg, source))
    return tuple(rows)


def secret_of(source: str, number: int = 0) -> bytes:
    """The bytes of `secret:…` or `base64:…`. Raises `ValueError`."""
    kind, _, text = source.partition(":")
    if kind == "secret":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"row {number}: what follows base64: is not base64") from None
