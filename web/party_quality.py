"""`GET /api/v1/party/rooms/{roomId}/quality`: how well the players of a room keep together, as Server-Sent Events.

For the room's host, and for the streamer and the team of its channel. Everybody else learns not even whether there is
such a room. Each event is the whole picture, so the newest is enough.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from domain.errors import NotFound
from domain.ports import Clock
from gateways.topics.contracts import Topics
from handlers.party.standing import of_twitch
from rooms.delivery import quality
from web.keys import SESSION, Handler, Session
from web.models.base import path_of
from web.models.party import PartyPath
from web.ports import LoginBook
from web.sse import Streams


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose room it is. `host`: the subject of its host, as rooms name him, "" for none; `channel_id` "" for none."""

    host: str
    channel_id: str


@dataclass(frozen=True, slots=True)
class _OfRoom:
    """Implements `web.sse.Subject`."""

    room_id: str
    session: Session
    parts: PartyQuality
    pause_seconds: float = quality.EACH_SECONDS

    @property
    def topic(self) -> str:
        return quality.topic_of(self.room_id)

    async def snapshot(self) -> dict[str, Any]:
        return await quality.latest(self.parts.topics, self.room_id, now=self.parts.clock.now())

    async def lasts(self) -> bool:
        logins = self.parts.logins
        try:
            owners = await self.parts.owners(self.room_id)
        except NotFound:
            return False
        if owners.host == of_twitch(self.session.subject):
            return await logins.lasts(self.session.id, "")
        return bool(owners.channel_id) and await logins.lasts(self.session.id, owners.channel_id)


class PartyQuality:
    """`owners` raises `NotFound` for a room that is not there, or closed, and `Unavailable`."""

    def __init__(
        self,
        *,
        owners: Callable[[str], Awaitable[Owners]],
        topics: Topics,
        logins: LoginBook,
        clock: Clock,
    ) -> None:
        self.owners, self.topics, self.logins, self.clock = owners, topics, logins, clock

    def on(self, streams: Streams) -> Handler:
        """The handler, whose streams are among those."""

        async def handle(request: web.Request) -> web.StreamResponse:
            about = _OfRoom(path_of(request, PartyPath).roomId, request[SESSION], self)
            if not await about.lasts():
                raise NotFound(
                    "There is no such room of yours.", code="party.room_not_found", advice="Check the link."
                )
            return await streams.open(request, about)

        return handle
