"""The main path against the Twitch simulator, which was written without looking at this client."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from daemon.clock import SystemClock
from domain.errors import Rejected
from gateways.http import HttpClient
from gateways.pace import MemoryPace
from gateways.twitch.contracts import AddVip, Chat, LoginNeeded, RemoveVip, Resolve, TwitchDown, Waiting
from gateways.twitch.helix import TwitchHelix
from gateways.twitch.oauth import Grant, TwitchOAuth
from gateways.twitch.scopes import VIP_FEATURES, missing_scopes
from gateways.twitch.tokens import TokenKeeper
from simulators.twitch.server import TwitchSimulator
from simulators.twitch.settings import SimulatorSettings
from tests.gateways.twitch.scripted import Counts, Crew, Store


@dataclass
class Set:
    """A channel, a few viewers, a reward; and the client under test."""

    sim: TwitchSimulator
    http: HttpClient
    helix: TwitchHelix
    keeper: TokenKeeper
    oauth: TwitchOAuth
    store: Store
    channel: str = ""
    viewers: tuple[str, ...] = ()
    reward: str = ""

    async def order(self, path: str, **body: Any) -> Any:
        """Something that happens at Twitch without us."""
        answer = await self.http.request("POST", f"{self.sim.control_url}{path}", json_body=body)
        assert answer.status < 300, answer.body
        return answer.json() if answer.body else None

    async def redeem(self, viewer: str) -> str:
        redemption = await self.order(
            "/redeem", channel_id=self.channel, reward_id=self.reward, viewer_id=viewer
        )
        return str(redemption["id"])


@pytest.fixture
async def scene() -> AsyncIterator[Set]:
    crew, store, clock, counts = Crew(), Store(), SystemClock(), Counts()
    async with TwitchSimulator(settings=SimulatorSettings(vip_slots=2)) as sim, HttpClient() as http:
        oauth = TwitchOAuth(
            http=http,
            id_url=sim.id_url,
            client_id=sim.client_id,
            client_secret=sim.client_secret,
            clock=clock,
            metrics=counts,
        )
        keeper = TokenKeeper(store=store, oauth=oauth, clock=clock, tasks=crew)
        helix = TwitchHelix(
            http=http,
            api_url=sim.api_url,
            client_id=sim.client_id,
            tokens=keeper,
            pace=MemoryPace(clock=clock),
            clock=clock,
            metrics=counts,
            random=random.Random(1),
            call_seconds=15.0,
            quick_retry_seconds=0.0,
        )
        scene = Set(sim, http, helix, keeper, oauth, store)
        made = await scene.order("/channels", login="chan", name="Chan")
        scene.channel = str(made["id"])
        seen = await oauth.validate(made["access_token"])
        assert seen is not None
        assert missing_scopes(seen.scopes, VIP_FEATURES) == ()
        grant = Grant(made["access_token"], made["refresh_token"], seen.scopes, seen.expires_in)
        await keeper.put(seen.user_id, seen.login, grant)
        scene.viewers = tuple(
            [str((await scene.order("/viewers", login=f"v{n}", name=f"V{n}"))["id"]) for n in range(4)]
        )
        reward = await helix.create_reward(scene.channel, {"title": "VIP", "cost": 100})
        scene.reward = reward.id
        try:
            yield scene
        finally:
            await crew.home()


async def test_a_redemption_becomes_a_vip_and_ends(scene: Set) -> None:
    helix, channel, viewer = scene.helix, scene.channel, scene.viewers[0]
    redemption_id = await scene.redeem(viewer)
    (waiting,) = [one async for one in helix.unfulfilled(channel, scene.reward)]
    assert (waiting.id, waiting.user.id, waiting.status) == (redemption_id, viewer, "UNFULFILLED")
    assert not await helix.is_vip(channel, viewer)
    assert await helix.add_vip(channel, viewer) is AddVip.ADDED
    assert await helix.is_vip(channel, viewer)
    assert [user.id for user in await helix.vips(channel)] == [viewer]
    assert await helix.resolve(channel, scene.reward, redemption_id, "FULFILLED") is Resolve.DONE
    assert await helix.resolve(channel, scene.reward, redemption_id, "CANCELED") is Resolve.NOT_UNFULFILLED
    back = await helix.redemption(channel, scene.reward, redemption_id)
    assert back is not None
    assert back.status == "FULFILLED"
    assert (await helix.say(channel, channel, "Welcome")).outcome is Chat.SENT
    assert await helix.add_vip(channel, viewer) is AddVip.ALREADY_VIP
    assert await helix.remove_vip(channel, viewer) is RemoveVip.REMOVED
    assert await helix.remove_vip(channel, viewer) is RemoveVip.NOT_VIP


async def test_who_cannot_be_vip(scene: Set) -> None:
    helix, channel, (first, second, third, fourth) = scene.helix, scene.channel, scene.viewers
    await scene.order("/moderators", channel_id=channel, user_id=first)
    assert await helix.is_moderator(channel, first)
    assert await helix.add_vip(channel, first) is AddVip.MODERATOR
    await scene.order("/blocked", channel_id=channel, user_id=second)
    assert await helix.add_vip(channel, second) is AddVip.BLOCKED
    assert await helix.add_vip(channel, "999999999") is AddVip.UNKNOWN_USER
    await helix.add_vip(channel, third)
    await helix.add_vip(channel, fourth)
    more = await scene.order("/viewers", login="more", name="More")
    assert await helix.add_vip(channel, str(more["id"])) is AddVip.NO_SLOT
    redemption_id = await scene.redeem(second)
    assert await helix.resolve(channel, scene.reward, redemption_id, "CANCELED") is Resolve.DONE


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}, {"status": 503, "html": True}])
async def test_an_effect_whose_answer_is_lost_counts(scene: Set, fault: dict[str, Any]) -> None:
    viewer = scene.viewers[0]
    for method, expected in (("POST", AddVip.ADDED), ("DELETE", RemoveVip.REMOVED)):
        match = {"method": method, "path": "/channels/vips"}
        await scene.order("/faults", match=match, after_effect=True, times=1, **fault)
        call = scene.helix.add_vip if method == "POST" else scene.helix.remove_vip
        assert await call(scene.channel, viewer) is expected


async def test_a_call_that_never_arrived_is_an_attempt(scene: Set) -> None:
    await scene.order("/faults", match={"method": "POST", "path": "/channels/vips"}, drop=True, times=1)
    with pytest.raises(TwitchDown):
        await scene.helix.add_vip(scene.channel, scene.viewers[0])
    assert await scene.helix.add_vip(scene.channel, scene.viewers[0]) is AddVip.ADDED


async def test_an_expired_token_is_refreshed(scene: Set) -> None:
    before = await scene.keeper.access_token(scene.channel)
    await scene.order("/tokens/expire", user_id=scene.channel)
    assert await scene.helix.add_vip(scene.channel, scene.viewers[0]) is AddVip.ADDED
    assert await scene.keeper.access_token(scene.channel) != before
    await scene.keeper.validate(scene.channel)


async def test_a_revoked_grant_needs_a_login(scene: Set) -> None:
    await scene.order("/tokens/revoke", user_id=scene.channel)
    with pytest.raises(LoginNeeded):
        await scene.helix.add_vip(scene.channel, scene.viewers[0])
    assert scene.store.tokens[scene.channel].dead
    assert await scene.keeper.validate_all() == {scene.channel: "twitch.login_needed"}


async def test_the_limit_of_twitch_itself(scene: Set) -> None:
    """Another program adds VIPs too: Twitch's 429 with points left is a limit of the call alone."""
    channel, viewer = scene.channel, scene.viewers[0]
    headers = {
        "Authorization": f"Bearer {await scene.keeper.access_token(channel)}",
        "Client-Id": scene.sim.client_id,
    }
    url = f"{scene.sim.api_url}/channels/vips"
    params = [("broadcaster_id", channel), ("user_id", viewer)]
    for _ in range(10):
        for method in ("POST", "DELETE"):
            assert (await scene.http.request(method, url, params=params, headers=headers)).status == 204
    with pytest.raises(Waiting) as caught:
        await scene.helix.add_vip(channel, viewer)
    assert 1 <= caught.value.retry_after_seconds <= 1.5


async def test_rewards_and_users(scene: Set) -> None:
    assert [reward.id for reward in await scene.helix.rewards(scene.channel)] == [scene.reward]
    with pytest.raises(Rejected, match="DUPLICATE"):
        await scene.helix.create_reward(scene.channel, {"title": "VIP", "cost": 100})
    users = await scene.helix.users(scene.channel, ids=[scene.viewers[0]], logins=["chan"])
    assert {user.login for user in users} == {"v0", "chan"}
