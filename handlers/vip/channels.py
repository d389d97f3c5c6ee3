"""Channels come and go: with a grant of the broadcaster, a reward of our own, and an EventSub session."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import structlog

from domain.audit import SYSTEM, Action
from domain.channel import Channel, Lasting, Reward
from domain.errors import NotFound, Rejected
from domain.inbox import hurried
from domain.ports import Clock
from gateways.twitch.contracts import Helix, RemoteReward
from gateways.twitch.oauth import Grant, TwitchOAuth
from gateways.twitch.scopes import features_of, missing_scopes
from gateways.twitch.subscriptions import Wanted, vip_channel
from gateways.twitch.tokens import TokenKeeper
from handlers.intake import Poke
from handlers.vip.book import Book
from handlers.vip.live import Live
from storage.channels import Channels
from storage.inbox import Inbox

log = structlog.get_logger(__name__)

LONGEST_VIP_SECONDS = 366 * 86_400


class Watch(Protocol):
    """What keeps the EventSub session of each channel (`gateways.twitch.monitor.Monitor`)."""

    def add(self, channel_id: str, wanted: Sequence[Wanted]) -> None: ...

    async def remove(self, channel_id: str) -> None: ...

    def restart(self, channel_id: str) -> None: ...

    def wake(self, channel_id: str) -> None: ...


class Enrolment:
    """Adds, removes and restarts channels."""

    def __init__(
        self,
        *,
        channels: Channels,
        tokens: TokenKeeper,
        oauth: TwitchOAuth,
        helix: Helix,
        watch: Watch,
        live: Live,
        book: Book,
        inbox: Inbox,
        poke: Poke,
        clock: Clock,
    ) -> None:
        self._channels, self._tokens, self._oauth, self._helix = channels, tokens, oauth, helix
        self.watch, self._live, self._book, self._clock = watch, live, book, clock
        self._inbox, self._poke = inbox, poke

    async def add(
        self,
        *,
        access_token: str,
        refresh_token: str,
        login: str = "",
        reward_title: str,
        reward_cost: int,
        vip_seconds: int,
    ) -> Channel:
        """Look after the channel whose broadcaster granted these tokens. Doing it again changes the reward's promise.

        Raises `Rejected` when the token is not good, scopes are missing, or Twitch refuses the reward.
        """
        if not 1 <= vip_seconds <= LONGEST_VIP_SECONDS:
            raise Rejected("A VIP lasts from 1 second to 366 days.", code="channel.vip_seconds")
        seen = await self._oauth.validate(access_token)
        if seen is None or not seen.user_id:
            raise Rejected(
                "Twitch does not accept this access token.",
                code="channel.token",
                advice="Get a new user access token of the broadcaster for this application.",
            )
        if login and seen.login.lower() != login.lower():
            raise Rejected(
                f"This token belongs to {seen.login}, not to {login}.",
                code="channel.login",
                advice="Use the token of the channel's own account.",
            )
        held = await self._channels.get(seen.user_id)
        missing = missing_scopes(seen.scopes, features_of(held or Channel("", "", "")))
        if missing:
            raise Rejected(
                f"The token lacks the scopes {', '.join(missing)}.",
                code="channel.scopes",
                advice="Log in again and grant them.",
            )
        grant = Grant(
            access_token=access_token,
            refresh_token=refresh_token,
            scopes=seen.scopes,
            expires_in=seen.expires_in,
        )
        await self._tokens.put(seen.user_id, seen.login, grant)
        users = await self._helix.users(seen.user_id, ids=[seen.user_id])
        if not users:
            raise Rejected(
                f"Twitch does not show the account {seen.login}; it may be suspended.",
                code="channel.account",
                advice="Ask its owner to look at the account, then try again.",
            )
        user = users[0]
        remote = await self._reward(seen.user_id, reward_title, reward_cost)
        reward = Reward(remote.id, remote.title, remote.cost, vip_seconds * 1000)
        fresh = Channel(seen.user_id, user.login, user.name, (reward,), added_at=self._clock.now())
        channel = await self._channels.put(fresh, lambda held: _with_reward(held, fresh, reward))
        self.watch.add(channel.id, vip_channel(channel.id, seen.scopes, channel.settings))
        log.info("channel.added", channel=channel.id, login=channel.login, reward=reward.id)
        return channel

    async def _reward(self, channel_id: str, title: str, cost: int) -> RemoteReward:
        for reward in await self._helix.rewards(channel_id):
            if reward.title == title and reward.skips_queue:
                raise Rejected(
                    f"The reward {title} skips the request queue, so its points could never be given back.",
                    code="channel.reward_queue",
                    advice="Let its redemptions wait in the queue (Twitch's dashboard), or choose another title.",
                )
            if reward.title == title:
                return reward
        # The queue must not be skipped: what is fulfilled at once can never be refunded.
        return await self._helix.create_reward(
            channel_id,
            {"title": title, "cost": cost, "should_redemptions_skip_request_queue": False},
        )

    async def remove(self, channel_id: str) -> None:
        """Stop looking after a channel. Its sessions and trail stay. Raises `NotFound`."""
        if not await self._channels.remove(channel_id):
            raise _unknown(channel_id)
        await self.watch.remove(channel_id)

    async def pause(self, channel_id: str) -> None:
        """Grant nothing more in a channel: redemptions are given back. What was granted still ends. Raises
        `NotFound`."""
        await self._pause(channel_id, paused=True)

    async def resume(self, channel_id: str) -> None:
        """Grant again. Raises `NotFound`."""
        await self._pause(channel_id, paused=False)

    async def _pause(self, channel_id: str, *, paused: bool) -> None:
        try:
            before, _ = await self._channels.change(channel_id, lambda held: replace(held, paused=paused))
        except NotFound:
            raise _unknown(channel_id) from None
        if before.paused != paused:
            log.info("channel.paused" if paused else "channel.resumed", channel=channel_id)
            changes = {"paused": {"before": before.paused, "after": paused}}
            await self._book.write(
                channel_id,
                Action.SETTINGS_CHANGED,
                SYSTEM,
                parts=("settings",),
                detail={"parts": ["settings"], "changes": changes},
            )
            await self._live.show_channel(channel_id, key=f"paused:{secrets.token_hex(8)}")

    async def restart(self, channel_id: str) -> None:
        """Begin a channel's EventSub session anew. Raises `NotFound`."""
        if await self._channels.get(channel_id) is None:
            raise _unknown(channel_id)
        self.watch.restart(channel_id)

    async def revived(self, channel_id: str) -> None:
        """The broadcaster logged in again: go on with everything that waited for it."""
        now = self._clock.now()
        for row in await self._inbox.waiting_for(channel_id, "login"):
            await self._inbox.change(row.id, lambda held: hurried(held, now=now))
            self._poke(row.lane)
        self.watch.wake(channel_id)

    async def died(self, channel_id: str, why: str) -> None:
        """Twitch ended the grant: everything of the channel waits, and the page says for what."""
        log.error(
            "channel.login_needed", channel=channel_id, why=why, advice="The streamer needs to log in again."
        )
        await self._live.show_connection(channel_id, "needs_login", why)

    async def listed(self) -> list[dict[str, Any]]:
        """Every channel with its rewards and the state of its session."""
        return [
            {
                **await self._live.channel_picture(channel),
                "rewards": [
                    {
                        "id": reward.id,
                        "title": reward.title,
                        "cost": reward.cost,
                        "vip_seconds": reward.vip_ms // 1000,
                    }
                    for reward in channel.rewards
                ],
            }
            for channel in await self._channels.all()
        ]


def _with_reward(held: Channel, fresh: Channel, reward: Reward) -> Channel:
    """The channel with this reward; of one that it has, only what was given here changes."""
    known = held.reward(reward.id)
    if known is not None:
        fixed = replace(known, lasting=Lasting.FIXED, per=1, vip_ms=reward.vip_ms)
        reward = replace(fixed, title=reward.title, cost=reward.cost)
    others = tuple(other for other in held.rewards if other.id != reward.id)
    return replace(held, login=fresh.login, name=fresh.name, rewards=(*others, reward))


def _unknown(channel_id: str) -> NotFound:
    return NotFound(
        f"There is no channel {channel_id}.", advice="`cuelight channels list` shows which there are."
    )
