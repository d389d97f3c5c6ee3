"""Who may come into a room, open one, or is given an invite. Implements `rooms.fleet.ports.Doors`."""

from __future__ import annotations

from domain.errors import Conflict, CuelightError, Denied, Rejected
from handlers.party.credentials import PUBLIC, Credentials
from handlers.party.invites import Invites
from handlers.party.passwords import Passwords
from handlers.party.registry import MOST_OPEN_EACH, Registry
from handlers.party.standing import Standing
from rooms.fleet.clock import RoomTime
from rooms.fleet.ports import Admission, Doors, Person
from rooms.invites import Invite
from rooms.people import BY_TICKET, Role, source_of
from rooms.settings import Settings
from rooms.state import Room

KEPT_FOR_VIPS = 10
"""One seat of so many, in the rooms of a channel."""


class PartyDoors:
    """`time`: of the rooms, by which bans end."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        invites: Invites,
        registry: Registry,
        standing: Standing,
        passwords: Passwords,
        time: RoomTime,
    ) -> None:
        self._credentials, self._invites, self._registry = credentials, invites, registry
        self._standing, self._passwords, self._time = standing, passwords, time

    async def identify(
        self, *, token: str = "", ticket: str = "", invite: str = "", room_id: str = ""
    ) -> Person:
        return await self._credentials.identify(token=token, ticket=ticket, invite=invite, room_id=room_id)

    async def may_create(self, person: Person, *, settings: Settings, channel: str) -> None:
        if person.role < Role.MEMBER:
            raise Denied("A guest opens no room.", code="party.forbidden", advice="Sign in first.")
        if channel and not await self._standing.runs(person.subject, channel):
            raise Denied(
                "This is not a channel of yours.",
                code="party.forbidden",
                advice="Open the room without a channel, or sign in as its streamer or as one of its team.",
            )
        if settings.vip_only and not channel:
            raise Rejected(
                "Only a channel has VIPs.",
                code="party.bad_field",
                advice="Name a channel, or leave vipOnly out.",
            )
        if not await self._registry.has_room_for(person.subject):
            raise Denied(
                f"You have {MOST_OPEN_EACH} open rooms.", code="party.forbidden", advice="Close one of them."
            )

    async def opened(self, room: Room, person: Person, channel: str) -> None:
        if not await self._registry.opened(room, owner=person.subject, channel_id=channel):
            raise Conflict("This room is there already.", code="party.room_exists", advice="Join it.")

    async def may_join(
        self, person: Person, room: Room, *, password: str, invite: str, address: str, members: int
    ) -> Admission:
        """In the order of what may be told: a ban first, the invite last, which is counted."""
        self._require_welcome(person, room)
        party = await self._registry.get(room.id)
        if room.closed_at or party is None:
            raise Denied("This room is closed.", code="party.room_closed", advice="Look for another one.")
        channel = party.channel_id
        runs = bool(channel) and await self._standing.runs(person.subject, channel)
        is_vip = bool(channel) and await self._standing.is_vip(person.subject, channel)
        is_at_home = runs or person.subject in (party.owner, room.host_subject)
        invited = await self._invited(person, room, invite)
        self._require_seat(room, members, is_vip or is_at_home, has_vips=bool(channel))
        if not is_at_home and invited is None:
            self._require_vip(room, is_vip)
            await self._require_password(room, password)
            self._require_login(person, room)
        if invited is not None and not is_at_home:
            await self._invites.use(invited)
        return Admission(_role(person, invited, runs=runs), is_vip)

    async def invite(self, room: Room, *, role: Role, uses: int, seconds: int, by: str) -> tuple[str, int]:
        return await self._invites.give(room.id, role=role, uses=uses, seconds=seconds)

    async def hash_password(self, password: str) -> str:
        return await self._passwords.hash(password)

    async def find(self, room_id: str) -> bool:
        return await self._registry.get(room_id) is not None

    # -- what has to be so --------------------------------------------------------------------------------------

    async def _invited(self, person: Person, room: Room, invite: str) -> Invite | None:
        """The invite that lets somebody in. One that is given and not good is refused, so that nobody wonders why he
        has another role than he was promised."""
        token = invite or person.invite
        # A guest's mark is none; who sends one himself says nothing with it.
        return await self._invites.look(token, room.id) if token and not token.startswith(PUBLIC) else None

    def _require_welcome(self, person: Person, room: Room) -> None:
        """A guest who was banned has another name when he comes anew: so by the invite that brought him nobody comes in
        any more without a login. Of who came by a public ticket nothing is known that is not true of all others."""
        now, source = self._time.now(), source_of(person.subject)
        if room.is_banned(person.subject, now):
            raise Denied("You were sent out of this room.", code="party.banned", advice="Ask the host.")
        if source not in ("", BY_TICKET) and source in {
            source_of(one) for one, until in room.banned.items() if until > now
        }:
            raise Denied(
                "Nobody comes in by this invite any more.",
                code="party.invite_invalid",
                advice="Ask for another one, or sign in.",
            )

    def _require_seat(self, room: Room, members: int, is_first: bool, *, has_vips: bool) -> None:
        most = room.settings.most_members
        kept = most // KEPT_FOR_VIPS if has_vips and not is_first else 0
        if members >= most - kept:
            raise Denied("This room is full.", code="party.room_full", advice="Try again later.")

    def _require_vip(self, room: Room, is_vip: bool) -> None:
        if room.settings.vip_only and not is_vip:
            raise Denied(
                "This room is for VIPs of the channel.",
                code="party.vip_only",
                advice="Sign in with Twitch as one of them, or ask for an invite.",
            )

    async def _require_password(self, room: Room, password: str) -> None:
        kept = room.settings.password
        if kept and not await self._passwords.is_it(password, kept):
            raise Denied("The password is wrong.", code="party.bad_password", advice="Ask for it.")

    def _require_login(self, person: Person, room: Room) -> None:
        """A guest without an invite got a ticket for one public room."""
        if person.role >= Role.MEMBER:
            return
        if person.invite != f"{PUBLIC}{room.id}" or not room.settings.is_public:
            raise _unauthorized_here()


def _role(person: Person, invited: Invite | None, *, runs: bool) -> Role:
    if runs:
        return Role.COHOST
    return max(person.role, Role.GUEST if invited is None else invited.role)


def _unauthorized_here() -> CuelightError:
    return Denied(
        "This ticket is for another room.", code="party.unauthorized", advice="Get one for this room."
    )


_conforms: type[Doors] = PartyDoors
