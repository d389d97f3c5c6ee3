"""The account of a channel: permissions, who speaks, sessions, the team, and how one leaves."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from aiohttp import web

from domain.channel import Channel
from domain.errors import CuelightError, NotFound, Rejected
from domain.ports import Clock
from gateways.twitch.contracts import Helix, User
from handlers.accounts.leaving import leave_lane
from handlers.accounts.permissions import PermissionDesk
from handlers.accounts.sessions import LoginSessions
from handlers.accounts.speakers import Speaker, Speakers
from handlers.accounts.team import TeamWork
from handlers.vip.operations import Operations, Request
from storage.channels import Channels
from web.api.operations import accepted, asker_of, operation_told
from web.auth_login import SIGN_IN_PATH
from web.keys import CHANNEL, SESSION, Role, Session
from web.models.accounts import (
    AccountChannel,
    AccountTold,
    BotGone,
    BrowserSession,
    DisconnectAsked,
    FeatureNeed,
    MemberPath,
    RoleWord,
    ScopesTold,
    SpeaksAs,
    TeamAsked,
    TeamMember,
    TeamTold,
)
from web.models.base import body_of, path_of, told

SETTINGS_PAGE = "/account"


class AccountApi:
    """`/api/account` and `/api/settings/scopes`."""

    def __init__(
        self,
        *,
        channels: Channels,
        permissions: PermissionDesk,
        speakers: Speakers,
        logins: LoginSessions,
        operations: Operations,
        helix: Helix,
        clock: Clock,
    ) -> None:
        self._channels, self._permissions, self._speakers = channels, permissions, speakers
        self._logins, self._operations, self._helix, self._clock = logins, operations, helix, clock

    async def scopes(self, request: web.Request) -> web.Response:
        """GET `/api/settings/scopes`."""
        found = await self._permissions.of(request[CHANNEL])
        features = ",".join(feature.value for feature in found.ask_for)
        query = urlencode({"return_to": SETTINGS_PAGE, "features": features})
        return told(
            ScopesTold(
                granted=list(found.granted),
                needed=[
                    FeatureNeed(
                        feature=need.feature.value,
                        scopes=list(need.scopes),
                        why=need.why,
                        on=need.on,
                        missing=list(need.missing),
                    )
                    for need in found.needs
                ],
                missing=list(found.missing),
                consent_url=f"{SIGN_IN_PATH}?{query}",
                checked_at=self._clock.now(),
            )
        )

    async def show(self, request: web.Request) -> web.Response:
        """GET `/api/account`."""
        channel, session = await self._channel(request), request[SESSION]
        found = await self._permissions.of(channel.id)
        speaker = await self._speakers.of(channel.id)
        people = await self._people(channel.id, {channel.id, speaker.id})
        himself = people.get(channel.id)
        return told(
            AccountTold(
                channel=AccountChannel(
                    id=channel.id,
                    login=channel.login,
                    name=channel.name,
                    broadcaster_type=himself.broadcaster_type if himself else "",
                    added_at=channel.added_at,
                ),
                login_state="good" if found.good else "needed",
                login_detail=found.detail,
                speaks_as=_speaks_as(speaker, channel, people),
                sessions=await self._sessions_of(session),
                role=_role(session, channel.id),
            )
        )

    async def remove_bot(self, request: web.Request) -> web.Response:
        """DELETE `/api/account/bot`."""
        channel = await self._channel(request)
        if not await self._speakers.disconnect(channel.id):
            raise NotFound("No other account speaks in this channel.", code="account.no_bot")
        speaker = await self._speakers.of(channel.id)
        people = await self._people(channel.id, {speaker.id})
        return told(BotGone(speaks_as=_speaks_as(speaker, channel, people)))

    async def disconnect(self, request: web.Request) -> web.Response:
        """POST `/api/account/disconnect`."""
        asked, channel, asker = (
            body_of(request, DisconnectAsked),
            await self._channel(request),
            asker_of(request),
        )
        if asked.confirm.strip().lower() != channel.login.lower():
            raise Rejected(
                "That is not the login of the channel.",
                code="account.confirm",
                advice=f"Write {channel.login} to confirm.",
            )
        order = {"remove_vips": asked.remove_vips, "erase": asked.erase}
        actor = {"kind": asker.actor.kind, "id": asker.actor.id, "name": asker.actor.name}
        operation = await self._operations.carry_out(
            Request(channel.id, asker.user_id, "POST /api/account/disconnect", asker.key, order),
            kind="channel.leave",
            lane=leave_lane(channel.id),
            body={**order, "actor": actor},
        )
        response = told(operation_told(operation), status=202)
        response.headers.update(accepted(operation))
        return response

    async def _channel(self, request: web.Request) -> Channel:
        channel = await self._channels.get(request[CHANNEL])
        if channel is None:
            raise NotFound("There is no such channel.", code="web.no_channel")
        return channel

    async def _people(self, channel_id: str, ids: set[str]) -> dict[str, User]:
        """Who they are by Twitch's word; nobody while it cannot say."""
        try:
            return {user.id: user for user in await self._helix.users(channel_id, ids=sorted(ids))}
        except CuelightError:
            return {}

    async def _sessions_of(self, session: Session) -> list[BrowserSession]:
        return [
            BrowserSession(
                id=login.id[:16],
                current=login.id == session.id,
                since=login.created_at,
                last_seen_at=login.seen_at,
                agent=login.agent,
            )
            for login in await self._logins.of(session.subject)
        ][:100]


class TeamApi:
    """`/api/team`."""

    def __init__(self, *, team: TeamWork) -> None:
        self._team = team

    async def list(self, request: web.Request) -> web.Response:
        """GET `/api/team`."""
        return await self._told(request[CHANNEL])

    async def add(self, request: web.Request) -> web.Response:
        """POST `/api/team`."""
        login = body_of(request, TeamAsked).login
        await self._team.add(request[CHANNEL], login, actor=asker_of(request).actor)
        return await self._told(request[CHANNEL], status=201)

    async def add_moderators(self, request: web.Request) -> web.Response:
        """POST `/api/team/moderators`."""
        await self._team.add_moderators(request[CHANNEL], actor=asker_of(request).actor)
        return await self._told(request[CHANNEL])

    async def remove(self, request: web.Request) -> web.Response:
        """DELETE `/api/team/{user_id}`."""
        user_id = path_of(request, MemberPath).user_id
        await self._team.remove(request[CHANNEL], user_id, actor=asker_of(request).actor)
        return await self._told(request[CHANNEL])

    async def _told(self, channel_id: str, *, status: int = 200) -> web.Response:
        members = [
            TeamMember(
                user_id=one.member.user_id,
                login=one.member.login,
                name=one.member.name,
                role="moderator",
                since=one.member.since,
                last_seen_at=one.last_seen_at,
                is_moderator=one.is_moderator,
            )
            for one in await self._team.listed(channel_id)
        ]
        return told(TeamTold(members=members), status=status)


def _role(session: Session, channel_id: str) -> RoleWord:
    return "owner" if session.role_in(channel_id) is Role.OWNER else "moderator"


def _speaks_as(speaker: Speaker, channel: Channel, people: dict[str, User]) -> SpeaksAs:
    known = people.get(speaker.id)
    names: Sequence[str] = (
        (channel.login, channel.name) if speaker.kind == "self" else (speaker.login, speaker.name)
    )
    login, name = (known.login, known.name) if known else (names[0] or speaker.id, names[1] or speaker.id)
    return SpeaksAs(id=speaker.id, login=login, name=name, kind=speaker.kind)
