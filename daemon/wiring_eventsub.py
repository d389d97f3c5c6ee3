"""Joins what brings events in, in a process with the role `eventsub`: a session per channel, the conduit, and what
chooses between the two."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import asdict
from random import Random
from typing import Any

from daemon.settings import Settings
from daemon.supervisor import Supervisor
from daemon.wiring_handlers import Desk
from daemon.wiring_outside import Outside
from daemon.wiring_shared import Shared
from domain.ports import Clock, Metrics, Tasks
from domain.transport import Way
from gateways.twitch.conduit_filler import Filler
from gateways.twitch.conduit_ledger import Filled
from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.monitor import Monitor
from gateways.twitch.shards import AT_ONCE, PENDING_BYTES, Attacher
from gateways.twitch.subscriber import subscribers
from handlers.conduit.board import Board
from handlers.conduit.keeper import Keeper
from handlers.conduit.shards import ShardShares, ShardSink, shard_of
from handlers.conduit.shown import Shown
from handlers.conduit.sweep import Sweep
from handlers.conduit.watch import BothWays
from handlers.due_work import Rounds
from handlers.vip.reconcile import reconciliation_of
from handlers.vip.shares import Shares

Run = Callable[[], Awaitable[None]]


class Listening:
    """Everything of one process that listens to Twitch. `open`, then `start`, then `stop`.

    `boot` names this start of the process. `granted`: the scopes that are stored of a broadcaster, if any.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        desk: Desk,
        outside: Outside,
        shared: Shared,
        granted: Callable[[str], Awaitable[Collection[str] | None]],
        owner: str,
        boot: str,
        clock: Clock,
        tasks: Tasks,
        metrics: Metrics,
        random: Random,
    ) -> None:
        self._desk, self._tasks, self._metrics, self._boot = desk, tasks, metrics, boot
        self._clock, self._gaps = clock, 0
        r = desk.repositories
        self._target = Way(settings.eventsub_transport)
        self.board = Board(transports=r.transports, signals=shared.signals, clock=clock)
        self._sessions = Monitor(
            settler=subscribers(helix=outside.helix, clock=clock, random=random),
            sink=desk.eventsub,
            on_revocation=self._session_revoked,
            on_gap=self._gap,
            on_state=self._state,
            clock=clock,
            tasks=tasks,
            random=random,
            url=settings.twitch_eventsub_url,
            metrics=metrics,
        )
        self._shares = Shares(
            channels=r.channels,
            watch=self._sessions,
            leases=shared.leases,
            signals=shared.signals,
            owner=owner,
            clock=clock,
            metrics=metrics,
            needed=lambda: self.board.now.sockets,
        )
        conduits = outside.helix.conduits
        self._shards = Monitor(
            settler=lambda name: Attacher(
                shard_id=shard_of(name),
                conduit_id=lambda: self.board.now.conduit_id,
                ours=lambda: self._shard_shares.sure(shard_of(name)),
                calls=conduits,
                clock=clock,
                random=random,
            ),
            sink=ShardSink(desk.eventsub, disabled=self._shard_disabled),
            on_revocation=self._shard_revoked,
            on_gap=self._shard_gap,
            on_state=lambda name, state, detail: self.keeper.look_at_shards(),
            clock=clock,
            tasks=tasks,
            random=random,
            url=settings.twitch_eventsub_url,
            metrics=metrics,
            pending_bytes=PENDING_BYTES,
            transport=Way.CONDUIT.value,
            at_once=AT_ONCE,
            gauge="conduit_sessions",
        )
        self._shard_shares = ShardShares(
            board=self.board,
            sessions=self._shards,
            leases=shared.leases,
            signals=shared.signals,
            owner=owner,
            clock=clock,
            metrics=metrics,
        )
        filler = Filler(
            calls=conduits, helix=outside.helix, on_channel=self._filled, clock=clock, metrics=metrics
        )
        self._shown = Shown(
            show=desk.live.show_connection,
            connections=r.connections,
            state=filler.state,
            transport=lambda: self.board.now,
            clock=clock,
        )
        self.keeper = Keeper(
            board=self.board,
            calls=conduits,
            helix=outside.helix,
            filler=filler,
            shown=self._shown,
            channels=r.channels,
            granted=granted,
            connections=r.connections,
            client_id=settings.twitch_client_id,
            shards=settings.conduit_shards,
            clock=clock,
            metrics=metrics,
        )
        self._sweep = Sweep(
            board=self.board,
            channels=self._ids,
            heard=desk.keeper.last_events,
            boot=boot,
            intake=desk.intake,
            clock=clock,
            metrics=metrics,
        )
        self.watch = BothWays(
            board=self.board, shares=self._shares, keeper=self.keeper, signals=shared.signals
        )

    async def open(self) -> None:
        """Say which way this process was told to go. Raises `Unavailable`."""
        await self.board.open(self._target)

    def start(self, tasks: Supervisor, sole: Callable[[str, Run], None]) -> None:
        """From here on, events come in. `sole` runs what one process does for all."""
        rounds = Rounds(channels=self.watch, intake=self._desk.intake, clock=self._clock)
        tasks.core("transport", self.board.run)
        tasks.core("shares", self._shares.run)
        tasks.core("shards", self._shard_shares.run)
        tasks.gateway("rounds", rounds.run)
        sole("conduit", self.keeper.run)
        sole("conduit.sweep", self._sweep.run)

    async def stop(self) -> None:
        """Close every session, then give the leases back."""
        await self._sessions.stop()
        await self._shards.stop()
        await self._shares.stop()
        await self._shard_shares.stop()

    def states(self) -> dict[str, dict[str, Any]]:
        """How each channel is that this process listens to (or keeps the conduit's subscriptions of)."""
        found = {name: asdict(state) for name, state in self._sessions.states().items()}
        return {**found, **self._shown.states()} if self.keeper.working else found

    def told(self) -> dict[str, Any]:
        """The transport, for `cuelight status`."""
        shards = {
            shard_of(name): asdict(state) | {"session_id": self._shards.session_id(name)}
            for name, state in self._shards.states().items()
        }
        transport = self.board.now
        gaps = transport.gaps - transport.swept
        return {**self.keeper.told(), "gaps_to_sweep": gaps, "shards_here": shards}

    # What the parts tell each other

    async def _ids(self) -> list[str]:
        return [channel.id for channel in await self._desk.repositories.channels.all()]

    async def _session_revoked(self, subscription: RemoteSubscription) -> None:
        await self._revoked(subscription, Way.WEBSOCKET)

    async def _shard_revoked(self, subscription: RemoteSubscription) -> None:
        await self._revoked(subscription, Way.CONDUIT)
        channel_id = subscription.condition.get("broadcaster_user_id", "")
        if channel_id:
            self.watch.restart(channel_id)

    async def _revoked(self, subscription: RemoteSubscription, way: Way) -> None:
        told = {
            "type": subscription.type,
            "status": subscription.status,
            "condition": subscription.condition,
        }
        await self._desk.eventsub.revocation(message_id="", subscription=told, transport=way.value)

    async def _gap(self, channel_id: str) -> None:
        self._gaps += 1
        run = f"{self._boot}.{self._gaps}"
        await self._desk.intake.accept(reconciliation_of(channel_id, run=run))

    async def _shard_gap(self, name: str) -> None:
        await self.board.gap()

    def _shard_disabled(self, shard_id: str, session_id: str) -> None:
        """Twitch told us, over another shard: what was routed there may be lost."""
        self._shard_shares.disabled(shard_id, session_id)
        self.keeper.look_at_shards()
        self._tasks.spawn(self.board.gap(), name=f"conduit.gap:{shard_id}")

    def _state(self, channel_id: str, state: str, detail: str) -> None:
        work = self._desk.live.show_connection(channel_id, state, detail)
        self._tasks.spawn(work, name=f"connection:{channel_id}")

    def _filled(self, channel_id: str, state: Filled, detail: str) -> None:
        self._shown.changed(channel_id)
