"""Tells a Discord channel something through a webhook that its owner made there.

The address is a secret of that channel: whoever has it may write. It is in no log and in no error.
Source: Discord developer documentation, "Execute Webhook" and "Rate Limits" (docs/facts/discord.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from domain.errors import CuelightError
from gateways.http import Answer, HttpClient, HttpForbidden, HttpUnreachable

WAIT_SECONDS = 5.0  # where Discord does not say how long
MOST_WAIT_SECONDS = 3600.0
MOST_ANSWER_BYTES = 64 * 1024


class Told(StrEnum):
    """Answers to "say this on Discord"."""

    SENT = "sent"  # 204, or 200 with the message
    GONE = "gone"  # 401, 403, 404: the webhook was deleted
    WAIT = "wait"  # 429: not said, try again after `seconds`
    REFUSED = "refused"  # any other 4xx, a redirect: the same again would be refused again
    UNREACHED = "unreached"  # no connection: certainly not said
    DOWN = "down"  # 5xx, no answer in time: perhaps said


@dataclass(frozen=True, slots=True)
class DiscordAnswer:
    """`seconds`: how long to wait. `detail`: a few words for people, without the address."""

    outcome: Told
    detail: str = ""
    seconds: float = 0.0


class Discord:
    """`origin` (`scheme://host:port`, set by the operator) is called in place of Discord's own hosts; empty: those."""

    def __init__(self, *, http: HttpClient, origin: str = "") -> None:
        self._http, self._origin = http, origin.rstrip("/")

    async def send(self, url: str, embed: Mapping[str, Any]) -> DiscordAnswer:
        """Post one embed. Every end is an answer; nothing is raised. No redirects are followed, and no private address
        is called; nobody is pinged, whatever a viewer calls himself."""
        target = f"{self._origin}{urlsplit(url).path}" if self._origin else url
        try:
            answer = await self._http.request(
                "POST",
                target,
                json_body={"embeds": [dict(embed)], "allowed_mentions": {"parse": []}},
                guard="trusted" if self._origin else "public",
                max_bytes=MOST_ANSWER_BYTES,
            )
        except HttpForbidden:
            return DiscordAnswer(Told.REFUSED, "The address leads somewhere else than to Discord.")
        except HttpUnreachable:
            return DiscordAnswer(Told.UNREACHED, "Discord cannot be reached.", WAIT_SECONDS)
        except CuelightError:
            return DiscordAnswer(Told.DOWN, "Discord did not answer.", WAIT_SECONDS)
        return _judge(answer)


def _judge(answer: Answer) -> DiscordAnswer:
    match answer.status:
        case 200 | 204:
            return DiscordAnswer(Told.SENT)
        case 401 | 403 | 404:
            return DiscordAnswer(Told.GONE, "The webhook does not exist any more.")
        case 429:
            return DiscordAnswer(Told.WAIT, "Discord wants us to wait.", _seconds(answer))
        case status if status >= 500:
            return DiscordAnswer(Told.DOWN, f"Discord answered {status}.", WAIT_SECONDS)
        case status:
            return DiscordAnswer(Told.REFUSED, f"Discord answered {status}.")


def _seconds(answer: Answer) -> float:
    """How long Discord wants us to wait: seconds in the body, or in the header."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    for value in (
        body.get("retry_after") if isinstance(body, dict) else None,
        answer.headers.get("Retry-After"),
    ):
        try:
            seconds = float(value) if value is not None else 0.0
        except (TypeError, ValueError):
            continue
        if 0 < seconds < float("inf"):
            return min(MOST_WAIT_SECONDS, seconds)
    return WAIT_SECONDS
