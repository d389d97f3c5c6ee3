"""The live page: what it begins from plus what follows is what there is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from domain.audit import SYSTEM, Action, Actor, AuditRecord
from domain.errors import NotFound
from domain.slots import Hold, Limits, Slots, Wait, WhenFull
from domain.viewer import Listed
from gateways.topics.contracts import Position
from handlers.vip.live import SNAPSHOT_ACTIVITY, VERSIONS, topic_of
from handlers.vip.live_bodies import activity_body
from storage.contracts import StorageUnavailable
from tests.handlers.fleet import second_desk
from tests.support.desk import open_scene
from tests.support.scene import REDEMPTION_ADD, REDEMPTION_UPDATE, Scene, role_event


async def test_a_snapshot_has_all_that_a_page_needs(scene: Scene) -> None:
    channel = await scene.channel(vip_ms=60_000)
    ann, ben = await scene.viewer("ann"), await scene.viewer("ben")
    await scene.settled(await scene.redeem(channel, ann))
    await scene.settled(await scene.redeem(channel, ben))
    await scene.settled(await scene.redeem(channel, ben))
    await scene.act("vips", channel_id=channel.id, user_id=ann.id, remove=True)
    await scene.role("vip.remove", channel, ann)
    await scene.finish()
    picture = await scene.desk.live.snapshot(channel.id)
    assert picture["now"] == scene.clock.now()
    assert picture["channel"] == {
        "id": channel.id,
        "login": "streamer",
        "name": "Streamer",
        "paused": False,
        "language": "en",
        "live_since": None,
        "connection": {"state": "stopped", "since": 0, "detail": "", "transport": "websocket"},
    }
    assert picture["waiting"] == {"channel": channel.id, "cap": 0, "held": 1, "full": False, "entries": []}
    active, over = picture["vips"]
    assert (active["viewer_login"], active["status"], active["extensions"]) == ("ben", "active", 1)
    assert active["expires_at"] == active["granted_at"] + 120_000
    assert (over["viewer_name"], over["status"], over["ended_because"]) == ("Ann", "ended", "removed_by_hand")
    assert set(active) == {
        "id", "viewer_id", "viewer_login", "viewer_name", "status", "granted_at", "expires_at", "until_stream_end",
        "after_stream_ms", "protected", "method", "reward_id", "reward_title", "extensions", "ended_at",
        "ended_because",
    }  # fmt: skip
    actions = [line["action"] for line in picture["activity"]]
    assert sorted(actions) == ["vip.ended", "vip.extended", "vip.granted", "vip.granted"]
    assert {line["viewer"]["login"] for line in picture["activity"]} == {"ann", "ben"}
    assert {line["actor"]["kind"] for line in picture["activity"]} == {"viewer", "streamer"}


async def test_a_channel_that_nobody_knows_has_no_picture(scene: Scene) -> None:
    with pytest.raises(NotFound, match="404"):
        await scene.desk.live.snapshot("404")


async def test_a_line_without_a_viewer_names_none() -> None:
    body = activity_body(AuditRecord("a", "1", 5, Action.ALARM, SYSTEM, "clock"))
    assert body["viewer"] is None
    assert body["actor"] == {"kind": "system", "id": "", "name": "Cuelight"}


async def test_the_activity_is_bounded(scene: Scene) -> None:
    channel = await scene.channel()
    for number in range(SNAPSHOT_ACTIVITY + 5):
        record = AuditRecord(f"a-{number}", channel.id, number, Action.NOTICED, SYSTEM, "twitch")
        await scene.repositories.audit.add(record)
    activity = (await scene.desk.live.snapshot(channel.id))["activity"]
    assert len(activity) == SNAPSHOT_ACTIVITY
    assert activity[0]["id"] == f"a-{SNAPSHOT_ACTIVITY + 4}", "newest first"


async def test_the_state_of_the_connection_is_shown(scene: Scene) -> None:
    channel = await scene.channel()
    await scene.desk.live.show_connection(channel.id, "live", "")
    await scene.desk.live.show_connection("404", "live", "")  # not ours (any more): nobody watches
    (entry,) = await scene.entries(channel)
    assert (entry.kind, entry.state) == ("channel", False)
    assert entry.body["connection"] == {
        "state": "live",
        "since": scene.clock.now(),
        "detail": "",
        "transport": "websocket",
    }
    assert (await scene.desk.live.snapshot(channel.id))["channel"] == entry.body


async def test_every_process_shows_the_connection_that_one_of_them_holds(scene: Scene) -> None:
    channel = await scene.channel()
    async with second_desk(scene) as other:
        await other.desk.live.show_connection(channel.id, "live", "")
        picture = (await scene.desk.live.snapshot(channel.id))["channel"]
        assert picture["connection"]["state"] == "live"
        assert picture == await scene.desk.live.channel_picture(channel)
        # It died, and this process took the socket over: the same state, said by another, is news of a kind.
        scene.clock.step_wall(5000)  # type: ignore[attr-defined]
        await scene.desk.live.show_connection(channel.id, "connecting", "")
        await scene.desk.live.show_connection(channel.id, "live", "")
        await other.desk.live.show_connection(channel.id, "stopped", "")
        picture = (await other.desk.live.snapshot(channel.id))["channel"]
        assert picture["connection"] == {
            "state": "live",
            "since": scene.clock.now(),
            "detail": "",
            "transport": "websocket",
        }
    states = [entry.body["connection"]["state"] for entry in await scene.entries(channel)]
    assert states == ["live", "connecting", "live"]


async def test_the_same_again_is_no_news(scene: Scene) -> None:
    channel = await scene.channel()
    for _ in range(3):
        await scene.desk.live.show_connection(channel.id, "live", "")
    assert len(await scene.entries(channel)) == 1


async def test_of_states_at_the_same_time_the_last_one_stays(scene: Scene) -> None:
    """Each is told by a task of its own."""
    channel = await scene.channel()
    for number in range(20):
        states = [f"state-{number}-{turn}" for turn in range(5)]
        await asyncio.gather(*(scene.desk.live.show_connection(channel.id, state, "") for state in states))
        picture = await scene.desk.live.channel_picture(channel)
        assert picture["connection"]["state"] == states[-1]
    assert (await scene.entries(channel))[-1].body["connection"]["state"] == states[-1]


async def test_a_state_is_kept_although_the_store_does_not_answer_at_first(scene: Scene) -> None:
    channel = await scene.channel()
    scene.store.orders.fail("connections", "change", times=2)
    telling = asyncio.create_task(scene.desk.live.show_connection(channel.id, "live", ""))
    async with asyncio.timeout(30):
        while not telling.done():
            await scene.clock.advance(0.5)  # type: ignore[attr-defined]
            await asyncio.sleep(0.002)
    await telling
    assert (await scene.desk.live.channel_picture(channel))["connection"]["state"] == "live"


async def test_a_state_that_was_held_up_does_not_come_back_over_a_newer_one(scene: Scene) -> None:
    channel = await scene.channel()
    scene.store.orders.fail("connections", "change")
    old = asyncio.create_task(scene.desk.live.show_connection(channel.id, "connecting", ""))
    await asyncio.sleep(0)
    await scene.desk.live.show_connection(channel.id, "live", "")
    async with asyncio.timeout(30):
        while not old.done():
            await scene.clock.advance(0.5)  # type: ignore[attr-defined]
            await asyncio.sleep(0.002)
    assert (await scene.desk.live.channel_picture(channel))["connection"]["state"] == "live"
    assert [entry.body["connection"]["state"] for entry in await scene.entries(channel)] == ["live"]


async def test_entries_carry_the_version_that_is_written_now(scene: Scene, tmp_path: Path) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    assert {entry.kind: entry.version for entry in await scene.entries(channel)} == {
        "vip": VERSIONS["vip"],
        "activity": VERSIONS["activity"],
    }
    async with second_desk(scene, entry_versions={**VERSIONS, "channel": 7}) as later:
        await later.desk.live.show_connection(channel.id, "live", "")
    assert (await scene.entries(channel))[-1].version == 7


async def test_vips_by_hand_are_in_the_picture_and_follow(scene: Scene) -> None:
    channel, ann, ben = await scene.channel(), await scene.viewer("ann"), await scene.viewer("ben")
    await scene.settled(await scene.redeem(channel, ann))
    change = scene.repositories.viewers.change
    record = await change(channel.id, ben, lambda held: replace(held, by_hand_since=5))
    await change(channel.id, ann, lambda held: replace(held, by_hand_since=5))  # and has a session of ours
    ours, by_hand = (await scene.desk.live.snapshot(channel.id))["vips"]
    assert ours["viewer_login"] == "ann"
    assert (by_hand["id"], by_hand["method"], by_hand["status"]) == (f"hand:{ben.id}", "by_hand", "active")
    assert (by_hand["granted_at"], by_hand["expires_at"], by_hand["protected"]) == (5, None, False)
    await scene.desk.live.show_by_hand(record, key="1")
    await scene.desk.live.show_by_hand(record, key="1")
    protected = replace(record, listed=Listed.PROTECTED)
    await scene.desk.live.show_by_hand(protected, key="2")
    await scene.desk.live.show_by_hand(replace(record, by_hand_since=0, seen_at=9), key="3")
    shown = [entry.body for entry in await scene.entries(channel) if entry.body["id"] == f"hand:{ben.id}"]
    assert set(shown[0]) == set(ours)
    assert [(one["status"], one["protected"], one["ended_at"]) for one in shown] == [
        ("active", False, None),
        ("active", True, None),
        ("ended", False, 9),
    ]


async def test_the_waiting_list_is_told_whole(scene: Scene) -> None:
    channel = await scene.channel()
    limits = Limits(cap=1, when_full=WhenFull.WAIT, longest_wait_ms=60_000)
    settings = replace(channel.settings, limits=limits)
    await scene.repositories.channels.put(channel, lambda held: replace(held, settings=settings))
    waits = [
        Wait(f"r-{number}", f"{number}", f"v{number}", f"V{number}", "w", "VIP", number, 100 + number)
        for number in (1, 2)
    ]
    slots = replace(Slots(channel.id), waiting=tuple(waits), held=(Hold("9", "r-9", 1),))
    await scene.repositories.slots.change(channel.id, lambda held: slots)
    for _ in range(2):
        await scene.desk.live.show_waiting(channel.id, key="1")
    await scene.desk.live.show_waiting("404", key="1")
    (entry,) = await scene.entries(channel)
    assert (entry.kind, entry.state) == ("waiting", True)
    assert (entry.body["cap"], entry.body["held"], entry.body["full"]) == (1, 1, True)
    assert [(one["position"], one["redemption_id"], one["until"]) for one in entry.body["entries"]] == [
        (1, "r-1", 60_101),
        (2, "r-2", 60_102),
    ]
    assert (await scene.desk.live.snapshot(channel.id))["waiting"] == entry.body


async def test_changed_settings_and_a_changed_channel_are_told(scene: Scene) -> None:
    channel = await scene.channel()
    by = Actor("streamer", "7", "Anna")
    await scene.desk.live.show_settings(channel.id, by=by, parts=("rules", "messages"), key="1")
    await scene.repositories.channels.put(channel, lambda held: replace(held, paused=True, language="de"))
    await scene.repositories.streams.change(channel.id, lambda held: replace(held, live_since=77))
    await scene.desk.live.show_channel(channel.id, key="1")
    await scene.desk.live.show_channel("404", key="1")
    settings, about = await scene.entries(channel)
    assert settings.body == {
        "channel": channel.id,
        "at": scene.clock.now(),
        "by": {"kind": "streamer", "id": "7", "name": "Anna"},
        "parts": ["rules", "messages"],
    }
    assert (about.kind, about.body["paused"], about.body["language"]) == ("channel", True, "de")
    assert about.body["live_since"] == 77


async def test_only_states_of_vips_count_as_state(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.settled(await scene.redeem(channel, ann))
    assert {entry.kind: entry.state for entry in await scene.entries(channel)} == {
        "vip": True,
        "activity": False,
    }


async def insist(scene: Scene, event: dict[str, Any], type: str = REDEMPTION_ADD) -> None:
    """Deliver as a sender does who was not told "accepted": once more."""
    for _ in range(20):
        try:
            await scene.deliver(event, type, message_id=f"{event['id']}{event['status']}")
            return
        except StorageUnavailable:
            continue


@pytest.mark.parametrize("seed", range(4))
async def test_an_early_picture_with_all_that_follows_is_a_fresh_picture(tmp_path: Path, seed: int) -> None:
    """For a random story with cuts: a page that upserts `vip` entries over what it began from ends with what a page
    that opens now sees, from whichever moment it began."""
    random = Random(seed)
    async with open_scene(tmp_path) as scene:
        channel = await scene.channel(vip_slots=3, vip_ms=8_000)
        viewers = [await scene.viewer(f"viewer{number}") for number in range(5)]
        pages: list[tuple[Position, dict[str, Any]]] = []
        paid: list[dict[str, Any]] = []
        for _ in range(25):
            if random.random() < 0.4:
                head = (await scene.topics.head(topic_of(channel.id))).position
                pages.append((head, await scene.desk.live.snapshot(channel.id)))
            viewer = random.choice(viewers)
            match random.choice(["redeem", "redeem", "redeem", "time", "hand", "cancel", "cut", "rest"]):
                case "redeem":
                    paid.append(await scene.pay(channel, viewer))
                    await insist(scene, paid[-1])
                case "time":
                    await scene.pass_ms(random.randint(500, 6_000))
                case "hand" if scene.holds_vip(channel, viewer):
                    life, theirs = scene.sim.stage.life, scene.sim.world.channels[channel.id]
                    life.remove_vip(theirs, viewer.id, by="streamer")
                    event = role_event(channel, viewer) | {
                        "id": f"{len(paid)}",
                        "status": str(random.random()),
                    }
                    await insist(scene, event, "channel.vip.remove")
                case "cancel" if paid:
                    await insist(scene, random.choice(paid) | {"status": "canceled"}, REDEMPTION_UPDATE)
                case "cut":
                    collection = random.choice(["audit", "vip_sessions", "redemptions", "inbox"])
                    scene.store.orders.fail(collection, random.choice(["insert", "change"]))
                case "rest":
                    await scene.quiet()
        scene.store.orders.heal()
        await scene.finish()
        fresh = {vip["id"]: vip for vip in (await scene.desk.live.snapshot(channel.id))["vips"]}
        active = {key: vip for key, vip in fresh.items() if vip["status"] == "active"}
        assert pages
        assert {scene.status(channel, event["id"]) for event in paid} <= {"FULFILLED", "CANCELED"}
        for position, picture in pages:
            seen = {vip["id"]: vip for vip in picture["vips"]}
            for entry in await scene.entries(channel, position):
                if entry.kind == "vip":
                    seen[entry.body["id"]] = entry.body
            assert {key: vip for key, vip in seen.items() if vip["status"] == "active"} == active
        granted = set(scene.sim.world.channels[channel.id].vips)
        assert {vip["viewer_id"] for vip in active.values()} == granted, "and that is what Twitch has"
