"""Which channels this process listens to. Each channel's EventSub session belongs to whoever holds its lease
(`handlers/holding.py`). An event that two processes bring is one row in the inbox (decision 0006)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from domain.channel import Channel
from domain.errors import Unavailable
from domain.ports import Clock, Metrics
from gateways.leases.contracts import Leases
from gateways.signals.contracts import Signals
from gateways.twitch.subscriptions import Wanted, vip_channel
from handlers.holding import JOIN_SECONDS, LEASE_SECONDS, ROUND_SECONDS, Holding, Kind
from handlers.vip.channels import Watch
from storage.channels import Channels

__all__ = ["JOIN_SECONDS", "LEASE_SECONDS", "ROUND_SECONDS", "HeldElsewhere", "Shares", "socket_of"]

LIST_SECONDS = 15.0


def socket_of(channel_id: str) -> str:
    """The name of the lease of a channel's session."""
    return f"socket:{channel_id}"


SOCKETS = Kind("eventsub", socket_of, held="socket_leases_held", lost="socket_leases_lost_total")


def _always() -> bool:
    return True


class Shares:
    """Implements `Watch` for the whole fleet, on the `watch` of this process. Start `run` as a task.

    `needed`: whether channels need sessions of their own at all at the moment; a conduit does without.
    """

    def __init__(
        self,
        *,
        channels: Channels,
        watch: Watch,
        leases: Leases,
        signals: Signals,
        owner: str,
        clock: Clock,
        metrics: Metrics,
        needed: Callable[[], bool] = _always,
    ) -> None:
        self._channels, self._watch, self._signals = channels, watch, signals
        self._clock, self._needed = clock, needed
        self._wanted: dict[str, tuple[Wanted, ...]] = {}
        self._known: dict[str, Channel] = {}
        self._listed_at: float | None = None
        self._holding = Holding(
            SOCKETS,
            things=self._list,
            take=self._take,
            drop=watch.remove,
            surplus=lambda: signals.send("channels"),
            leases=leases,
            owner=owner,
            clock=clock,
            metrics=metrics,
        )
        signals.listen("channels", self._changed_elsewhere)
        signals.listen("restart", self._restart_here)
        signals.listen("login", self._wake_here)

    @property
    def held(self) -> frozenset[str]:
        """The channels whose session is ours."""
        return self._holding.held

    async def all(self) -> list[Channel]:
        """The channels whose session is ours, for what is done per channel by one process (`Rounds`)."""
        return [self._known[channel_id] for channel_id in sorted(self.held) if channel_id in self._known]

    async def run(self) -> None:
        """See `Holding.run`."""
        await self._holding.run()

    async def stop(self) -> None:
        """See `Holding.stop`."""
        await self._holding.stop()

    def look(self) -> None:
        """It may have changed whether sessions are needed."""
        self._holding.look()

    # What the enrolment asks for, wherever the session is.

    def add(self, channel_id: str, wanted: Sequence[Wanted]) -> None:
        """A channel was stored, or what is wanted of it changed."""
        self._wanted[channel_id] = tuple(wanted)
        if channel_id in self.held:
            self._watch.add(channel_id, wanted)
        self._look_again()
        self._signals.send("channels", channel_id)

    async def remove(self, channel_id: str) -> None:
        """A channel is stored no more."""
        self._listed_at = None
        self._known.pop(channel_id, None)
        self._wanted.pop(channel_id, None)
        await self._holding.without(channel_id)
        self._signals.send("channels", channel_id)

    def restart(self, channel_id: str) -> None:
        """Begin a channel's session anew."""
        self._watch.restart(channel_id)
        self._signals.send("restart", channel_id)

    def wake(self, channel_id: str) -> None:
        """The streamer logged in."""
        self._watch.wake(channel_id)
        self._signals.send("login", channel_id)

    # What other processes tell.

    def _changed_elsewhere(self, channel_id: str) -> None:
        self._wanted.pop(channel_id, None)  # what is stored by now says what is wanted
        self._look_again()

    def _restart_here(self, channel_id: str) -> None:
        if channel_id in self.held:
            self._watch.restart(channel_id)

    def _wake_here(self, channel_id: str) -> None:
        # "": some logins may have been missed. Waking a session that does not wait changes nothing.
        for one in {channel_id} & self.held if channel_id else self.held:
            self._watch.wake(one)

    def _look_again(self) -> None:
        self._listed_at = None
        self._holding.look()

    def _take(self, channel_id: str) -> None:
        """Listen; for a channel that is listened to already: as it is wanted now."""
        wanted, channel = self._wanted.get(channel_id), self._known.get(channel_id)
        if wanted is None:
            wanted = vip_channel(channel_id, settings=channel.settings if channel is not None else None)
        self._watch.add(channel_id, wanted)

    async def _list(self) -> Collection[str]:
        if not self._needed():
            return ()
        now = self._clock.monotonic()
        if self._listed_at is None or now - self._listed_at >= LIST_SECONDS:
            self._listed_at = now  # before the list is read: what changes meanwhile asks for another one
            try:
                self._known = {channel.id: channel for channel in await self._channels.all()}
            except Unavailable:
                self._listed_at = None
                raise
            for channel_id in self.held & self._known.keys():
                self._take(channel_id)
        return self._known


class HeldElsewhere:
    """Implements `Watch` in a process without the role `eventsub`: tells those that have it."""

    def __init__(self, *, signals: Signals) -> None:
        self._signals = signals

    def add(self, channel_id: str, wanted: Sequence[Wanted]) -> None:
        self._signals.send("channels", channel_id)

    async def remove(self, channel_id: str) -> None:
        self._signals.send("channels", channel_id)

    def restart(self, channel_id: str) -> None:
        self._signals.send("restart", channel_id)

    def wake(self, channel_id: str) -> None:
        self._signals.send("login", channel_id)


_here: type[Watch] = Shares
_elsewhere: type[Watch] = HeldElsewhere
