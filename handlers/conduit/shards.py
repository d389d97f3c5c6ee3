"""Which shards of the conduit this process serves: each belongs to whoever holds its lease (`handlers/holding.py`)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

import structlog

from domain.events import Arrival
from domain.ports import Clock, Metrics
from domain.transport import Transport
from gateways.leases.contracts import Leases
from gateways.signals.contracts import Signals
from gateways.twitch.conduit_plan import SHARD_DISABLED
from gateways.twitch.delivery import Sink
from gateways.twitch.subscriptions import Wanted
from handlers.conduit.board import Board
from handlers.holding import Holding, Kind

log = structlog.get_logger("conduit")

SIGNAL = "shard"
_NAME = "shard-"


def shard_lease(shard_id: str) -> str:
    """The name of the lease of a shard."""
    return f"shard:{shard_id}"


SHARDS = Kind("shards", shard_lease, held="shard_leases_held", lost="shard_leases_lost_total")


class Sessions(Protocol):
    """The part of `Monitor` that is needed here, with a shard's name for a channel's."""

    def add(self, channel_id: str, wanted: tuple[Wanted, ...]) -> None: ...

    async def remove(self, channel_id: str) -> None: ...

    def restart(self, channel_id: str) -> None: ...

    def session_id(self, channel_id: str) -> str: ...


class ShardShares:
    """Holds this process' share of the shards. Start `run` as a task."""

    def __init__(
        self,
        *,
        board: Board,
        sessions: Sessions,
        leases: Leases,
        signals: Signals,
        owner: str,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._board, self._sessions, self._signals = board, sessions, signals
        self._conduit_id = ""
        self._holding = Holding(
            SHARDS,
            things=self._things,
            take=lambda shard_id: sessions.add(name_of(shard_id), ()),
            drop=lambda shard_id: sessions.remove(name_of(shard_id)),
            surplus=lambda: signals.send(SIGNAL),
            leases=leases,
            owner=owner,
            clock=clock,
            metrics=metrics,
        )
        board.listen(self._changed)
        signals.listen(SIGNAL, self._told)

    @property
    def held(self) -> frozenset[str]:
        """The shards that are ours."""
        return self._holding.held

    def sure(self, shard_id: str) -> bool:
        """Whether nobody else can hold the shard at this moment: asked right before it is attached."""
        return self._holding.sure(shard_id)

    async def run(self) -> None:
        """See `Holding.run`."""
        await self._holding.run()

    async def stop(self) -> None:
        """See `Holding.stop`."""
        await self._holding.stop()

    def disabled(self, shard_id: str, session_id: str) -> None:
        """Twitch says that this session serves its shard no more. Whoever still believes in it begins anew."""
        self._anew(shard_id, session_id)
        self._signals.send(SIGNAL, f"{shard_id}:{session_id}")

    def _told(self, text: str) -> None:
        shard_id, _, session_id = text.partition(":")
        if shard_id:
            self._anew(shard_id, session_id)
        self._holding.look()

    def _anew(self, shard_id: str, session_id: str) -> None:
        if (
            shard_id in self.held
            and session_id
            and self._sessions.session_id(name_of(shard_id)) == session_id
        ):
            log.warning("conduit.shard_disabled", shard=shard_id)
            self._sessions.restart(name_of(shard_id))

    def _changed(self, transport: Transport) -> None:
        if transport.conduit_id != self._conduit_id:
            before, self._conduit_id = self._conduit_id, transport.conduit_id
            if before and transport.conduit_id:  # the sessions are shards of what is gone
                for shard_id in self.held:
                    self._sessions.restart(name_of(shard_id))
        self._holding.look()

    async def _things(self) -> Collection[str]:
        transport = self._board.now
        self._conduit_id = transport.conduit_id
        if not transport.conduit or not transport.conduit_id:
            return ()
        return [str(number) for number in range(transport.shards)]


class ShardSink:
    """What comes in over the shards: news of shards are for us, everything else is passed on.

    `disabled(shard_id, session_id)` is told each lost shard.
    """

    def __init__(self, sink: Sink, *, disabled: Callable[[str, str], None]) -> None:
        self._sink, self._disabled = sink, disabled

    async def notification(self, came: Arrival) -> str:
        if came.type == SHARD_DISABLED:
            event = came.payload.get("event")
            told = event if isinstance(event, dict) else {}
            where = told.get("transport")
            session_id = where.get("session_id") if isinstance(where, dict) else ""
            self._disabled(str(told.get("shard_id") or ""), str(session_id or ""))
            return "ignored"
        return await self._sink.notification(came)


def name_of(shard_id: str) -> str:
    """What a shard is called among sessions."""
    return _NAME + shard_id


def shard_of(name: str) -> str:
    """The other way round."""
    return name.removeprefix(_NAME)
