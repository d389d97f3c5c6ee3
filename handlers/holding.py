"""What one process of the fleet holds of something that is shared out: channels' sessions, a conduit's shards.

All processes compute the same distribution (`domain.shares`) from the same two lists: the things that there are and the
processes that are alive. Each takes what falls to it, under a lease of its own, and gives back what falls to another.
Where there is one process, everything falls to it.

While the engine of the leases does not answer, things are kept: nobody else can take them either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

import structlog

from domain.errors import Broken, Unavailable
from domain.ports import Clock, Metrics
from domain.shares import share_out
from gateways.leases.contracts import Held, Leases

log = structlog.get_logger(__name__)

LEASE_SECONDS = 9.0
ROUND_SECONDS = 3.0
JOIN_SECONDS = 0.02  # signals within this time share one round


@dataclass(frozen=True, slots=True)
class Kind:
    """What is shared out. `group`: the processes that take part sign in to it. `lease`: the name of a thing's lease.
    `held`, `lost`: the metrics that count things in hand, and things that another process took."""

    group: str
    lease: Callable[[str], str]
    held: str
    lost: str


class Holding:
    """Run `run` as a task.

    `things` says what there is now (may raise `Unavailable`). `take` begins with a thing, must not wait; `drop` ends
    with it and returns when nothing of it is left. `surplus` is told after things were given back, so that others
    look at once.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        things: Callable[[], Awaitable[Collection[str]]],
        take: Callable[[str], None],
        drop: Callable[[str], Awaitable[None]],
        surplus: Callable[[], None],
        leases: Leases,
        owner: str,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._kind, self._things, self._take, self._drop, self._surplus = kind, things, take, drop, surplus
        self._leases, self._owner, self._clock, self._metrics = leases, owner, clock, metrics
        self._held: dict[str, Held] = {}
        self._look = asyncio.Event()
        self._round = asyncio.Lock()
        self._in_doubt = False
        self._stopping = False

    @property
    def held(self) -> frozenset[str]:
        """What is ours, as far as we know."""
        return frozenset(self._held)

    def sure(self, thing: str) -> bool:
        """Whether nobody else can have it at this moment."""
        held = self._held.get(thing)
        return held is not None and self._clock.monotonic() < held.deadline

    def look(self) -> None:
        """Something changed: go round at once."""
        self._look.set()

    async def without(self, thing: str) -> None:
        """There is no such thing any more."""
        async with self._round:
            await self._let_go({thing} & set(self._held))

    async def run(self) -> None:
        """Hold what falls to us, until cancelled; after `stop` it holds nothing and waits for that."""
        while True:
            self._look.clear()
            try:
                async with self._round:
                    if not self._stopping:
                        await self._go_round()
                if self._in_doubt:
                    log.info("shares.sure_again", group=self._kind.group)
                self._in_doubt = False
            except (Unavailable, Broken) as error:
                # Broken is a password that was changed, say: no reason to fall silent.
                if not self._in_doubt:
                    log.warning(
                        "shares.in_doubt", group=self._kind.group, code=error.code, held=len(self._held)
                    )
                self._in_doubt = True
            if await self._clock.wait(self._look, ROUND_SECONDS):
                await self._clock.sleep(JOIN_SECONDS)

    async def stop(self) -> None:
        """Give every lease back, after the things were ended. What cannot be given back runs out by itself."""
        self._stopping = True
        async with self._round:
            held, self._held = self._held, {}
            try:
                await self._leases.leave(self._kind.group, owner=self._owner)
                await self._leases.release([self._kind.lease(one) for one in held], owner=self._owner)
            except (Unavailable, Broken) as error:
                log.warning("shares.not_released", group=self._kind.group, code=error.code)
        self._surplus()

    async def _go_round(self) -> None:
        # Asked for again rather than renewed: where the engine lost its data, the first to ask is who has it.
        kept = await self._acquire(set(self._held))
        lost = set(self._held) - set(kept)
        self._held |= kept
        if lost:
            log.warning("shares.lost", group=self._kind.group, count=len(lost))
            self._metrics.count(self._kind.lost, len(lost))
            await self._end(lost)
        members = await self._leases.muster(self._kind.group, owner=self._owner, ttl_seconds=LEASE_SECONDS)
        given = share_out(await self._things(), members)
        ours = {thing for thing, member in given.items() if member == self._owner}
        if surplus := set(self._held) - ours:
            await self._let_go(surplus)
            self._surplus()
        for thing, held in sorted((await self._acquire(ours - set(self._held))).items()):
            self._held[thing] = held
            self._take(thing)
        self._metrics.gauge(self._kind.held, len(self._held))

    async def _acquire(self, things: Collection[str]) -> dict[str, Held]:
        if not things:
            return {}
        names = {self._kind.lease(thing): thing for thing in sorted(things)}
        held = await self._leases.acquire(list(names), owner=self._owner, ttl_seconds=LEASE_SECONDS)
        return {names[name]: lease for name, lease in held.items()}

    async def _let_go(self, things: set[str]) -> None:
        """End first, then release: whoever takes over finds its place free."""
        if things:
            await self._end(things)
            await self._leases.release([self._kind.lease(one) for one in things], owner=self._owner)

    async def _end(self, things: set[str]) -> None:
        for thing in things:
            del self._held[thing]
        await asyncio.gather(*(self._drop(thing) for thing in things))
