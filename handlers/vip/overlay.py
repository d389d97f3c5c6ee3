"""The overlay for streaming software: its address, and what it shows to whoever has that.

The key in the address says which channel, and is otherwise random; the channel keeps it sealed, since the page has to
show the address again. Another key makes the old address worthless. What is shown is names and times, no ids: it is on
the stream anyway.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import replace
from typing import Any

import structlog

from domain.audit import Action, Actor
from domain.channel import Channel
from domain.errors import Broken
from domain.ports import Clock
from domain.vip import VipSession
from handlers.vip.book import Book
from storage.channels import SEALED, Channels
from storage.sealing import Sealer, by_id_and_field
from storage.sessions import Sessions

log = structlog.get_logger(__name__)

PAGE = "/overlay"
KEY_BYTES = 24
LONGEST_KEY = 80


class Overlay:
    def __init__(
        self, *, channels: Channels, sessions: Sessions, sealer: Sealer, book: Book, clock: Clock
    ) -> None:
        self._channels, self._sessions, self._sealer = channels, sessions, sealer
        self._book, self._clock = book, clock

    async def path(self, channel_id: str) -> str:
        """The address of a channel's overlay, without the host; the first look makes its key. A key that cannot be
        opened any more gives way to a new one. Raises `NotFound`."""
        channel = await self._channels.get(channel_id)
        if channel is not None and (key := self._key_of(channel)):
            return _path(key)
        sealed = "" if channel is None else channel.settings.overlay_key
        return _path(await self._make(channel_id, in_place_of=sealed))

    async def rotate(self, channel_id: str, *, actor: Actor) -> str:
        """Another address; the old one ends at once. Raises `NotFound`."""
        key = await self._make(channel_id)
        changes = {"overlay": {"before": "an address", "after": "another address"}}
        detail = {"parts": ["messages"], "changes": changes}
        await self._book.write(channel_id, Action.SETTINGS_CHANGED, actor, parts=("messages",), detail=detail)
        return _path(key)

    async def channel_of(self, key: str) -> str | None:
        """The channel that a key opens, `None` for no key of ours."""
        channel_id, dot, _ = key.partition(".")
        if not dot or not channel_id.isascii() or not channel_id.isdigit() or len(key) > LONGEST_KEY:
            return None
        channel = await self._channels.get(channel_id)
        held = "" if channel is None else self._key_of(channel)
        # Compared also where there is none, so that nobody learns which channels are here.
        fits = hmac.compare_digest(key.encode("utf-8", "replace"), (held or _random(channel_id)).encode())
        return channel_id if held and fits else None

    async def view(self, channel_id: str) -> dict[str, Any] | None:
        """What the overlay shows: the latest VIP of ours and the next to go. `None` when the channel has left."""
        channel = await self._channels.get(channel_id)
        if channel is None:
            return None
        now = self._clock.now()
        active = [
            one for one in await self._sessions.active(channel_id) if one.expires_at > now or one.left_at
        ]
        latest = max(active, key=lambda one: (one.granted_at, one.id), default=None)
        ending = [one for one in active if not one.until_stream_end and not one.left_at]
        following = min(ending, key=lambda one: (one.expires_at, one.id), default=None)
        return {
            "now": now,
            "language": channel.language,
            "latest": None if latest is None else {**_shown(latest), "since": latest.granted_at},
            "next": None if following is None else _shown(following),
        }

    async def _make(self, channel_id: str, *, in_place_of: str | None = None) -> str:
        """A new key; with `in_place_of` only if that one is still there, else whichever was put in its place."""
        key = _random(channel_id)
        sealed = self._sealer.seal(key, bound_to=_place(channel_id))

        def put(held: Channel) -> Channel:
            if in_place_of is not None and held.settings.overlay_key != in_place_of:
                return held
            return replace(held, settings=replace(held.settings, overlay_key=sealed))

        _, after = await self._channels.change(channel_id, put)
        return self._key_of(after)

    def _key_of(self, channel: Channel) -> str:
        """Nothing where there is none, or none that opens."""
        sealed = channel.settings.overlay_key
        if not sealed:
            return ""
        try:
            return self._sealer.open(sealed, bound_to=_place(channel.id))
        except Broken as error:
            log.warning("overlay.sealed", channel=channel.id, code=error.code)
            return ""


def _shown(session: VipSession) -> dict[str, Any]:
    ends = None if session.until_stream_end or session.left_at else session.expires_at
    return {"name": session.viewer_name or session.viewer_login, "ends_at": ends}


def _path(key: str) -> str:
    return f"{PAGE}?key={key}"


def _random(channel_id: str) -> str:
    return f"{channel_id}.{secrets.token_urlsafe(KEY_BYTES)}"


def _place(channel_id: str) -> str:
    return by_id_and_field({"_id": channel_id}, SEALED[1])
