"""Which way EventSub comes in, and the change from one way to the other. Pure.

A change goes by way of both: what is new is made and works, then what is old is let go. So nothing is missed between
the two; what comes twice meanwhile is recognised by its redemption. All processes of a fleet follow one record, so that
two with different settings do not pull it to and fro: the one that was started last says where it goes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Way(StrEnum):
    WEBSOCKET = "websocket"  # a session for each broadcaster
    CONDUIT = "conduit"  # a few shards for all


@dataclass(frozen=True, slots=True)
class Transport:
    """How it is at present.

    `target`: where it shall go, since `target_at` (UTC ms). `in_force`: what every channel can rely on now.
    `conduit_id` and `shards`: of the conduit that is ours, "" and 0 without one. `gaps` counts the times in which
    events of a conduit may have been lost, `swept` how many of them every channel was reconciled after.
    """

    id: str
    target: Way
    in_force: Way
    target_at: int = 0
    conduit_id: str = ""
    shards: int = 0
    gaps: int = 0
    swept: int = 0
    v: int = 1

    @property
    def sockets(self) -> bool:
        """Whether each channel needs a session of its own."""
        return Way.WEBSOCKET in (self.target, self.in_force)

    @property
    def conduit(self) -> bool:
        """Whether the shards of the conduit are to be attached."""
        return Way.CONDUIT in (self.target, self.in_force)

    @property
    def moving(self) -> bool:
        return self.target is not self.in_force


def aimed(held: Transport, target: Way, *, now: int) -> Transport:
    """A process was started with this setting."""
    return held if held.target is target else replace(held, target=target, target_at=now)


def arrived(held: Transport) -> Transport:
    """The new way serves every channel: from now on it is relied upon, and the old one may go. Who comes back to
    sockets has no conduit any more."""
    if held.target is Way.WEBSOCKET:
        return replace(held, in_force=Way.WEBSOCKET, conduit_id="", shards=0, swept=held.gaps)
    return replace(held, in_force=Way.CONDUIT)


def with_conduit(held: Transport, conduit_id: str, shards: int) -> Transport:
    """This conduit is ours. A new one has heard nothing of what was before it."""
    gaps = held.gaps if held.conduit_id == conduit_id else held.gaps + 1
    return replace(held, conduit_id=conduit_id, shards=shards, gaps=gaps)


def with_gap(held: Transport) -> Transport:
    """Events may have been lost."""
    return replace(held, gaps=held.gaps + 1)


def with_sweep(held: Transport, gaps: int) -> Transport:
    """Every channel was reconciled after the first `gaps` gaps."""
    return replace(held, swept=max(held.swept, min(gaps, held.gaps)))
