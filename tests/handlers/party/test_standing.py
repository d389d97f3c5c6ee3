"""What somebody is in a channel; at the door: test_doors.py."""

from __future__ import annotations

from dataclasses import replace

from domain.channel import Channel, Viewer
from handlers.party.standing import Standing, of_twitch
from tests.handlers.party.house import Doorway


async def test_the_demos_login_owns_every_channel_there_and_none_elsewhere(door: Doorway) -> None:
    await door.channels.put(Channel(id="900", login="lantern", name="Lantern"), lambda held: held)
    subject = of_twitch("development")
    for development in (True, False):
        standing = Standing(
            channels=door.channels,
            team=door.team,
            sessions=door.sessions,
            viewers=door.viewers,
            development=development,
        )
        assert await standing.runs(subject, "900") is development
        assert not await standing.runs(subject, "901"), "there is no such channel"


async def test_only_who_signed_in_here_is_anything(door: Doorway) -> None:
    await door.channels.put(Channel(id="900", login="lantern", name="Lantern"), lambda held: held)
    standing = Standing(channels=door.channels, team=door.team, sessions=door.sessions, viewers=door.viewers)
    assert await standing.runs("twitch:900", "900")
    for subject in ("900", "guest:900", "jwt-abc:900", "twitch:", "twitch:90", ""):
        assert not await standing.runs(subject, "900")
        assert not await standing.is_vip(subject, "900")


async def test_a_vip_by_the_streamers_hand_is_one_too(door: Doorway) -> None:
    standing = Standing(channels=door.channels, team=door.team, sessions=door.sessions, viewers=door.viewers)
    ann = Viewer("7", "ann", "Ann")
    assert not await standing.is_vip("twitch:7", "900")
    await door.viewers.change("900", ann, lambda held: replace(held, by_hand_since=5))
    assert await standing.is_vip("twitch:7", "900")
    assert not await standing.is_vip("twitch:7", "901")
    await door.viewers.change("900", ann, lambda held: replace(held, by_hand_since=0))
    assert not await standing.is_vip("twitch:7", "900")
