"""The shell of one session: carries out its actions on sockets and Helix, feeds it what happens, passes on its events.

One task keeps the time, one reads each socket; subscribing, checking, delivering and reconciling are tasks only while
they have work. All belong to one `TaskGroup`: if one fails, `run` fails as a whole, and `Monitor` starts a new one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from domain.errors import CuelightError, Unavailable
from domain.ports import Clock, Metrics
from gateways.twitch.contracts import LoginNeeded
from gateways.twitch.delivery import Delivery
from gateways.twitch.frames import BadFrame, Notification, Reason
from gateways.twitch.session import Session
from gateways.twitch.session_table import State
from gateways.twitch.session_words import (
    Action,
    Check,
    Close,
    Event,
    HandedOver,
    Live,
    Lost,
    Open,
    Revoked,
    Subscribe,
)
from gateways.twitch.socket import CLOSE_SECONDS, Dial, Gate, Socket, SocketClosed, SocketDown
from gateways.twitch.subscriber import Settler
from gateways.twitch.subscriptions import Wanted

log = structlog.get_logger("eventsub")

# The machine knows when it has something to do; a suspended laptop does not count that time.
LONGEST_SLEEP_SECONDS = 15.0
# What is still undelivered when the session stops gets so long; the rest is found by the next reconciliation.
LAST_DELIVERY_SECONDS = 1.5
# As long as not everything could be subscribed, what is missing is polled: from this round on, at each round.
POLLING_FROM_ROUND = 4
REFUSED_REST_SECONDS = 30.0

Report = Callable[[str, str], None]
"""`(state, detail)`; states: connecting, live, needs_login, stopped."""


class Runner:
    """Runs one session once. Not to be used again after `run` returned or raised."""

    def __init__(
        self,
        *,
        channel_id: str,
        wanted: Sequence[Wanted],
        url: str,
        settler: Settler,
        dial: Dial,
        gate: Gate,
        delivery: Delivery,
        report: Report,
        clock: Clock,
        random: random.Random,
        metrics: Metrics,
    ) -> None:
        self._channel_id = channel_id
        self._wanted = tuple(wanted)
        self._settler = settler
        self._dial = dial
        self._gate = gate
        self._delivery = delivery
        self._report = report
        self._clock = clock
        self._random = random
        self._metrics = metrics
        self._session = Session(url, random=random)
        self._group: asyncio.TaskGroup | None = None
        self._wake = asyncio.Event()
        self._awake_at = 0.0
        self._sockets: dict[int, Socket] = {}
        self._readers: dict[int, asyncio.Task[None]] = {}
        self._work: dict[str, asyncio.Task[None]] = {}
        self._logged: set[Reason] = set()
        self._detail = ""
        self._finished = False

    async def run(self) -> None:
        """Keep the session going until `stop`. Raises only what is a bug."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            if self._session.state is State.IDLE:
                self._session.start()
            self._pump()
            while self._session.state is not State.STOPPED:
                now = self._clock.monotonic()
                deadline = self._session.next_deadline()
                wait = LONGEST_SLEEP_SECONDS if deadline is None else deadline - now
                wait = max(0.0, min(LONGEST_SLEEP_SECONDS, wait))
                self._awake_at = now + wait
                self._wake.clear()
                await self._clock.wait(self._wake, wait)
                self._session.tick(self._clock.monotonic())
                self._pump()
            await self._finish()

    @property
    def session_id(self) -> str:
        """Of the session in use, empty without one."""
        return self._session.session_id

    def stop(self) -> None:
        """Close everything in order; `run` returns soon after."""
        self._session.stop()
        self._pump()

    def wake(self) -> None:
        """Somebody logged in: try at once, if the session waits."""
        self._session.wake()
        self._pump()

    def restart(self) -> None:
        """Throw the session away and connect anew."""
        self._session.restart()
        self._pump()

    def want(self, wanted: Sequence[Wanted]) -> None:
        """Other subscriptions from now on."""
        self._wanted = tuple(wanted)
        self._session.resync(self._clock.monotonic())
        self._pump()

    async def _finish(self) -> None:
        for name in ("subscribe", "check", "moved", "reconcile"):
            self._cancel(name)
        if self._readers:
            await asyncio.wait(set(self._readers.values()), timeout=CLOSE_SECONDS + 0.5)
        if delivering := self._work.get("deliver"):
            await asyncio.wait({delivering}, timeout=LAST_DELIVERY_SECONDS)
        self._finished = True
        self._cancel("deliver")

    # Events and actions.

    def _pump(self) -> None:
        """Pass on and carry out what the machine has for us. Never waits."""
        if self._group is None:
            return
        for event in self._session.events():
            self._on_event(event)
        for action in self._session.actions():
            self._carry_out(action)
        if self._delivery.pending and not self._finished:
            self._begin("deliver", self._delivery.deliver)
        if self._delivery.gap_pending and self._session.state is not State.STOPPED:
            self._begin("reconcile", self._delivery.reconcile)
        self._report(*self._public_state())
        deadline = self._session.next_deadline()
        if self._session.state is State.STOPPED or (deadline is not None and deadline < self._awake_at):
            self._wake.set()

    def _on_event(self, event: Event) -> None:
        match event:
            case Notification():
                self._metrics.count("eventsub_frames_total", kind="notification")
                self._delivery.put(event)
            case Revoked():
                self._metrics.count("eventsub_frames_total", kind="revocation")
                log.warning(
                    "eventsub.revoked",
                    channel_id=self._channel_id,
                    type=event.subscription.type,
                    status=event.subscription.status,
                )
                self._delivery.revoked(event.subscription)
            case Live():
                self._detail = self._without()
                if event.gap:
                    self._delivery.gap(urgent=True)
                log.info("eventsub.live", channel_id=self._channel_id, reconcile=event.gap)
            case HandedOver():
                log.info("eventsub.handed_over", channel_id=self._channel_id)
                session_id = event.session_id
                self._begin("moved", lambda: self._moved(session_id))
            case Lost():
                self._lost(event)
            case BadFrame():
                self._bad_frame(event)
            case _:
                self._metrics.count("eventsub_frames_total", kind="welcome")

    def _lost(self, event: Lost) -> None:
        self._cancel("subscribe")
        self._logged.clear()
        if self._session.state not in (State.PARKED, State.STOPPED):
            self._metrics.count("eventsub_reconnects_total", reason=event.reason)
            self._detail = event.reason
        say = log.error if event.alarm else log.info
        say("eventsub.lost", channel_id=self._channel_id, reason=event.reason, code=event.code, gap=event.gap)

    def _bad_frame(self, bad: BadFrame) -> None:
        self._metrics.count("eventsub_bad_frames_total", reason=bad.reason)
        if bad.reason not in self._logged:
            self._logged.add(bad.reason)
            log.warning(
                "eventsub.bad_frame", channel_id=self._channel_id, reason=bad.reason, detail=bad.detail
            )
        if bad.reason not in (Reason.UNKNOWN_TYPE, Reason.UNEXPECTED):
            # It may have been a notification.
            self._delivery.gap()

    def _carry_out(self, action: Action) -> None:
        assert self._group is not None
        match action:
            case Open():
                name = f"eventsub.socket:{self._channel_id}"
                self._readers[action.socket_id] = self._group.create_task(self._run_socket(action), name=name)
            case Close():
                socket = self._sockets.get(action.socket_id)
                if socket is not None:
                    self._group.create_task(socket.close(action.code, action.reason))
                elif action.socket_id in self._readers:
                    self._readers[action.socket_id].cancel()
            case Subscribe():
                self._cancel("subscribe")
                session_id = action.session_id
                self._begin("subscribe", lambda: self._subscribe(session_id))
            case Check():
                self._begin("check", self._check)

    def _begin(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start a piece of work unless it is under way. What comes up meanwhile is found when it ends."""
        assert self._group is not None
        if name not in self._work:
            task = self._group.create_task(
                self._piece(name, work), name=f"eventsub.{name}:{self._channel_id}"
            )
            self._work[name] = task

    async def _piece(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        finally:
            if self._work.get(name) is asyncio.current_task():
                del self._work[name]
        self._pump()

    def _cancel(self, name: str) -> None:
        task = self._work.pop(name, None)
        if task is not None:
            task.cancel()

    # Sockets.

    async def _run_socket(self, action: Open) -> None:
        socket_id, code = action.socket_id, None
        try:
            code = await self._read_socket(action)
        except SocketDown as error:
            log.info("eventsub.not_open", channel_id=self._channel_id, error=str(error))
        finally:
            socket = self._sockets.pop(socket_id, None)
            self._readers.pop(socket_id, None)
            if socket is not None:
                socket.abort()
            self._session.disconnected(socket_id, code, self._clock.monotonic())
        self._pump()

    async def _read_socket(self, action: Open) -> int | None:
        """Open, then read until the end; the answer is the close code."""
        socket_id = action.socket_id
        wait = 0.0 if action.hand_over else self._gate.reserve()
        if wait > 0:
            await self._clock.sleep(wait)
        socket = await self._dial(action.url)
        self._sockets[socket_id] = socket
        self._session.connected(socket_id, self._clock.monotonic())
        self._pump()
        try:
            while True:
                # The frame has no name here, so that an idle socket does not hold its last one.
                self._session.receive(
                    socket_id, await socket.receive(), self._clock.monotonic(), self._clock.now()
                )
                self._pump()
        except SocketClosed as error:
            if error.close_code == 1009:
                self._bad_frame(BadFrame(Reason.TOO_LARGE, "closed by us"))
            return error.close_code

    # Helix.

    async def _subscribe(self, session_id: str) -> None:
        try:
            await self._settler.settle(
                self._wanted,
                session_id,
                on_first=lambda: self._session.window_met(session_id),
                on_complete=lambda: self._subscribed(session_id),
                on_wait=self._waiting,
            )
        except LoginNeeded as error:
            self._park(error)
        except Unavailable as error:
            log.info("eventsub.anew", channel_id=self._channel_id, code=error.code, error=str(error))
            now = self._clock.monotonic()
            self._session.subscribing_failed(session_id, now, rest_seconds=error.retry_after_seconds)
        except CuelightError as error:
            self._metrics.count("errors_total", where="eventsub.subscribe")
            log.error(
                "eventsub.subscribe_refused",
                channel_id=self._channel_id,
                code=error.code,
                error=str(error),
                advice=error.advice,
            )
            now = self._clock.monotonic()
            self._session.subscribing_failed(session_id, now, rest_seconds=REFUSED_REST_SECONDS)

    def _subscribed(self, session_id: str) -> None:
        self._session.subscribed(session_id, self._clock.monotonic())
        self._pump()

    def _waiting(self, number: int) -> None:
        if number >= POLLING_FROM_ROUND:
            self._detail = "not everything could be subscribed yet"
            self._delivery.gap()
            self._pump()

    async def _moved(self, session_id: str) -> None:
        """After a hand-over. What does not serve any more is settled again, which is a gap."""
        try:
            serves = await self._settler.moved(session_id)
        except CuelightError as error:
            log.info("eventsub.moved", channel_id=self._channel_id, code=error.code, error=str(error))
            serves = False  # nobody knows: settling looks, and repairs
        if not serves and session_id == self._session.session_id:
            self._session.resync(self._clock.monotonic())

    async def _check(self) -> None:
        """Is the grant good? A session that Twitch closed as unused may have a token or scope problem behind it."""
        attempt = 0
        while True:
            try:
                await self._settler.check()
            except LoginNeeded as error:
                self._park(error)
                return
            except Unavailable as error:
                attempt += 1
                jitter = self._random.uniform(0.0, min(60.0, 2.0 ** min(attempt, 6)))
                await self._clock.sleep(error.retry_after_seconds + jitter)
            except CuelightError as error:
                log.error("eventsub.check", channel_id=self._channel_id, code=error.code, error=str(error))
                break
            else:
                break
        self._session.checked(self._clock.monotonic())

    def _park(self, error: LoginNeeded) -> None:
        # This task must not be cancelled by the loss that follows: it ends by itself.
        self._work.pop("subscribe", None)
        self._detail = f"missing: {' '.join(error.scopes)}" if error.scopes else error.message
        log.warning("eventsub.needs_login", channel_id=self._channel_id, scopes=error.scopes)
        self._session.park()
        self._pump()

    # States for people.

    def _public_state(self) -> tuple[str, str]:
        match self._session.state:
            case State.LIVE:
                return "live", self._detail
            case State.MOVING if self._session.complete:
                return "live", self._detail
            case State.PARKED:
                return "needs_login", self._detail
            case State.STOPPED:
                return "stopped", ""
            case _:
                return "connecting", self._detail

    def _without(self) -> str:
        dropped = self._settler.dropped
        return f"without: {' '.join(wish.type for wish in dropped)}" if dropped else ""
