"""Our viewer's program: clock, timeline and correction joined to a player.

A change is scheduled a moment ahead, so the player is told to start its own start latency before that. Who comes late
goes to where the film is by then, plus what the seek will take.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from simulators.players.correction import (
    LOOK_SECONDS,
    REMOTE,
    Correction,
    Hold,
    Look,
    Rate,
    Seek,
    Showing,
    Tuning,
)
from simulators.players.media import Player
from simulators.players.offset import Probing, RoomClock
from simulators.players.wire import Answer, Ask, Message, State, Timeline

CONTINUOUS = 0.010
"""A jump (s) smaller than this is none: positions went through floats."""

SHOWING = {"playing": Showing.PLAYING, "paused": Showing.PAUSED}


class PartyClient:
    """One viewer of ours. `resolution` is that of its clock (s); `holds` counts the rests from seeking."""

    look_seconds = LOOK_SECONDS
    listens = True

    def __init__(
        self,
        *,
        player: Player,
        send: Callable[[Message], None],
        random: Random,
        resolution: float = 0.001,
        tuning: Tuning = REMOTE,
    ) -> None:
        self._player = player
        self._send = send
        self.clock = RoomClock(resolution=resolution)
        self.correction = Correction(tuning, step=player.traits.step)
        self._probing = Probing(random.random, now=float("-inf"))
        self._timeline: Timeline | None = None
        self._before: Timeline | None = None  # played on until the change of its rate
        self._fresh = False
        self.holds = 0

    def receive(self, message: Message, now: float) -> None:
        """An answer moves the clock, a state the player."""
        match message:
            case Answer():
                known = self.clock.clock_id
                self.clock.add(
                    sent=message.sent,
                    arrived=message.arrived,
                    answered=message.answered,
                    received=now,
                    clock_id=message.clock_id,
                )
                if known not in (None, message.clock_id):
                    self._probing.hurry(now, after=0.0)
            case State():
                self._before = self._timeline
                self._timeline, self._fresh = message.timeline, True
            case _:
                return
        if self._fresh and self.clock.ready:
            self._follow(now)

    def look(self, now: float) -> None:
        """Four times a second: probe if it is time, learn, correct."""
        if self.clock.beat(now):
            self._probing.hurry(now)
        if now >= self._probing.due:
            self._send(Ask(now))
            self._probing.asked(now)
        for news in self._player.news():
            if news.what == "started":
                self.correction.start.took(news.took)
            elif news.what == "landed":
                self.correction.seek.took(news.took)
        if self._timeline is None or not self.clock.ready or self._fresh:
            return
        room = self.clock.room(now)
        if not self._timeline.playing and room < self._timeline.ts:
            return  # the pause is still to come
        timeline = self._played(self._timeline, room)
        look = Look(
            now=now,
            showing=SHOWING.get(self._player.state, Showing.WAITING),
            position=self._player.reported(),
            target=timeline.at(room),
            plays=timeline.playing and room >= timeline.ts,
            rate=timeline.rate,
        )
        for action in self.correction.look(look):
            match action:
                case Rate(rate):
                    self._player.set_rate(rate)
                case Seek(position):
                    self._player.seek(position)
                case Hold():
                    self.holds += 1

    def _follow(self, now: float) -> None:
        """The timeline has changed: get there by the instant at which it holds."""
        assert self._timeline is not None
        timeline, player, self._fresh = self._timeline, self._player, False
        self.correction.changed()
        room = self.clock.room(now)
        ahead = (timeline.ts - room) / 1e6
        if self._goes_on(timeline, room):
            return
        self._before = None
        player.set_rate(timeline.rate * self.correction.factor)
        if not timeline.playing:
            # Until then it plays on: everybody stops on the same picture.
            player.pause(after=max(0.0, ahead))
            return
        if ahead > 0:
            player.pause()
            if abs(player.reported() - timeline.pos) > self.correction.near:
                player.seek(timeline.pos)
            player.play(after=max(0.0, ahead - self.correction.start.seconds))
            return
        takes = self.correction.seek.seconds
        if abs(player.reported() - timeline.at(room)) > self.correction.near:
            player.seek(timeline.at(room) + takes * timeline.rate)
        player.play()

    def _played(self, timeline: Timeline, room: float) -> Timeline:
        """The timeline that is played now; the next one, once its instant has come, at its own rate."""
        if self._before is None:
            return timeline
        if room < timeline.ts:
            return self._before
        self._before = None
        self._player.set_rate(timeline.rate * self.correction.factor)
        return timeline

    def _goes_on(self, timeline: Timeline, room: float) -> bool:
        """Whether the film plays on through the change, as when only its rate is another one."""
        before = self._before
        if before is None or not (before.playing and timeline.playing and before.ts <= room < timeline.ts):
            return False
        return self._player.state == "playing" and abs(before.at(timeline.ts) - timeline.pos) < CONTINUOUS
