"""The watch party of a channel, run from the dashboard: what is asked for and answered, and the specs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from web.models.base import Asked, Told
from web.spec import Spec

Title = Annotated[
    str,
    StringConstraints(max_length=80, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$"),
    Field(description="Shown in the room and in the list of rooms."),
]


class ChannelPartyWanted(Asked):
    """How the party is to be. What is left out is as it is, or, of a new one, as the defaults say."""

    title: Title = Field(default_factory=str)
    is_public: bool = Field(default_factory=bool, description="In the list of rooms, and open to guests.")
    vip_only: bool = Field(
        default_factory=bool,
        description="Only VIPs of the channel, its team, and who has an invite come in.",
    )


class PartyInviteWanted(Asked):
    """For whom."""

    role: Literal["guest", "member", "cohost"] = "guest"
    uses: int = Field(1, ge=1, le=10_000)
    seconds: int = Field(86_400, ge=60, le=30 * 86_400, description="How long it is good.")


class PartySyncTold(Told):
    """How far players are from the film, as they reported it lately."""

    players: int
    drift_p50_ms: float | None
    drift_p95_ms: float | None


class ChannelPartyTold(Told):
    """The party."""

    room_id: str
    url: str = Field(description="The room's page.")
    title: str
    is_public: bool
    vip_only: bool
    opened_at: int
    host: str = Field(description="Name of the host, empty while nobody of the channel is there.")
    film: str
    queued: int
    members: int
    here: int = Field(description="How many of them have a connection.")
    sync: PartySyncTold


class ChannelPartyState(Told):
    """The channel's party, null while none is open."""

    party: ChannelPartyTold | None


class PartyInviteTold(Told):
    """An invite."""

    invite: str
    url: str = Field(description="The room's page, with the invite behind the #.")
    expires_at: int = Field(description="UTC seconds.")


_NONE = {404: "No party is open."}

SHOW = Spec("parties", "The channel's watch party", answers={200: ChannelPartyState})
OPEN = Spec(
    "parties",
    "Open the channel's watch party",
    "Or make the one that is open so.",
    body=ChannelPartyWanted,
    answers={200: ChannelPartyState},
)
CHANGE = Spec(
    "parties",
    "Change the channel's watch party",
    body=ChannelPartyWanted,
    answers={200: ChannelPartyState},
    problems=_NONE,
)
CLOSE = Spec(
    "parties",
    "Close the channel's watch party",
    "Who is in it is sent home.",
    answers={200: ChannelPartyState},
    problems=_NONE,
)
INVITE = Spec(
    "parties",
    "Invite to the channel's watch party",
    body=PartyInviteWanted,
    answers={201: PartyInviteTold},
    problems=_NONE,
)
