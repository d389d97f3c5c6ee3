"""Joins what streamers run their channel's watch party with."""

from __future__ import annotations

from daemon.wiring_handlers import Desk
from daemon.wiring_party import Served
from handlers.party.channel_desk import ChannelParty, Look
from web.api.channel_party import ChannelPartyApi


def channel_party_api(served: Served, *, desk: Desk) -> ChannelPartyApi:
    """The part of the API. Looking at a room is following it, as its viewers' processes do: so it is known how well
    they keep together, wherever they are."""

    async def look(room_id: str) -> Look:
        here = await served.rooms.room(room_id)
        return Look(here.replica.room, here.replica.roster, here.hub.quality())

    return ChannelPartyApi(
        party=ChannelParty(
            party=served.party.from_twitch,
            channels=desk.repositories.channels,
            invites=served.party.invites,
            book=desk.book,
            look=look,
            public_url=served.public_url,
        )
    )
