"""What is joined before it is known whom to tell."""

from __future__ import annotations

from domain.audit import streamer
from handlers.accounts.parts import LateBook, LateWatch
from tests.support.scene import Scene
from tests.support.story import NoWatch


async def test_a_watch_that_comes_later() -> None:
    late, watch = LateWatch(), NoWatch()
    late.add("1", ())
    await late.remove("1")
    late.restart("1")
    late.wake("1")
    late.watch = watch
    late.add("2", ())
    await late.remove("2")
    late.restart("2")
    late.wake("2")
    assert watch.told == [("add", "2"), ("remove", "2"), ("restart", "2"), ("wake", "2")]


async def test_a_book_that_comes_later(scene: Scene) -> None:
    late, channel = LateBook(), await scene.channel()
    await late.changed(channel.id, "team", streamer(channel.id), {"added": ["x"]})
    late.book = scene.desk.book
    await late.changed(channel.id, "team", streamer(channel.id), {"added": ["y"]})
    assert [record.detail for record in await scene.trail(channel)] == [{"team": {"added": ["y"]}}]
