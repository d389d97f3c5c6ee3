"""A channel's party as it is run from the dashboard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from domain.audit import Actor
from domain.channel import Channel
from domain.errors import CuelightError, NotFound, Rejected
from handlers.party.channel_desk import ChannelParty, Look
from handlers.party.invites import Invites
from rooms.delivery.reports import Histogram, Report, Reports
from rooms.fleet.visit import Visit
from rooms.people import Role
from storage.parties import PARTY_INVITES, InviteUses
from tests.handlers.party.test_rewards import party_of, visits_of
from tests.support.desk import open_scene
from tests.support.scene import Scene

ACTOR = Actor("moderator", "7", "Mia")


async def desk_of(scene: Scene, quality: Callable[[], Histogram] = Histogram) -> tuple[ChannelParty, Invites]:
    party, visits = party_of(scene), visits_of(scene)
    uses = InviteUses(await scene.store.collection(PARTY_INVITES))
    invites = Invites(secret="s" * 32, registry=party.registry, uses=uses, clock=scene.clock)

    async def look(room_id: str) -> Look:
        async def do(visit: Visit) -> Look:
            if not visit.moment.room.opened_at:
                raise NotFound("There is no such room.", code="party.room_not_found")
            return Look(visit.moment.room, visit.moment.roster, quality())

        return await visits.visit(room_id, do)

    desk = ChannelParty(
        party=party,
        channels=scene.repositories.channels,
        invites=invites,
        book=scene.desk.book,
        look=look,
        public_url=lambda: "https://cuelight.test",
    )
    return desk, invites


@asynccontextmanager
async def open_desk(path: Path) -> AsyncIterator[tuple[Scene, ChannelParty, Channel]]:
    async with open_scene(path) as scene:
        desk, _ = await desk_of(scene)
        yield scene, desk, await scene.channel()


async def test_a_party_is_opened_changed_and_closed_and_it_is_written_down(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as (scene, desk, channel):
        assert await desk.show(channel.id) is None
        opened = await desk.open(channel.id, {"title": "Friday", "is_public": True}, actor=ACTOR)
        assert (opened.title, opened.is_public, opened.vip_only) == ("Friday", True, False)
        assert opened.url == f"https://cuelight.test/party/{opened.room_id}"
        assert (opened.members, opened.here, opened.host, opened.players, opened.drift_p50) == (
            0,
            0,
            "",
            0,
            None,
        )
        again = await desk.open(channel.id, {"title": "Friday", "is_public": True}, actor=ACTOR)
        assert again == opened, "opened twice is opened once"
        changed = await desk.change(channel.id, {"vip_only": True, "is_public": False}, actor=ACTOR)
        assert (changed.room_id, changed.title, changed.vip_only) == (opened.room_id, "Friday", True)
        await desk.close(channel.id, actor=ACTOR)
        assert await desk.show(channel.id) is None
        trail = [one for one in await scene.trail(channel) if one.action.value.startswith("party.")]
        assert {one.action.value for one in trail} == {"party.opened", "party.changed", "party.closed"}
        assert len(trail) == 3, "what changed nothing is not written down"
        assert all(one.actor == ACTOR for one in trail)


async def test_without_an_open_party_there_is_nothing_to_change(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as (_, desk, channel):
        for asked in (
            desk.change(channel.id, {"title": "x"}, actor=ACTOR),
            desk.close(channel.id, actor=ACTOR),
            desk.invite(channel.id, role="guest", uses=1, seconds=60),
        ):
            with pytest.raises(CuelightError) as caught:
                await asked
            assert caught.value.code == "party.none"


async def test_what_a_room_does_not_take_is_refused(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as (_, desk, channel):
        with pytest.raises(Rejected):
            await desk.open(channel.id, {"title": "x" * 81}, actor=ACTOR)
        assert await desk.show(channel.id) is None


async def test_an_invite_is_good_for_this_room(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        desk, invites = await desk_of(scene)
        channel = await scene.channel()
        opened = await desk.open(channel.id, {}, actor=ACTOR)
        made = await desk.invite(channel.id, role="member", uses=3, seconds=3600)
        assert made.url == f"{opened.url}#invite={made.invite}"
        assert made.expires_at == scene.clock.now() // 1000 + 3600
        found = await invites.look(made.invite, opened.room_id)
        assert (found.role, found.uses) == (Role.MEMBER, 3)


async def test_how_well_players_keep_together_is_told(tmp_path: Path) -> None:
    reports = Reports()
    for number, drift in enumerate((3.0, 7.0, 100.0)):
        reports.take(f"m{number}", Report(drift=drift, clock_error=1.0, one_way=10.0, stalls=0))
    async with open_scene(tmp_path) as scene:
        desk, _ = await desk_of(scene, reports.fold)
        channel = await scene.channel()
        shown = await desk.open(channel.id, {}, actor=ACTOR)
        assert (shown.players, shown.drift_p50, shown.drift_p95) == (3, 8.0, 128.0)
