"""What every engine of topics measures and refuses in the same way: names, keys, bodies, and the words of a refusal."""

from __future__ import annotations

import json
import secrets
import string
from typing import Any

from domain.errors import Rejected, Unavailable
from gateways.topics.contracts import GuardFailed, PositionLost

MAX_NAME = 256
BATCH = 500  # the most entries that a follower is handed at once

_ALPHABET = string.digits + string.ascii_lowercase
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def random_epoch() -> str:
    """Eight random characters of base 36: two epochs are the same once in 2.8 * 10^12."""
    number, text = secrets.randbelow(36**8), ""
    for _ in range(8):
        number, digit = divmod(number, 36)
        text += _ALPHABET[digit]
    return text


def encode(body: dict[str, Any], *, most: int) -> str:
    """The body as JSON without spaces. Raises `Rejected` for what is no JSON or longer than `most` characters."""
    try:
        text = _encoder.encode(body)
    except (TypeError, ValueError, RecursionError) as error:
        raise Rejected(f"This body is not JSON: {error}.", code="topic.body") from None
    if len(text) > most:
        raise Rejected(
            f"This body is {len(text)} characters, the bound is {most}.", code="topic.body_too_large"
        )
    return text


def check_name(topic: str) -> None:
    """Raises `Rejected` for a topic's name without measure."""
    if not 0 < len(topic) <= MAX_NAME:
        raise Rejected(f"A topic's name has 1 to {MAX_NAME} characters.", code="topic.name")


def check_key(key: str) -> None:
    """Raises `Rejected` for a key without measure."""
    if not 0 < len(key) <= MAX_NAME:
        raise Rejected(f"A key has 1 to {MAX_NAME} characters.", code="topic.key")


def guard_failed(rev: int, guard: int) -> GuardFailed:
    """For who decided on `guard` while the topic was at `rev`."""
    return GuardFailed(
        f"The topic is at rev {rev}, not {guard}.", advice="Read what is new, then decide again."
    )


def lost() -> PositionLost:
    """For who asks for entries after a position that is gone."""
    return PositionLost("The entries after this position are gone.", advice="Begin from a snapshot.")


def closed() -> Unavailable:
    """For who comes after the end."""
    return Unavailable("The topics are closed.", code="topic.closed", advice="Connect again.")
