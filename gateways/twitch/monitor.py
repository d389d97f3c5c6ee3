"""EventSub over WebSockets for many channels: one socket per broadcaster, since Twitch accepts the subscriptions of one
user per session only. Channels come and go while it runs; a session that fails is started again, never lost.

The shards of a conduit are kept the same way (`shards.py`): one session each, with a shard's name for a channel's.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from domain.ports import Clock, Metrics, NullMetrics, Tasks
from gateways.twitch.delivery import PENDING_BYTES, Delivery, OnGap, OnRevocation, Sink
from gateways.twitch.runner import Runner
from gateways.twitch.socket import Dial, Gate, dialer, with_keepalive
from gateways.twitch.subscriber import Settler
from gateways.twitch.subscriptions import Wanted

log = structlog.get_logger("eventsub")

URL = "wss://eventsub.wss.twitch.tv/ws"
# Silence is noticed after 1.2 times this; a shorter one costs a frame per socket more often.
KEEPALIVE_SECONDS = 30
CONNECTIONS_PER_SECOND = 20.0
LONGEST_REST_SECONDS = 60.0
# A session that ran this long was sound: its next failure starts the backoff anew.
SOUND_SECONDS = 60.0
STOP_SECONDS = 5.0

OnState = Callable[[str, str, str], None]
"""`(channel_id, state, detail)`; called at each change, must not wait. States: `connecting`, `live`, `needs_login`
(nothing is tried before `Monitor.wake`), `stopped`."""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """`detail`: why it is so, for people. `since`: wall time in UTC milliseconds."""

    state: str
    detail: str
    since: int


@dataclass(slots=True, eq=False)
class _Channel:
    id: str
    wanted: tuple[Wanted, ...]
    delivery: Delivery
    stopping: asyncio.Event
    shown: ChannelState
    runner: Runner | None = None
    task: asyncio.Task[None] | None = None


class Monitor:
    """See the module.

    Args:
        url: base address, `ws://` or `wss://`.
        settler: makes what a session of this channel is for (`subscriber.Subscriber`, `shards.Attacher`).
        sink: where notifications go.
        on_revocation: told each revoked subscription. May raise `Unavailable`, it is called again.
        on_gap: told the channel when events may have been missed and everything is subscribed again (after the first
            connect as well). May raise anything, it is called again with backoff.
        on_state: told each change of a channel's state.
        dial: how sockets are opened (default: `socket.dialer()`).
        random: source of jitter.
        connections_per_second: of cold connects; hand-overs have a deadline and do not queue.
        keepalive_seconds: asked of Twitch, 10 to 600.
        pending_bytes: bound per channel of notifications that the sink does not take at the moment.
        transport, at_once: see `delivery.Delivery`.
        gauge: the metric that counts sessions by state.
    """

    def __init__(
        self,
        *,
        settler: Callable[[str], Settler],
        sink: Sink,
        on_revocation: OnRevocation,
        on_gap: OnGap,
        on_state: OnState,
        clock: Clock,
        tasks: Tasks,
        random: random.Random,
        url: str = URL,
        dial: Dial | None = None,
        metrics: Metrics | None = None,
        connections_per_second: float = CONNECTIONS_PER_SECOND,
        keepalive_seconds: int = KEEPALIVE_SECONDS,
        pending_bytes: int = PENDING_BYTES,
        transport: str = "websocket",
        at_once: int = 1,
        gauge: str = "eventsub_sessions",
    ) -> None:
        self._url = with_keepalive(url, keepalive_seconds)
        self._settler = settler
        self._sink = sink
        self._on_revocation = on_revocation
        self._on_gap = on_gap
        self._on_state = on_state
        self._clock = clock
        self._tasks = tasks
        self._random = random
        self._dial = dial or dialer()
        self._metrics = metrics or NullMetrics()
        self._gate = Gate(per_second=connections_per_second, monotonic=clock.monotonic)
        self._pending_bytes = pending_bytes
        self._transport, self._at_once, self._gauge = transport, at_once, gauge
        self._channels: dict[str, _Channel] = {}
        self._tally: dict[str, int] = {}
        self._stopped = False

    def add(self, channel_id: str, wanted: Sequence[Wanted]) -> None:
        """Listen to a channel from now on. For one that is there already: change what is wanted, if it differs."""
        channel = self._channels.get(channel_id)
        if channel is not None:
            if channel.wanted != tuple(wanted):
                channel.wanted = tuple(wanted)
                if channel.runner is not None:
                    channel.runner.want(channel.wanted)
            return
        if self._stopped:
            return
        delivery = Delivery(
            channel_id=channel_id,
            sink=self._sink,
            on_revocation=self._on_revocation,
            on_gap=self._on_gap,
            clock=self._clock,
            random=self._random,
            metrics=self._metrics,
            pending_bytes=self._pending_bytes,
            transport=self._transport,
            at_once=self._at_once,
        )
        shown = ChannelState("", "", self._clock.now())
        channel = _Channel(channel_id, tuple(wanted), delivery, asyncio.Event(), shown)
        self._channels[channel_id] = channel
        self._show(channel, "connecting", "")
        channel.task = self._tasks.spawn(self._keep(channel), name=f"eventsub:{channel_id}")

    async def remove(self, channel_id: str) -> None:
        """Stop listening to a channel (if we do); returns when its sockets are closed, after a few seconds at most."""
        channel = self._channels.pop(channel_id, None)
        if channel is not None:
            await self._end(channel)

    def restart(self, channel_id: str) -> None:
        """Throw the channel's session away and connect anew."""
        channel = self._channels.get(channel_id)
        if channel is not None and channel.runner is not None:
            channel.runner.restart()

    def wake(self, channel_id: str) -> None:
        """The streamer logged in: go on with a channel that needs login (or rests before its next attempt)."""
        channel = self._channels.get(channel_id)
        if channel is not None and channel.runner is not None:
            channel.runner.wake()

    def session_id(self, channel_id: str) -> str:
        """Of the session that serves the channel now, empty without one."""
        channel = self._channels.get(channel_id)
        return channel.runner.session_id if channel is not None and channel.runner is not None else ""

    def states(self) -> dict[str, ChannelState]:
        """Every channel as it is now."""
        return {channel.id: channel.shown for channel in self._channels.values()}

    async def stop(self) -> None:
        """Close all sockets, all at once and in order. Nothing can be added afterwards."""
        self._stopped = True
        channels = list(self._channels.values())
        self._channels.clear()
        await asyncio.gather(*(self._end(channel) for channel in channels))

    async def _end(self, channel: _Channel) -> None:
        channel.stopping.set()
        if channel.runner is not None:
            channel.runner.stop()
        task = channel.task
        if task is not None:
            done, _ = await asyncio.wait({task}, timeout=STOP_SECONDS)
            if not done:
                log.warning("eventsub.slow_stop", channel_id=channel.id)
                task.cancel()
                await asyncio.wait({task}, timeout=1.0)
        self._show(channel, "stopped", "")

    async def _keep(self, channel: _Channel) -> None:
        """Run sessions of one channel, one after the other, until it is removed."""
        attempt = 0
        while not channel.stopping.is_set():
            began = self._clock.monotonic()
            channel.runner = self._runner(channel)
            try:
                await channel.runner.run()
            except Exception:
                self._metrics.count("errors_total", where="eventsub.session")
                log.exception("eventsub.failed", channel_id=channel.id)
                self._show(channel, "connecting", "failed, starting again")
            finally:
                channel.runner = None
            if self._clock.monotonic() - began >= SOUND_SECONDS:
                attempt = 0
            rest = self._random.uniform(0.5, min(LONGEST_REST_SECONDS, 2.0 ** min(attempt, 6)))
            attempt += 1
            await self._clock.wait(channel.stopping, rest)

    def _runner(self, channel: _Channel) -> Runner:
        return Runner(
            channel_id=channel.id,
            wanted=channel.wanted,
            url=self._url,
            settler=self._settler(channel.id),
            dial=self._dial,
            gate=self._gate,
            delivery=channel.delivery,
            report=lambda state, detail: self._show(channel, state, detail),
            clock=self._clock,
            random=self._random,
            metrics=self._metrics,
        )

    def _show(self, channel: _Channel, state: str, detail: str) -> None:
        shown = channel.shown
        if (state, detail) == (shown.state, shown.detail):
            return
        if state != shown.state:
            self._count(shown.state, -1)
            self._count(state, +1)
        channel.shown = ChannelState(state, detail, self._clock.now())
        replaced = self._channels.get(channel.id) not in (channel, None)
        if replaced:
            return  # removed and added again: the new one speaks for the channel
        try:
            self._on_state(channel.id, state, detail)
        except Exception:
            log.exception("eventsub.on_state", channel_id=channel.id)

    def _count(self, state: str, change: int) -> None:
        if state and state != "stopped":
            self._tally[state] = self._tally.get(state, 0) + change
            self._metrics.gauge(self._gauge, self._tally[state], state=state)
