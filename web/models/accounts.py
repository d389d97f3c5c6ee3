"""A channel's account, its permissions, its team: what the routes read and answer, and their specs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from web.models.base import Asked, Told
from web.models.operations import OperationTold
from web.spec import Spec

RoleWord = Literal["owner", "moderator"]
LOGIN = r"^[A-Za-z0-9_]{1,25}$"


class FeatureNeed(Told):
    """One feature and the permissions that it needs."""

    feature: str
    scopes: list[str]
    why: str
    on: bool = Field(description="Whether the settings of the channel switch it on.")
    missing: list[str]


class ScopesTold(Told):
    """What is granted, what is needed, what is missing."""

    granted: list[str]
    needed: list[FeatureNeed]
    missing: list[str] = Field(description="Of what is switched on.")
    consent_url: str = Field(description="Where the streamer agrees to all of it; nothing granted is lost.")
    checked_at: int


class AccountChannel(Told):
    """The channel as Twitch shows it."""

    id: str
    login: str
    name: str
    broadcaster_type: str = Field(description="affiliate, partner, or empty (also while Twitch cannot say).")
    added_at: int


class SpeaksAs(Told):
    """Who speaks in the chat."""

    id: str
    login: str
    name: str
    kind: Literal["self", "bot", "shared_bot"]


class BrowserSession(Told):
    """A browser in which the one who asks is signed in."""

    id: str
    current: bool
    since: int
    last_seen_at: int
    agent: str


class AccountTold(Told):
    """The account of a channel."""

    channel: AccountChannel
    login_state: Literal["good", "needed"]
    login_detail: str
    speaks_as: SpeaksAs
    sessions: list[BrowserSession]
    role: RoleWord


class BotGone(Told):
    """Who speaks from now on."""

    speaks_as: SpeaksAs


class DisconnectAsked(Asked):
    """How a channel leaves."""

    remove_vips: bool = Field(description="Take the badges away that we gave. Else they stay, for good.")
    erase: bool = Field(description="Remove everything that is stored of the channel. Else it is kept.")
    confirm: str = Field(max_length=100, description="The login of the channel.")


class TeamMember(Told):
    """Somebody who is let in."""

    user_id: str
    login: str
    name: str
    role: RoleWord
    since: int
    last_seen_at: int | None
    is_moderator: bool | None = Field(description="On Twitch, now; null when Twitch cannot say.")


class TeamTold(Told):
    """The team of a channel."""

    members: list[TeamMember]


class TeamAsked(Asked):
    """Whom to let in."""

    login: str = Field(pattern=LOGIN)


class MemberPath(Asked):
    """Who is meant."""

    user_id: str = Field(pattern=r"^[0-9]{1,20}$")


_ASKS_TWITCH = {503: "Twitch cannot be asked now, or has not granted us access (`twitch.login_needed`)."}

SCOPES = Spec("account", "Permissions: granted, needed, missing", answers={200: ScopesTold})
SHOW = Spec("account", "The account of a channel", answers={200: AccountTold})
BOT_REMOVE = Spec(
    "account",
    "Let the streamer speak in chat again",
    "The other account's grant ends at Twitch, unless it speaks in another channel.",
    answers={200: BotGone},
    problems={404: "No account is connected.", **_ASKS_TWITCH},
)
DISCONNECT = Spec(
    "account",
    "Leave: end our VIPs if wished, give back what is unfulfilled, then end the grants",
    "When it is done, everybody of the channel is signed out.",
    body=DisconnectAsked,
    answers={202: OperationTold},
    problems={400: "`confirm` is not the login of the channel, or the body is malformed."},
    idempotent=True,
)
TEAM = Spec("team", "Who is let in", answers={200: TeamTold})
TEAM_ADD = Spec(
    "team",
    "Let somebody in",
    body=TeamAsked,
    answers={201: TeamTold},
    problems={404: "Twitch knows nobody of this name.", 409: "It is the streamer himself.", **_ASKS_TWITCH},
)
TEAM_REMOVE = Spec(
    "team", "Let somebody in no more", "It holds at once.", path=MemberPath, answers={200: TeamTold}
)
TEAM_MODERATORS = Spec(
    "team",
    "Let in all who are moderators on Twitch now",
    answers={200: TeamTold},
    problems=_ASKS_TWITCH,
)
