"""What a person changed is written down, shown, and told to open pages."""

from __future__ import annotations

from domain.audit import Action, Actor
from tests.support.scene import Scene

OWNER = Actor("streamer", "1", "Streamer")


async def test_a_change_is_in_the_trail_on_the_page_and_told_to_it(scene: Scene) -> None:
    channel = await scene.channel()
    book, detail = scene.desk.book, {"parts": ["rules"]}
    assert await book.write(channel.id, Action.SETTINGS_CHANGED, OWNER, parts=("rules",), detail=detail)
    (record,) = await scene.trail(channel)
    assert (record.action, record.actor, record.cause) == ("settings.changed", OWNER, "dashboard")
    assert (record.at, record.detail) == (scene.clock.now(), detail)
    activity, settings = await scene.entries(channel)
    assert (activity.kind, activity.body["id"]) == ("activity", record.id)
    assert settings.kind == "settings"
    assert settings.body == {
        "channel": channel.id,
        "at": scene.clock.now(),
        "by": {"kind": "streamer", "id": "1", "name": "Streamer"},
        "parts": ["rules"],
    }


async def test_with_an_id_it_is_written_once(scene: Scene) -> None:
    channel = await scene.channel()
    write = scene.desk.book.write
    told = [
        await write(channel.id, Action.REWARD_DELETED, OWNER, parts=("rewards",), detail={}, id="row:deleted")
        for _ in range(2)
    ]
    assert told == [True, False]
    assert [entry.kind for entry in await scene.entries(channel)] == ["activity", "settings"]


async def test_a_program_with_a_key_is_told_apart(scene: Scene) -> None:
    channel = await scene.channel()
    actor = Actor("api", "key-1", "My script")
    await scene.desk.book.write(channel.id, Action.SETTINGS_CHANGED, actor, parts=(), detail={})
    assert (await scene.trail(channel))[0].cause == "api"
