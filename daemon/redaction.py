"""What must not be read in a log. Pure functions, used by the one log processor and by nothing else.

Two nets: keys whose name says that the value is secret, and text that looks like a credential wherever it
stands.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "[redacted]"
DEEPEST = 8
LONGEST = 16_000  # characters of one text; Google Cloud Logging refuses entries over 256 KiB

# Parts of names (split at punctuation and at capitals) that make the value secret.
SECRET_PARTS = frozenset(
    {
        "token", "tokens", "secret", "secrets", "authorization", "authorisation", "cookie", "cookies", "password",
        "passwd", "passphrase", "credential", "credentials", "bearer", "jwt", "signature", "apikey", "privatekey",
        "otp", "pin",
    }
)  # fmt: skip
# Two-part names, since "key" alone is mostly a harmless dictionary key and "code" mostly an error code.
SECRET_PAIRS = frozenset(
    {
        ("api", "key"), ("private", "key"), ("encryption", "key"), ("encryption", "keys"), ("signing", "key"),
        ("session", "id"), ("session", "key"), ("access", "key"), ("secret", "key"), ("device", "code"),
        ("authorization", "code"), ("auth", "code"), ("client", "key"), ("refresh", "key"),
    }
)  # fmt: skip
# Names that contain such a part and are harmless: counts, kinds, times.
HARMLESS = frozenset(
    {
        "token_type",
        "tokens_left",
        "token_expires_at",
        "token_expires_in",
        "keys_made",
        "key_number",
        "secret_number",
    }
)

_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
# Each keeps what says what it was and hides the rest. All are linear in the length of the text.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(bearer|oauth|basic)([ :]+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1\2{HIDDEN}"),
    (re.compile(r"\boauth:[A-Za-z0-9]{8,}", re.IGNORECASE), f"oauth:{HIDDEN}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), HIDDEN),
    (re.compile(r"\bsha256=[0-9a-fA-F]{16,}"), f"sha256={HIDDEN}"),
    (re.compile(r"\b(whsec_|whsk_|sk_live_|sk_test_|gAAAAA)[A-Za-z0-9_+/=-]{8,}"), rf"\1{HIDDEN}"),
    (
        re.compile(
            r"(?i)\b((?:access_|refresh_|id_)?token|client_secret|secret|password|api_?key|(?<=[?&])(?:code|state|challenge))"
            r"([\"']?\s*[=:]\s*[\"']?)([^\s\"'&,;}]{6,})"
        ),
        rf"\1\2{HIDDEN}",
    ),
    # A URL with a user name and password in it.
    (re.compile(r"\b([a-z][a-z0-9+.-]{1,15}://)[^\s/@:]{0,200}:[^\s/@]{1,200}@"), rf"\1{HIDDEN}@"),
)
# Cheap test before the expensive ones: none of the shapes can match without one of these.
_HINT = re.compile(
    r"(?i)bearer|oauth|basic|eyJ|sha256=|whs|sk_|gAAAAA|token|secret|password|api_?key|[?&]|://"
)


def is_secret_name(name: str) -> bool:
    """Whether a value under this name must be hidden."""
    if name in HARMLESS:
        return False
    parts = [part.lower() for part in _SPLIT.split(name) if part]
    if any(part in SECRET_PARTS for part in parts):
        return True
    return any(pair in SECRET_PAIRS for pair in itertools.pairwise(parts))


def redact_text(text: str) -> str:
    """The text without anything that looks like a credential, cut where it is very long."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({len(text) - LONGEST} characters more)"
    if not _HINT.search(text):
        return text
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


def redact(value: Any, *, depth: int = 0) -> Any:
    """A copy of a value of any shape in which secrets are hidden. Deep nests are cut, foreign objects become text."""
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {
            str(key): HIDDEN if _hides(str(key), item) else redact(item, depth=depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth=depth + 1) for item in value]
    if isinstance(value, bytes | bytearray):
        return redact_text(bytes(value[:2000]).decode("utf-8", "backslashreplace"))
    return redact_text(str(value))


def _hides(name: str, value: Any) -> bool:
    # Nothing, yes and no are not secrets, and "which secret was it" is worth knowing.
    return (
        is_secret_name(name)
        and value is not None
        and not isinstance(value, bool)
        and value not in ("", HIDDEN)
    )
