"""The tables of the EventSub session: states, what moves them, its timers, and a reaction to each close code.

`gateways/twitch/session.py` runs them. Source: `docs/facts/twitch.md`, "EventSub WebSocket".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    IDLE = "idle"  # not started
    CONNECTING = "connecting"  # a socket is being opened
    GREETING = "greeting"  # open, the welcome has not come
    SUBSCRIBING = "subscribing"  # welcomed, subscriptions are being made
    LIVE = "live"  # all that we want is subscribed
    MOVING = "moving"  # told to reconnect: the old socket is read, the next one is on its way
    CHECKING = "checking"  # closed as unused: is the grant still good?
    RESTING = "resting"  # lost, waiting before the next attempt
    PARKED = "parked"  # useless to try: waits for `wake`
    STOPPED = "stopped"  # for good


class Cause(StrEnum):
    START = "start"
    CONNECTED = "connected"
    WELCOMED = "welcomed"
    SUBSCRIBED = "subscribed"
    TOLD_TO_MOVE = "told to move"
    MOVED = "moved"  # with all subscriptions
    MOVED_INCOMPLETE = "moved incomplete"  # subscriptions have to be looked at
    RESYNC = "resync"
    LOST = "lost"
    UNUSED = "unused"
    CHECKED = "checked"
    RESTED = "rested"
    PARK = "park"
    WAKE = "wake"
    RESTART = "restart"
    STOP = "stop"


_RUNNING = (State.CONNECTING, State.GREETING, State.SUBSCRIBING, State.LIVE, State.MOVING)
_STARTED = (*_RUNNING, State.CHECKING, State.RESTING)

# A pair that is not here means: in this state, this cause means nothing, and nothing is done.
TRANSITIONS: dict[tuple[State, Cause], State] = {
    (State.IDLE, Cause.START): State.CONNECTING,
    (State.CONNECTING, Cause.CONNECTED): State.GREETING,
    (State.GREETING, Cause.WELCOMED): State.SUBSCRIBING,
    (State.SUBSCRIBING, Cause.SUBSCRIBED): State.LIVE,
    (State.SUBSCRIBING, Cause.TOLD_TO_MOVE): State.MOVING,
    (State.LIVE, Cause.TOLD_TO_MOVE): State.MOVING,
    (State.MOVING, Cause.TOLD_TO_MOVE): State.MOVING,
    (State.MOVING, Cause.MOVED): State.LIVE,
    (State.MOVING, Cause.MOVED_INCOMPLETE): State.SUBSCRIBING,
    (State.LIVE, Cause.RESYNC): State.SUBSCRIBING,
    (State.CHECKING, Cause.CHECKED): State.RESTING,
    (State.RESTING, Cause.RESTED): State.CONNECTING,
    (State.RESTING, Cause.WAKE): State.CONNECTING,
    (State.PARKED, Cause.WAKE): State.CONNECTING,
    (State.PARKED, Cause.RESTART): State.CONNECTING,
    (State.IDLE, Cause.STOP): State.STOPPED,
    (State.PARKED, Cause.STOP): State.STOPPED,
    **{(state, Cause.LOST): State.RESTING for state in _RUNNING},
    **{(state, Cause.UNUSED): State.CHECKING for state in _RUNNING},
    **{(state, Cause.PARK): State.PARKED for state in _STARTED},
    **{(state, Cause.RESTART): State.CONNECTING for state in _STARTED},
    **{(state, Cause.STOP): State.STOPPED for state in _STARTED},
}


class Timer(StrEnum):
    WELCOME = "welcome"  # the server should have greeted
    WINDOW = "window"  # the first subscription should exist
    KEEPALIVE = "keepalive"  # something should have been heard
    MOVE = "move"  # the hand-over should be done
    MOVE_AGAIN = "move again"  # open the reconnect URL once more
    REST = "rest"  # try again
    RESYNC = "resync"  # look at the subscriptions


# Entering a state stops every timer that is not named here.
TIMERS: dict[State, frozenset[Timer]] = {
    State.IDLE: frozenset(),
    State.CONNECTING: frozenset(),  # the shell bounds opening and always answers
    State.GREETING: frozenset({Timer.WELCOME}),
    State.SUBSCRIBING: frozenset({Timer.WINDOW, Timer.KEEPALIVE, Timer.RESYNC}),
    State.LIVE: frozenset({Timer.KEEPALIVE, Timer.RESYNC}),
    State.MOVING: frozenset({Timer.KEEPALIVE, Timer.MOVE, Timer.MOVE_AGAIN, Timer.RESYNC}),
    State.CHECKING: frozenset(),  # the shell answers
    State.RESTING: frozenset({Timer.REST}),
    State.PARKED: frozenset(),
    State.STOPPED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a close code of the socket in use means for us.

    `rest_seconds`: at least so long before the next attempt (full jitter is added). `cap_seconds` bounds that
    jitter. `check`: ask Helix whether the grant is good first. `alarm`: a bug of ours, somebody has to look.
    `ends_move`: during a hand-over the other socket is of no use either.
    """

    name: str
    rest_seconds: float = 0.0
    cap_seconds: float = 60.0
    check: bool = False
    alarm: bool = False
    ends_move: bool = False


REACTIONS: dict[int, Reaction] = {
    4000: Reaction("server_error", rest_seconds=1.0),
    4001: Reaction("inbound_traffic", rest_seconds=30.0, alarm=True),  # we never send: our bug
    4002: Reaction("failed_ping_pong", alarm=True),  # our loop stood still
    4003: Reaction("unused", rest_seconds=30.0, cap_seconds=300.0, check=True),
    4004: Reaction("grace_expired", ends_move=True),
    4005: Reaction("network_timeout"),
    4006: Reaction("network_error"),
    4007: Reaction("bad_reconnect_url", ends_move=True),
}
OTHER_CLOSE = Reaction("closed")
NO_CONNECTION = Reaction("no_connection")

# A session in one of these has no welcome, so its loss loses no events.
UNWELCOMED = frozenset(
    {State.IDLE, State.CONNECTING, State.GREETING, State.CHECKING, State.RESTING, State.PARKED, State.STOPPED}
)

WELCOME_SECONDS = 15.0
# Twitch closes a session without a subscription after ten seconds (4003). A larger keepalive may enlarge that window,
# which the documentation says in one place only: plan for ten, and leave in order half a second before.
WINDOW_SECONDS = 10.0
WINDOW_MARGIN_SECONDS = 0.5
# Silence beyond keepalive x 1.2 + 1 s is a dead connection (other clients allow x 1.2, + 5 s or x 2).
KEEPALIVE_FACTOR = 1.2
KEEPALIVE_SLACK_SECONDS = 1.0
# Twitch keeps the old socket for 30 s after session_reconnect.
MOVE_SECONDS = 28.0
MOVE_ATTEMPTS = 4
# Twitch: a message older than ten minutes is a replay.
STALE_MS = 600_000
# A session that lived this long proves that connecting works: the next loss starts the backoff anew.
STABLE_SECONDS = 60.0
BACKOFF_BASE_SECONDS = 1.0
