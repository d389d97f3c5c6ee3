"""What viewers tell that is not of the log: how their players do, and what they feel. It goes to all processes through
the membership's topic, where rosters pass it over, and may be lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from domain.errors import CuelightError, Rejected
from domain.ports import Clock, Metrics, Tasks
from gateways.topics.contracts import NewEntry, Topics
from rooms.delivery import reports
from rooms.delivery.reports import Histogram, Reports
from rooms.lead import Delays

REACTIONS = ("❤", "😂", "😮", "😢", "👏", "🔥")
MEASURED, REACTED = "players.measured", "reacted"
KINDS = frozenset({MEASURED, REACTED})
STALE_SECONDS = 15.0
"""A process that was silent for so long has no players any more."""

FRESH_SECONDS = 1.0

log = structlog.get_logger("rooms")


class Aside:
    """Of one room at one process. `parts` are those of all processes."""

    def __init__(
        self, topic: str, *, topics: Topics, clock: Clock, tasks: Tasks, metrics: Metrics, process: str
    ) -> None:
        self._topic, self._topics, self._clock, self._tasks = topic, topics, clock, tasks
        self._metrics, self._process = metrics, process
        self._reports = Reports()
        self._felt: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._parts: dict[str, tuple[float, Histogram]] = {}
        self._delays = (float("-inf"), Delays())
        self._is_telling = False

    # -- what comes from viewers here --------------------------------------------------------------------------

    def report(self, member_id: str, data: Mapping[str, Any]) -> None:
        """What a player measured. Raises `Rejected` (`party.bad_field`)."""
        report = reports.read(data)
        self._reports.take(member_id, report)
        if data.get("driftMs") is not None:
            self._metrics.observe("party_drift_seconds", report.drift / 1000)
        if data.get("clockErrMs") is not None:
            self._metrics.observe("party_clock_error_seconds", report.clock_error / 1000)

    def started(self, member_id: str, latency_ms: float) -> None:
        """How long a player needed from play to picture."""
        self._reports.started(member_id, min(max(latency_ms, 0.0), 10_000.0) / 1000)

    def react(self, emoji: object) -> None:
        """Raises `Rejected` (`party.bad_field`)."""
        if emoji not in REACTIONS:
            known = " ".join(REACTIONS)
            raise Rejected(f"emoji has to be one of {known}.", code="party.bad_field", advice="Send one.")
        self._felt[str(emoji)] += 1

    def forget(self, member_id: str) -> bool:
        """A member whose socket is not here any more. Returns whether there was a player of his."""
        return self._reports.forget(member_id)

    # -- what goes to the other processes ----------------------------------------------------------------------

    def tell_reactions(self) -> bool:
        """False: what was told before is still on its way, so ask again later."""
        return not self._felt or self._tell(REACTED, lambda: {"reactions": _emptied(self._felt)})

    def tell_measured(self) -> bool:
        """The same, for what players measured; nothing if nobody has reported since."""

        def body() -> dict[str, Any]:
            return {"process": self._process, **self._reports.fold().body()}

        return not self._reports.is_new or self._tell(MEASURED, body)

    def _tell(self, kind: str, body: Callable[[], dict[str, Any]]) -> bool:
        if self._is_telling:
            return False
        self._is_telling = True
        self._tasks.spawn(self._append(NewEntry(kind, body())), name="rooms:aside")
        return True

    async def _append(self, new: NewEntry) -> None:
        try:
            await self._topics.append(self._topic, new)
        except CuelightError as error:
            log.debug("rooms.aside_lost", topic=self._topic, kind=new.kind, code=error.code)
        finally:
            self._is_telling = False

    # -- what comes from all processes -------------------------------------------------------------------------

    def take(self, kind: str, body: Mapping[str, Any]) -> None:
        """An entry of one of `KINDS`."""
        if kind == REACTED:
            self._seen.update({one: count for one, count in body["reactions"].items() if one in REACTIONS})
        else:
            self._parts[body["process"]] = (self._clock.monotonic(), Histogram.of(body))

    def reactions(self) -> dict[str, int]:
        """What was felt since this was asked last."""
        return _emptied(self._seen)

    def quality(self) -> Histogram:
        """How well the players of all processes keep together now."""
        horizon = self._clock.monotonic() - STALE_SECONDS
        self._parts = {one: part for one, part in self._parts.items() if part[0] >= horizon}
        return reports.together(part for _, part in self._parts.values())

    def delays(self, fan_out: float) -> Delays:
        """What decisions rest on, at most a second old."""
        now = self._clock.monotonic()
        if now - self._delays[0] > FRESH_SECONDS:
            found = Delays(tuple(self._reports.one_ways()), tuple(self._reports.starts()), fan_out)
            self._delays = (now, found)
        return self._delays[1]


def _emptied(counts: Counter[str]) -> dict[str, int]:
    found = dict(counts)
    counts.clear()
    return found
