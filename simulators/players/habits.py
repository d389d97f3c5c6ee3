"""What a simulated viewer does of its own accord, beside watching and chatting: it votes and shows what it feels, and
one of them, who runs the evening, keeps the queue filled.

A habit hears what the room says and tells, four times a second, what it wants to send now. It is pure: instants (s)
and chances are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any, Protocol

from simulators.players.conversation import Heard

Command = tuple[str, Mapping[str, Any]]

FELT = ("❤", "😂", "😮", "👏", "🔥")
AGAIN_SECONDS = 5.0
"""After so long without an answer the queue is asked for the same again."""


class Habit(Protocol):
    """Something that a viewer does now and then."""

    def heard(self, heard: Heard) -> None:
        """A message of the room."""
        ...

    def due(self, now: float) -> Iterable[Command]:
        """What to send now: type and data."""
        ...


class Queue:
    """What waits to be played, as the messages tell it: the ids, in the order in which they came."""

    def __init__(self) -> None:
        self.items: dict[str, Mapping[str, Any]] = {}
        self.state: Mapping[str, Any] = {}

    def take(self, heard: Heard) -> None:
        """Go on by a message."""
        data = heard.data
        if isinstance(data.get("state"), dict):
            self.state = data["state"]
        if heard.is_welcome and "queue" in data:
            self.items = {one["itemId"]: one for one in data["queue"]}
        elif heard.type == "party:queue:add":
            self.items[data["item"]["itemId"]] = data["item"]
        elif heard.type == "party:queue:remove":
            self.items.pop(data["itemId"], None)
        self.items.pop(self.state.get("mediaId") or "", None)


class Votes:
    """Wants something of the queue sooner, every `each` seconds in the mean, and nothing twice."""

    def __init__(self, dice: Random, *, each: float, now: float) -> None:
        self._dice, self._each = dice, each
        self._queue = Queue()
        self._wanted: set[str] = set()
        self._at = now + dice.expovariate(1 / each)

    def heard(self, heard: Heard) -> None:
        self._queue.take(heard)
        self._wanted &= self._queue.items.keys()

    def due(self, now: float) -> Iterable[Command]:
        if now < self._at:
            return
        self._at = now + self._dice.expovariate(1 / self._each)
        choice = [one for one in self._queue.items if one not in self._wanted]
        if choice:
            wanted = self._dice.choice(choice)
            self._wanted.add(wanted)
            yield "party:queue:vote", {"itemId": wanted, "wants": True}


class Feelings:
    """Shows one every `each` seconds in the mean."""

    def __init__(self, dice: Random, *, each: float, now: float) -> None:
        self._dice, self._each = dice, each
        self._at = now + dice.expovariate(1 / each)

    def heard(self, heard: Heard) -> None:
        """Nothing of it matters."""

    def due(self, now: float) -> Iterable[Command]:
        if now >= self._at:
            self._at = now + self._dice.expovariate(1 / self._each)
            yield "party:react", {"emoji": self._dice.choice(FELT)}


class Programme:
    """Puts on the first of `items`, plays it, and keeps `ahead` of them waiting, again and again. Whoever pauses is
    right: only a film that has come to its end is followed by the next."""

    def __init__(self, items: Sequence[Mapping[str, Any]], *, ahead: int = 3) -> None:
        self._items, self._ahead = items, ahead
        self._queue = Queue()
        self._next = 0
        self._began = False
        self._again_at = 0.0

    def heard(self, heard: Heard) -> None:
        before = self._known()
        self._queue.take(heard)
        if heard.is_welcome or self._known() != before:
            self._again_at = 0.0

    def due(self, now: float) -> Iterable[Command]:
        command = self._wanted() if now >= self._again_at else None
        if command is not None:
            self._again_at = now + AGAIN_SECONDS
            yield command

    def _known(self) -> tuple[Any, ...]:
        state = self._queue.state
        return state.get("mediaId"), state.get("playing"), len(self._queue.items)

    def _wanted(self) -> Command | None:
        """One at a time, so that the answer to each is seen before the next."""
        state, waiting = self._queue.state, len(self._queue.items)
        if not state:
            return None
        if not state.get("mediaId"):
            return "party:media", {"item": self._one()}
        if waiting < self._ahead:
            return "party:queue:add", {"item": self._one()}
        if state["playing"]:
            self._began = True
        elif not self._began:
            return "party:play", {}
        elif state["dur"] is not None and state["pos"] >= state["dur"]:
            return "party:queue:next", {}
        return None

    def _one(self) -> Mapping[str, Any]:
        self._next += 1
        return self._items[(self._next - 1) % len(self._items)]
