"""What other watch-party programs make their viewers' players do, with their own thresholds.

Read in their sources; the numbers are theirs. Left out, for all and for ours: waiting for each other (Jellyfin's and
Syncplay's groups can stop everybody for one), so that only the accuracy of the following is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from simulators.players.media import Player
from simulators.players.wire import Answer, Ask, Beat, Message, Report, State, Timeline

Send = Callable[[Message], None]


class Relayed:
    """What they have in common: changes are done when they arrive, at the position that they say."""

    look_seconds = 1.0
    listens = False

    def __init__(self, player: Player, send: Send) -> None:
        self.player = player
        self.send = send

    def receive(self, message: Message, now: float) -> None:
        if isinstance(message, State):
            self.change(message.timeline.pos, message.timeline.playing)

    def look(self, now: float) -> None:
        self.player.news()

    def change(self, position: float, playing: bool) -> None:
        """Go there, and play or stand."""
        if abs(self.player.reported() - position) > 0.05:
            self.player.seek(position)
        if playing:
            self.player.play()
        else:
            self.player.pause()

    def nudge(self, rate: float) -> None:
        if rate != self.player.rate:
            self.player.set_rate(rate)


class Syncplay(Relayed):
    """Follows the slowest viewer: slower by 5 % from 1.5 s ahead until 0.1 s, back from 4 s ahead, forward from 5 s
    behind, landing 0.25 s further. State each second, aged by half an average round trip; SYNC_ON_PAUSE."""

    SLOWER, FROM, UNTIL = 0.95, 1.5, 0.1
    REWIND, FORWARD, FURTHER = 4.0, 5.0, 0.25
    OLD_WEIGHT = 0.85

    def __init__(self, player: Player, send: Send) -> None:
        super().__init__(player, send)
        self._trip: float | None = None

    def receive(self, message: Message, now: float) -> None:
        super().receive(message, now)
        if isinstance(message, Answer):
            trip = now - message.sent
            self._trip = (
                trip if self._trip is None else self._trip * self.OLD_WEIGHT + trip * (1 - self.OLD_WEIGHT)
            )
        elif isinstance(message, Beat) and message.playing and self.player.state == "playing":
            self._keep(message.position + self._half)

    def look(self, now: float) -> None:
        super().look(now)
        self.send(Ask(now))
        if self.player.state != "paused":
            self.send(Report(self.player.reported(), self._half))

    @property
    def _half(self) -> float:
        return (self._trip or 0.0) / 2

    def _keep(self, room: float) -> None:
        ahead = self.player.reported() - room
        if ahead > self.REWIND:
            self.player.seek(room)
        elif ahead < -self.FORWARD:
            self.player.seek(room + self.FURTHER)
        elif ahead > self.FROM:
            self.nudge(self.SLOWER)
        elif ahead < self.UNTIL:
            self.nudge(1.0)


class OpenTogetherTube(Relayed):
    """The position is counted on from the arrival of the message; each 250 ms, a seek if it is off by over a second."""

    look_seconds = 0.250
    OFF = 1.0

    def __init__(self, player: Player, send: Send) -> None:
        super().__init__(player, send)
        self._from: tuple[float, float] | None = None

    def receive(self, message: Message, now: float) -> None:
        super().receive(message, now)
        if isinstance(message, State):
            self._from = (message.timeline.pos, now) if message.timeline.playing else None

    def look(self, now: float) -> None:
        super().look(now)
        if self._from is None or self.player.state not in ("playing", "stalled"):
            return
        room = self._from[0] + now - self._from[1]
        if abs(self.player.reported() - room) > self.OFF:
            self.player.seek(room)


class Watchparty(Relayed):
    """Everybody gets everybody's position each second; over 0.5 s behind the leader it plays at 1 + lag/10, or 1.1."""

    BEHIND, FASTEST = 0.5, 1.1

    def receive(self, message: Message, now: float) -> None:
        super().receive(message, now)
        if isinstance(message, Beat) and message.own is not None:
            lag = message.position - message.own
            self.nudge(min(self.FASTEST, 1.0 + lag / 10) if lag > self.BEHIND else 1.0)

    def look(self, now: float) -> None:
        super().look(now)
        if self.player.state != "paused":
            self.send(Report(self.player.reported()))


class Jellyfin(Relayed):
    """Commands with a date; clock by the quickest of 8 probes (each second three times, then each minute). Correction,
    which is off unless somebody turns it on: from 60 ms to 3 s a rate of 1 + error per second (0.2 to 4) for a second,
    else a seek; not again within 1.5 s."""

    look_seconds = 0.250
    NUDGE, SEEK, FOR, PAUSE = 0.060, 3.0, 1.0, 1.5
    SLOWEST, FASTEST = 0.2, 4.0
    PROBES, QUICK, EACH, THEN = 8, 3, 1.0, 60.0

    def __init__(self, player: Player, send: Send) -> None:
        super().__init__(player, send)
        self._probes: list[tuple[float, float]] = []
        self._asked, self._ask_at = 0, float("-inf")
        self._timeline: Timeline | None = None
        self._fresh = False
        self._restore = self._again = 0.0

    def receive(self, message: Message, now: float) -> None:
        if isinstance(message, Answer):
            delay = now - message.sent - (message.answered - message.arrived) / 1e6
            offset = (message.arrived + message.answered) / 2e6 - (message.sent + now) / 2
            self._probes = [*self._probes, (delay, offset)][-self.PROBES :]
        elif isinstance(message, State):
            self._timeline, self._fresh = message.timeline, True
        if self._fresh and self._probes and self._timeline is not None:
            self._fresh = False
            self._command(self._timeline, now)

    def look(self, now: float) -> None:
        super().look(now)
        if now >= self._ask_at:
            self._asked += 1
            self._ask_at = now + (self.EACH if self._asked < self.QUICK else self.THEN)
            self.send(Ask(now))
        if self._restore and now >= self._restore:
            self._restore = 0.0
            self.nudge(1.0)
        ready = self._timeline is not None and self._timeline.playing and self._probes and not self._fresh
        if ready and self._timeline is not None and self.player.state == "playing" and now >= self._again:
            self._keep(self._timeline.at(self._room(now)), now)

    def _room(self, now: float) -> float:
        return (now + min(self._probes)[1]) * 1e6

    def _command(self, timeline: Timeline, now: float) -> None:
        ahead = (timeline.ts - self._room(now)) / 1e6
        if not timeline.playing:
            self.player.pause(after=max(0.0, ahead))
        elif ahead > 0:
            self.player.pause()
            if abs(self.player.reported() - timeline.pos) > 0.05:
                self.player.seek(timeline.pos)
            self.player.play(after=ahead)
        else:
            self.change(timeline.at(self._room(now)), True)

    def _keep(self, room: float, now: float) -> None:
        behind = room - self.player.reported()
        if abs(behind) > self.SEEK:
            self.player.seek(room)
            self._again = now + self.PAUSE
        elif abs(behind) > self.NUDGE:
            self.nudge(min(max(1.0 + behind / self.FOR, self.SLOWEST), self.FASTEST))
            self._restore, self._again = now + self.FOR, now + self.PAUSE


class CyTube(Relayed):
    """The server tells its timer each 5 s; over 2 s off it seeks: behind to the timer, ahead to a second after it."""

    OFF, BACK_TO = 2.0, 1.0

    def receive(self, message: Message, now: float) -> None:
        super().receive(message, now)
        if isinstance(message, Beat) and message.playing and self.player.state in ("playing", "stalled"):
            ahead = self.player.reported() - message.position
            if abs(ahead) > self.OFF:
                self.player.seek(message.position + (self.BACK_TO if ahead > 0 else 0.0))


@dataclass(frozen=True, slots=True)
class Policy:
    """One peer. `beat` is how often its room speaks unasked (s, 0: never), `lead` how far ahead its commands are dated
    at least (s), `late` what its server adds to each change (s). `follows`: the room's timeline, the slowest viewer, or
    the middle one."""

    client: Callable[[Player, Send], Relayed]
    source: str
    beat: float = 0.0
    lead: float = 0.0
    late: float = 0.0
    follows: Literal["timeline", "slowest", "middle"] = "timeline"


PEERS: Mapping[str, Policy] = {
    "Syncplay": Policy(
        Syncplay,
        "Syncplay/syncplay 9fdeea3: constants.py:72-87,231; server.py:597-603",
        beat=1.0,
        follows="slowest",
    ),
    "OpenTogetherTube": Policy(
        OpenTogetherTube,
        "dyc3/opentogethertube 1a0bf0a: client/src/views/Room.vue:427,442-448; server/room.ts:828",
        late=0.050,
    ),
    "watchparty": Policy(
        Watchparty,
        "howardchung/watchparty 5e5cf38: src/components/App/App.tsx:773-775,1954",
        beat=1.0,
        follows="middle",
    ),
    "Jellyfin, corrected": Policy(
        Jellyfin,
        "jellyfin/jellyfin-web f330b7b: src/plugins/syncPlay/core/PlaybackCore.js:51-69, timeSync/TimeSync.js:11-13; "
        "jellyfin/jellyfin c3ed140: PlayingGroupState.cs:67",
        lead=0.5,
    ),
    "CyTube": Policy(
        CyTube,
        "calzoneman/sync 227244e: www/js/data.js:175; config.template.yaml:180",
        beat=5.0,
    ),
}
"""The sources are repository, commit, and lines."""
