"""One EventSub WebSocket session as a machine without I/O, without a clock and without tasks.

Feed it (`receive`, `connected`, `disconnected`, `tick`, the answers of the shell), then drain `events()`, what the rest
of the program wants to know, and `actions()`, what the shell has to do. No input makes it raise. Tables:
`session_table.py`. Times are monotonic seconds, handed in; wall time (UTC ms) is only compared with Twitch's stamps.

A session outlives its sockets. At most one socket is *current*; during a hand-over one more is *next*; those that
were replaced are *retired* until the shell reports them gone, and what they still deliver counts.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from gateways.twitch import session_table as table
from gateways.twitch.frames import (
    BadFrame,
    Keepalive,
    Notification,
    Reason,
    Reconnect,
    Revocation,
    Welcome,
    parse,
    socket_scheme,
)
from gateways.twitch.recent import Recent
from gateways.twitch.session_table import Cause, Reaction, State, Timer
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
    Welcomed,
)


@dataclass(slots=True)
class _Socket:
    id: int
    connected: bool = False
    session_id: str = ""
    keepalive_seconds: int = 0


class Session:
    """See the module. Args: base URL, verbatim (query included), and the source of jitter."""

    def __init__(self, url: str, *, random: random.Random) -> None:
        self._url = url
        self._random = random
        self._state = State.IDLE
        self._events: list[Event] = []
        self._actions: list[Action] = []
        self._timers: dict[Timer, float] = {}
        self._current: _Socket | None = None
        self._next: _Socket | None = None
        self._retired: dict[int, _Socket] = {}
        self._next_id = 1
        self._seen = Recent()
        self._attempt = 0
        self._resyncs = 0
        self._live_since: float | None = None
        self._gap = True
        self._complete = False
        self._move_url = ""
        self._move_attempts = 0

    # What the shell reads.

    @property
    def state(self) -> State:
        return self._state

    @property
    def session_id(self) -> str:
        """Of the current socket, empty without one."""
        return self._current.session_id if self._current else ""

    @property
    def complete(self) -> bool:
        """Whether all that is wanted is subscribed on the session in use."""
        return self._complete

    def events(self) -> list[Event]:
        """Drain what happened, oldest first."""
        events, self._events = self._events, []
        return events

    def actions(self) -> list[Action]:
        """Drain what is to be done, in order."""
        actions, self._actions = self._actions, []
        return actions

    def next_deadline(self) -> float | None:
        """When `tick` has something to do, `None` while only the outside can move the session."""
        return min(self._timers.values(), default=None)

    # What the outside says.

    def start(self) -> None:
        self._connect(Cause.START)

    def connected(self, socket_id: int, now: float) -> None:
        """The socket is open (the handshake of WebSocket is done)."""
        if self._current and self._current.id == socket_id and self._move(Cause.CONNECTED):
            self._current.connected = True
            self._timers[Timer.WELCOME] = now + table.WELCOME_SECONDS
        elif self._next and self._next.id == socket_id:
            self._next.connected = True

    def disconnected(self, socket_id: int, code: int | None, now: float) -> None:
        """The socket is gone, or could not be opened. `code`: of the close frame, `None` if there was none."""
        if self._retired.pop(socket_id, None) is not None:
            return
        reaction = table.REACTIONS.get(code, table.OTHER_CLOSE) if code is not None else table.NO_CONNECTION
        if self._next and self._next.id == socket_id:
            self._next = None
            self._next_lost(now, reaction, code)
        elif self._current and self._current.id == socket_id:
            self._current = None
            self._current_lost(now, reaction, code)

    def receive(self, socket_id: int, data: str | bytes, now: float, now_wall: int) -> None:
        """One message of a socket."""
        socket = self._find(socket_id)
        if socket is None:
            return
        frame = parse(data)
        if isinstance(frame, BadFrame):
            self._events.append(frame)
            return
        if not socket.connected:
            self._unexpected("before the handshake")
            return
        if socket.id in self._retired and not isinstance(frame, Notification | Revocation):
            return
        match frame:
            case Welcome():
                self._welcome(socket, frame, now)
            case Notification():
                self._notification(frame, now, now_wall)
            case Revocation():
                self._revocation(socket, frame, now)
            case Reconnect():
                self._reconnect(socket, frame, now)
            case Keepalive():
                pass
        if (
            socket is self._current
            and Timer.KEEPALIVE in table.TIMERS[self._state]
            and socket.keepalive_seconds
        ):
            wait = socket.keepalive_seconds * table.KEEPALIVE_FACTOR + table.KEEPALIVE_SLACK_SECONDS
            self._timers[Timer.KEEPALIVE] = now + wait

    def tick(self, now: float) -> None:
        """Let time pass. Does nothing before `next_deadline()`."""
        for _ in range(len(Timer)):
            timer = min(self._timers, key=self._timers.__getitem__, default=None)
            if timer is None or self._timers[timer] > now:
                return
            del self._timers[timer]
            _ON_TIMER[timer](self, now)

    # What the shell answers.

    def window_met(self, session_id: str) -> None:
        """At least one subscription exists on this session."""
        if session_id == self.session_id:
            self._timers.pop(Timer.WINDOW, None)

    def subscribed(self, session_id: str, now: float) -> None:
        """All that is wanted exists on this session."""
        if session_id != self.session_id or not self._move(Cause.SUBSCRIBED):
            return
        self._complete = True
        if self._live_since is None:
            self._live_since = now
        self._events.append(Live(session_id, self._gap))
        self._gap = False

    def subscribing_failed(self, session_id: str, now: float, *, rest_seconds: float = 0.0) -> None:
        """It is no use to go on with this session; try another one after at least `rest_seconds`."""
        if session_id == self.session_id and self._state in (State.SUBSCRIBING, State.MOVING):
            self._lose(now, Reaction("subscribing", rest_seconds=rest_seconds, cap_seconds=120.0))

    def checked(self, now: float) -> None:
        """The grant is good, so the session was unused for another reason (slow calls, limits)."""
        if self._move(Cause.CHECKED):
            self._rest(now, table.REACTIONS[4003])

    def park(self) -> None:
        """The channel has to log in again: nothing is tried before `wake`."""
        self._end(Cause.PARK, "parked")

    def wake(self) -> None:
        """Somebody logged in (or has patience no more): try at once, if the session waits at all."""
        self._connect(Cause.WAKE)

    def resync(self, now: float) -> None:
        """What is wanted changed: look at the subscriptions again."""
        if Timer.RESYNC in table.TIMERS[self._state]:
            self._timers[Timer.RESYNC] = now

    def restart(self) -> None:
        """Throw the session away and connect anew."""
        if (self._state, Cause.RESTART) in table.TRANSITIONS:
            gap = self._state not in table.UNWELCOMED
            self._close_all("restart")
            if gap:
                self._events.append(Lost("restart", None, gap=True))
            self._connect(Cause.RESTART)

    def stop(self) -> None:
        """For good. Every socket is closed."""
        self._end(Cause.STOP, "stopped")

    # Frames.

    def _welcome(self, socket: _Socket, frame: Welcome, now: float) -> None:
        if socket is self._current and self._move(Cause.WELCOMED):
            socket.session_id, socket.keepalive_seconds = frame.session_id, frame.keepalive_seconds
            self._events.append(Welcomed(frame.session_id))
            self._subscribe(now, fresh=True)
        elif socket is self._next:
            socket.session_id, socket.keepalive_seconds = frame.session_id, frame.keepalive_seconds
            old, self._current, self._next = self._current, socket, None
            if old:
                self._retire(old, "handed over")
            self._move(Cause.MOVED if self._complete else Cause.MOVED_INCOMPLETE)
            self._events.append(HandedOver(frame.session_id))
            if not self._complete:
                self._subscribe(now, fresh=True)
        else:
            self._unexpected("session_welcome")

    def _notification(self, frame: Notification, now: float, now_wall: int) -> None:
        if now_wall - frame.timestamp > table.STALE_MS:
            self._events.append(BadFrame(Reason.STALE, frame.type))
        elif self._seen.add(frame.message_id, now):
            self._events.append(frame)

    def _revocation(self, socket: _Socket, frame: Revocation, now: float) -> None:
        if not self._seen.add(frame.message_id, now):
            return
        self._events.append(Revoked(frame.subscription))
        if socket.id not in self._retired and Timer.RESYNC in table.TIMERS[self._state]:
            # Twitch sends one revocation per subscription: a second's wait makes one pass of them. Making the
            # subscriptions again tells what the matter is (a dead grant parks), and a ping-pong gets slower.
            self._resyncs += 1
            delay = 1.0 + self._jitter(self._resyncs, 300.0)
            self._timers.setdefault(Timer.RESYNC, now + delay)

    def _reconnect(self, socket: _Socket, frame: Reconnect, now: float) -> None:
        if socket is not self._current or not self._current.session_id:
            self._unexpected("session_reconnect")
        elif socket_scheme(frame.url) != socket_scheme(self._url):
            self._events.append(BadFrame(Reason.WRONG_SHAPE, "scheme of reconnect_url"))
        elif self._seen.add(frame.message_id, now) and self._move(Cause.TOLD_TO_MOVE):
            if self._next:
                self._retire(self._next, "replaced")
                self._next = None
            self._move_url, self._move_attempts = frame.url, 0
            self._timers[Timer.MOVE] = now + table.MOVE_SECONDS
            self._open_next(now)

    def _unexpected(self, what: str) -> None:
        self._events.append(BadFrame(Reason.UNEXPECTED, what))

    # Hand-over.

    def _open_next(self, now: float) -> None:
        self._timers.pop(Timer.MOVE_AGAIN, None)
        self._move_attempts += 1
        self._next = self._open(self._move_url, hand_over=True)

    def _next_lost(self, now: float, reaction: Reaction, code: int | None) -> None:
        if reaction.ends_move or self._move_attempts >= table.MOVE_ATTEMPTS:
            self._lose(now, reaction, code)
        else:
            self._timers[Timer.MOVE_AGAIN] = now + self._jitter(self._move_attempts, 5.0)

    # Ends and beginnings.

    def _silence(self, now: float) -> None:
        if self._current:
            self._retire(self._current, "silence")
        self._current = None
        self._current_lost(now, Reaction("silence"), None)

    def _current_lost(self, now: float, reaction: Reaction, code: int | None) -> None:
        if self._state is State.MOVING and not reaction.ends_move:
            # The next socket may still take over, but between the two nobody listens.
            self._timers.pop(Timer.KEEPALIVE, None)
            self._gap, self._complete = True, False
            self._events.append(Lost(reaction.name, code, gap=True, alarm=reaction.alarm))
        else:
            self._lose(now, reaction, code)

    def _lose(self, now: float, reaction: Reaction, code: int | None = None) -> None:
        gap = self._state not in table.UNWELCOMED
        if self._live_since is not None and now - self._live_since >= table.STABLE_SECONDS:
            self._attempt = self._resyncs = 0
        if not self._move(Cause.UNUSED if reaction.check else Cause.LOST):
            return
        self._close_all(reaction.name)
        self._events.append(Lost(reaction.name, code, gap=gap, alarm=reaction.alarm))
        if reaction.check:
            self._actions.append(Check())
        else:
            self._rest(now, reaction)

    def _rest(self, now: float, reaction: Reaction) -> None:
        delay = reaction.rest_seconds + self._jitter(self._attempt, reaction.cap_seconds)
        self._attempt += 1
        self._timers[Timer.REST] = now + delay

    def _end(self, cause: Cause, reason: str) -> None:
        gap = self._state not in table.UNWELCOMED and self._current is not None
        if self._move(cause):
            self._close_all(reason)
            if gap:
                self._events.append(Lost(reason, None, gap=True))

    def _connect(self, cause: Cause) -> None:
        if self._move(cause):
            self._current = self._open(self._url)

    def _open(self, url: str, *, hand_over: bool = False) -> _Socket:
        socket = _Socket(self._next_id)
        self._next_id += 1
        self._actions.append(Open(socket.id, url, hand_over))
        return socket

    def _close_all(self, reason: str) -> None:
        self._gap, self._complete, self._live_since = True, False, None
        self._actions = [action for action in self._actions if not isinstance(action, Subscribe)]
        for socket in filter(None, (self._current, self._next)):
            self._retire(socket, reason)
        self._current = self._next = None

    def _retire(self, socket: _Socket, reason: str) -> None:
        self._retired[socket.id] = socket
        self._actions.append(Close(socket.id, 1000, reason))

    def _subscribe(self, now: float, *, fresh: bool) -> None:
        deadline = None
        if fresh:
            self._timers[Timer.WINDOW] = deadline = now + table.WINDOW_SECONDS - table.WINDOW_MARGIN_SECONDS
        self._actions.append(Subscribe(self.session_id, deadline))

    def _resync(self, now: float) -> None:
        if self._move(Cause.RESYNC):  # what was not subscribed until now was not heard
            self._gap, self._complete = True, False
            self._subscribe(now, fresh=False)
        else:  # subscribing or moving right now: afterwards
            self._timers[Timer.RESYNC] = now + 1.0

    # Small things.

    def _move(self, cause: Cause) -> bool:
        """Take the transition of the table, if there is one, and stop the timers that do not belong to its end."""
        state = table.TRANSITIONS.get((self._state, cause))
        if state is None:
            return False
        self._state = state
        for timer in [timer for timer in self._timers if timer not in table.TIMERS[state]]:
            del self._timers[timer]
        return True

    def _find(self, socket_id: int) -> _Socket | None:
        for socket in (self._current, self._next):
            if socket and socket.id == socket_id:
                return socket
        return self._retired.get(socket_id)

    def _jitter(self, attempt: int, cap_seconds: float) -> float:
        """Full jitter: anything between nothing and the bound, which doubles with each attempt up to the cap."""
        bound = table.BACKOFF_BASE_SECONDS * 2.0 ** min(attempt, 12)
        return self._random.uniform(0.0, min(cap_seconds, bound))


_ON_TIMER: dict[Timer, Callable[[Session, float], None]] = {
    Timer.WELCOME: lambda session, now: session._lose(now, Reaction("no_welcome")),
    Timer.WINDOW: lambda session, now: session._lose(now, Reaction("window", rest_seconds=5.0)),
    Timer.KEEPALIVE: Session._silence,
    Timer.MOVE: lambda session, now: session._lose(now, Reaction("hand_over")),
    Timer.MOVE_AGAIN: Session._open_next,
    Timer.REST: lambda session, now: session._connect(Cause.RESTED),
    Timer.RESYNC: Session._resync,
}
