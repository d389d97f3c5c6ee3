"""Everything that a streamer chooses: what the API reads and answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from domain import preferences
from domain.channel import LONGEST_VIP_MS
from domain.words import CHAT_LIMIT
from web.models.base import Asked, Told
from web.models.rewards import RuleSeconds, RulesTold, Time, TimeTold
from web.spec import Spec

BODY_BYTES = 64 << 10

WhenFull = Literal["refund", "oldest_out", "wait"]
Text = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]
EventName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z_]{1,40}(\.[a-z_]{1,40})?$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$"), Field(examples=["en"])]


class RulesChange(Asked):
    """Rules of the channel; what is left out stays."""

    subscribers_only: bool = Field(default_factory=bool)
    min_follow_seconds: RuleSeconds = Field(default_factory=int)
    allow_only: bool = Field(default_factory=bool)
    cooldown_seconds: RuleSeconds = Field(default_factory=int)
    most_seconds: RuleSeconds = Field(default_factory=int)


class LimitsChange(Asked):
    """How many VIPs of ours at once, and what happens then."""

    cap: int = Field(
        default_factory=int, ge=0, le=preferences.MOST_CAP, description="0: as many as Twitch lets us."
    )
    when_full: WhenFull = Field(default_factory=lambda: "refund")
    longest_wait_seconds: int = Field(
        default_factory=lambda: 3600,
        ge=preferences.SHORTEST_WAIT_SECONDS,
        le=preferences.LONGEST_WAIT_SECONDS,
    )


class CausesChange(Asked):
    """What else makes a VIP; null switches it off."""

    subscription: Time | None = None
    bits: Time | None = None
    power_up: Time | None = None


class MessagesChange(Asked):
    """What is said in chat."""

    texts: dict[EventName, Text | None] = Field(
        default_factory=dict, max_length=200, description="By event; null or empty: the usual text again."
    )
    off: list[EventName] = Field(
        default_factory=list, max_length=200, description="Events that are not told."
    )
    ends_soon_seconds: int = Field(
        default_factory=int, ge=0, le=preferences.LONGEST_NOTICE_SECONDS, description="0: no reminder."
    )
    says_online: bool = Field(default_factory=bool)
    answers_vip: bool = Field(default_factory=lambda: True, description="`!vip` in chat.")


class DiscordChange(Asked):
    """What is told on Discord, and where."""

    url: Annotated[str, StringConstraints(max_length=500)] | None = Field(
        default=None, description="The address of a webhook; null: none. It is never shown again in full."
    )
    events: list[EventName] = Field(default_factory=list, max_length=200)


class SettingsChange(Asked):
    """What is left out stays as it is; objects are merged."""

    language: Language = Field(default_factory=lambda: "en")
    chat: bool = Field(default_factory=lambda: True, description="Whether anything is said in chat.")
    default_seconds: int = Field(default_factory=lambda: 1, ge=1, le=LONGEST_VIP_MS // 1000)
    removes: bool = Field(default_factory=lambda: True, description="Whether VIPs end by themselves.")
    paused: bool = Field(default_factory=bool, description="Nothing is granted; what is granted still ends.")
    timezone: Annotated[str, StringConstraints(max_length=64)] = Field(
        default_factory=lambda: "UTC", examples=["Europe/Berlin"]
    )
    wizard_done: bool = Field(default_factory=bool)
    rules: RulesChange = Field(default_factory=RulesChange)
    limits: LimitsChange = Field(default_factory=LimitsChange)
    causes: CausesChange = Field(default_factory=CausesChange)
    messages: MessagesChange = Field(default_factory=MessagesChange)
    discord: DiscordChange = Field(default_factory=DiscordChange)


class LimitsTold(Told):
    """How many VIPs of ours at once, and what happens then."""

    cap: int
    when_full: WhenFull
    longest_wait_seconds: int


class CausesTold(Told):
    """What else makes a VIP; null: does not."""

    subscription: TimeTold | None
    bits: TimeTold | None
    power_up: TimeTold | None


class MessagesTold(Told):
    """What is said in chat."""

    texts: dict[str, str]
    off: list[str]
    ends_soon_seconds: int
    says_online: bool
    answers_vip: bool
    faults: dict[str, list[str]] = Field(
        description="Own texts that cannot be used, with the reasons; the usual ones are said in their place."
    )


class DiscordTold(Told):
    """What is told on Discord, and where."""

    configured: bool
    shown: str = Field(description="The address, masked.")
    events: list[str]
    fault: str = Field(description="Why nothing is told there any more; empty: nothing is wrong.")


class OverlayTold(Told):
    """Where the overlay for streaming software is. Whoever has the address sees who is VIP."""

    url: str = Field(description="The address, without the host.", examples=["/overlay?key=…"])


class LanguageTold(Told):
    """A language that chat can be spoken to in."""

    code: str
    name: str


class Settings(Told):
    """The whole settings."""

    language: str
    chat: bool
    default_seconds: int
    removes: bool
    paused: bool
    timezone: str
    wizard_done: bool
    rules: RulesTold
    limits: LimitsTold
    causes: CausesTold
    messages: MessagesTold
    discord: DiscordTold
    languages: list[LanguageTold]
    overlay: OverlayTold | None = Field(default=None, description="For the owner alone.")


class MessagesAsked(Asked):
    language: Language = "en"


class PlaceholderTold(Told):
    """What stands in brackets in a message."""

    name: str
    what: str
    example: str


class MessageTold(Told):
    """Something that may be told."""

    event: str
    what: str
    placeholders: list[PlaceholderTold]
    default: str = Field(description="What is said where nothing else is written; empty: nothing.")


class MessageCatalogue(Told):
    """Everything that may be told."""

    events: list[MessageTold]


class PreviewWanted(Asked):
    """Show a message as it would be said."""

    event: EventName
    text: Text = Field(default="", description="Empty: the usual one.")
    language: Language = "en"


class PreviewTold(Told):
    """A message with examples for its placeholders."""

    line: str
    characters: int
    most: int = CHAT_LIMIT
    faults: list[str] = Field(description="Why it cannot be used; none if it can.")


class DiscordTested(Told):
    """Whether a test has arrived on Discord."""

    ok: bool
    detail: str


READ = Spec("settings", "Everything that the streamer chose", answers={200: Settings})
CHANGE = Spec(
    "settings",
    "Change settings",
    "Only what is given is changed; two changes at once are merged. Codes of refusals: `settings.<field>`.",
    body=SettingsChange,
    answers={200: Settings},
)
CATALOGUE = Spec(
    "settings",
    "Messages that can be written, with their placeholders",
    query=MessagesAsked,
    answers={200: MessageCatalogue},
)
PREVIEW = Spec(
    "settings",
    "Try a message",
    body=PreviewWanted,
    answers={200: PreviewTold},
    problems={404: "There is no such event."},
)
TEST_DISCORD = Spec("settings", "Say something on Discord", answers={200: DiscordTested})
ROTATE_OVERLAY = Spec(
    "settings",
    "Give the overlay another address",
    "The old one ends at once.",
    answers={200: OverlayTold},
)
