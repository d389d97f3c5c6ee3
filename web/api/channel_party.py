"""`/api/v1/party`: the watch party of a channel, for its streamer and moderators."""

from __future__ import annotations

from aiohttp import web

from handlers.party.channel_desk import ChannelParty, Shown
from web.api.operations import asker_of
from web.keys import CHANNEL
from web.models.base import body_of, told
from web.models.channel_party import (
    ChannelPartyState,
    ChannelPartyTold,
    ChannelPartyWanted,
    PartyInviteTold,
    PartyInviteWanted,
    PartySyncTold,
)


class ChannelPartyApi:
    def __init__(self, *, party: ChannelParty) -> None:
        self._party = party

    async def show(self, request: web.Request) -> web.Response:
        """GET `/api/v1/party`."""
        return _told(await self._party.show(request[CHANNEL]))

    async def open(self, request: web.Request) -> web.Response:
        """POST `/api/v1/party`."""
        wanted = body_of(request, ChannelPartyWanted).model_dump(exclude_unset=True)
        asker = asker_of(request)
        return _told(await self._party.open(asker.channel_id, wanted, actor=asker.actor))

    async def change(self, request: web.Request) -> web.Response:
        """PATCH `/api/v1/party`."""
        wanted = body_of(request, ChannelPartyWanted).model_dump(exclude_unset=True)
        asker = asker_of(request)
        return _told(await self._party.change(asker.channel_id, wanted, actor=asker.actor))

    async def close(self, request: web.Request) -> web.Response:
        """DELETE `/api/v1/party`."""
        asker = asker_of(request)
        await self._party.close(asker.channel_id, actor=asker.actor)
        return _told(None)

    async def invite(self, request: web.Request) -> web.Response:
        """POST `/api/v1/party/invites`."""
        wanted = body_of(request, PartyInviteWanted)
        made = await self._party.invite(
            request[CHANNEL], role=wanted.role, uses=wanted.uses, seconds=wanted.seconds
        )
        return told(PartyInviteTold(invite=made.invite, url=made.url, expires_at=made.expires_at), status=201)


def _told(shown: Shown | None) -> web.Response:
    return told(ChannelPartyState(party=None if shown is None else _party(shown)))


def _party(shown: Shown) -> ChannelPartyTold:
    return ChannelPartyTold(
        room_id=shown.room_id,
        url=shown.url,
        title=shown.title,
        is_public=shown.is_public,
        vip_only=shown.vip_only,
        opened_at=shown.opened_at,
        host=shown.host,
        film=shown.film,
        queued=shown.queued,
        members=shown.members,
        here=shown.here,
        sync=PartySyncTold(players=shown.players, drift_p50_ms=shown.drift_p50, drift_p95_ms=shown.drift_p95),
    )
