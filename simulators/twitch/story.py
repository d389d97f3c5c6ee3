"""A seeded story for demos and load: viewers redeem, streamers and moderators interfere, now and then.

It acts through `Life` like everybody else and redeems only rewards which the application made and which can be
redeemed now. Whatever it does by hand is booked as such, so the oracle stays fair.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from simulators.twitch.cast import ViewerNames
from simulators.twitch.errors import ApiError
from simulators.twitch.ledger import Entry
from simulators.twitch.rewards import Redemption, Reward
from simulators.twitch.stage import Stage
from simulators.twitch.world import Channel, User

MIX: Mapping[str, float] = {
    "first": 40,
    "again": 20,
    "full": 8,
    "moderator": 6,
    "blocked": 4,
    "duplicate": 12,
    "streamer_removes": 4,
    "moderator_cancels": 6,
}
_VIEWERS_PER_CHANNEL = 40
_FRIENDS = 3


class Story:
    """Redeems at a rate until told to stop. `mix` weighs the kinds in MIX; a kind left out does not happen."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._random = random.Random(stage.settings.seed)
        self._names = ViewerNames(self._random)
        self._audience: dict[str, list[User]] = {}
        self._by_app: dict[str, set[str]] = {}
        self._friends: list[tuple[Channel, str, str]] = []
        self._only: frozenset[str] | None = None
        self._read = 0
        self._task: asyncio.Task[None] | None = None
        self._done: Counter[str] = Counter()
        self._skipped = 0
        self._acts: dict[str, Callable[[Channel, Reward], bool]] = {
            "first": self._first,
            "again": self._again,
            "full": self._full,
            "moderator": self._moderator,
            "blocked": self._blocked,
            "duplicate": self._duplicate,
            "streamer_removes": self._streamer_removes,
            "moderator_cancels": self._moderator_cancels,
        }

    def start(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """{"rate_per_second","seconds"|null,"mix","rewards":[reward_id]|null} → runs in the background; with `rewards`
        only these are redeemed. Raises ApiError 409, 400."""
        if self.running:
            raise ApiError(409, "the story runs already")
        rate = float(body.get("rate_per_second", 1))
        seconds = body.get("seconds")
        mix = dict(body.get("mix") or MIX)
        if rate <= 0 or not mix or not set(mix) <= set(MIX):
            raise ApiError(
                400, f"rate_per_second must be positive, and the kinds of mix are: {', '.join(MIX)}"
            )
        only = body.get("rewards")
        self._only = None if only is None else frozenset(map(str, only))
        running = self.run(rate, None if seconds is None else float(seconds), mix)
        self._task = asyncio.get_running_loop().create_task(running, name="twitch-simulator-story")
        return self.to_json()

    async def stop(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """No further redemption happens after the answer."""
        await self.halt()
        return self.to_json()

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def halt(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def to_json(self) -> dict[str, Any]:
        return {"running": self.running, "acts": dict(self._done), "skipped": self._skipped}

    async def run(
        self, rate_per_second: float, seconds: float | None, mix: Mapping[str, float] | None = None
    ) -> None:
        """One act each 1/rate seconds, evenly; lost time is caught up."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        step = 0
        while seconds is None or step < rate_per_second * seconds:
            due = begun + step / rate_per_second
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.act(mix or MIX)
            step += 1

    def act(self, mix: Mapping[str, float]) -> str:
        """One act in one channel, and its kind ("" when nothing could be done). A kind that has nobody to
        happen to at present falls back to a first redemption."""
        self._read_ledger()
        self._thank_friends()
        stages = [(c, r) for c in self._stage.world.channels.values() for r in self._redeemable(c)]
        if not stages:
            self._skipped += 1
            return ""
        channel, reward = self._random.choice(stages)
        kind = self._random.choices(list(mix), weights=list(mix.values()))[0]
        try:
            if not self._acts[kind](channel, reward):
                kind = "first" if self._first(channel, reward) else ""
        except ApiError:
            kind = ""
        if not kind:
            self._skipped += 1
            return ""
        self._done[kind] += 1
        return kind

    # The kinds

    def _first(self, channel: Channel, reward: Reward) -> bool:
        viewer = self._pick(channel, lambda user: user.id not in channel.vips)
        return self._redeem(channel, reward, viewer) is not None

    def _again(self, channel: Channel, reward: Reward) -> bool:
        held = self._by_app.get(channel.id, set())
        viewer = self._pick(channel, lambda user: user.id in held and user.id in channel.vips)
        return self._redeem(channel, reward, viewer) is not None

    def _full(self, channel: Channel, reward: Reward) -> bool:
        """Friends of the streamer take the last slots by hand until this redemption is answered."""
        free = channel.vip_slots - len(channel.vips)
        viewer = self._pick(channel, lambda user: user.id not in channel.vips)
        if viewer is None or free > _FRIENDS:
            return False
        friends: list[str] = []
        for _ in range(max(0, free)):
            friend = self._pick(channel, lambda user: user.id not in channel.vips and user is not viewer)
            if friend is None:
                break
            self._stage.life.add_vip(channel, friend.id, by="streamer")
            friends.append(friend.id)
        redemption = self._redeem(channel, reward, viewer)
        if redemption is not None:
            self._friends += [(channel, friend, redemption.id) for friend in friends]
        return redemption is not None

    def _moderator(self, channel: Channel, reward: Reward) -> bool:
        if not channel.moderators:
            new = self._pick(channel, lambda user: user.id not in channel.vips)
            if new is None:
                return False
            self._stage.life.add_moderator(channel, new.id)
        user_id = self._random.choice(list(channel.moderators))
        return self._redeem(channel, reward, self._stage.world.user(user_id)) is not None

    def _blocked(self, channel: Channel, reward: Reward) -> bool:
        """Somebody redeems and is banned before the application gets to it."""
        if not channel.blocked:
            new = self._pick(channel, lambda user: user.id not in channel.vips)
            if new is None:
                return False
            self._stage.life.block(channel, new.id, blocked=True)
        user_id = self._random.choice(sorted(channel.blocked))
        return self._redeem(channel, reward, self._stage.world.user(user_id)) is not None

    def _duplicate(self, channel: Channel, reward: Reward) -> bool:
        return self._redeem(channel, reward, self._pick(channel, lambda _: True), copies=2) is not None

    def _streamer_removes(self, channel: Channel, _: Reward) -> bool:
        """The streamer removes a VIP by hand: hand-made ones first, which keeps slots free."""
        held = self._by_app.get(channel.id, set())
        by_hand = [user_id for user_id in channel.vips if user_id not in held]
        chosen = by_hand or [user_id for user_id in channel.vips if not self._waiting(channel, user_id)]
        if not chosen:
            return False
        self._stage.life.remove_vip(channel, self._random.choice(chosen), by="streamer")
        return True

    def _moderator_cancels(self, channel: Channel, reward: Reward) -> bool:
        """A redemption that a moderator cancels in the queue at once."""
        viewer = self._pick(channel, lambda user: user.id not in channel.vips)
        if viewer is None:
            return False
        self._top_up(channel, reward, viewer)
        redemption = self._stage.life.redeem(channel.id, reward.id, viewer.id)
        if redemption.status == "UNFULFILLED":
            self._stage.life.resolve(channel, redemption, "CANCELED", by="moderator")
        return True

    # Parts

    def _redeem(
        self, channel: Channel, reward: Reward, viewer: User | None, *, copies: int = 1
    ) -> Redemption | None:
        if viewer is None:
            return None
        self._top_up(channel, reward, viewer)
        return self._stage.life.redeem(channel.id, reward.id, viewer.id, copies=copies)

    def _thank_friends(self) -> None:
        """Friends give their slots back once the redemption that they stood in the way of is answered."""
        waiting: list[tuple[Channel, str, str]] = []
        for channel, friend, redemption_id in self._friends:
            by_hand = friend in channel.vips and friend not in self._by_app.get(channel.id, set())
            if not by_hand:
                continue
            if channel.redemptions[redemption_id].status == "UNFULFILLED":
                waiting.append((channel, friend, redemption_id))
            else:
                self._stage.life.remove_vip(channel, friend, by="streamer")
        self._friends = waiting

    def _top_up(self, channel: Channel, reward: Reward, viewer: User) -> None:
        """Watching earns points."""
        if self._stage.world.points_of(channel, viewer.id) < reward.cost:
            self._stage.world.pay(channel, viewer.id, -100 * reward.cost)

    def _pick(self, channel: Channel, fits: Callable[[User], bool]) -> User | None:
        """A viewer who fits, without a special role and without a redemption under way."""
        audience = self._audience_of(channel)
        for user in self._random.sample(audience, len(audience)):
            special = user.deleted or user.id in channel.moderators or user.id in channel.blocked
            if not special and fits(user) and not self._waiting(channel, user.id):
                return user
        return None

    def _audience_of(self, channel: Channel) -> list[User]:
        if channel.id not in self._audience:
            world = self._stage.world
            self._audience[channel.id] = [
                world.add_user(login, name) for login, name in self._names.take(_VIEWERS_PER_CHANNEL)
            ]
        return self._audience[channel.id]

    def _redeemable(self, channel: Channel) -> list[Reward]:
        ours = self._stage.settings.client_id
        if channel.user.deleted:
            return []
        return [
            reward
            for reward in channel.rewards.values()
            if reward.client_id == ours
            and (self._only is None or reward.id in self._only)
            and reward.is_enabled
            and not reward.is_paused
            and reward.in_stock()
        ]

    @staticmethod
    def _waiting(channel: Channel, user_id: str) -> bool:
        return any(
            r.user_id == user_id for reward in channel.rewards.values() for r in reward.unfulfilled.values()
        )

    def _read_ledger(self) -> None:
        """Keep up with who holds VIP through the application."""
        fresh: list[Entry] = self._stage.ledger.after(self._read)
        self._read += len(fresh)
        for entry in fresh:
            held = self._by_app.setdefault(entry.channel_id, set())
            if entry.kind == "vip_added" and entry.by == "app":
                held.add(entry.user_id)
            elif entry.kind == "vip_removed":
                held.discard(entry.user_id)
