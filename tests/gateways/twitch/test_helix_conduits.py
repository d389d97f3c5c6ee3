"""Conduits and their shards, by the application's own token."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from domain.errors import Rejected
from gateways.twitch.conduit_plan import Refusal, RemoteConduit, RemoteShard
from gateways.twitch.contracts import TwitchBroken, TwitchDown, Waiting
from gateways.twitch.helix_conduits import ConduitCalls, ConduitGone
from tests.gateways.twitch.scripted import CHANNEL, Rig, Says, data, rigged, sorry
from tests.gateways.twitch.test_oauth import APP
from tests.gateways.twitch.test_shapes import SUBSCRIPTION

CONDUITS = "/eventsub/conduits"
SHARDS = "/eventsub/conduits/shards"
SUBSCRIPTIONS = "/eventsub/subscriptions"
ENABLED = {"id": "0", "status": "enabled", "transport": {"method": "websocket", "session_id": "S"}}


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        rig.twitch.on("POST", "/token", Says(200, APP))
        yield rig


@pytest.fixture
def calls(rig: Rig) -> ConduitCalls:
    return rig.helix.conduits


async def test_conduits_are_listed_made_resized_and_deleted(rig: Rig, calls: ConduitCalls) -> None:
    rig.twitch.on("GET", CONDUITS, Says(200, {"data": [{"id": "c1", "shard_count": 2}]}))
    rig.twitch.on("POST", CONDUITS, Says(200, {"data": [{"id": "c2", "shard_count": 3}]}))
    rig.twitch.on("PATCH", CONDUITS, Says(200, {"data": [{"id": "c2", "shard_count": 4}]}))
    rig.twitch.on("DELETE", CONDUITS, Says(204), sorry(404, "conduit not found"))
    assert await calls.conduits() == [RemoteConduit("c1", 2)]
    assert await calls.create(3) == RemoteConduit("c2", 3)
    assert await calls.resize("c2", 4) == RemoteConduit("c2", 4)
    assert await calls.delete("c2") is True
    assert await calls.delete("c2") is False
    bodies = [
        heard.body
        for heard in rig.twitch.heard
        if heard.method in ("POST", "PATCH") and heard.path == CONDUITS
    ]
    assert [json.loads(body) for body in bodies] == [{"shard_count": 3}, {"id": "c2", "shard_count": 4}]
    helix = [heard for heard in rig.twitch.heard if heard.path == CONDUITS]
    assert {heard.headers["Authorization"] for heard in helix} == {f"Bearer {APP['access_token']}"}


async def test_a_conduit_is_not_made_twice_by_a_quick_retry(rig: Rig, calls: ConduitCalls) -> None:
    rig.twitch.on("POST", CONDUITS, Says(503))
    with pytest.raises(TwitchDown):
        await calls.create(2)
    assert len(rig.twitch.calls("POST", CONDUITS)) == 1


async def test_limits_and_refusals(rig: Rig, calls: ConduitCalls) -> None:
    rig.twitch.on("POST", CONDUITS, sorry(400, "shard_count must be…"), sorry(429, "conduit limit reached"))
    with pytest.raises(Rejected, match="shard_count"):
        await calls.create(0)
    with pytest.raises(Waiting):
        await calls.create(2)
    for method, path in (("PATCH", CONDUITS), ("PATCH", SHARDS), ("GET", SHARDS)):
        rig.twitch.on(method, path, sorry(404, "conduit not found"))
    with pytest.raises(ConduitGone):
        await calls.resize("gone", 2)
    with pytest.raises(ConduitGone):
        await calls.attach("gone", "0", "S")
    with pytest.raises(ConduitGone):
        await calls.shards("gone")


async def test_shards_page_by_page(rig: Rig, calls: ConduitCalls) -> None:
    lost = {"id": "1", "status": "websocket_disconnected", "transport": {"method": "websocket"}}
    rig.twitch.on(
        "GET", SHARDS, data(ENABLED, cursor="next"), data(lost, {**lost, "id": "2", "transport": None})
    )
    assert await calls.shards("c1") == [
        RemoteShard("0", "enabled", "S"),
        RemoteShard("1", "websocket_disconnected"),
        RemoteShard("2", "websocket_disconnected"),
    ]
    assert rig.twitch.heard[-1].many("conduit_id") == ["c1"]


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        ({"data": [ENABLED], "errors": []}, None),
        ({"data": [ENABLED]}, None),
        ({"data": [], "errors": [{"id": "0", "message": "no such session", "code": "bad"}]},
         Refusal("0", "bad", "no such session")),
        ({"data": [ENABLED], "errors": [{"id": "7", "message": "another's", "code": "bad"}]}, None),
        ({"data": [{**ENABLED, "status": "websocket_disconnected"}], "errors": []},
         Refusal("0", "websocket_disconnected", "The shard is websocket_disconnected.")),
        ({"data": [], "errors": []}, Refusal("0", "missing", "Twitch's answer says nothing of the shard.")),
    ],
)  # fmt: skip
async def test_what_a_202_says_of_the_shard_is_read(
    rig: Rig, calls: ConduitCalls, answer: dict[str, object], refusal: Refusal | None
) -> None:
    rig.twitch.on("PATCH", SHARDS, Says(202, answer))
    assert await calls.attach("c1", "0", "S") == refusal
    assert json.loads(rig.twitch.heard[-1].body) == {
        "conduit_id": "c1",
        "shards": [{"id": "0", "transport": {"method": "websocket", "session_id": "S"}}],
    }


@pytest.mark.parametrize(
    "answer",
    [{"data": [], "errors": "none"}, {"data": [], "errors": [1]}, {"data": [{"id": "0"}], "errors": []}, []],
)
async def test_nonsense_is_broken(rig: Rig, calls: ConduitCalls, answer: object) -> None:
    rig.twitch.on("PATCH", SHARDS, Says(202, answer))
    with pytest.raises(TwitchBroken):
        await calls.attach("c1", "0", "S")


async def test_subscriptions_come_page_by_page_and_by_user(rig: Rig, calls: ConduitCalls) -> None:
    row = {**SUBSCRIPTION, "transport": {"method": "conduit", "conduit_id": "c1"}}
    rig.twitch.on("GET", SUBSCRIPTIONS, data(row, row, cursor="next"), data(row), data())
    pages = [page async for page in calls.subscriptions()]
    assert [len(page) for page in pages] == [2, 1]
    assert {one.conduit_id for page in pages for one in page} == {"c1"}
    assert [page async for page in calls.subscriptions(user_id="100")] == [[]]
    assert rig.twitch.heard[-1].many("user_id") == ["100"]


async def test_how_many_points_twitch_allows_is_learned(rig: Rig, calls: ConduitCalls) -> None:
    assert calls.points_per_minute() == 800
    headers = {"Ratelimit-Limit": "1200", "Ratelimit-Remaining": "1199", "Ratelimit-Reset": "1772359260"}
    rig.twitch.on("GET", CONDUITS, Says(200, {"data": []}, headers=headers), Says(200, {"data": []}))
    await calls.conduits()
    await calls.conduits()
    assert calls.points_per_minute() == 1200


async def test_trouble_with_the_applications_token_is_no_streamers_fault(rig: Rig) -> None:
    """With 2,000 channels, one wrong secret must not send 2,000 streamers to log in."""
    rig.twitch.on("POST", SUBSCRIPTIONS, sorry(401, "Invalid OAuth token"))
    where = {"method": "conduit", "conduit_id": "c1"}
    with pytest.raises(TwitchBroken):
        await rig.helix.subscribe(CHANNEL, "channel.vip.add", "1", {"broadcaster_user_id": CHANNEL}, where)
    assert rig.dead == []
