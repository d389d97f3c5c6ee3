"""`/api/settings`: what the streamer chose, the messages that can be written, and Discord."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from domain import messages, preferences
from domain.errors import NotFound
from handlers.vip.overlay import Overlay
from handlers.vip.preferences import Preferences, preview
from web.api.operations import asker_of
from web.keys import CHANNEL, SESSION, Role
from web.models.base import body_of, query_of, told
from web.models.settings import (
    DiscordTested,
    LanguageTold,
    MessageCatalogue,
    MessagesAsked,
    MessageTold,
    OverlayTold,
    PlaceholderTold,
    PreviewTold,
    PreviewWanted,
    Settings,
    SettingsChange,
)


class SettingsApi:
    """Without `overlay`, none is offered."""

    def __init__(self, *, preferences: Preferences, overlay: Overlay | None = None) -> None:
        self._preferences, self._overlay = preferences, overlay

    async def read(self, request: web.Request) -> web.Response:
        """GET `/api/settings`."""
        return await self._told(request, await self._preferences.read(request[CHANNEL]))

    async def change(self, request: web.Request) -> web.Response:
        """PATCH `/api/settings`."""
        change = body_of(request, SettingsChange).model_dump(exclude_unset=True)
        asker = asker_of(request)
        whole = await self._preferences.change(asker.channel_id, change, actor=asker.actor)
        return await self._told(request, whole)

    async def _told(self, request: web.Request, whole: dict[str, Any]) -> web.Response:
        channel_id, url = request[CHANNEL], ""
        if self._overlay is not None and request[SESSION].role_in(channel_id) is Role.OWNER:
            url = await self._overlay.path(channel_id)
        return told(_settings(whole, OverlayTold(url=url) if url else None))

    async def catalogue(self, request: web.Request) -> web.Response:
        """GET `/api/settings/messages`."""
        language = query_of(request, MessagesAsked).language
        return told(
            MessageCatalogue(
                events=[
                    MessageTold(
                        event=one.event,
                        what=one.what,
                        placeholders=[_placeholder(name, one.event, language) for name in one.names],
                        default=messages.default_of(one.event, language),
                    )
                    for one in messages.EVENTS.values()
                ]
            )
        )

    async def preview(self, request: web.Request) -> web.Response:
        """POST `/api/settings/messages/preview`."""
        asked = body_of(request, PreviewWanted)
        shown = preview(asked.event, asked.text, asked.language)
        return told(PreviewTold(line=shown.line, characters=shown.characters, faults=list(shown.faults)))

    async def test_discord(self, request: web.Request) -> web.Response:
        """POST `/api/settings/discord/test`."""
        ok, detail = await self._preferences.test_discord(request[CHANNEL])
        return told(DiscordTested(ok=ok, detail=detail))

    async def rotate_overlay(self, request: web.Request) -> web.Response:
        """POST `/api/settings/overlay/rotate`. Only where an overlay is offered."""
        if self._overlay is None:
            raise NotFound("There is no overlay here.", code="overlay.none")
        asker = asker_of(request)
        return told(OverlayTold(url=await self._overlay.rotate(asker.channel_id, actor=asker.actor)))


def _settings(whole: dict[str, Any], overlay: OverlayTold | None) -> Settings:
    languages = [LanguageTold(code=code, name=name) for code, name in preferences.LANGUAGES.items()]
    return Settings.model_validate({**whole, "languages": languages, "overlay": overlay})


def _placeholder(name: str, event: str, language: str) -> PlaceholderTold:
    one = messages.PLACEHOLDERS[name]
    return PlaceholderTold(name=one.name, what=one.what, example=messages.example_of(name, language, event))
