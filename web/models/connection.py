"""How a channel is connected to Twitch: the answer of the API."""

from __future__ import annotations

from pydantic import Field

from web.models.base import Told
from web.models.vips import LetGo
from web.spec import Spec


class SubscriptionTold(Told):
    """One EventSub subscription."""

    type: str
    version: str
    status: str = Field(description="Twitch's word; `enabled` is good. `missing`: wanted, and not there.")
    since: int = Field(description="Since when it has that status, as far as we know.")
    last_event_at: int | None
    why: str


class Drop(Told):
    """A chat line that Twitch did not show."""

    at: int
    reason: str


class ChatTold(Told):
    """What became of our chat lines."""

    sent: int
    dropped: int
    last_drop: Drop | None


class BacklogTold(Told):
    """Events and wishes that are not done."""

    waiting: int
    oldest_at: int | None
    parked: int = Field(description="Kept and not handled: of a kind that we do not know, say.")
    dead: int = Field(description="Given up. The operator can send them round again.")
    over_quota: int = Field(0, description="Of those that wait: because there were too many in a short time.")


class ConnectionTold(Told):
    """How a channel is connected."""

    transport: str = Field(description="websocket, conduit or webhook.")
    state: str = Field(description="live, connecting, needs_login or stopped.")
    since: int
    detail: str
    last_event_at: int | None
    lag_ms: int | None = Field(description="How long the last event took from Twitch to us.")
    subscriptions: list[SubscriptionTold]
    chat: ChatTold
    backlog: BacklogTold


class Restarting(Told):
    """It is being made anew."""

    result: str = "restarting"


class Reconciled(LetGo):
    """What came of it."""

    result: str = Field(description="What was found, or pending.")


SHOW = Spec(
    "connection",
    "How the channel is connected",
    "The subscriptions are what Twitch lists, half a minute old at most while Twitch answers.",
    answers={200: ConnectionTold},
    problems={404: "There is no such channel."},
)
RESTART = Spec(
    "connection",
    "Connect to Twitch anew",
    "Nothing is lost: what happens meanwhile is found out by a reconciliation.",
    answers={202: Restarting},
    problems={404: "There is no such channel."},
)
RECONCILE = Spec(
    "connection",
    "Compare with Twitch now",
    "Redemptions that were missed are handled, VIPs that are gone are noticed. It happens by itself every ten minutes"
    " and after each gap.",
    answers={200: Reconciled, 202: Reconciled},
    problems={409: "It cannot be done now; `code` says why."},
    idempotent=True,
)
