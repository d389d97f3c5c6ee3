"""Keeps one player on the timeline of the room: by rates nobody notices, and by a seek where that would take too long.

A pure machine. Four times a second it is shown where the player is and where it should be, and answers what to do. What
it has learned, how long this player takes to start and to seek, makes the next start and seek land where they should.

The error is the player's position minus the timeline's, in seconds: positive is ahead. Errors are judged by the median
of three, each carried forward by what the rate has done since, so that a noisy report or an old one starts nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

LOOK_SECONDS = 0.250
LEARNED = 5


@dataclass(frozen=True, slots=True)
class Tuning:
    """Errors and times in seconds, rates as shares of the room's rate.

    An error below `dead` is left alone; above it the rate changes by `gain` times the error per second, at most
    `gentle` (`firm` from `wide` on), until it is below `done`. From `seek` on the player seeks; one that can only skip,
    from `wide` on. `music` forbids `firm`: what is wide is sought at once.

    The reference has 30 ms, 8 ms and a gain of 0.5; with these here the bench finds half the error and less time at
    another rate. It lets a player settle after each start, too; here that is for errors up to `plain`, as more than
    that, seen twice, is no noise. And what a stall has left behind beyond `wide` is sought at once: the picture has
    just stood still, so a jump is noticed least, and a nudge takes seconds. These two make the 99th percentile a third
    of what it was.
    """

    dead: float = 0.020
    done: float = 0.004
    plain: float = 0.100
    wide: float = 0.150
    seek: float = 0.500
    paused: float = 0.050
    gain: float = 1.0
    gentle: float = 0.05
    firm: float = 0.10
    music: bool = False
    settle: float = 0.500
    cool_down: float = 4.0
    seeks: int = 3
    seeks_within: float = 30.0
    hold: float = 15.0


REMOTE = Tuning()
SAME_ROOM = Tuning(dead=0.010, done=0.003)


class Showing(StrEnum):
    """What the player does just now. `WAITING` is a stall, a seek under way, or a start that shows nothing yet."""

    PLAYING = "playing"
    PAUSED = "paused"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Look:
    """One look: our clock (s), the player's position and the timeline's (s), whether the timeline plays, its rate, and
    whether the player may be touched (not in a hidden tab, in an advertisement, at a live edge)."""

    now: float
    showing: Showing
    position: float
    target: float
    plays: bool = True
    rate: float = 1.0
    free: bool = True


@dataclass(frozen=True, slots=True)
class Rate:
    """Play at this rate (film seconds per second)."""

    rate: float


@dataclass(frozen=True, slots=True)
class Seek:
    """Go to this position (s)."""

    position: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Too many seeks: nothing more for `seconds`. To be reported."""

    seconds: float


Action = Rate | Seek | Hold


class Learned:
    """How long something takes with this player: the median of the last five."""

    def __init__(self, first: float) -> None:
        self._first = first
        self._taken: deque[float] = deque(maxlen=LEARNED)

    def took(self, seconds: float) -> None:
        self._taken.append(max(0.0, seconds))

    @property
    def seconds(self) -> float:
        return median(self._taken) if self._taken else self._first


class Correction:
    """The loop of one player. `step` is the smallest change of rate that the player can do; one that is coarser than
    what is allowed makes it a player that can only skip."""

    def __init__(self, tuning: Tuning = REMOTE, *, step: float = 0.0) -> None:
        self._tuning = tuning
        self._skips = step > tuning.gentle
        self._step = step
        self.start = Learned(0.120)
        self.seek = Learned(0.180)
        self._errors: deque[float] = deque(maxlen=3)
        self._factor = 1.0
        self._looked = 0.0
        self._room_rate = 1.0
        self._playing_since: float | None = None
        self._stalled = False  # it stood still by itself, and has not been looked at since
        self._not_before = float("-inf")
        self._seeks: deque[float] = deque(maxlen=tuning.seeks)

    @property
    def factor(self) -> float:
        """The share of the room's rate that is played now: 1.0 is untouched."""
        return self._factor

    @property
    def near(self) -> float:
        """A player that stands so close to where it should start (s) is not moved first."""
        return self._tuning.paused

    def changed(self) -> None:
        """The timeline was changed on purpose: old errors mean nothing, and the cool-down of a seek was about another
        place. The bound on seeks stays."""
        self._errors.clear()
        self._playing_since, self._stalled = None, False
        if len(self._seeks) < self._tuning.seeks:
            self._not_before = float("-inf")

    def look(self, look: Look) -> list[Action]:
        """What to do now; often nothing."""
        if look.showing is Showing.WAITING or not look.free:
            return self._let_be(look)
        if not look.plays or look.showing is Showing.PAUSED:
            return self._standing(look)
        if self._playing_since is None:
            self._playing_since = look.now
        if self._stalled:
            self._stalled = False
            if abs(look.position - look.target) > self._tuning.wide:
                sought = self._sought(look, look.target + self.seek.seconds * look.rate)
                if any(isinstance(action, Seek) for action in sought):
                    return sought
        self._note(look)
        if look.now - self._playing_since < self._tuning.settle or len(self._errors) < 3:
            least = min(self._errors, key=abs)
            sure = len(self._errors) > 1 and abs(least) > self._tuning.plain
            return self._at(self._wanted(least) if sure else 1.0, look)
        error = median(self._errors)
        if self._wants_seek(abs(error)):
            sought = self._sought(look, look.target + self.seek.seconds * look.rate)
            if any(isinstance(action, Seek) for action in sought):
                return sought
            return sought + self._at(self._wanted(error), look)  # as well as it goes meanwhile
        return self._at(self._wanted(error), look)

    def _let_be(self, look: Look) -> list[Action]:
        self._stalled = self._stalled or (look.showing is Showing.WAITING and self._playing_since is not None)
        self._errors.clear()
        self._playing_since = None
        return self._at(1.0, look)

    def _standing(self, look: Look) -> list[Action]:
        self._errors.clear()
        self._playing_since, self._stalled = None, False
        actions = self._at(1.0, look)
        if not look.plays and abs(look.position - look.target) > self._tuning.paused:
            actions += self._sought(look, look.target)
        return actions

    def _note(self, look: Look) -> None:
        moved = (self._factor - 1.0) * self._room_rate * (look.now - self._looked) if self._errors else 0.0
        self._errors = deque((error + moved for error in self._errors), maxlen=3)
        self._errors.append(look.position - look.target)
        self._looked, self._room_rate = look.now, look.rate

    def _wants_seek(self, error: float) -> bool:
        skips = self._skips or self._tuning.music
        return error > (self._tuning.wide if skips else self._tuning.seek)

    def _wanted(self, error: float) -> float:
        """The factor for an error."""
        tuning, size = self._tuning, abs(error)
        rests = self._factor == 1.0
        if self._skips or size < (tuning.dead if rests else tuning.done):
            return 1.0
        if not rests and (self._factor < 1.0) is not (error > 0):
            return 1.0  # past the mark: this nudge is over, and a new one begins beyond the dead zone only
        most = tuning.firm if size > tuning.wide and not tuning.music else tuning.gentle
        change = min(most, tuning.gain * size)
        if self._step:
            change = min(most, max(self._step, round(change / self._step) * self._step))
        return 1.0 - change if error > 0 else 1.0 + change

    def _at(self, factor: float, look: Look) -> list[Action]:
        if factor == self._factor:
            return []
        self._factor = factor
        return [Rate(look.rate * factor)]

    def _sought(self, look: Look, position: float) -> list[Action]:
        tuning, now = self._tuning, look.now
        if now < self._not_before:
            return []
        if len(self._seeks) == tuning.seeks and now - self._seeks[0] < tuning.seeks_within:
            self._not_before = now + tuning.hold
            return [Hold(tuning.hold)]
        self._seeks.append(now)
        self._not_before = now + tuning.cool_down
        self._errors.clear()
        self._playing_since, self._stalled = None, False
        return [*self._at(1.0, look), Seek(position)]
