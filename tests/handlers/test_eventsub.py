"""From a notification to a row in the right lane; nothing that comes in is lost or stops anybody."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import NotFound
from domain.events import Arrival
from domain.inbox import RowState
from handlers.eventsub import ANONYMOUS, KINDS
from storage.contracts import StorageFull
from tests.support.desk import open_scene
from tests.support.scene import REDEMPTION_ADD, Scene, role_event

ELSEWHERE = {"channel.live": "stream:1", "channel.offline": "stream:1", "chat.message": "chat-in:1:2"}
"""Lanes of what does not concern the VIP of one viewer."""


@pytest.mark.parametrize(("type", "version"), sorted(KINDS))
async def test_every_event_that_we_ask_for_has_its_lane(scene: Scene, type: str, version: str) -> None:
    event = {"broadcaster_user_id": "1", "user_id": "2", "chatter_user_id": "2", "message": {"text": "!vip"}}
    row_id = await scene.deliver(event, type, version=version)
    row = await scene.row(row_id)
    kind = KINDS[type, version]
    assert (row.kind, row.lane, row.channel_id) == (kind, ELSEWHERE.get(kind, "vip:1:2"), "1")
    assert (row.source, row.transport) == ("twitch", "websocket")
    await scene.finish()


async def test_the_row_keeps_what_came_and_how(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    payload = {"subscription": {}, "event": role_event(channel, ann)}
    raw = json.dumps(payload, indent=3).encode()
    result = await scene.desk.eventsub.notification(
        Arrival(
            message_id="m-1",
            type="channel.vip.add",
            version="1",
            payload=payload,
            raw=raw,
            headers={"Twitch-Eventsub-Message-Retry": "0"},
            key_id="main",
            transport="webhook",
        )
    )
    row = await scene.row("twitch:m-1")
    assert result == "new"
    assert row.raw.encode() == raw
    assert row.headers == {"Twitch-Eventsub-Message-Retry": "0"}
    assert (row.key_id, row.transport, row.received_at) == ("main", "webhook", scene.clock.now())
    await scene.finish()


async def test_both_transports_bring_one_message_once(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    await scene.deliver(role_event(channel, ann), "channel.vip.add", message_id="m")
    assert scene.last == "new"
    await scene.deliver(role_event(channel, ann), "channel.vip.add", message_id="m")
    assert scene.last == "duplicate"
    await scene.finish()


async def test_the_same_id_with_another_body_is_parked_and_alarmed(scene: Scene) -> None:
    channel, ann = await scene.channel(), await scene.viewer()
    first, second = await scene.pay(channel, ann), await scene.pay(channel, ann)
    await scene.deliver(first, message_id="m")
    await scene.deliver(second, message_id="m")
    assert scene.last == "conflict"
    await scene.finish()
    assert scene.status(channel, first["id"]) == "FULFILLED"
    assert scene.status(channel, second["id"]) == "UNFULFILLED"
    assert scene.counted("inbox_conflicts_total", source="twitch") == 1
    (kept,) = await scene.rows(RowState.PARKED)
    await scene.repositories.inbox.redrive(kept.id)
    scene.desk.worker.poke(kept.lane)
    await scene.finish()
    assert scene.status(channel, second["id"]) == "FULFILLED", "a person looked and sent it round"


@pytest.mark.parametrize(
    ("type", "version"), [("channel.cheer", "1"), (REDEMPTION_ADD, "2"), ("x" * 500, "y" * 50), ("", "")]
)
async def test_unknown_types_and_versions_are_parked(scene: Scene, type: str, version: str) -> None:
    row_id = await scene.deliver({"broadcaster_user_id": "1", "user_id": "2"}, type, version=version)
    row = await scene.row(row_id)
    assert (row.state, row.kind, row.lane) == (RowState.PARKED, "eventsub.unknown", "eventsub.parked")
    assert row.result.startswith("unknown event type or version")
    assert len(row.result) < 130
    assert scene.counted("inbox_parked_total", reason="unknown") == 1


@pytest.mark.parametrize(
    "event",
    [
        None,
        7,
        [],
        {},
        {"broadcaster_user_id": "1"},
        {"broadcaster_user_id": "1", "user_id": None},
        {"broadcaster_user_id": "", "user_id": "2"},
        {"broadcaster_user_id": "1:2", "user_id": "3"},
        {"broadcaster_user_id": "1", "user_id": "ä"},
        {"broadcaster_user_id": "1", "user_id": "2" * 200},
        {"broadcaster_user_id": 1, "user_id": 2},
        {"broadcaster_user_id": {"a": 10**400}, "user_id": True},
    ],
)
async def test_malformed_events_are_parked_with_the_reason(scene: Scene, event: Any) -> None:
    row_id = await scene.deliver(event)
    row = await scene.row(row_id)
    assert (row.state, row.lane) == (RowState.PARKED, "eventsub.parked")
    assert row.result
    assert scene.counted("inbox_parked_total", reason="malformed") == 1


texts = st.text(max_size=20) | st.sampled_from(["1", "2", "streamer", "fulfilled", "2026-01-01T00:00:00Z"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(
    ["id", "broadcaster_user_id", "user_id", "user_login", "user_name", "user_input", "status", "reward", "x"]
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(
        st.tuples(
            st.sampled_from([kind for kind, _ in KINDS]),
            st.dictionaries(names, values, max_size=9),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_no_event_whatever_it_holds_stops_anybody(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, dict[str, Any], bool]]
) -> None:
    async def story() -> None:
        async with open_scene(tmp_path_factory.mktemp("any"), scheduler=False) as scene:
            for kind, event, is_addressed in events:
                lane = {"broadcaster_user_id": "1", "user_id": "2"} if is_addressed else {}
                await scene.deliver(event | lane, kind)
            await scene.finish()
            rows = [row for state in RowState for row in await scene.rows(state)]
            passed_over = scene.counted("chat_messages_passed_over_total")
            assert len(rows) + passed_over == len(events)

    asyncio.run(story())


CHAT = "channel.chat.message"


@pytest.mark.parametrize(
    "said",
    [
        {"text": "hello !vip"},
        {"text": ""},
        {"text": None},
        {},
        None,
        "!vip",
    ],
)
async def test_of_a_busy_chat_only_what_may_be_meant_for_us_is_stored(scene: Scene, said: Any) -> None:
    event = {"broadcaster_user_id": "1", "chatter_user_id": "2", "message": said}
    row_id = await scene.deliver(event, CHAT)
    assert scene.last == "ignored"
    assert scene.counted("chat_messages_passed_over_total") == 1
    with pytest.raises(NotFound):
        await scene.row(row_id)


async def test_what_was_written_in_another_channel_of_a_shared_chat_is_not_meant_for_us(scene: Scene) -> None:
    event = {"broadcaster_user_id": "1", "chatter_user_id": "2", "message": {"text": "!vip"}}
    await scene.deliver(event | {"source_broadcaster_user_id": "9"}, CHAT)
    assert scene.last == "ignored"
    for source in (None, "1"):
        row = await scene.row(await scene.deliver(event | {"source_broadcaster_user_id": source}, CHAT))
        assert (scene.last, row.kind) == ("new", "chat.message")
    await scene.finish()


async def test_an_anonymous_cheer_is_kept_and_nothing_more(scene: Scene) -> None:
    channel = await scene.channel()
    event = await scene.act("bits", channel_id=channel.id, bits=100)
    row = await scene.row(await scene.deliver(event, "channel.bits.use"))
    assert (row.state, row.result) == (RowState.PARKED, ANONYMOUS)
    assert scene.counted("inbox_parked_total", reason="anonymous") == 1


async def test_what_could_not_be_stored_is_told_to_the_sender(scene: Scene) -> None:
    scene.store.orders.fail("inbox", "insert", error=lambda: StorageFull("full"))
    with pytest.raises(StorageFull):
        await scene.deliver({"broadcaster_user_id": "1", "user_id": "2"})


async def test_a_revocation_is_told_to_whoever_watches(scene: Scene) -> None:
    subscription = {
        "type": REDEMPTION_ADD,
        "status": "authorization_revoked",
        "condition": {"broadcaster_user_id": "1"},
    }
    await scene.desk.eventsub.revocation(message_id="m", subscription=subscription, transport="webhook")
    assert scene.revoked == [("1", "authorization_revoked")]
    strangers: list[dict[str, Any]] = [{}, {"condition": 7}, {"condition": {}, "status": None, "type": 7}]
    for strange in strangers:
        await scene.desk.eventsub.revocation(message_id="m", subscription=strange, transport="websocket")
    assert len(scene.revoked) == 1
    assert scene.counted("eventsub_revoked_total", status="authorization_revoked") == 1
