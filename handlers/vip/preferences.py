"""What a streamer chose for a channel: shown, changed, tried out.

Two who change settings at once are merged: each change names only what it is about, and is applied to the channel as it
is then, under the revision of its document.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from domain import messages, preferences
from domain.audit import Action, Actor
from domain.channel import Channel
from domain.errors import Broken, NotFound, Rejected
from gateways.discord import Discord, Told
from gateways.twitch.subscriptions import vip_channel
from handlers.vip.book import Book
from handlers.vip.channels import Watch
from handlers.vip.grants import Grants
from handlers.vip.live import Live
from handlers.vip.room import Room
from storage.channels import SEALED, Channels
from storage.sealing import by_id_and_field

log = structlog.get_logger(__name__)

_COLOR = 0x7C5CFF  # of the bar beside an embed


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as it would be said, with examples for its placeholders. `faults`: why it cannot be used; none if it
    can."""

    line: str
    faults: tuple[str, ...]

    @property
    def characters(self) -> int:
        return len(self.line)


class Preferences:
    """`watch` hears which subscriptions a channel wants now."""

    def __init__(
        self,
        *,
        channels: Channels,
        grants: Grants,
        watch: Watch,
        room: Room,
        discord: Discord,
        book: Book,
        live: Live,
    ) -> None:
        self._channels, self._grants, self._watch, self._room = channels, grants, watch, room
        self._discord, self._book, self._live = discord, book, live

    async def read(self, channel_id: str) -> dict[str, Any]:
        """The whole settings of a channel, its Discord address masked. Raises `NotFound`."""
        return self._shown(await self._channel(channel_id))

    async def change(self, channel_id: str, change: Mapping[str, Any], *, actor: Actor) -> dict[str, Any]:
        """Change what is named, and return the whole. Raises `Rejected` (`settings.<field>`), and then nothing was
        changed; `NotFound`."""
        sealed = self._sealed(channel_id, change)
        before, after = await self._channels.change(
            channel_id, lambda held: preferences.changed(held, change, sealed_url=sealed)
        )
        told = self._shown(after)
        changes = preferences.differences(self._shown(before), told)
        if changes:
            await self._follow(before, after, changes, actor)
        return told

    async def _follow(
        self, before: Channel, after: Channel, changes: Mapping[str, Any], actor: Actor
    ) -> None:
        """Everything that follows from a change, for whoever is concerned; what nobody would make up for first."""
        scopes = await self._grants.scopes(after.id)
        wanted = vip_channel(after.id, scopes, after.settings)
        if wanted != vip_channel(after.id, scopes, before.settings):
            self._watch.add(after.id, wanted)
        if (before.settings.limits, before.paused) != (after.settings.limits, after.paused):
            await self._room.change(after, lambda slots: slots)  # who fits now is let in
        parts = preferences.parts_of(changes)
        detail = {"parts": list(parts), "changes": dict(changes)}
        await self._book.write(after.id, Action.SETTINGS_CHANGED, actor, parts=parts, detail=detail)
        if (before.paused, before.language) != (after.paused, after.language):
            await self._live.show_channel(after.id, key=f"settings:{secrets.token_hex(8)}")

    async def discord_url(self, channel: Channel) -> str:
        """Where a channel tells Discord, "" for nowhere. Raises `Broken` when no key opens it."""
        return self._opened(channel)

    async def test_discord(self, channel_id: str) -> tuple[bool, str]:
        """Say something on Discord. Whether it arrived, and what to do if not. Raises `NotFound`, `Rejected`."""
        channel = await self._channel(channel_id)
        if not channel.settings.messages.discord_url:
            raise Rejected(
                "No Discord webhook is set.", code="settings.discord", advice="Paste its address first."
            )
        embed = {
            "title": f"{channel.name or channel.login}: this is a test",
            "description": "Cuelight can write here. VIPs will be told of like this.",
            "color": _COLOR,
        }
        answer = await self._discord.send(self._opened(channel), embed)
        log.info("discord.tested", channel=channel_id, outcome=answer.outcome.value)
        return answer.outcome is Told.SENT, _WORDS[answer.outcome](answer.detail, answer.seconds)

    async def _channel(self, channel_id: str) -> Channel:
        channel = await self._channels.get(channel_id)
        if channel is None:
            raise NotFound("There is no such channel.", code="web.no_channel")
        return channel

    def _shown(self, channel: Channel) -> dict[str, Any]:
        try:
            url = self._opened(channel)
        except Broken as error:
            log.error("settings.sealed", channel=channel.id, code=error.code, advice=error.advice)
            url = ""  # configured, and nobody can say what it was
        return preferences.shown(channel, discord=url)

    def _opened(self, channel: Channel) -> str:
        sealed = channel.settings.messages.discord_url
        return self._grants.sealer.open(sealed, bound_to=_place(channel.id)) if sealed else ""

    def _sealed(self, channel_id: str, change: Mapping[str, Any]) -> str | None:
        """The new Discord address as it is stored, "" for none; `None` where the change does not speak of it."""
        discord = change.get("discord", {})
        if "url" not in discord:
            return None
        if not discord["url"]:
            return ""
        url = preferences.webhook(discord["url"])
        return self._grants.sealer.seal(url, bound_to=_place(channel_id))


def preview(event: str, text: str, language: str) -> Preview:
    """How a text for an event would look in chat; an empty one is the catalogue's. Raises `Rejected` for an event or a
    language that does not exist."""
    if event not in messages.EVENTS:
        raise NotFound(
            "There is no such event.", code="settings.messages", advice="See GET /api/settings/messages."
        )
    if language not in preferences.LANGUAGES:
        raise Rejected(
            "There are no messages in this language.",
            code="settings.language",
            advice=", ".join(preferences.LANGUAGES),
        )
    text = text or messages.default_of(event, language)
    return Preview(
        messages.filled(text, messages.examples(event, language)),
        messages.faults(event, text, language) if text else (),
    )


_WORDS: Mapping[Told, Callable[[str, float], str]] = {
    Told.SENT: lambda detail, seconds: "It has arrived: look at the channel on Discord.",
    Told.GONE: lambda detail, seconds: f"{detail} Make a new one on Discord and paste its address.",
    Told.WAIT: lambda detail, seconds: f"{detail} Try again in {max(1, round(seconds))} s.",
    Told.REFUSED: lambda detail, seconds: f"{detail} Copy the address on Discord once more.",
    Told.UNREACHED: lambda detail, seconds: f"{detail} Try again in a while.",
    Told.DOWN: lambda detail, seconds: f"{detail} Try again in a while.",
}


def _place(channel_id: str) -> str:
    """What a sealed address is bound to: nobody can move it to another channel."""
    return by_id_and_field({"_id": channel_id}, SEALED[0])
