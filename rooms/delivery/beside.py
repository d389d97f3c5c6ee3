"""What viewers see that is not of the log: who is there, for whom the room waits, what is felt, and for the host how
well the players keep together. Of each the newest is enough: who reads slowly misses what came between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from domain.ports import Clock
from gateways.topics.contracts import Entry
from rooms import barrier
from rooms.delivery import messages, shown
from rooms.delivery.agenda import Agenda
from rooms.delivery.aside import REACTED, Aside
from rooms.delivery.outbox import Kind
from rooms.delivery.quality import EACH_SECONDS, Quality
from rooms.delivery.viewer import Viewer
from rooms.fleet.replica import Replica
from rooms.people import MOST_SHOWN

TICK_SECONDS = 0.02
COUNTS_SECONDS = 1.0
WAITING_SECONDS = 0.2
MOST_NAMES = 5


class Send(Protocol):
    """Frames by role, to all viewers here."""

    def __call__(self, frames: Sequence[bytes], kind: Kind, key: str = "") -> None: ...


class Beside:
    """`send` writes to all, `host` is the host's viewer if that is here, `quality` is for who looks from outside."""

    def __init__(
        self,
        replica: Replica,
        *,
        aside: Aside,
        quality: Quality,
        agenda: Agenda,
        clock: Clock,
        send: Send,
        host: Callable[[], Viewer | None],
    ) -> None:
        self._replica, self._aside, self._agenda, self._clock = replica, aside, agenda, clock
        self._send, self._host, self._quality = send, host, quality
        self._presence_at = self._waiting_at = float("-inf")
        self._waited_for: tuple[int, Sequence[str]] = (0, ())

    # -- what happened ------------------------------------------------------------------------------------------

    def heard(self, entry: Entry) -> None:
        """An entry that another process, or ours, told aside."""
        self._aside.take(entry.kind, entry.body)
        self._agenda.plan(self._tell_reactions if entry.kind == REACTED else self._tell_stats, TICK_SECONDS)

    def people_changed(self) -> None:
        """Somebody came or went. In a large room that is told once a second."""
        is_large = len(self._replica.roster) > MOST_SHOWN
        since = self._clock.monotonic() - self._presence_at
        seconds = max(TICK_SECONDS, COUNTS_SECONDS - since) if is_large else TICK_SECONDS
        self._agenda.plan(self._tell_presence, seconds)
        self.room_changed()

    def room_changed(self) -> None:
        """Perhaps the room waits for others than before."""
        if self._replica.room.barrier is not None or self._waited_for[0]:
            since = self._clock.monotonic() - self._waiting_at
            self._agenda.plan(self._tell_waiting, max(TICK_SECONDS, WAITING_SECONDS - since))

    def reported(self) -> None:
        """A player said how it does."""
        self._agenda.plan(self._tell_measured, EACH_SECONDS)

    def felt(self) -> None:
        """A viewer reacted."""
        self._agenda.plan(self._tell_felt, TICK_SECONDS)

    # -- what is told -------------------------------------------------------------------------------------------

    def _tell_presence(self, now: float) -> None:
        self._presence_at = now
        self._tell("party:presence", shown.people_of(self._replica.room, self._replica.roster))

    def _tell_waiting(self, now: float) -> None:
        room, roster = self._replica.room, self._replica.roster
        missing = [] if room.barrier is None else barrier.missing(room, roster)
        members = [roster.get(one) for one in missing[:MOST_NAMES]]
        waited_for = len(missing), [one.name for one in members if one is not None]
        if waited_for != self._waited_for:
            self._waited_for, self._waiting_at = waited_for, now
            self._tell("party:waiting", {"count": waited_for[0], "names": waited_for[1]})

    def _tell_reactions(self, now: float) -> None:
        self._tell("party:react", {"reactions": self._aside.reactions()}, Kind.DROP)

    def _tell_stats(self, now: float) -> None:
        seen = self._aside.quality()
        self._quality.tell(seen, now=self._replica.time.now())
        host = self._host()
        if host is not None:
            stats = messages.reply("party:stats", "", seen.shown(), is_host=True)
            host.send(stats, Kind.STATE, "party:stats")

    def _tell_felt(self, now: float) -> None:
        if not self._aside.tell_reactions():
            self._agenda.plan(self._tell_felt, TICK_SECONDS)

    def _tell_measured(self, now: float) -> None:
        if not self._aside.tell_measured():
            self._agenda.plan(self._tell_measured, TICK_SECONDS)

    def _tell(self, type: str, data: dict[str, Any], kind: Kind = Kind.STATE) -> None:
        member, host = (messages.reply(type, "", data, is_host=one) for one in (False, True))
        self._send((b"", member, member, member, host), kind, "" if kind is Kind.DROP else type)
