"""What one process does for a conduit: finds or makes it, gives it its shards, has its subscriptions kept, and moves
from one way of listening to the other. Run by a lease (`gateways/leases/sole.py`).

It can be cut off at any place and begun again by another process: each round looks at what there is and does the next
thing, and the filler reads before it makes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

import structlog

from domain.channel import Channel
from domain.errors import Broken, Conflict, CuelightError, Rejected, Unavailable
from domain.ports import Clock, Metrics
from domain.transport import Transport, Way, arrived, with_conduit
from gateways.twitch.conduit_filler import ConduitRefused, Filler
from gateways.twitch.conduit_ledger import Progress
from gateways.twitch.conduit_plan import RemoteShard, mark_of, resized
from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.helix_conduits import ConduitGone
from gateways.twitch.subscriptions import Wanted, vip_channel
from handlers.conduit.board import Board
from handlers.conduit.finding import ConduitPort, our_conduit
from handlers.conduit.shown import HOLDER, Shown
from storage.channels import Channels
from storage.connections import Connections

log = structlog.get_logger("conduit")

ROUND_SECONDS = 3.0
LIST_SECONDS = 30.0
SHARDS_SECONDS = 15.0
VERIFY_SECONDS = 300.0
"""How often what people see is compared with what is."""
FIRST_SHARD_SECONDS = 30.0
"""So long a fill waits for the first shard: what happens before would be heard by nobody."""


class SubscribePort(Protocol):
    async def subscribe(
        self, channel_id: str, type: str, version: str, condition: dict[str, str], transport: dict[str, str]
    ) -> RemoteSubscription: ...


class Keeper:
    """See the module. `run` is the work; the rest may be called in any process, and means something in the one that
    works. `granted`: the scopes of a broadcaster, `None` where they are not known."""

    def __init__(
        self,
        *,
        board: Board,
        calls: ConduitPort,
        helix: SubscribePort,
        filler: Filler,
        shown: Shown,
        channels: Channels,
        granted: Callable[[str], Awaitable[Collection[str] | None]],
        connections: Connections,
        client_id: str,
        shards: int,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._board, self._calls, self._helix = board, calls, helix
        self._filler, self._shown = filler, shown
        self._channels, self._granted, self._connections = channels, granted, connections
        self._client_id, self._want_shards = client_id, shards
        self._clock, self._metrics = clock, metrics
        self._known: dict[str, Channel] = {}
        self._wanted: dict[str, tuple[Wanted, ...]] = {}
        self._changed: set[str] = set()
        self._news = asyncio.Event()
        self._forget_all()
        board.listen(lambda transport: self._news.set())

    def _forget_all(self) -> None:
        self._working = False
        self._scopes: dict[str, Collection[str] | None] = {}
        self._checked = False  # whether the conduit was seen at Twitch since we began
        self._marked = ""
        self._shards: list[RemoteShard] = []
        self._listed_at = self._shards_at = self._verify_at = float("-inf")
        self._began_at = self._clock.monotonic()
        self._filling: asyncio.Task[None] | None = None

    # What others say

    @property
    def working(self) -> bool:
        """Whether it is this process that keeps the conduit."""
        return self._working

    def wanted(self, channel_id: str, wanted: Sequence[Wanted]) -> None:
        """A channel was added, or what is wanted of it changed."""
        self._wanted[channel_id] = tuple(wanted)
        self._look_at_channel(channel_id)

    def channels_changed(self, channel_id: str) -> None:
        """What is wanted of a channel may have changed, or whether there is one at all: what is stored says so. "": of
        any channel."""
        self._wanted.pop(channel_id, None)
        self._look_at_channel(channel_id)

    def _look_at_channel(self, channel_id: str) -> None:
        if channel_id:
            self._changed.add(channel_id)
        else:
            self._scopes = {}
            self._listed_at = float("-inf")
        self._news.set()

    def recheck(self, channel_id: str) -> None:
        """A subscription of the channel may have ended."""
        self._filler.recheck(channel_id)

    def wake(self, channel_id: str) -> None:
        """The streamer logged in; "": some may have."""
        if channel_id in self._known:
            self._shown.revived(channel_id)
        for one in [channel_id] if channel_id else self._filler.channels:
            self._filler.wake(one)
        self._look_at_channel(channel_id)  # he may have granted more

    def look_at_shards(self) -> None:
        """A shard came or went."""
        self._shards_at = float("-inf")
        self._news.set()

    async def all(self) -> list[Channel]:
        """Every channel if this process keeps the conduit, for what is done per channel by one process (`Rounds`)."""
        conduit = self._working and self._board.now.in_force is Way.CONDUIT
        return list(self._known.values()) if conduit else []

    def told(self) -> dict[str, object]:
        """How it stands, for `cuelight status`."""
        transport = self._board.now
        # Where no conduit is meant to be, nothing is missing on it, whatever was when it ended.
        progress = self._filler.progress() if transport.conduit else Progress()
        return {
            "in_force": transport.in_force.value,
            "target": transport.target.value,
            "conduit_id": transport.conduit_id,
            "shards": {"wanted": self._want_shards, "attached": self._attached, "count": transport.shards},
            "keeper": self._working,
            "channels": progress.channels,
            "enabled": progress.enabled,
            "needs_login": progress.needs_login,
            "refused": progress.refused,
            "missing_subscriptions": progress.missing,
            "seconds_left": round(self._filler.seconds_left()) if transport.conduit else 0,
        }

    # The work

    async def run(self) -> None:
        """Keep the conduit until cancelled."""
        self._forget_all()
        self._working = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._shown.run(), name="conduit.shown")
                while True:
                    self._news.clear()
                    await self._round_safely(group)
                    await self._clock.wait(self._news, ROUND_SECONDS)
        finally:
            self._working = False
            self._metrics.gauge("conduit_shards_attached", 0)  # somebody else says so from now on

    async def _round_safely(self, group: asyncio.TaskGroup) -> None:
        try:
            await self._round(group)
        except ConduitGone as error:
            log.warning("conduit.gone", error=str(error))
            self._checked = False
            self._news.set()
        except Unavailable as error:
            log.info("conduit.later", code=error.code, error=str(error))
            await self._clock.sleep(min(30.0, error.retry_after_seconds))
        except (Rejected, Broken) as error:
            self._metrics.count("errors_total", where="conduit.keeper")
            log.error("conduit.refused", code=error.code, error=str(error), advice=error.advice)
            await self._clock.sleep(ROUND_SECONDS * 3)

    async def _round(self, group: asyncio.TaskGroup) -> None:
        transport = self._board.now
        if not transport.conduit:
            await self._without(transport)
            return
        await self._list()
        if transport.target is Way.WEBSOCKET:  # on the way back: what there is goes on until sockets serve
            if await self._sockets_serve():
                await self._end(transport)
            return
        transport = await self._conduit(transport)
        await self._look(transport)
        transport = await self._resize(transport)
        await self._fill(transport, group)
        if transport.moving and await self._serves():
            await self._board.change(arrived)
            self._verify_at = self._clock.monotonic() + ROUND_SECONDS * 2  # sockets say "stopped" meanwhile
        elif self._clock.monotonic() >= self._verify_at:
            self._verify_at = self._clock.monotonic() + VERIFY_SECONDS
            self._show_all()

    async def _without(self, transport: Transport) -> None:
        """No conduit is wanted, and none is relied upon."""
        if transport.conduit_id:  # the move was turned back half-way
            await self._end(transport)

    async def _end(self, transport: Transport) -> None:
        """The conduit goes, with all that hangs on it."""
        self._stop_filling()
        self._checked, self._marked, self._shards = False, "", []
        self._metrics.gauge("conduit_subscriptions_missing", 0)
        if transport.conduit_id:
            await self._calls.delete(transport.conduit_id)
            log.info("conduit.ended", conduit=transport.conduit_id)
        await self._board.change(lambda held: arrived(held) if held.target is Way.WEBSOCKET else held)

    async def _list(self) -> None:
        """What is stored: all of it now and then, a single channel when there is news of it."""
        now = self._clock.monotonic()
        while self._changed and now - self._listed_at < LIST_SECONDS:
            channel_id = self._changed.pop()
            self._scopes.pop(channel_id, None)
            try:
                channel = await self._channels.get(channel_id)
                if channel is None:
                    self._forget(channel_id)
                else:
                    await self._want(channel)
            except Unavailable:
                self._changed.add(channel_id)
                raise
        if now - self._listed_at < LIST_SECONDS:
            return
        for channel_id in self._changed:
            self._scopes.pop(channel_id, None)
        self._changed.clear()
        self._listed_at = now  # before: what is told meanwhile asks for another list
        try:
            channels = await self._channels.all()
            for channel in channels:
                await self._want(channel)
        except CuelightError:
            # What is wanted of half of them must not be filled: what the others have would go.
            self._listed_at = float("-inf")
            raise
        for gone in set(self._known) - {channel.id for channel in channels}:
            self._forget(gone)

    async def _want(self, channel: Channel) -> None:
        scopes = self._scopes  # read once; a change of all of them puts others in its place
        if channel.id not in scopes:
            scopes[channel.id] = await self._granted(channel.id)
        self._known[channel.id] = channel
        wanted = self._wanted.get(channel.id) or vip_channel(channel.id, settings=channel.settings)
        self._filler.want(channel.id, wanted, scopes.get(channel.id))

    def _forget(self, channel_id: str) -> None:
        self._known.pop(channel_id, None)
        self._wanted.pop(channel_id, None)
        self._scopes.pop(channel_id, None)
        self._filler.forget(channel_id)
        self._shown.forget(channel_id)

    async def _conduit(self, transport: Transport) -> Transport:
        """The conduit of ours: remembered, taken over or made."""
        if self._checked and transport.conduit_id:
            return transport
        conduit = await our_conduit(self._calls, transport.conduit_id, shards=self._want_shards)
        if conduit.id != transport.conduit_id:
            self._stop_filling()
        self._checked = True
        return await self._board.change(lambda held: with_conduit(held, conduit.id, conduit.shards))

    @property
    def _attached(self) -> int:
        return sum(shard.enabled for shard in self._shards)

    async def _look(self, transport: Transport) -> None:
        """The shards as Twitch sees them; often while some are missing."""
        now = self._clock.monotonic()
        whole = self._attached == len(self._shards) > 0
        if now - self._shards_at < (SHARDS_SECONDS if whole else ROUND_SECONDS):
            return
        self._shards = await self._calls.shards(transport.conduit_id)
        self._shards_at = now
        self._metrics.gauge("conduit_shards_attached", self._attached)
        if self._shown.attached(self._attached):
            self._show_all()

    def _show_all(self) -> None:
        for channel_id in self._filler.channels:
            self._shown.changed(channel_id)

    async def _resize(self, transport: Transport) -> Transport:
        in_use = transport.in_force is Way.CONDUIT
        count = resized(transport.shards, self._want_shards, enabled=self._attached, in_use=in_use)
        if count is None:
            return transport
        conduit = await self._calls.resize(transport.conduit_id, count)
        log.info("conduit.resized", conduit=conduit.id, was=transport.shards, shards=conduit.shards)
        self.look_at_shards()
        return await self._board.change(lambda held: with_conduit(held, conduit.id, conduit.shards))

    async def _fill(self, transport: Transport, group: asyncio.TaskGroup) -> None:
        if self._filling is not None and self._filling.done():
            self._filling = None
        waited = self._clock.monotonic() - self._began_at >= FIRST_SHARD_SECONDS
        if self._filling is not None or not (self._attached or waited):
            return
        if self._marked != transport.conduit_id:
            mark = mark_of(transport.conduit_id, self._client_id)
            where = {"method": "conduit", "conduit_id": transport.conduit_id}
            try:
                await self._helix.subscribe("", mark.type, mark.version, dict(mark.condition), where)
            except Conflict:
                pass  # from before
            except Rejected as error:
                raise ConduitGone(error.message) from error
            self._marked = transport.conduit_id
        self._filling = group.create_task(self._keep_filled(transport.conduit_id), name="conduit.filler")

    async def _keep_filled(self, conduit_id: str) -> None:
        try:
            await self._filler.run(conduit_id)
        except ConduitRefused as error:
            log.warning("conduit.refused", conduit=conduit_id, error=str(error))
            self._checked = False
        except Broken as error:
            self._metrics.count("errors_total", where="conduit.filler")
            log.error("conduit.filler", code=error.code, error=str(error))
            await self._clock.sleep(ROUND_SECONDS * 3)
        self._news.set()

    def _stop_filling(self) -> None:
        if self._filling is not None:
            self._filling.cancel()
            self._filling = None

    async def _serves(self) -> bool:
        """Whether the conduit hears every channel that it can hear, and people see it."""
        listed = self._filling is not None and not self._changed
        whole = 0 < self._attached == len(self._shards)
        if not (listed and whole and self._filler.progress().settled):
            return False
        await self._shown.settled()
        return True

    async def _sockets_serve(self) -> bool:
        """Whether every channel has a session of its own, as far as it can have one."""
        for channel_id in self._known:
            held = await self._connections.get(channel_id)
            if held.holder == HOLDER or held.state not in ("live", "needs_login"):
                return False
        return True
