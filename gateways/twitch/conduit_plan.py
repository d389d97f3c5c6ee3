"""What a conduit should be, and what is to do about what there is: pure functions.

`handlers/conduit/keeper.py` carries out `choose` and `resized`, `gateways/twitch/conduit_filler.py` carries out `fill`.

Conduits bear no name on Twitch. Ours is known by its id, which we remember; by that we also find it again within the 72
hours for which Twitch keeps a conduit without a living shard. Where the memory is lost, it is known by its mark: the
subscription to its own `conduit.shard.disabled`, the first that we make on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.subscriptions import Wanted, key_of

SHARD_DISABLED = "conduit.shard.disabled"
MOST_CONDUITS = 5
"""Twitch's limit for each application."""

FILL_SHARE = 0.75
"""The part of the application's points that a fill may use; the rest is for attaching shards, and for new channels."""


@dataclass(frozen=True, slots=True)
class RemoteConduit:
    id: str
    shards: int


@dataclass(frozen=True, slots=True)
class RemoteShard:
    """A shard as Twitch lists it. `id`: "0" upwards."""

    id: str
    status: str
    session_id: str = ""

    @property
    def enabled(self) -> bool:
        return self.status == "enabled"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a shard could not be attached, out of a 202."""

    shard_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A conduit of this application that we do not remember. `marked`: it bears our mark. `subscriptions`: how many
    hang on it. `enabled`: how many of its shards live."""

    conduit: RemoteConduit
    marked: bool
    subscriptions: int
    enabled: int


def mark_of(conduit_id: str, client_id: str) -> Wanted:
    """The subscription that tells of lost shards, and tells our conduit from others."""
    return Wanted(SHARD_DISABLED, "1", {"client_id": client_id, "conduit_id": conduit_id})


def remembered(known_id: str, conduits: Iterable[RemoteConduit]) -> RemoteConduit | None:
    """The conduit that we remember, if Twitch still has it."""
    return next((conduit for conduit in conduits if conduit.id == known_id), None)


def choose(candidates: Sequence[Candidate]) -> RemoteConduit | None:
    """The conduit to take over where none is remembered; `None`: make one.

    Nobody's conduit is taken from him: one with a living shard has an owner, who may be another installation with the
    same application. Of those without one, the only one with our mark is ours; else one that nothing hangs on is free
    (we may have made it a moment ago and not have heard of it).
    """
    idle = [candidate for candidate in candidates if not candidate.enabled]
    marked = [candidate for candidate in idle if candidate.marked]
    if len(marked) == 1:
        return marked[0].conduit
    empty = sorted((one.conduit for one in idle if not one.subscriptions), key=lambda conduit: conduit.id)
    return empty[0] if empty else None


def resized(have: int, want: int, *, enabled: int, in_use: bool) -> int | None:
    """The number of shards to ask for next; `None`: leave it for now.

    Fewer at once. More one by one while events flow: Twitch hands what was meant for a shard without a session to one
    other shard, so there should never be two of those.
    """
    if have == want:
        return None
    if have > want or not in_use:
        return want
    return have + 1 if enabled >= have else None


@dataclass(frozen=True, slots=True)
class Fill:
    """`create` channel by channel (the channel, what it lacks; most needed first), `delete` the ids of what should
    not be there."""

    create: Mapping[str, tuple[Wanted, ...]]
    delete: tuple[str, ...]

    @property
    def calls(self) -> int:
        return sum(len(missing) for missing in self.create.values()) + len(self.delete)


class Comparison:
    """What is to be done so that exactly `wanted` (by channel) hangs on a conduit: show it what there is, then ask.

    Only what hangs on this conduit for a channel is looked at. Kept: the first enabled one of each that is wanted.
    Deleted: what ended, what nobody wants, and doubles.
    """

    def __init__(self, conduit_id: str, wanted: Mapping[str, Sequence[Wanted]]) -> None:
        self._conduit_id = conduit_id
        self._missing = {
            channel_id: {key_of(wish): wish for wish in reversed(wishes)}
            for channel_id, wishes in wanted.items()
        }
        self._owners = {key: channel_id for channel_id, keys in self._missing.items() for key in keys}
        self._delete: list[str] = []

    def see(self, actual: Iterable[RemoteSubscription]) -> None:
        for subscription in actual:
            if subscription.conduit_id != self._conduit_id or "client_id" in subscription.condition:
                continue
            key = key_of(subscription)
            channel_id = self._owners.get(key)
            if subscription.status == "enabled" and channel_id and key in self._missing[channel_id]:
                del self._missing[channel_id][key]
            else:
                self._delete.append(subscription.id)

    def result(self) -> Fill:
        create = {
            channel_id: tuple(reversed(keys.values())) for channel_id, keys in self._missing.items() if keys
        }
        return Fill(create, tuple(self._delete))


def fill(
    conduit_id: str, wanted: Mapping[str, Sequence[Wanted]], actual: Iterable[RemoteSubscription]
) -> Fill:
    """`Comparison` in one go."""
    comparison = Comparison(conduit_id, wanted)
    comparison.see(actual)
    return comparison.result()


def pace(points_per_minute: int) -> float:
    """Calls per second of a fill."""
    return max(1, points_per_minute) * FILL_SHARE / 60


def estimate(channels: int, calls: int, points_per_minute: int) -> str:
    """How long a fill takes at the rate that Twitch allows, for people."""
    seconds = calls / pace(points_per_minute)
    used = round(pace(points_per_minute) * 60)
    return (
        f"{channels:,} channels lack {calls:,} subscriptions: {_length(seconds)} at {used:,} of the "
        f"{points_per_minute:,} points a minute that Twitch allows"
    )


def _length(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"
