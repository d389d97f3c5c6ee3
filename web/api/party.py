"""`/api/v1/party/…`: credentials for the socket of watch parties, and the list of public rooms."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from domain.errors import Denied
from web.auth_sessions import Sessions
from web.keys import SESSION
from web.models.base import body_of, path_of, query_of, told
from web.models.party import (
    PartyInvitesVoid,
    PartyPath,
    PartyTicketAsked,
    PartyTicketTold,
    PublicParties,
    PublicPartiesQuery,
    PublicParty,
)


class Shown(Protocol):
    """A public room. `opened_at` in UTC ms."""

    @property
    def room_id(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def film(self) -> str: ...

    @property
    def channel_id(self) -> str: ...

    @property
    def members(self) -> int: ...

    @property
    def here(self) -> int: ...

    @property
    def vip_only(self) -> bool: ...

    @property
    def has_password(self) -> bool: ...

    @property
    def opened_at(self) -> int: ...


class PartyDesk(Protocol):
    """What is asked of the handlers (`handlers/party/entrance.py`)."""

    def ticket(self, user_id: str, name: str) -> tuple[str, int]: ...

    def token(self, user_id: str, name: str) -> tuple[str, int]: ...

    async def guest_ticket(self, room_id: str) -> tuple[str, int]: ...

    async def rooms(self, *, limit: int, cursor: str | None) -> tuple[Sequence[Shown], str | None]: ...

    async def void_invites(self, room_id: str, user_id: str) -> None: ...


class PartyApi:
    """`sessions`: whose cookie a request carries."""

    def __init__(self, *, desk: PartyDesk, sessions: Sessions) -> None:
        self._desk, self._sessions = desk, sessions

    async def ticket(self, request: web.Request) -> web.Response:
        """POST `/api/v1/party/tickets`."""
        asked = body_of(request, PartyTicketAsked)
        session = await self._sessions.read(request)
        if session is None:
            if asked.kind == "token" or not asked.roomId:
                raise Denied(
                    "You are not signed in.",
                    code="auth.signed_out",
                    advice="Sign in, or name a public room that you want to join as a guest.",
                )
            ticket, ends = await self._desk.guest_ticket(asked.roomId)
            return told(PartyTicketTold(ticket=ticket, token="", expiresAt=ends))
        # The row is open to guests, so that its guard does not ask for this.
        given = request.headers.get("X-CSRF-Token", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, session.csrf.encode()):
            raise Denied(
                "The request lacks the right X-CSRF-Token.",
                code="csrf.token",
                advice="Get one from /api/auth/csrf.",
            )
        if asked.kind == "token":
            token, ends = self._desk.token(session.subject, session.name)
            return told(PartyTicketTold(ticket="", token=token, expiresAt=ends))
        ticket, ends = self._desk.ticket(session.subject, session.name)
        return told(PartyTicketTold(ticket=ticket, token="", expiresAt=ends))

    async def rooms(self, request: web.Request) -> web.Response:
        """GET `/api/v1/party/rooms`."""
        asked = query_of(request, PublicPartiesQuery)
        rooms, cursor = await self._desk.rooms(limit=asked.limit, cursor=asked.cursor)
        return told(PublicParties(rooms=[_shown(room) for room in rooms], cursor=cursor))

    async def void_invites(self, request: web.Request) -> web.Response:
        """DELETE `/api/v1/party/rooms/{roomId}/invites`."""
        await self._desk.void_invites(path_of(request, PartyPath).roomId, request[SESSION].subject)
        return told(PartyInvitesVoid())


def _shown(room: Shown) -> PublicParty:
    return PublicParty(
        roomId=room.room_id,
        title=room.title,
        film=room.film,
        channel=room.channel_id,
        members=room.members,
        here=room.here,
        vipOnly=room.vip_only,
        hasPassword=room.has_password,
        openedAt=room.opened_at,
    )
