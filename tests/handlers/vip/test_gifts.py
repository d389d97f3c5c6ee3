"""What is told of time that was given: once, with the figures of its own cause."""

from __future__ import annotations

from domain.audit import Action, Actor
from domain.channel import Viewer
from domain.vip import Method, extended, opened
from handlers.vip.announce import Announcer
from handlers.vip.gifts import Gifts
from handlers.vip.granting import Given
from tests.support.scene import Scene

ANN = Viewer("7", "ann", "Ann")


def gifts(scene: Scene) -> Gifts:
    desk, r = scene.desk, scene.repositories
    announcer = Announcer(audit=r.audit, live=desk.live, intake=desk.intake, channels=r.channels)
    return Gifts(announcer=announcer, clock=scene.clock, metrics=scene.metrics)


async def test_each_cause_is_told_with_its_own_time(scene: Scene) -> None:
    channel = await scene.channel()
    first = opened(
        id="s", channel_id=channel.id, viewer=ANN, cause="a", added_ms=60_000, now=1000,
        method=Method.BITS, granted_by="7",
    )  # fmt: skip
    both = extended(first, cause="b", added_ms=30_000, now=2000)
    actor = Actor("viewer", "7", "Ann")
    for _ in range(2):
        await gifts(scene).tell("a", Given("granted", first), actor=actor, cause="bits", bits=5)
        await gifts(scene).tell("b", Given("extended", both), cause="bits")
    await scene.finish()
    by_id = {record.id: record for record in await scene.trail(channel)}
    assert by_id["a:granted"].detail["seconds"] == 60
    assert (by_id["a:granted"].detail["bits"], by_id["a:granted"].actor) == (5, actor)
    assert by_id["b:extended"].detail["seconds"] == 30
    assert (by_id["b:extended"].actor.kind, by_id["b:extended"].at) == ("system", 2000)
    assert scene.said(channel) == [
        "@Ann is VIP now, for 1 min. Enjoy!",
        "@Ann stays VIP: 30 s more, 1 min 29 s in all.",
    ]
    assert scene.counted("vip_granted_total") == scene.counted("vip_extended_total") == 1


async def test_an_adoption_is_recorded_and_not_said(scene: Scene) -> None:
    channel = await scene.channel()
    session = opened(
        id="s", channel_id=channel.id, viewer=ANN, cause="a", added_ms=60_000, now=1000,
        method=Method.ADOPTED, granted_by="1", until_stream_end=True,
    )  # fmt: skip
    await gifts(scene).tell("a", Given("adopted", session), cause="dashboard")
    await scene.finish()
    (record,) = await scene.trail(channel)
    assert (record.action, record.detail["method"]) == (Action.GRANTED, "adopted")
    assert record.detail["until_stream_end"] is True
    assert scene.said(channel) == []
