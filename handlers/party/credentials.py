"""Who somebody is, by what he shows: a token of ours or of a configured issuer, a ticket, or an invite."""

from __future__ import annotations

import secrets

from handlers.party.invites import Invites
from handlers.party.issuers import Issuers, subject_of, unauthorized
from handlers.party.standing import of_twitch
from handlers.party.tickets import Bearer, Tickets, is_own
from rooms.fleet.ports import Person
from rooms.people import Role, guest_of

PUBLIC = "public:"
"""In place of an invite: let into this public room as a guest. Only a ticket of ours says so."""

NOBODYS_NAME = "Guest"


class Credentials:
    """Reads credentials. What it raises says nothing about why one is not good."""

    def __init__(self, *, issuers: Issuers, tickets: Tickets, invites: Invites) -> None:
        self._issuers, self._tickets, self._invites = issuers, tickets, invites

    async def identify(
        self, *, token: str = "", ticket: str = "", invite: str = "", room_id: str = ""
    ) -> Person:
        """See `rooms.fleet.ports.Doors`."""
        if token:
            return await self._of_token(token)
        if ticket:
            bearer = await self._tickets.take(ticket)
            mark = f"{PUBLIC}{bearer.room_id}" if bearer.room_id else ""
            return Person(bearer.subject, bearer.name or NOBODYS_NAME, bearer.role, invite=mark)
        if invite:
            found = await self._invites.look(invite, room_id)
            return Person(guest_of(found.nonce, own_name()), NOBODYS_NAME, Role.GUEST, invite=invite)
        raise unauthorized()

    async def _of_token(self, token: str) -> Person:
        if is_own(token):
            own = await self._tickets.read_token(token)
            return Person(own.subject, own.name or NOBODYS_NAME)
        claims = await self._issuers.verify(token)
        return Person(subject_of(claims.issuer, claims.subject), claims.name or NOBODYS_NAME)


def own_name() -> str:
    """What tells one guest from all others."""
    return secrets.token_urlsafe(12)


def signed_in(user_id: str, name: str) -> Bearer:
    """Whom a session of this server is of."""
    return Bearer(of_twitch(user_id), name)
