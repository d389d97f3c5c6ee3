"""The team of a channel: people whom the streamer lets in, with less power than he has himself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from domain.audit import Actor, streamer
from domain.errors import Conflict, CuelightError, NotFound, Rejected
from domain.ports import Clock
from gateways.twitch.contracts import Helix, LoginNeeded, User
from handlers.accounts.sessions import LoginSessions
from storage.team import Member, Team, member_id

log = structlog.get_logger(__name__)

MOST_MEMBERS = 200

Changed = Callable[[str, str, Actor, Mapping[str, Any]], Awaitable[None]]
"""Told of each change: the channel, what of it (team, account), who did it, and what is new."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A member as the streamer sees him. `is_moderator`: on Twitch, now; `None` when Twitch could not say."""

    member: Member
    last_seen_at: int | None
    is_moderator: bool | None


class TeamWork:
    """`changed` writes it down and tells the pages."""

    def __init__(
        self, *, team: Team, sessions: LoginSessions, helix: Helix, clock: Clock, changed: Changed
    ) -> None:
        self._team, self._sessions, self._helix, self._clock = team, sessions, helix, clock
        self._told = changed

    async def listed(self, channel_id: str) -> list[Listed]:
        """The team, by login."""
        members = await self._team.of_channel(channel_id)
        moderators: set[str] | None = set()
        if members:
            try:
                moderators = {user.id for user in await self._helix.moderators(channel_id)}
            except CuelightError as error:
                log.info("team.moderators_unknown", channel=channel_id, code=error.code)
                moderators = None
        return [
            Listed(
                member,
                await self._last_seen(member.user_id),
                None if moderators is None else member.user_id in moderators,
            )
            for member in members
        ]

    async def add(self, channel_id: str, login: str, *, actor: Actor) -> Member:
        """Let in whoever has this login. Raises `NotFound`, `Conflict`, `Rejected`, and what Twitch raises."""
        users = await self._helix.users(channel_id, logins=[login.lower()])
        if not users:
            raise NotFound(
                f"Twitch knows nobody called {login}.", code="team.nobody", advice="Look at the spelling."
            )
        user = users[0]
        if user.id == channel_id:
            raise Conflict("That is your own account, which may do everything.", code="team.yourself")
        moderator = await self._is_moderator(channel_id, user.id)
        (member,) = await self._let_in(channel_id, [user], moderator=moderator, actor=actor)
        return member

    async def add_moderators(self, channel_id: str, *, actor: Actor) -> int:
        """Let in everybody who is a moderator on Twitch now; returns how many that are."""
        users = [user for user in await self._helix.moderators(channel_id) if user.id != channel_id]
        await self._let_in(channel_id, users, moderator=True, actor=actor)
        return len(users)

    async def remove(self, channel_id: str, user_id: str, *, actor: Actor) -> None:
        """Let somebody in no more; it holds at once. Raises `NotFound`."""
        if not await self.left(channel_id, user_id, actor=actor):
            raise NotFound("Nobody in the team has this id.", code="team.nobody")

    async def left(self, channel_id: str, user_id: str, *, actor: Actor | None = None) -> bool:
        """Somebody is no moderator any more (`moderator.removed`), or is to go. False when he was not in."""
        gone = await self._team.remove(channel_id, user_id)
        if gone:
            self._sessions.changed(user_id)
            await self._told(channel_id, "team", actor or streamer(channel_id), {"removed": [user_id]})
            log.info("team.left", channel=channel_id, user=user_id)
        return gone

    async def still_in(self, user_id: str) -> list[Member]:
        """Where somebody is in, when he signs in: notices may have been lost, so who came as a moderator is looked up
        again. Where Twitch cannot say, he stays in."""
        members: list[Member] = []
        for member in await self._team.of_user(user_id):
            if (
                member.moderator
                and await self._is_moderator(member.channel_id, user_id, unknown=True) is False
            ):
                await self.left(member.channel_id, user_id)
            else:
                members.append(member)
        return members

    async def disband(self, channel_id: str) -> None:
        """The channel leaves: nobody is in any more."""
        for member in await self._team.of_channel(channel_id):
            await self._team.remove(channel_id, member.user_id)
            self._sessions.changed(member.user_id)

    async def _let_in(
        self, channel_id: str, users: list[User], *, moderator: bool, actor: Actor
    ) -> list[Member]:
        known = {member.user_id for member in await self._team.of_channel(channel_id)}
        if len(known | {user.id for user in users}) > MOST_MEMBERS:
            raise Rejected(
                f"A team has at most {MOST_MEMBERS} members.",
                code="team.full",
                advice="Take somebody out first.",
            )
        members = []
        for user in users:
            fresh = Member(
                member_id(channel_id, user.id),
                channel_id,
                user.id,
                user.login,
                user.name,
                since=self._clock.now(),
                added_by=actor.id,
                moderator=moderator,
            )
            members.append(await self._team.put(fresh))
            self._sessions.changed(user.id)
        await self._told(channel_id, "team", actor, {"added": [user.login for user in users]})
        return members

    async def _is_moderator(self, channel_id: str, user_id: str, *, unknown: bool = False) -> bool:
        """Whether Twitch has somebody as a moderator; `unknown` where it cannot say."""
        try:
            return await self._helix.is_moderator(channel_id, user_id)
        except LoginNeeded:
            return unknown
        except CuelightError as error:
            log.info("team.moderator_unknown", channel=channel_id, code=error.code)
            return unknown

    async def _last_seen(self, user_id: str) -> int | None:
        logins = await self._sessions.of(user_id)
        return max((login.seen_at for login in logins), default=None)
