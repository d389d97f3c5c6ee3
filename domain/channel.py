"""A channel that Cuelight looks after, its VIP rewards, and what its streamer chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.rules import NO_RULES, Rules
from domain.slots import NO_LIMITS, Limits

LONGEST_VIP_MS = 366 * 86_400_000
DEFAULT_VIP_MS = 7 * 86_400_000


class Lasting(StrEnum):
    """How the length of a VIP is found."""

    FIXED = "fixed"  # the same for everybody
    PER_UNIT = "per_unit"  # the more points, bits or tiers, the longer
    STREAM = "stream"  # until this stream ends (the next one, if none is on)


class RewardAction(StrEnum):
    """What a redemption of a reward does."""

    VIP = "vip"
    PARTY_OPEN = "party_open"  # opens the channel's watch party, or makes it public again
    PARTY_QUEUE = "party_queue"  # adds what the viewer wrote to the queue of the party that is open


@dataclass(frozen=True, slots=True)
class VipTime:
    """`ms` milliseconds of VIP; with `PER_UNIT` for each `per` units; with `STREAM` the longest that it may last."""

    ms: int
    lasting: Lasting = Lasting.FIXED
    per: int = 1

    def ms_for(self, units: int) -> int:
        """Milliseconds for so many points, bits or tiers, at most `LONGEST_VIP_MS`; 0 where they buy nothing."""
        ms = self.ms * units // self.per if self.lasting is Lasting.PER_UNIT else self.ms
        return min(ms, LONGEST_VIP_MS)


@dataclass(frozen=True, slots=True)
class Reward:
    """A channel-point reward that our application made, and its promise: `vip_ms` milliseconds of VIP for each
    redemption, or as `lasting` and `per` say (see `VipTime`). `rules` in place of the channel's. `pauses_when_full`:
    pause it on Twitch while no slot is free; `paused_by_us` since we did that. `action` other than VIP: it has to do
    with the watch party, and time, rules and pausing are of no account."""

    id: str
    title: str
    cost: int
    vip_ms: int
    lasting: Lasting = Lasting.FIXED
    per: int = 1
    rules: Rules | None = None
    pauses_when_full: bool = False
    paused_by_us: bool = False
    action: RewardAction = RewardAction.VIP

    @property
    def sells_time(self) -> bool:
        """Whether it makes VIPs."""
        return self.action is RewardAction.VIP

    @property
    def time(self) -> VipTime:
        return VipTime(self.vip_ms, self.lasting, self.per)


@dataclass(frozen=True, slots=True)
class Causes:
    """What else makes a VIP, each with its time; `None` switches it off. Units: tiers (1, 2, 3) of a new
    subscription, bits of a cheer or a power-up."""

    subscription: VipTime | None = None
    bits: VipTime | None = None
    power_up: VipTime | None = None


@dataclass(frozen=True, slots=True)
class Messages:
    """What is said and where. `texts` replaces the catalogue's line of an event (`domain/words.py`), `off` names
    events that are not told in chat. `discord_url` is sealed (`storage/sealing.py`), empty for none; `discord` names
    the events told there (by themselves, or as a family: `domain.messages.FAMILIES`, in `off` too). `discord_fault`:
    why we ceased to tell anything there; empty: nothing is wrong."""

    texts: Mapping[str, str] = field(default_factory=dict)
    off: tuple[str, ...] = ()
    ends_soon_ms: int = 0  # how long before the end the viewer is reminded; 0: never
    says_online: bool = False  # "service online", once per start
    answers_vip: bool = True  # `!vip` in chat tells the time left
    discord_url: str = ""
    discord: tuple[str, ...] = ()
    discord_fault: str = ""


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """Everything that a streamer can choose, apart from the rewards. `removes`: VIPs end by themselves."""

    default_vip_ms: int = DEFAULT_VIP_MS
    removes: bool = True
    rules: Rules = NO_RULES
    limits: Limits = NO_LIMITS
    causes: Causes = Causes()
    messages: Messages = Messages()
    timezone: str = "UTC"
    wizard_done: bool = False
    overlay_key: str = (
        ""  # sealed (`storage/sealing.py`): opens the overlay to who has it; empty: none was made yet
    )


@dataclass(frozen=True, slots=True)
class Channel:
    """One broadcaster. `id` is Twitch's; `login` and `name` may change, so nothing is keyed on them. `paused`: nothing
    is granted (redemptions are given back), what is granted still ends."""

    id: str
    login: str
    name: str
    rewards: tuple[Reward, ...] = ()
    language: str = "en"
    chat: bool = True
    added_at: int = 0
    paused: bool = False
    settings: ChannelSettings = ChannelSettings()
    v: int = 1

    def reward(self, reward_id: str) -> Reward | None:
        """The reward with this id, or `None` when it is not one of ours."""
        return next((reward for reward in self.rewards if reward.id == reward_id), None)

    def rules_of(self, reward: Reward | None) -> Rules:
        """The rules that hold for a reward (`None`: for any other cause)."""
        return self.settings.rules if reward is None or reward.rules is None else reward.rules


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
