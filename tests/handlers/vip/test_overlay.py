"""Who may see the overlay, and what it shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.audit import Actor
from domain.channel import Channel
from domain.errors import NotFound
from handlers.vip.overlay import Overlay
from storage.channels import SEALED
from storage.sealing import Sealer, by_id_and_field, generate_key
from tests.support.scene import Scene

OWNER = Actor("streamer", "1", "Streamer")


@pytest.fixture
def overlay(scene: Scene) -> Overlay:
    return of(scene, scene.grants.sealer)


def of(scene: Scene, sealer: Sealer) -> Overlay:
    r = scene.repositories
    return Overlay(
        channels=r.channels, sessions=r.sessions, sealer=sealer, book=scene.desk.book, clock=scene.clock
    )


def key_in(path: str) -> str:
    page, _, key = path.partition("?key=")
    assert page == "/overlay"
    return key


async def stored(scene: Scene, channel: Channel) -> str:
    held = await scene.repositories.channels.get(channel.id)
    assert held is not None
    return held.settings.overlay_key


async def test_the_address_stays_until_it_is_changed(scene: Scene, overlay: Overlay) -> None:
    channel = await scene.channel()
    path = await overlay.path(channel.id)
    assert await overlay.path(channel.id) == path
    assert await overlay.channel_of(key_in(path)) == channel.id
    assert key_in(path).partition(".")[2] not in await stored(scene, channel), "sealed at rest"
    fresh = await overlay.rotate(channel.id, actor=OWNER)
    assert fresh != path
    assert await overlay.channel_of(key_in(path)) is None
    assert await overlay.channel_of(key_in(fresh)) == channel.id
    (record,) = [one for one in await scene.trail(channel) if one.action == "settings.changed"]
    assert (record.actor, record.detail["parts"]) == (OWNER, ["messages"])
    assert key_in(fresh) not in str(record)


async def test_no_other_key_opens_anything(scene: Scene, overlay: Overlay) -> None:
    channel, other = await scene.channel(), await scene.channel("other")
    secret = key_in(await overlay.path(channel.id)).partition(".")[2]
    for key in ("", ".", channel.id, f"{channel.id}.", f"{other.id}.{secret}", f"404.{secret}", "x" * 500):
        assert await overlay.channel_of(key) is None, key
    assert await overlay.channel_of(f"{channel.id}.{secret}\ud800") is None
    with pytest.raises(NotFound):
        await overlay.path("404")
    with pytest.raises(NotFound):
        await overlay.rotate("404", actor=OWNER)


async def test_a_key_of_another_channel_that_was_moved_here_is_none(scene: Scene, overlay: Overlay) -> None:
    channel, other = await scene.channel(), await scene.channel("other")
    await overlay.path(other.id)
    moved = await stored(scene, other)
    await scene.repositories.channels.change(
        channel.id, lambda held: replace(held, settings=replace(held.settings, overlay_key=moved))
    )
    path = await overlay.path(channel.id)
    assert await overlay.channel_of(key_in(path)) == channel.id
    assert await stored(scene, channel) != moved


async def test_a_key_that_nobody_opens_gives_way_and_two_who_look_agree(
    scene: Scene, overlay: Overlay
) -> None:
    channel = await scene.channel()
    lost = Sealer([generate_key()])
    sealed = lost.seal("x", bound_to=by_id_and_field({"_id": channel.id}, SEALED[1]))
    await scene.repositories.channels.change(
        channel.id, lambda held: replace(held, settings=replace(held.settings, overlay_key=sealed))
    )
    first = await overlay.path(channel.id)
    assert await of(scene, scene.grants.sealer).path(channel.id) == first


async def test_it_shows_names_and_times_and_no_ids(scene: Scene, overlay: Overlay) -> None:
    channel, ann, ben = await scene.channel(), await scene.viewer(), await scene.viewer("ben")
    empty = await overlay.view(channel.id)
    assert empty == {"now": scene.clock.now(), "language": "en", "latest": None, "next": None}
    await scene.settled(await scene.redeem(channel, ann))
    await scene.pass_ms(1000)
    await scene.settled(await scene.redeem(channel, ben))
    first, second = await scene.session(channel, ann), await scene.session(channel, ben)
    assert first is not None
    assert second is not None
    view = await overlay.view(channel.id)
    assert view is not None
    assert view["latest"] == {"name": "Ben", "ends_at": second.expires_at, "since": second.granted_at}
    assert view["next"] == {"name": "Ann", "ends_at": first.expires_at}
    assert ann.id not in str(view)
    assert channel.id not in str(view)
    await scene.pass_ms(59_000)
    await scene.finish()
    later = await overlay.view(channel.id)
    assert later is not None
    assert later["next"]["name"] == "Ben"
    assert await overlay.view("404") is None


async def test_who_leaves_with_the_stream_is_not_counted_down(scene: Scene, overlay: Overlay) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    session = await scene.session(channel, ann)
    assert session is not None
    await scene.repositories.sessions.change(session.id, lambda held: replace(held, until_stream_end=True))
    view = await overlay.view(channel.id)
    assert view is not None
    assert (view["latest"]["name"], view["latest"]["ends_at"], view["next"]) == ("Ann", None, None)
