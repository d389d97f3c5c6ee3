"""The `Helix` of the contract, on HTTP. Each group of calls has a module; what they share is in `caller.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Any, Literal

from domain.ports import Clock, Metrics
from gateways.http import HttpClient
from gateways.pace import Pace
from gateways.twitch.caller import (
    CALL_SECONDS,
    QUICK_RETRY_SECONDS,
    ApplicationToken,
    HelixCaller,
    UserTokens,
)
from gateways.twitch.contracts import (
    AddVip,
    ChatAnswer,
    Helix,
    RemoteRedemption,
    RemoteReward,
    RemoteSubscription,
    RemoveVip,
    Resolve,
    User,
)
from gateways.twitch.helix_conduits import ConduitCalls
from gateways.twitch.helix_eventsub import EventSubCalls
from gateways.twitch.helix_people import PeopleCalls
from gateways.twitch.helix_rewards import RewardCalls
from gateways.twitch.helix_vips import VipCalls
from gateways.twitch.outcomes import INVALID_TOKEN_WORDS, Words

API_URL = "https://api.twitch.tv/helix"


class TwitchHelix:
    """Promises and errors: `contracts.Helix`.

    `app_token` is needed for webhook and conduit subscriptions only. `token_words` says how wide a 401 is read as
    "the token is not valid" (see `outcomes.judge`). `call_seconds` is the time limit of one request.
    """

    def __init__(
        self,
        *,
        http: HttpClient,
        api_url: str,
        client_id: str,
        tokens: UserTokens,
        pace: Pace,
        clock: Clock,
        metrics: Metrics,
        random: Random,
        app_token: ApplicationToken | None = None,
        token_words: Words = INVALID_TOKEN_WORDS,
        call_seconds: float = CALL_SECONDS,
        quick_retry_seconds: float = QUICK_RETRY_SECONDS,
    ) -> None:
        caller = HelixCaller(
            http=http,
            api_url=api_url,
            client_id=client_id,
            tokens=tokens,
            clock=clock,
            metrics=metrics,
            random=random,
            app_token=app_token,
            token_words=token_words,
            call_seconds=call_seconds,
            quick_retry_seconds=quick_retry_seconds,
        )
        self._vips = VipCalls(caller=caller, pace=pace)
        self._rewards = RewardCalls(caller=caller)
        self._people = PeopleCalls(caller=caller, pace=pace)
        self._eventsub = EventSubCalls(caller=caller)
        self.conduits = ConduitCalls(caller=caller)
        """Conduits, their shards and what hangs on them: for the conduit transport, which alone calls them."""

    async def add_vip(self, channel_id: str, user_id: str) -> AddVip:
        return await self._vips.add(channel_id, user_id)

    async def remove_vip(self, channel_id: str, user_id: str) -> RemoveVip:
        return await self._vips.remove(channel_id, user_id)

    async def is_vip(self, channel_id: str, user_id: str) -> bool:
        return await self._vips.is_vip(channel_id, user_id)

    async def is_moderator(self, channel_id: str, user_id: str) -> bool:
        return await self._vips.is_moderator(channel_id, user_id)

    async def vips(self, channel_id: str) -> list[User]:
        return await self._vips.all(channel_id)

    async def moderators(self, channel_id: str) -> list[User]:
        return await self._vips.moderators(channel_id)

    async def is_banned(self, channel_id: str, user_id: str) -> bool:
        return await self._people.is_banned(channel_id, user_id)

    async def is_subscriber(self, channel_id: str, user_id: str) -> bool:
        return await self._people.is_subscriber(channel_id, user_id)

    async def followed_at(self, channel_id: str, user_id: str) -> int | None:
        return await self._people.followed_at(channel_id, user_id)

    async def stream(self, channel_id: str) -> int | None:
        return await self._people.stream(channel_id)

    async def user_by_login(self, channel_id: str, login: str) -> User | None:
        return await self._people.by_login(channel_id, login)

    async def resolve(
        self, channel_id: str, reward_id: str, redemption_id: str, status: Literal["FULFILLED", "CANCELED"]
    ) -> Resolve:
        return await self._rewards.resolve(channel_id, reward_id, redemption_id, status)

    async def redemption(
        self, channel_id: str, reward_id: str, redemption_id: str
    ) -> RemoteRedemption | None:
        return await self._rewards.redemption(channel_id, reward_id, redemption_id)

    def unfulfilled(self, channel_id: str, reward_id: str) -> AsyncIterator[RemoteRedemption]:
        return self._rewards.unfulfilled(channel_id, reward_id)

    async def say(self, channel_id: str, sender_id: str, text: str) -> ChatAnswer:
        return await self._people.say(channel_id, sender_id, text)

    async def users(
        self, channel_id: str, *, ids: Sequence[str] = (), logins: Sequence[str] = ()
    ) -> list[User]:
        return await self._people.users(channel_id, ids=ids, logins=logins)

    async def rewards(self, channel_id: str) -> list[RemoteReward]:
        return await self._rewards.mine(channel_id)

    async def all_rewards(self, channel_id: str) -> list[RemoteReward]:
        return await self._rewards.all(channel_id)

    async def create_reward(self, channel_id: str, body: dict[str, Any]) -> RemoteReward:
        return await self._rewards.create(channel_id, body)

    async def update_reward(self, channel_id: str, reward_id: str, body: dict[str, Any]) -> RemoteReward:
        return await self._rewards.update(channel_id, reward_id, body)

    async def delete_reward(self, channel_id: str, reward_id: str) -> bool:
        return await self._rewards.delete(channel_id, reward_id)

    async def subscribe(
        self,
        channel_id: str,
        type: str,
        version: str,
        condition: dict[str, str],
        transport: dict[str, str],
    ) -> RemoteSubscription:
        return await self._eventsub.create(channel_id, type, version, condition, transport)

    async def subscriptions(self, channel_id: str) -> list[RemoteSubscription]:
        return await self._eventsub.all(channel_id)

    async def unsubscribe(self, channel_id: str, subscription_id: str) -> bool:
        return await self._eventsub.delete(channel_id, subscription_id)


_conforms: type[Helix] = TwitchHelix
