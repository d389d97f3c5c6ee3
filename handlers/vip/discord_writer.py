"""Tells a channel's Discord what its streamer wants told there, one embed after the other.

Like lines in chat: noted before it is sent, and not sent again after a crash. The address of the webhook is opened here
and nowhere else but in the settings' test; it is in no row, no log and no error. A webhook that does not exist any more
is let go of at once: addresses that answer 404 again and again get the caller blocked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from domain.audit import SYSTEM, Action
from domain.channel import Channel
from domain.embeds import embed
from domain.errors import Broken, NotFound
from domain.events import number, text
from domain.ports import Clock, Metrics
from domain.words import line_of
from gateways.discord import Discord, Told
from gateways.twitch.contracts import Waiting
from handlers.vip.announce import in_words
from handlers.vip.book import Book
from handlers.work import Work
from storage.channels import SEALED, Channels
from storage.sealing import Sealer, by_id_and_field

log = structlog.get_logger(__name__)

OLDEST_MS = 2 * 3_600_000
"""How old a piece of news may be that is still told; Discord may want us to wait for an hour."""

Opened = Callable[[Channel], str]
"""The address of a channel's webhook. Raises `Broken` when no key opens it."""


def opener(sealer: Sealer) -> Opened:
    """Opens addresses with these keys."""

    def opened(channel: Channel) -> str:
        place = by_id_and_field({"_id": channel.id}, SEALED[0])
        return sealer.open(channel.settings.messages.discord_url, bound_to=place)

    return opened


class DiscordWriter:
    """Handles `discord.say`."""

    def __init__(
        self,
        *,
        discord: Discord | None,
        opened: Opened,
        channels: Channels,
        book: Book,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """Without `discord`, nothing is told."""
        self._discord, self._opened, self._channels = discord, opened, channels
        self._book, self._clock, self._metrics = book, clock, metrics

    async def say(self, work: Work) -> str:
        """Returns the word of the answer, or why nothing was sent: `perhaps_sent`, `off`."""
        begun = work.noted("sending")
        if begun is not None and not begun.get("refused"):
            return "perhaps_sent"
        channel = await self._channels.get(text(work.payload, "channel_id"))
        sealed = channel.settings.messages.discord_url if channel is not None else ""
        if channel is None or not sealed or self._discord is None:
            return "off"
        told = embed_of(work, channel)
        try:
            url = self._opened(channel)
        except Broken as error:
            log.error("discord.sealed", channel=channel.id, code=error.code, advice=error.advice)
            await self._switch_off(
                channel.id, sealed, "The address of the webhook cannot be opened any more."
            )
            return "off"
        work.hold()
        await work.note("sending", {})
        answer = await self._discord.send(url, told)
        self._metrics.count("discord_messages_total", outcome=answer.outcome.value)
        if answer.outcome in (Told.WAIT, Told.UNREACHED):
            await work.note("sending", {"refused": answer.outcome.value})  # certainly not said
            if self._clock.now() - work.row.received_at < OLDEST_MS:
                raise Waiting(answer.detail, code="discord.waiting", retry_after_seconds=answer.seconds)
        if answer.outcome is Told.GONE:
            await self._switch_off(channel.id, sealed, answer.detail)
        elif answer.outcome is not Told.SENT:
            log.warning("discord.not_said", channel=channel.id, outcome=answer.outcome.value)
        return answer.outcome.value

    async def _switch_off(self, channel_id: str, sealed: str, why: str) -> None:
        """Forget this address (not one that was put in its place meanwhile), and say so in the settings."""

        def without(held: Channel) -> Channel:
            messages = held.settings.messages
            if messages.discord_url != sealed:
                return held
            fresh = replace(messages, discord_url="", discord_fault=why)
            return replace(held, settings=replace(held.settings, messages=fresh))

        try:
            before, after = await self._channels.change(channel_id, without)
        except NotFound:
            return
        if before != after:
            log.warning("discord.switched_off", channel=channel_id, why=why)
            changes = {"discord.configured": {"before": True, "after": False}}
            detail = {"parts": ["messages"], "changes": changes, "why": why}
            await self._book.write(
                channel_id, Action.SETTINGS_CHANGED, SYSTEM, parts=("messages",), detail=detail
            )


def embed_of(work: Work, channel: Channel) -> dict[str, object]:
    """The embed of a row, in the channel's language."""
    told = work.payload.get("line")
    line = line_of(told if isinstance(told, dict) else {"event": ""})
    return embed(
        line,
        in_words(channel, line),
        language=channel.language,
        channel=channel.name or channel.login,
        at=number(work.payload, "at"),
    )
