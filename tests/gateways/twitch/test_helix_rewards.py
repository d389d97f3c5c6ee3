"""Rewards and redemptions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from domain.errors import NotFound, Rejected
from gateways.twitch.contracts import Resolve, TwitchBroken, TwitchDown
from tests.gateways.twitch.scripted import CHANNEL, Rig, Says, data, html, rigged, sorry
from tests.gateways.twitch.test_shapes import REDEMPTION, REWARD

REWARDS = "/channel_points/custom_rewards"
REDEMPTIONS = f"{REWARDS}/redemptions"


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (data({**REDEMPTION, "status": "CANCELED"}), Resolve.DONE),
        (sorry(403, "another client"), Resolve.FOREIGN),
        (sorry(404, "not UNFULFILLED"), Resolve.NOT_UNFULFILLED),
    ],
)
async def test_resolve(rig: Rig, answer: Says, outcome: Resolve) -> None:
    rig.twitch.on("PATCH", REDEMPTIONS, answer)
    assert await rig.helix.resolve(CHANNEL, "rw-1", "red-1", "CANCELED") is outcome
    (heard,) = rig.twitch.heard
    assert heard.query == (("broadcaster_id", CHANNEL), ("reward_id", "rw-1"), ("id", "red-1"))
    assert json.loads(heard.body) == {"status": "CANCELED"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (sorry(400, "no"), TwitchBroken),
        (html(403), TwitchBroken),
        (html(404), TwitchBroken),
        (html(200), TwitchBroken),
        (data(), TwitchBroken),
        (data({**REDEMPTION, "id": "another"}), TwitchBroken),
        (sorry(500, "oops"), TwitchDown),
        (Says(drop=True), TwitchDown),
    ],
)
async def test_resolve_raises(rig: Rig, answer: Says, error: type[Exception]) -> None:
    rig.twitch.on("PATCH", REDEMPTIONS, answer)
    with pytest.raises(error):
        await rig.helix.resolve(CHANNEL, "rw-1", "red-1", "FULFILLED")


async def test_redemption(rig: Rig) -> None:
    rig.twitch.on(
        "GET", REDEMPTIONS, data(REDEMPTION), data(), sorry(404, "none"), data({**REDEMPTION, "id": "x"})
    )
    found = await rig.helix.redemption(CHANNEL, "rw-1", "red-1")
    assert found is not None
    assert found.status == "UNFULFILLED"
    assert [await rig.helix.redemption(CHANNEL, "rw-1", "red-1") for _ in range(3)] == [None] * 3


async def test_unfulfilled_reads_all_pages(rig: Rig) -> None:
    rows = [{**REDEMPTION, "id": f"red-{number}"} for number in range(3)]
    rig.twitch.on("GET", REDEMPTIONS, data(*rows[:2], cursor="c"), data(rows[2]))
    assert [one.id async for one in rig.helix.unfulfilled(CHANNEL, "rw-1")] == ["red-0", "red-1", "red-2"]
    first, second = rig.twitch.heard
    assert dict(first.query) == {
        "broadcaster_id": CHANNEL,
        "reward_id": "rw-1",
        "status": "UNFULFILLED",
        "sort": "OLDEST",
        "first": "50",
    }
    assert second.many("after") == ["c"]


async def test_unfulfilled_of_a_reward_that_is_gone(rig: Rig) -> None:
    rig.twitch.on("GET", REDEMPTIONS, sorry(404, "none"))
    assert [one async for one in rig.helix.unfulfilled(CHANNEL, "rw-1")] == []


async def test_unfulfilled_of_a_foreign_reward(rig: Rig) -> None:
    rig.twitch.on("GET", REDEMPTIONS, sorry(403, "another client"))
    with pytest.raises(TwitchBroken):
        assert [one async for one in rig.helix.unfulfilled(CHANNEL, "rw-1")]


async def test_rewards(rig: Rig) -> None:
    rig.twitch.on(
        "GET", REWARDS, data(REWARD), sorry(404, "none"), sorry(403, "The broadcaster is no affiliate.")
    )
    (reward,) = await rig.helix.rewards(CHANNEL)
    assert (reward.id, reward.title, reward.cost, reward.skips_queue) == ("rw-1", "VIP", 5, False)
    assert rig.twitch.heard[0].many("only_manageable_rewards") == ["true"]
    assert await rig.helix.rewards(CHANNEL) == []
    with pytest.raises(Rejected, match="affiliate"):
        await rig.helix.rewards(CHANNEL)


async def test_create_reward(rig: Rig) -> None:
    rig.twitch.on("POST", REWARDS, data(REWARD))
    body = {"title": "VIP", "cost": 5}
    assert (await rig.helix.create_reward(CHANNEL, body)).id == "rw-1"
    assert json.loads(rig.twitch.heard[0].body) == body


REFUSED = [
    (400, "CREATE_CUSTOM_REWARD_DUPLICATE_REWARD", "twitch.reward_title"),
    (400, "The broadcaster has reached the limit of 50 custom rewards.", "twitch.reward_limit"),
    (400, "The minimum value for cost is 1.", "twitch.reward"),
    (403, "The broadcaster must have partner or affiliate status.", "twitch.reward_forbidden"),
]


@pytest.mark.parametrize(("status", "sentence", "code"), REFUSED)
async def test_create_and_update_refused(rig: Rig, status: int, sentence: str, code: str) -> None:
    rig.twitch.on("POST", REWARDS, sorry(status, sentence))
    rig.twitch.on("PATCH", REWARDS, sorry(status, sentence))
    for call in (rig.helix.create_reward(CHANNEL, {}), rig.helix.update_reward(CHANNEL, "rw-1", {})):
        with pytest.raises(Rejected) as caught:
            await call
        assert (caught.value.code, caught.value.message) == (code, sentence)
        assert caught.value.advice


async def test_update_reward(rig: Rig) -> None:
    rig.twitch.on("PATCH", REWARDS, html(503), data({**REWARD, "cost": 7}), data({**REWARD, "id": "rw-2"}))
    assert (await rig.helix.update_reward(CHANNEL, "rw-1", {"cost": 7})).cost == 7, "a 503 is met once more"
    heard = rig.twitch.heard[-1]
    assert heard.query == (("broadcaster_id", CHANNEL), ("id", "rw-1"))
    assert json.loads(heard.body) == {"cost": 7}
    with pytest.raises(TwitchBroken):
        await rig.helix.update_reward(CHANNEL, "rw-1", {"cost": 7})


async def test_update_of_a_reward_that_is_gone(rig: Rig) -> None:
    rig.twitch.on("PATCH", REWARDS, sorry(404, "not found"), html(404))
    with pytest.raises(NotFound) as caught:
        await rig.helix.update_reward(CHANNEL, "rw-1", {})
    assert caught.value.code == "twitch.reward_gone"
    with pytest.raises(TwitchBroken):
        await rig.helix.update_reward(CHANNEL, "rw-1", {})


async def test_delete_reward(rig: Rig) -> None:
    rig.twitch.on("DELETE", REWARDS, Says(204), sorry(404, "not found"), sorry(403, "another client"))
    assert await rig.helix.delete_reward(CHANNEL, "rw-1")
    assert not await rig.helix.delete_reward(CHANNEL, "rw-1")
    with pytest.raises(Rejected, match="another client"):
        await rig.helix.delete_reward(CHANNEL, "rw-1")
    assert {heard.query for heard in rig.twitch.heard} == {(("broadcaster_id", CHANNEL), ("id", "rw-1"))}


async def test_all_rewards(rig: Rig) -> None:
    rig.twitch.on("GET", REWARDS, data(REWARD, {**REWARD, "id": "rw-2"}))
    assert [reward.id for reward in await rig.helix.all_rewards(CHANNEL)] == ["rw-1", "rw-2"]
    assert rig.twitch.heard[0].many("only_manageable_rewards") == []


async def test_create_reward_is_not_repeated(rig: Rig) -> None:
    rig.twitch.on("POST", REWARDS, html(503), data(REWARD))
    with pytest.raises(TwitchDown):
        await rig.helix.create_reward(CHANNEL, {})
    assert len(rig.twitch.heard) == 1
