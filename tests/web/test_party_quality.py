"""How well the players of a room keep together, as an event stream: who may see it, what it tells and how often, and
where it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import ClientSession, CookieJar
from yarl import URL

from gateways.topics.contracts import NewEntry
from rooms.delivery.quality import EACH_SECONDS, KIND, STALE_SECONDS, topic_of
from tests.rooms.party import Client, PartyHouse, open_party
from tests.web.logins import MemoryLogins
from tests.web.world import Event, Events, World, running, until
from web.party_quality import Owners, PartyQuality
from web.routes import Api
from web.sse import StreamLimits

LONG = StreamLimits(lifetime_seconds=(10**6, 10**6))


@dataclass
class Stage:
    """A room that `ann` hosts, of the channel 900 if a test says so, and pages that look at it."""

    world: World
    house: PartyHouse
    logins: MemoryLogins
    host: Client
    room_id: str
    channels: dict[str, str]

    @property
    def address(self) -> str:
        return self.world.url(f"/api/v1/party/rooms/{self.room_id}/quality")

    async def signed_in(self, client: ClientSession, subject: str) -> None:
        key, _ = await self.logins.open(subject=subject, login="", name="", agent="", replaces="")
        client.cookie_jar.update_cookies({"cuelight": key}, URL(self.world.url("/")))

    async def look(self, subject: str, after: str = "") -> Events:
        await self.signed_in(self.world.client, subject)
        response = await self.world.client.get(self.address, headers={"Last-Event-ID": after})
        assert response.status == 200, await response.text()
        return Events(response)

    async def refused(self, subject: str) -> tuple[int, str]:
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
            if subject:
                await self.signed_in(client, subject)
            async with client.get(self.address) as response:
                return response.status, (await response.json(content_type=None))["code"]

    async def next(self, events: Events) -> Event:
        """The next event, while the time goes on."""
        reading = asyncio.ensure_future(events.event())
        while not reading.done():
            await asyncio.wait({reading}, timeout=0.01)
            await self.house.clock.advance(0.2)
        return reading.result()

    async def reported(self, drift: float, **more: float) -> None:
        """A report of the host's player, and the time until it was told."""
        self.host.send("party:report", {"driftMs": drift, **more})
        await self.house.clock.advance(EACH_SECONDS + 0.1)


@asynccontextmanager
async def staged(house: PartyHouse) -> AsyncIterator[Stage]:
    logins, channels = MemoryLogins(house.clock), {"": ""}
    host, room_id = await house.room("ann")

    async def owners(asked: str) -> Owners:
        room = (await house.rooms.room(asked)).replica.room
        return Owners(room.host_subject, channels.get(asked, ""))

    quality = PartyQuality(owners=owners, topics=house.topics, logins=logins, clock=house.clock)
    ports = {"api": Api(party_quality=quality), "clock": house.clock, "logins": logins}
    async with running(topics=house.topics, ports=ports, limits=LONG) as world:
        yield Stage(world, house, logins, host, room_id, channels)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_party() as house, staged(house) as stage:
        yield stage


async def test_first_the_whole_picture_then_what_is_new(stage: Stage) -> None:
    await stage.reported(-3, clockErrMs=2)
    async with await stage.look("ann") as events:
        first = await stage.next(events)
        assert (first.name, first.data["players"], first.data["p50"], first.data["clockErrMs"]) == (
            "reset",
            1,
            4,
            2,
        )
        assert stage.house.clock.now() - first.data["at"] <= STALE_SECONDS * 1000
        await stage.reported(100)
        then = await stage.next(events)
        assert (then.name, then.data["p50"], then.data["buckets"][7]) == ("quality", 128, [128, 1])


async def test_without_players_there_is_an_empty_picture(stage: Stage) -> None:
    async with await stage.look("ann") as events:
        first = await stage.next(events)
        assert (first.name, first.data["players"], first.data["p95"]) == ("reset", 0, None)
    await stage.reported(5)
    await stage.house.clock.advance(STALE_SECONDS + 1)
    async with await stage.look("ann") as events:
        assert (await stage.next(events)).data["players"] == 0, "what was said is too old"


async def test_a_player_who_has_gone_is_one_less(stage: Stage) -> None:
    ben = await stage.house.join("ben", stage.room_id)
    ben.send("party:report", {"driftMs": 1})
    await stage.reported(1)
    async with await stage.look("ann") as events:
        assert (await stage.next(events)).data["players"] == 2
        await ben.ask("party:leave")
        assert (await stage.next(events)).data["players"] == 1


async def test_however_many_entries_one_frame_each_five_seconds(stage: Stage) -> None:
    began = stage.house.clock.monotonic()
    async with await stage.look("ann") as events:
        assert (await stage.next(events)).name == "reset"
        for _ in range(3):
            for players in range(1, 6):  # as several processes write them at the edge of a round
                await stage.house.topics.append(topic_of(stage.room_id), NewEntry(KIND, {"players": players}))
            assert (await stage.next(events)).data == {"players": 5}, "the newest of each time"
    assert stage.house.clock.monotonic() - began >= 3 * EACH_SECONDS


async def test_it_goes_on_where_it_was(stage: Stage) -> None:
    await stage.reported(1)
    async with await stage.look("ann") as events:
        first = await stage.next(events)
    await stage.reported(60)
    async with await stage.look("ann", after=first.id) as events:
        again = await stage.next(events)
        assert (again.name, again.data["p50"]) == ("quality", 64), "no picture, and nothing is missing"
    async with await stage.look("ann", after="another-7") as events:
        assert (await stage.next(events)).name == "reset"


async def test_who_may_see_it(stage: Stage) -> None:
    assert await stage.refused("") == (401, "auth.signed_out")
    assert await stage.refused("ben") == (404, "party.room_not_found")
    await stage.house.join("ben", stage.room_id)
    assert await stage.refused("ben") == (404, "party.room_not_found"), "a member is not the host"
    stage.logins.roles["mod"] = {"900": "moderator"}
    assert await stage.refused("mod") == (404, "party.room_not_found"), "the room is of no channel"
    stage.channels[stage.room_id] = "900"
    stage.logins.roles["other"] = {"901": "owner"}
    assert await stage.refused("other") == (404, "party.room_not_found")
    async with await stage.look("mod") as events:
        assert (await stage.next(events)).name == "reset"
    known, stage.room_id = stage.room_id, "no-such-room"
    assert await stage.refused("ann") == (404, "party.room_not_found")
    stage.room_id = known


async def test_it_ends_with_the_right_to_see_it(stage: Stage) -> None:
    ben = await stage.house.join("ben", stage.room_id)
    async with await stage.look("ann") as events:
        await stage.next(events)
        await stage.host.ask("party:host", {"memberId": await member_id(ben)})
        assert (await stage.next(events)).name == "auth", "another one is host now"
    async with await stage.look("ben") as events:
        await stage.next(events)
        (session,) = [one for one in stage.logins.held.values() if one.subject == "ben"]
        await stage.logins.end(session.id, "ben")
        assert (await stage.next(events)).name == "auth"
    await until(lambda: stage.world.counted("sse_ended_total", reason="signed_out") == 2)


async def member_id(client: Client) -> str:
    (welcome,) = [one for one in client.wire.heard if one["type"] == "party:join"]
    return str(welcome["data"]["self"])
