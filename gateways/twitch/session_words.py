"""What an EventSub session asks of its shell (actions) and tells the rest of the program (events)."""

from __future__ import annotations

from dataclasses import dataclass

from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.frames import BadFrame, Notification


@dataclass(frozen=True, slots=True)
class Open:
    """Open `url` as it is. `hand_over`: there is a deadline, do not queue behind other connections."""

    socket_id: int
    url: str
    hand_over: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """Close the socket (or stop opening it); answer with `disconnected` when it is gone, whatever the code."""

    socket_id: int
    code: int = 1000
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Bring the subscriptions of this session to what is wanted; it replaces any such work that is under way.

    Answer with `window_met` after the first, then `subscribed`, `subscribing_failed` or `park`. `deadline`: when the
    window closes, `None` if subscriptions may already exist.
    """

    session_id: str
    deadline: float | None


@dataclass(frozen=True, slots=True)
class Check:
    """Ask Helix whether the channel's grant is good; answer with `checked` or `park`."""


Action = Open | Close | Subscribe | Check


@dataclass(frozen=True, slots=True)
class Welcomed:
    session_id: str


@dataclass(frozen=True, slots=True)
class Live:
    """Everything wanted is subscribed. `gap`: events may have been lost before, reconcile now."""

    session_id: str
    gap: bool


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The session goes on on another socket."""

    session_id: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The session (or the attempt at one) is over. `gap`: it was in use, what happens from now on is not heard."""

    reason: str
    code: int | None
    gap: bool
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Revoked:
    subscription: RemoteSubscription


Notified = Notification
Event = Welcomed | Live | HandedOver | Lost | Revoked | Notified | BadFrame
