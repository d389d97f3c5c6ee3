"""Which channels this process listens to. Each channel's EventSub session belongs to whoever holds its lease.

All processes compute the same distribution (`domain.shares`) from the same two lists: the channels that are stored and
the processes that are alive. Each takes what falls to it and gives back what falls to another one. Where there is one
process, everything falls to it.

While the engine of the leases does not answer, sessions are kept: nobody else can take them either, and an event that
two processes bring is one row in the inbox (decision 0006).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import structlog

from domain.channel import Channel
from domain.errors import Broken, Unavailable
from domain.ports import Clock, Metrics
from domain.shares import share_out
from gateways.leases.contracts import Leases
from gateways.signals.contracts import Signals
from gateways.twitch.subscriptions import Wanted, vip_channel
from handlers.vip.channels import Watch
from storage.channels import Channels

log = structlog.get_logger(__name__)

GROUP = "eventsub"
LEASE_SECONDS = 9.0
ROUND_SECONDS = 3.0
LIST_SECONDS = 15.0
JOIN_SECONDS = 0.02  # signals within this time share one round


def socket_of(channel_id: str) -> str:
    """The name of the lease of a channel's session."""
    return f"socket:{channel_id}"


class Shares:
    """Implements `Watch` for the whole fleet, on the `watch` of this process. Start `run` as a task."""

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
    ) -> None:
        self._channels, self._watch, self._leases, self._signals = channels, watch, leases, signals
        self._owner, self._clock, self._metrics = owner, clock, metrics
        self._wanted: dict[str, tuple[Wanted, ...]] = {}
        self._known: dict[str, Channel] = {}
        self._listed_at: float | None = None
        self._held: set[str] = set()
        self._look = asyncio.Event()
        self._round = asyncio.Lock()
        self._in_doubt = False
        self._stopping = False
        signals.listen("channels", self._changed_elsewhere)
        signals.listen("restart", self._restart_here)
        signals.listen("login", self._wake_here)

    @property
    def held(self) -> frozenset[str]:
        """The channels whose session is ours."""
        return frozenset(self._held)

    async def all(self) -> list[Channel]:
        """The channels whose session is ours, for what is done per channel by one process (`Rounds`)."""
        return [self._known[channel_id] for channel_id in sorted(self._held) if channel_id in self._known]

    # What the enrolment asks for, wherever the session is.

    def add(self, channel_id: str, wanted: Sequence[Wanted]) -> None:
        """A channel was stored, or what is wanted of it changed."""
        self._wanted[channel_id] = tuple(wanted)
        if channel_id in self._held:
            self._watch.add(channel_id, wanted)
        self._look_again()
        self._signals.send("channels", channel_id)

    async def remove(self, channel_id: str) -> None:
        """A channel is stored no more."""
        async with self._round:
            self._listed_at = None
            self._known.pop(channel_id, None)
            self._wanted.pop(channel_id, None)
            await self._let_go({channel_id} & self._held)
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

    def _changed_elsewhere(self, text: str) -> None:
        self._look_again()

    def _restart_here(self, channel_id: str) -> None:
        if channel_id in self._held:
            self._watch.restart(channel_id)

    def _wake_here(self, channel_id: str) -> None:
        # "": some logins may have been missed. Waking a session that does not wait changes nothing.
        for one in {channel_id} & self._held if channel_id else tuple(self._held):
            self._watch.wake(one)

    def _look_again(self) -> None:
        self._listed_at = None
        self._look.set()

    # The rounds.

    async def run(self) -> None:
        """Hold what falls to us, until cancelled; after `stop` it holds nothing and waits for that."""
        while True:
            self._look.clear()
            try:
                async with self._round:
                    if not self._stopping:
                        await self._go_round()
                if self._in_doubt:
                    log.info("shares.sure_again")
                self._in_doubt = False
            except (Unavailable, Broken) as error:
                # Broken is a password that was changed, say: no reason to fall silent.
                if not self._in_doubt:
                    log.warning("shares.in_doubt", code=error.code, held=len(self._held))
                self._in_doubt = True
            if await self._clock.wait(self._look, ROUND_SECONDS):
                await self._clock.sleep(JOIN_SECONDS)

    async def stop(self) -> None:
        """Give every lease back, after the sessions were closed. What cannot be given back runs out by itself."""
        self._stopping = True
        async with self._round:
            held, self._held = self._held, set()
            try:
                await self._leases.leave(GROUP, owner=self._owner)
                await self._leases.release([socket_of(one) for one in held], owner=self._owner)
            except (Unavailable, Broken) as error:
                log.warning("shares.not_released", code=error.code)
        self._signals.send("channels")

    async def _go_round(self) -> None:
        # Asked for again rather than renewed: where the engine lost its data, the first to ask is who has it.
        kept = await self._acquire(self._held)
        lost = self._held - kept
        if lost:
            log.warning("shares.lost", channels=len(lost))
            self._metrics.count("socket_leases_lost_total", len(lost))
            await self._drop(lost)
        members = await self._leases.muster(GROUP, owner=self._owner, ttl_seconds=LEASE_SECONDS)
        await self._list()
        given = share_out(self._known, members)
        ours = {channel_id for channel_id, member in given.items() if member == self._owner}
        if surplus := self._held - ours:
            await self._let_go(surplus)
            self._signals.send("channels")
        for channel_id in sorted(await self._acquire(ours - self._held)):
            self._held.add(channel_id)
            self._watch.add(channel_id, self._wanted.get(channel_id, vip_channel(channel_id)))
        self._metrics.gauge("socket_leases_held", len(self._held))

    async def _list(self) -> None:
        now = self._clock.monotonic()
        if self._listed_at is None or now - self._listed_at >= LIST_SECONDS:
            self._listed_at = now  # before the list is read: what changes meanwhile asks for another one
            try:
                self._known = {channel.id: channel for channel in await self._channels.all()}
            except Unavailable:
                self._listed_at = None
                raise

    async def _acquire(self, channel_ids: Collection[str]) -> set[str]:
        if not channel_ids:
            return set()
        names = {socket_of(channel_id): channel_id for channel_id in sorted(channel_ids)}
        held = await self._leases.acquire(list(names), owner=self._owner, ttl_seconds=LEASE_SECONDS)
        return {names[name] for name in held}

    async def _let_go(self, channel_ids: set[str]) -> None:
        """Close first, then release: whoever takes over finds its place free."""
        if channel_ids:
            await self._drop(channel_ids)
            await self._leases.release([socket_of(one) for one in channel_ids], owner=self._owner)

    async def _drop(self, channel_ids: set[str]) -> None:
        self._held -= channel_ids
        await asyncio.gather(*(self._watch.remove(channel_id) for channel_id in channel_ids))


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
