"""What is handed out at the web's door for a party's socket: tickets and tokens for who is signed in, tickets for
guests of public rooms."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.party.credentials import NOBODYS_NAME, own_name, signed_in
from handlers.party.invites import Invites, no_room
from handlers.party.registry import Listed, Registry
from handlers.party.tickets import Bearer, Tickets
from rooms.people import BY_TICKET, Role, guest_of
from storage.parties import subject_of


class Entrance:
    """Implements `web.api.party.PartyDesk`."""

    def __init__(self, *, tickets: Tickets, registry: Registry, invites: Invites) -> None:
        self._tickets, self._registry, self._invites = tickets, registry, invites

    def ticket(self, user_id: str, name: str) -> tuple[str, int]:
        """A ticket for who is signed in, and its end (UTC seconds)."""
        return self._tickets.ticket(signed_in(user_id, name))

    def token(self, user_id: str, name: str) -> tuple[str, int]:
        """A token for who is signed in, and its end (UTC seconds)."""
        return self._tickets.token(signed_in(user_id, name))

    async def guest_ticket(self, room_id: str) -> tuple[str, int]:
        """A ticket for somebody without a login, good for one public room. Raises `NotFound` (`party.room_not_found`),
        also for a room that is not public: who asks learns nothing of it."""
        party = await self._registry.get(room_id)
        if party is None or not party.is_public:
            raise no_room()
        bearer = Bearer(guest_of(BY_TICKET, own_name()), NOBODYS_NAME, Role.GUEST, room_id)
        return self._tickets.ticket(bearer)

    async def rooms(self, *, limit: int, cursor: str | None) -> tuple[Sequence[Listed], str | None]:
        """A page of the public rooms, and the cursor of the next."""
        return await self._registry.public(limit=limit, after=cursor)

    async def void_invites(self, room_id: str, user_id: str) -> None:
        """Make every invite void that was given out until now for a room that somebody opened. Raises `NotFound` for
        everybody else."""
        party = await self._registry.get(room_id)
        if party is None or party.owner != subject_of(user_id):
            raise no_room()
        await self._invites.turn(room_id)
