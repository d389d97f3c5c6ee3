"""The conduit transport as a whole, against the simulator over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.channel import Channel
from domain.errors import Unavailable
from domain.inbox import RowState
from domain.transport import Way
from gateways.twitch.scopes import VIP_FEATURES, features_of, scopes_for
from gateways.twitch.subscriptions import vip_channel
from tests.support.listening import SIMULATOR, Process, Town, open_town
from tests.support.scene import grant_of


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path) as one:
        yield one


def made(*processes: Process) -> float:
    """How many subscriptions these asked Twitch for, and got."""
    return sum(
        process.metrics.value("twitch_calls_total", call="subscribe", outcome="ok") or 0
        for process in processes
    )


async def test_one_conduit_hears_every_channel(town: Town) -> None:
    channels = [await town.scene.channel(f"streamer{number}") for number in range(5)]
    await town.on_conduit()
    process = await town.start()
    await town.ready(*channels)
    assert len(town.conduits) == 1
    for channel in channels:
        assert len(town.subscriptions(channel=channel)) == len(vip_channel(channel.id))
    for number, channel in enumerate(channels):
        viewer = await town.scene.viewer(f"viewer{number}")
        await town.scene.pay(channel, viewer)
        await town.granted(channel, viewer)
    assert town.subscriptions("websocket") == []
    rows = await town.scene.repositories.inbox.documents(RowState.DONE)
    assert {row["transport"] for row in rows if row["kind"] == "redemption.add"} == {"conduit"}
    assert process.told()["enabled"] == 5
    assert {one["state"] for one in process.listening.states().values()} == {"live"}


async def test_channels_come_and_go(town: Town) -> None:
    first = await town.scene.channel("first")
    process = await town.start()
    await town.ready(first)
    second = await town.scene.channel("second")
    process.listening.watch.add(second.id, vip_channel(second.id))
    await town.live(second)
    await town.scene.repositories.channels.remove(first.id)
    await process.listening.watch.remove(first.id)
    await town.until(lambda: not town.subscriptions(channel=first))
    assert town.subscriptions(channel=second)


async def test_a_fill_that_was_cut_off_is_resumed(town: Town) -> None:
    channels = [await town.scene.channel(f"streamer{number}") for number in range(6)]
    each = len(vip_channel("1"))
    await town.on_conduit()
    await town.scene.fault("POST", "/eventsub/subscriptions", times=1000, delay_ms=20)
    first = await town.start("a")
    await town.until(lambda: 2 * each < len(town.subscriptions()) < 5 * each)
    await first.die()
    await town.scene.heal()
    before = len(town.subscriptions())
    assert 0 < before < 6 * each
    second = await town.start("b")
    await town.ready(*channels)
    assert len(town.subscriptions()) == 6 * each
    assert made(second) == 6 * each - before
    assert len(town.conduits) == 1


async def test_without_consent_a_channel_waits_and_the_others_go_on(town: Town) -> None:
    without = await town.scene.channel("without", scopes=["channel:manage:redemptions"])
    others = [await town.scene.channel(f"streamer{number}") for number in range(3)]
    process = await town.start()
    await town.live(*others)
    await town.until(lambda: process.told()["needs_login"] == 1)
    state, detail = await town.state(without)
    assert state == "needs_login"
    assert "vips" in detail

    async def moved() -> bool:
        return (await town.transport()).in_force is Way.CONDUIT

    await town.until(moved)  # nobody waits for him
    row = await town.scene.act("login", user_id=without.id)
    await town.scene.tokens.put(without.id, without.login, grant_of(row))
    process.listening.watch.wake(without.id)
    await town.live(without)


async def test_what_a_login_asks_for_is_enough(town: Town) -> None:
    """To read chat over a conduit takes more than over a session of the streamer's own."""
    scopes = scopes_for({*VIP_FEATURES, *features_of(Channel("", "", ""))})
    channel = await town.scene.channel("fresh", scopes=list(scopes))
    await town.on_conduit()
    await town.start()
    await town.ready(channel)
    wanted = vip_channel(channel.id, scopes, channel.settings)
    assert "channel.chat.message" in {wish.type for wish in wanted}
    assert {one.type for one in town.subscriptions(channel=channel)} == {wish.type for wish in wanted}


async def test_a_missing_optional_consent_costs_only_what_needs_it(town: Town) -> None:
    scopes = ["channel:manage:redemptions", "channel:manage:vips"]
    channel = await town.scene.channel("thrifty", scopes=scopes)
    await town.start()
    await town.ready(channel)
    _, detail = await town.state(channel)
    assert "without: channel.moderator.add channel.moderator.remove" in detail


async def test_what_a_streamer_did_not_grant_is_not_asked_for_at_each_start(town: Town) -> None:
    scopes = ["channel:manage:redemptions", "channel:manage:vips"]
    channel = await town.scene.channel("thrifty", scopes=scopes)
    await town.on_conduit()
    for name in "ab":
        process = await town.start(name)
        await town.ready(channel)
        assert process.metrics.value("twitch_calls_total", call="subscribe", outcome="login") is None
        await process.stop()
    third = await town.start("c")
    await town.ready(channel)
    row = await town.scene.act("login", user_id=channel.id, scopes=[*scopes, "moderation:read"])
    await town.scene.tokens.put(channel.id, channel.login, grant_of(row))
    third.listening.watch.wake(channel.id)

    def complete() -> bool:
        return "channel.moderator.add" in {one.type for one in town.subscriptions(channel=channel)}

    await town.until(complete)


async def test_while_the_store_is_away_nothing_is_deleted(town: Town) -> None:
    """A list that was read half-way is no list: what hangs on the conduit for the others would go."""
    channels = [await town.scene.channel(f"streamer{number}") for number in range(4)]
    first = await town.start("a")
    await town.ready(*channels)
    await first.stop()
    held = {one.id for one in town.subscriptions()}
    asked: list[str] = []

    async def granted(channel_id: str) -> tuple[str, ...] | None:
        asked.append(channel_id)
        if len(asked) in (3, 5):
            raise Unavailable("The store is away.")
        return await town.scene.grants.scopes(channel_id)

    town.scopes = granted
    second = await town.start("b")
    await town.until(lambda: second.told()["enabled"] == 4)
    assert len(asked) == 6  # what was read is kept
    assert {one.id for one in town.subscriptions()} == held


async def test_a_subscription_that_ends_is_made_again(town: Town) -> None:
    channel = await town.scene.channel("streamer")
    await town.start()
    await town.ready(channel)
    gone = town.subscriptions(channel=channel)[0]
    await town.scene.act("eventsub/revoke", subscription_id=gone.id, status="version_removed")
    await town.until(lambda: gone.type in {one.type for one in town.subscriptions(channel=channel)})
    assert not gone.alive


async def test_a_revoked_grant_is_told(town: Town) -> None:
    channel = await town.scene.channel("streamer")
    await town.start()
    await town.ready(channel)
    await town.scene.act("tokens/revoke", user_id=channel.id)

    async def told() -> bool:
        return (await town.state(channel))[0] == "needs_login"

    await town.until(told)


async def test_a_conduit_that_is_gone_is_made_anew(town: Town) -> None:
    channel = await town.scene.channel("streamer")
    await town.start()
    await town.ready(channel)
    (old,) = town.conduits
    gaps = (await town.transport()).gaps
    town.scene.sim.stage.eventsub.conduits.delete(town.scene.sim.client_id, old.id)
    await town.until(lambda: bool(town.conduits) and town.attached(2))
    await town.until(lambda: len(town.subscriptions(channel=channel)) == len(vip_channel(channel.id)))
    assert (await town.transport()).conduit_id == town.conduits[0].id != old.id
    assert (await town.transport()).gaps > gaps
    viewer = await town.scene.viewer()
    await town.scene.pay(channel, viewer)
    await town.granted(channel, viewer)


async def test_a_restart_finds_the_conduit_again(town: Town) -> None:
    channels = [await town.scene.channel(f"streamer{number}") for number in range(3)]
    first = await town.start("a")
    await town.ready(*channels)
    (conduit,) = town.conduits
    await first.stop()
    assert "enabled" not in town.shards()
    second = await town.start("b")
    await town.ready(*channels)
    assert [one.id for one in town.conduits] == [conduit.id]
    assert made(second) == 0  # nothing was missing: also its own is there (409)


async def test_what_is_lost_from_memory_is_known_by_its_mark_and_nobody_elses_is_taken(town: Town) -> None:
    channel = await town.scene.channel("streamer")
    register = town.scene.sim.stage.eventsub.conduits
    first = await town.start("a")
    await town.ready(channel)
    (ours,) = town.conduits
    await first.stop()
    foreign = register.create(town.scene.sim.client_id, 1)
    foreign.shards[0].status = "enabled"  # somebody serves it
    await town.scene.repositories.transports.change(
        lambda held: replace(held, conduit_id="", in_force=Way.WEBSOCKET)
    )
    await town.start("b")
    await town.until(lambda: [shard.status for shard in ours.shards] == ["enabled"] * 2)
    assert {conduit.id for conduit in town.conduits} == {ours.id, foreign.id}
    assert "session_id" not in foreign.shards[0].transport


async def test_five_conduits_of_others_are_told_and_left_alone(town: Town) -> None:
    await town.scene.channel("streamer")
    register = town.scene.sim.stage.eventsub.conduits
    for _ in range(5):
        register.create(town.scene.sim.client_id, 1).shards[0].status = "enabled"
    process = await town.start()
    await town.until(lambda: bool(process.metrics.value("errors_total", where="conduit.keeper")), what="told")
    assert len(town.conduits) == 5


async def test_the_pace_leaves_points_for_others(tmp_path: Path) -> None:
    slow = replace(SIMULATOR, points_per_minute=2400)
    async with open_town(tmp_path, settings=slow) as town:
        channels = [await town.scene.channel(f"streamer{number}") for number in range(8)]
        await town.on_conduit()
        began = town.clock.monotonic()
        await town.start()
        await town.ready(*channels)
        took = town.clock.monotonic() - began
        assert took >= 8 * len(vip_channel("1")) / (2400 * 0.75 / 60) * 0.9


@pytest.mark.parametrize("count", [1, 4])
async def test_the_number_of_shards_changes_with_the_setting(town: Town, count: int) -> None:
    channels = [await town.scene.channel(f"streamer{number}") for number in range(3)]
    first = await town.start("a")
    await town.ready(*channels)
    await first.stop()
    await town.start("b", shards=count)
    await town.until(lambda: town.attached(count), what="resized")
    assert len(town.conduits) == 1
    for number, channel in enumerate(channels):
        viewer = await town.scene.viewer(f"viewer{number}")
        await town.scene.pay(channel, viewer)
        await town.granted(channel, viewer)
