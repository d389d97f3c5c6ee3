"""A channel that Cuelight looks after, and its VIP rewards."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reward:
    """A channel-point reward that we made and its promise: `vip_ms` milliseconds of VIP for each redemption."""

    id: str
    title: str
    cost: int
    vip_ms: int


@dataclass(frozen=True, slots=True)
class Channel:
    """One broadcaster. `id` is Twitch's; `login` and `name` may change, so nothing is keyed on them."""

    id: str
    login: str
    name: str
    rewards: tuple[Reward, ...] = ()
    language: str = "en"
    chat: bool = True
    added_at: int = 0
    v: int = 1

    def reward(self, reward_id: str) -> Reward | None:
        """The reward with this id, or `None` when it is not one of ours."""
        return next((reward for reward in self.rewards if reward.id == reward_id), None)


@dataclass(frozen=True, slots=True)
class Viewer:
    """A viewer as an event names him; `id` is what counts."""

    id: str
    login: str = ""
    name: str = ""

    @property
    def shown(self) -> str:
        """The name for people."""
        return self.name or self.login or self.id


NOBODY = Viewer("")
