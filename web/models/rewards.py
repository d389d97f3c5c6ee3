"""Channel-point rewards: what the API reads and answers. Twitch's limits are told of by the handler, each with what to
do about it; the bounds here only keep absurd things out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from domain import rewards
from domain.channel import LONGEST_VIP_MS
from web.models.base import Asked, Told
from web.models.operations import OperationTold
from web.spec import Spec

_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
_FAR = 10**12

Title = Annotated[
    str,
    StringConstraints(max_length=500, strip_whitespace=True),
    Field(
        description=f"1 to {rewards.TITLE_CHARACTERS} characters, once in a channel.",
        examples=["VIP for a day"],
    ),
]
Prompt = Annotated[
    str,
    StringConstraints(max_length=2000, pattern=_NO_CONTROLS),
    Field(description=f"At most {rewards.PROMPT_CHARACTERS} characters."),
]
Cost = Annotated[int, Field(ge=-_FAR, le=_FAR, description="Channel points, 1 or more.", examples=[5000])]
Color = Annotated[str, StringConstraints(max_length=40), Field(description="#RRGGBB.", examples=["#9147FF"])]
Number = Annotated[int, Field(ge=-_FAR, le=_FAR)]
RuleSeconds = Annotated[int, Field(ge=0, le=316_224_000)]


class Time(Asked):
    """How long a VIP lasts."""

    lasting: Literal["fixed", "per_unit", "stream"] = Field(
        default="fixed",
        description="The same for all; `seconds` for each `per` units paid; or until this stream ends.",
    )
    seconds: int = Field(
        ge=1, le=LONGEST_VIP_MS // 1000, description="With `stream`: the longest that it may last."
    )
    per: int = Field(default=1, ge=1, le=10**9, description="Points, bits or tiers, with `per_unit`.")


class Rules(Asked):
    """Who may become VIP. Zero and false switch a rule off."""

    subscribers_only: bool = False
    min_follow_seconds: RuleSeconds = Field(default=0, description="Since when the viewer has to follow.")
    allow_only: bool = Field(default=False, description="Only who is on the allow list.")
    cooldown_seconds: RuleSeconds = Field(
        default=0, description="From the end of a viewer's VIP to his next."
    )
    most_seconds: RuleSeconds = Field(
        default=0, description="The most VIP time that a viewer may have ahead of him."
    )


class _Looks(Asked):
    prompt: Prompt = Field(default_factory=str)
    color: Color = Field(default_factory=lambda: "#9147FF")
    enabled: bool = Field(default_factory=lambda: True, description="Whether viewers see it.")
    paused: bool = Field(default_factory=bool, description="Seen, and not to be redeemed for now.")
    user_input: bool = Field(default_factory=bool, description="Whether viewers write something with it.")
    cooldown_seconds: Number = Field(
        default_factory=int, description="Between two redemptions; 60 or more, 0: none."
    )
    max_per_stream: Number = Field(default_factory=int, description="0: no limit.")
    max_per_viewer_per_stream: Number = Field(default_factory=int, description="0: no limit.")


Action = Literal["vip", "party_open", "party_queue"]
_ACTION = (
    "What a redemption does: makes a VIP; opens the channel's watch party, or makes it public again; adds the address "
    "that the viewer writes to the queue of the party that is open."
)
_TIME = "Needed by a reward that makes VIPs, and of no account for others."


class _Promise(Asked):
    action: Action = Field(default_factory=lambda: "vip", description=_ACTION)
    rules: Rules | None = Field(default=None, description="In place of the channel's; null: the channel's.")
    pauses_when_full: bool = Field(
        default_factory=bool, description="Pause it on Twitch while no VIP slot is free."
    )


class RewardWanted(_Looks, _Promise):
    """Create a reward. What is left out is as Twitch has it for a new one."""

    title: Title
    cost: Cost
    time: Time = Field(default_factory=lambda: Time(seconds=1), description=_TIME)


class RewardChange(_Looks, _Promise):
    """Change a reward. What is left out stays as it is."""

    title: Title = Field(default_factory=str)
    cost: Cost = Field(default_factory=int)
    time: Time = Field(default_factory=lambda: Time(seconds=1))


class RewardAdopted(_Promise):
    """Promise VIP time for a reward that is there."""

    time: Time = Field(default_factory=lambda: Time(seconds=1), description=_TIME)


class RewardId(Asked):
    reward_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")] = Field(
        description="From the list of rewards."
    )


class TimeTold(Told):
    """How long a VIP lasts."""

    lasting: Literal["fixed", "per_unit", "stream"]
    seconds: int
    per: int


class RulesTold(Told):
    """Who may become VIP."""

    subscribers_only: bool
    min_follow_seconds: int
    allow_only: bool
    cooldown_seconds: int
    most_seconds: int


class Reward(Told):
    """A reward of ours."""

    id: str
    title: str
    cost: int
    prompt: str
    color: str
    enabled: bool
    paused: bool
    paused_by_us: bool = Field(description="Because no VIP slot is free; goes on by itself.")
    pauses_when_full: bool
    cooldown_seconds: int
    max_per_stream: int
    max_per_viewer_per_stream: int
    user_input: bool
    action: Action = Field(description=_ACTION)
    time: TimeTold = Field(description="Zero seconds where it makes no VIPs.")
    rules: RulesTold | None = Field(description="Null: the channel's.")
    in_stock: bool = Field(description="False once `max_per_stream` is reached.")
    redeemed_now: int | None = Field(description="How often in this stream; null while none is on.")
    pending: int = Field(description="Redemptions that have not come to their end.")
    missing_on_twitch: bool = Field(description="It was deleted there.")
    advice: str = Field(description="What to do where something is wrong; else empty.")


class OtherReward(Told):
    """A reward on Twitch that is none of ours."""

    id: str
    title: str
    cost: int
    why: str = Field(description="Why it cannot be adopted; empty if it can.")
    adoptable: bool


class RewardLimits(Told):
    """What Twitch allows."""

    rewards: int
    used: int
    title_characters: int
    prompt_characters: int


class RewardList(Told):
    """All rewards of the channel."""

    rewards: list[Reward]
    others: list[OtherReward]
    limits: RewardLimits
    can_create: bool
    why_not: str


_TWITCH = {409: "Twitch refuses it: see the code."}
_SAID = "Limits that Twitch has are checked first (codes `reward.<field>`), its own refusals have `twitch.reward…`."

LIST = Spec("rewards", "The rewards of the channel", answers={200: RewardList})
CREATE = Spec("rewards", "Create a reward", _SAID, body=RewardWanted, answers={201: Reward})
CHANGE = Spec("rewards", "Change a reward", _SAID, path=RewardId, body=RewardChange, answers={200: Reward})
DELETE = Spec(
    "rewards",
    "Delete a reward",
    "It is switched off, pending redemptions are given back, then it is deleted on Twitch.",
    path=RewardId,
    answers={202: OperationTold},
    problems=_TWITCH,
    idempotent=True,
)
ADOPT = Spec(
    "rewards",
    "Take over a reward that our application made",
    path=RewardId,
    body=RewardAdopted,
    answers={200: Reward},
)
