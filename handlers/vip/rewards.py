"""The rewards of a channel: what Twitch has and what we promise for them, side by side.

Title, price, looks and limits live on Twitch alone and are read there; length of the VIP and rules live with us. The
request queue is never skipped: what is fulfilled at once could not be given back.

What may be half done after a crash heals by itself: a reward that was made on Twitch and is not known here is listed as
one that can be adopted; one that is changed there and not here is changed by the same request again.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain import rewards
from domain.audit import Action, Actor
from domain.channel import Channel, Reward
from domain.errors import NotFound, Rejected
from domain.inbox import Delivery
from domain.ports import Clock
from gateways.twitch.contracts import Helix, RemoteReward
from handlers.intake import Intake
from handlers.vip.book import Book
from handlers.vip.reconcile import reconciliation_of
from storage.channels import Channels
from storage.redemptions import Redemptions

FOREIGN = "Another application or the dashboard made it, and Twitch lets only its maker change or refund it."
ADOPTABLE = ""
SKIPS = "It skips the request queue, so that its points could never be given back."
MISSING = "It was deleted on Twitch. Remove it here, or create it anew."


def lane_of_rewards(channel_id: str) -> str:
    """The lane of what takes its time with the rewards of a channel."""
    return f"rewards:{channel_id}"


@dataclass(frozen=True, slots=True)
class Offer:
    """A reward of ours as it is shown; `remote` is `None` where Twitch does not have it any more. `pending`:
    redemptions of it that have not come to their end."""

    reward: Reward
    remote: RemoteReward | None
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Other:
    """A reward on Twitch that is none of ours. `why` it cannot be adopted; empty if it can."""

    remote: RemoteReward
    why: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """All rewards of a channel. `why_not` one cannot be created now; empty if it can."""

    offers: tuple[Offer, ...]
    others: tuple[Other, ...]
    used: int
    why_not: str


class Rewards:
    """Reads and changes them. What a method raises: `NotFound`, `Rejected` with a code `reward.<field>` (found before
    Twitch was asked) or `twitch.reward…` (Twitch's own sentence), and what Helix raises."""

    def __init__(
        self,
        *,
        channels: Channels,
        redemptions: Redemptions,
        helix: Helix,
        intake: Intake,
        book: Book,
        clock: Clock,
    ) -> None:
        self._channels, self._redemptions, self._helix = channels, redemptions, helix
        self._intake, self._book, self._clock = intake, book, clock

    async def list(self, channel_id: str) -> Shelf:
        """Every reward of the channel, ours first in the order of their making."""
        channel = await self._channel(channel_id)
        why_not = ""
        try:
            remote = {one.id: one for one in await self._helix.all_rewards(channel_id)}
        except Rejected as error:
            remote, why_not = {}, await self._why_none(channel_id, error)
        if not why_not and len(remote) >= rewards.MOST_REWARDS:
            why_not = (
                f"The channel has {len(remote)} custom rewards, and Twitch allows {rewards.MOST_REWARDS}."
            )
        pending = await self._pending(channel_id)
        ours = {reward.id for reward in channel.rewards}
        manageable: frozenset[str] = frozenset()
        if remote.keys() - ours:
            manageable = frozenset([one.id for one in await self._helix.rewards(channel_id)])
        return Shelf(
            tuple(
                Offer(_seen(reward, remote.get(reward.id)), remote.get(reward.id), pending.get(reward.id, 0))
                for reward in channel.rewards
            ),
            tuple(_other(one, manageable) for one in remote.values() if one.id not in ours),
            len(remote),
            why_not,
        )

    async def _why_none(self, channel_id: str, refused: Rejected) -> str:
        """Why Twitch shows no rewards: in our words where the channel has no channel points, else in its own."""
        (user,) = await self._helix.users(channel_id, ids=[channel_id]) or (None,)
        try:
            rewards.check_status("" if user is None else user.broadcaster_type)
        except Rejected as error:
            return f"{error.message} {error.advice}"
        return refused.message

    async def create(self, channel_id: str, fields: Mapping[str, Any], *, actor: Actor) -> Offer:
        """Make a reward on Twitch and promise VIP time for it. `fields` as in `web/models/rewards.py`, with title, cost
        and time."""
        await self._channel(channel_id)
        promise = rewards.promised(Reward("", fields["title"], fields["cost"], 0), fields)
        fields = {**fields, **rewards.asks(promise)}
        (user,) = await self._helix.users(channel_id, ids=[channel_id]) or (None,)
        rewards.check_status("" if user is None else user.broadcaster_type)
        there = await self._helix.all_rewards(channel_id)
        rewards.check_room(len(there))
        rewards.check(fields, titles={one.title for one in there})
        body = {**rewards.twitch_body(fields), "should_redemptions_skip_request_queue": False}
        paused = body.pop(
            "is_paused", False
        )  # Twitch takes this for a reward that is there, and not for a new one
        remote = await self._helix.create_reward(channel_id, body)
        if paused:
            remote = await self._helix.update_reward(channel_id, remote.id, {"is_paused": True})
        reward = replace(promise, id=remote.id, title=remote.title, cost=remote.cost)
        return await self._ours(channel_id, reward, remote, Action.REWARD_CREATED, actor)

    async def adopt(
        self, channel_id: str, reward_id: str, fields: Mapping[str, Any], *, actor: Actor
    ) -> Offer:
        """Promise VIP time for a reward that our application made and that is not ours yet; `fields`: our part."""
        channel = await self._channel(channel_id)
        if channel.reward(reward_id) is not None:
            raise Rejected("This reward is ours already.", code="reward.adopted", advice="Change it instead.")
        there = {one.id: one for one in await self._helix.all_rewards(channel_id)}
        remote = there.get(reward_id)
        if remote is None:
            raise _no_reward()
        manageable = frozenset([one.id for one in await self._helix.rewards(channel_id)])
        why = _other(remote, manageable).why
        if why:
            advice = "Create a reward of your own here; you can then delete this one on Twitch."
            raise Rejected(why, code="reward.not_ours", advice=advice)
        reward = rewards.promised(Reward(remote.id, remote.title, remote.cost, 0), fields)
        asks = rewards.asks(reward)
        if asks and not remote.user_input:
            remote = await self._helix.update_reward(channel_id, reward_id, rewards.twitch_body(asks))
        return await self._ours(channel_id, reward, remote, Action.REWARD_CREATED, actor, adopted=True)

    async def update(
        self, channel_id: str, reward_id: str, fields: Mapping[str, Any], *, actor: Actor
    ) -> Offer:
        """Change what `fields` names. What concerns Twitch is changed there first: if Twitch refuses, nothing is."""
        channel = await self._channel(channel_id)
        held = channel.reward(reward_id)
        if held is None:
            raise _no_reward()
        promise = rewards.promised(held, fields)  # refuses before Twitch is asked
        there = {one.id: one for one in await self._helix.all_rewards(channel_id)}
        remote = there.get(reward_id)
        if remote is None:
            raise NotFound(
                "Twitch does not have this reward any more.", code="reward.missing", advice=MISSING
            )
        rewards.check(fields, titles={one.title for one in there.values() if one.id != reward_id})
        asks = rewards.asks(promise)
        wish = {**fields, **({} if remote.user_input and "user_input" not in fields else asks)}
        if held.paused_by_us and not promise.pauses_when_full:
            wish.setdefault(
                "paused", False
            )  # what we paused must not stay so when nobody looks after it any more
        body = rewards.twitch_body(wish)
        before = _facts(held, remote)
        if body:
            remote = await self._helix.update_reward(channel_id, reward_id, body)
        named = {**wish, "title": remote.title, "cost": remote.cost}
        _, channel = await self._channels.change(channel_id, lambda one: _promise(one, reward_id, named))
        reward = channel.reward(reward_id)
        if reward is None:
            raise _no_reward()  # deleted meanwhile
        if fields.get("pauses_when_full") and reward.pauses_when_full:
            await self._look_for_room(channel_id)
        after = _facts(reward, remote)
        changes = {
            name: {"before": before[name], "after": value}
            for name, value in after.items()
            if before[name] != value
        }
        if changes:
            detail = {"reward_id": reward_id, "reward_title": reward.title, "changes": changes}
            await self._book.write(
                channel_id, Action.REWARD_CHANGED, actor, parts=("rewards",), detail=detail
            )
        return Offer(reward, remote, (await self._pending(channel_id)).get(reward_id, 0))

    async def _look_for_room(self, channel_id: str) -> None:
        """The channel may be full already: have it looked at whether the reward is to be paused now."""
        await self._intake.accept(
            Delivery(
                source="slots",
                message_id=f"{channel_id}:asked.{secrets.token_hex(8)}",
                kind="reward.pause",
                lane=lane_of_rewards(channel_id),
                channel_id=channel_id,
                raw=b'{"full": true}',
            )
        )

    async def known(self, channel_id: str, reward_id: str) -> Reward:
        """A reward that the channel has with us."""
        reward = (await self._channel(channel_id)).reward(reward_id)
        if reward is None:
            raise _no_reward()
        return reward

    async def _ours(
        self,
        channel_id: str,
        reward: Reward,
        remote: RemoteReward,
        action: Action,
        actor: Actor,
        *,
        adopted: bool = False,
    ) -> Offer:
        """Keep a reward. Whoever redeemed it before we knew of it is found by a reconciliation."""
        await self._channels.change(channel_id, lambda one: _with(one, reward))
        await self._intake.accept(
            reconciliation_of(channel_id, run=f"reward.{reward.id}.{self._clock.now()}")
        )
        detail = {"reward_id": reward.id, "reward_title": reward.title, "reward_cost": reward.cost}
        detail |= {"adopted": True} if adopted else {}
        if reward.pauses_when_full:
            await self._look_for_room(channel_id)
        await self._book.write(channel_id, action, actor, parts=("rewards",), detail=detail)
        return Offer(reward, remote, (await self._pending(channel_id)).get(reward.id, 0))

    async def _channel(self, channel_id: str) -> Channel:
        channel = await self._channels.get(channel_id)
        if channel is None:
            raise NotFound("There is no such channel.", code="web.no_channel")
        return channel

    async def _pending(self, channel_id: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for redemption in await self._redemptions.unsettled(channel_id):
            counts[redemption.reward_id] = counts.get(redemption.reward_id, 0) + 1
        return counts


def without(channel: Channel, reward_id: str) -> Channel:
    """The channel without a reward."""
    return replace(channel, rewards=tuple(one for one in channel.rewards if one.id != reward_id))


def _with(channel: Channel, reward: Reward) -> Channel:
    if channel.reward(reward.id) is not None:
        return channel
    return replace(channel, rewards=(*channel.rewards, reward))


def _promise(channel: Channel, reward_id: str, fields: Mapping[str, Any]) -> Channel:
    return replace(
        channel,
        rewards=tuple(
            rewards.promised(one, fields) if one.id == reward_id else one for one in channel.rewards
        ),
    )


def _seen(reward: Reward, remote: RemoteReward | None) -> Reward:
    """Our part under the title and price that Twitch has: the streamer may have changed them there."""
    return reward if remote is None else replace(reward, title=remote.title, cost=remote.cost)


def _other(remote: RemoteReward, manageable: Sequence[str] | frozenset[str]) -> Other:
    if remote.id not in manageable:
        return Other(remote, FOREIGN)
    return Other(remote, SKIPS if remote.skips_queue else ADOPTABLE)


def _facts(reward: Reward, remote: RemoteReward) -> dict[str, Any]:
    """What can be changed, for the audit trail."""
    return {
        "title": remote.title,
        "cost": remote.cost,
        "prompt": remote.prompt,
        "color": remote.color,
        "enabled": remote.is_enabled,
        "paused": remote.is_paused,
        "user_input": remote.user_input,
        "cooldown_seconds": remote.cooldown_seconds,
        "max_per_stream": remote.max_per_stream,
        "max_per_viewer_per_stream": remote.max_per_viewer_per_stream,
        "action": reward.action.value,
        "time": rewards.time_shown(reward.time),
        "rules": None if reward.rules is None else rewards.rules_shown(reward.rules),
        "pauses_when_full": reward.pauses_when_full,
    }


def _no_reward() -> NotFound:
    return NotFound(
        "The channel has no such reward here.", code="reward.unknown", advice="See the list of rewards."
    )
