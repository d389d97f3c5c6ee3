"""Invites of rooms: given out, looked at, counted, and made void.

Each room signs with a key of its own, made of the server's secret, the room and a version that is kept with the room:
turning that version makes every invite of the room void. Uses are counted in the store under the invite's nonce.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from domain.errors import NotFound, Rejected
from domain.ports import Clock
from handlers.party.registry import Registry
from handlers.party.tickets import derived
from rooms import invites
from rooms.invites import LONGEST_SECONDS, MOST_USES, Invite
from rooms.people import Role
from storage.parties import InviteUses, Party, used_up


class Invites:
    """`secret`: the same in all processes."""

    def __init__(self, *, secret: str, registry: Registry, uses: InviteUses, clock: Clock) -> None:
        self._secret, self._registry, self._uses, self._clock = secret, registry, uses, clock

    async def give(self, room_id: str, *, role: Role, uses: int, seconds: int) -> tuple[str, int]:
        """An invite and its end (UTC seconds). Raises `Rejected` (`party.bad_field`), `NotFound`."""
        if not 0 < seconds <= LONGEST_SECONDS or not 0 < uses <= MOST_USES:
            raise Rejected(
                "An invite is for 1 to 10000 uses, and for 30 days at most.",
                code="party.bad_field",
                advice="Send fewer uses, or fewer seconds.",
            )
        if not Role.GUEST <= role <= Role.COHOST:
            raise Rejected(
                "An invite is for a guest, a member or a co-host.",
                code="party.bad_field",
                advice="Send role as one of these.",
            )
        ends = self._clock.now() // 1000 + seconds
        invite = Invite(room_id, role, ends, uses, secrets.token_urlsafe(12))
        return invites.sign(invite, self._key(await self._room(room_id))), ends

    async def look(self, token: str, room_id: str) -> Invite:
        """The invite, while it is good; it is not counted. Raises `Denied`: `party.invite_invalid`,
        `party.invite_expired`, `party.invite_used`."""
        party = await self._registry.get(room_id)
        # Of a room that is not there none is good, by a key that nobody has.
        key = secrets.token_bytes(32) if party is None else self._key(party)
        invite = invites.verify(token, room_id=room_id, key=key, now=self._clock.now() // 1000)
        if await self._uses.used(room_id, invite.nonce) >= invite.uses:
            raise used_up()
        return invite

    async def use(self, invite: Invite) -> None:
        """Count one use. Raises `Denied` (`party.invite_used`): also when another process was faster."""
        await self._uses.use(
            invite.room_id, invite.nonce, most=invite.uses, expires_at=invite.expires_at * 1000
        )

    async def turn(self, room_id: str) -> None:
        """Make every invite of the room void that was given out until now. Raises `NotFound`."""
        turned = await self._registry.change(
            room_id, lambda party: replace(party, key_version=party.key_version + 1)
        )
        if turned is None:
            raise no_room()

    async def _room(self, room_id: str) -> Party:
        party = await self._registry.get(room_id)
        if party is None:
            raise no_room()
        return party

    def _key(self, party: Party) -> bytes:
        return derived(self._secret, f"invite:{party.id}:{party.opened_at}:{party.key_version}")


def no_room() -> NotFound:
    """There is none, or it is closed."""
    return NotFound("There is no such room.", code="party.room_not_found", advice="Ask for a new link.")
