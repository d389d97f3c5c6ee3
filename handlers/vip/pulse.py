"""How the events of each channel come in: when the last of each type did, and how long it had taken.

Counting costs nothing while events come; what is new is written every fifteen seconds at most, by each process for the
channels that it heard of. `Listening` stands before the intake, whatever brings the events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from domain.errors import CuelightError
from domain.events import Arrival, Malformed, parse_time
from domain.ports import Clock
from handlers.eventsub import EventSubIntake
from storage.pulses import HeardOf, Pulse, Pulses, with_events

log = structlog.get_logger(__name__)

WRITE_SECONDS = 15.0
MOST_TYPES = 40  # per channel: only what is subscribed comes, but the type is not ours to choose
_STAMP = "twitch-eventsub-message-timestamp"


@dataclass(slots=True)
class _News:
    at: int = 0
    lag_ms: int = 0
    heard: dict[str, HeardOf] = field(default_factory=dict)


class PulseKeeper:
    """Hears in memory, writes now and then; `run` is to be run in every process that takes events in."""

    def __init__(self, *, pulses: Pulses, clock: Clock) -> None:
        self._pulses, self._clock = pulses, clock
        self._news: dict[str, _News] = {}

    def heard(self, channel_id: str, type: str, version: str, sent_at: int | None) -> None:
        """An event came. `sent_at`: when Twitch sent it (UTC ms). Never waits."""
        now = self._clock.now()
        news = self._news.setdefault(channel_id, _News())
        news.at, news.lag_ms = now, 0 if sent_at is None else max(0, now - sent_at)
        if type in news.heard or len(news.heard) < MOST_TYPES:
            news.heard[type] = HeardOf(version, now)

    async def get(self, channel_id: str) -> Pulse:
        """What is known of a channel, with what this process has not written yet."""
        pulse, news = await self._pulses.get(channel_id), self._news.get(channel_id)
        return pulse if news is None else with_events(pulse, news.heard, at=news.at, lag_ms=news.lag_ms)

    async def last_events(self) -> dict[str, int]:
        """When an event came last (UTC ms), of every channel of which that is known, here or to other processes."""
        written = await self._pulses.last_events()
        return written | {
            channel_id: max(news.at, written.get(channel_id, 0)) for channel_id, news in self._news.items()
        }

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._clock.sleep(WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write what is new of every channel. What the store does not take now is written the next time."""
        for channel_id, news in list(self._news.items()):
            del self._news[channel_id]
            try:
                await self._pulses.change(
                    channel_id,
                    lambda pulse, news=news: with_events(  # type: ignore[misc]
                        pulse, news.heard, at=news.at, lag_ms=news.lag_ms
                    ),
                )
            except CuelightError as error:
                log.warning("pulse.not_written", channel=channel_id, code=error.code)
                later = self._news.get(channel_id)
                if later is None:
                    self._news[channel_id] = news
                else:
                    later.heard = news.heard | later.heard


class Listening:
    """The sink of every transport: hears each event, then hands it on."""

    def __init__(self, *, intake: EventSubIntake, keeper: PulseKeeper) -> None:
        self._intake, self._keeper = intake, keeper

    async def notification(self, came: Arrival) -> Literal["new", "duplicate", "conflict", "ignored"]:
        """See `EventSubIntake.notification`. Only what was taken has been heard."""
        taken = await self._intake.notification(came)
        channel_id = _channel(came.payload)
        if channel_id:
            self._keeper.heard(channel_id, came.type[:80], came.version[:8], _sent_at(came.headers))
        return taken

    async def revocation(self, *, message_id: str, subscription: Mapping[str, Any], transport: str) -> None:
        """See `EventSubIntake.revocation`."""
        await self._intake.revocation(message_id=message_id, subscription=subscription, transport=transport)


def _channel(payload: Mapping[str, Any]) -> str:
    event = payload.get("event")
    found = event.get("broadcaster_user_id") if isinstance(event, dict) else None
    return (
        found if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 20 else ""
    )


def _sent_at(headers: Mapping[str, str]) -> int | None:
    try:
        return parse_time(headers.get(_STAMP, ""))
    except Malformed:
        return None
