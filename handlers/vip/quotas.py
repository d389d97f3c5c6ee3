"""Quotas of channels: what viewers set off in one channel waits once it is more than its share.

A row over the quota is given a moment of its own, as far behind the one before as the quota says, and its `due_at`
moves there; meanwhile it holds no worker and is no attempt. So a burst of ten thousand costs each of its rows one look
before its moment, and one in it. What has to happen on time (ends, refunds, orders of the streamer) is under no quota.

Nobody is made to wait without end, and no inbox grows without bound: where as many wait already as may, what comes then
is turned away, if there is a way to do that (points go back, `crowded.py`). What was paid otherwise waits on.

Each process of a fleet counts for itself what it handles.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from domain.ports import Clock, Metrics
from gateways.twitch.contracts import Waiting
from handlers.work import Handle, Handler, Work

UNDER_QUOTA = frozenset({"redemption.add", "vip.contributed", "chat.message"})
"""Kinds of rows that any viewer can set off as often as he likes."""

CODE = "quota.events"
"""What a row that is over its quota waits for, as the inbox shows it."""

BURST_SECONDS = 10.0
"""How much of its quota a channel may use at once."""

MOST_PROMISED = 200_000
MOST_CHANNELS = 50_000


class Quota(NamedTuple):
    """What an operator allows each channel. `per_minute`: events that viewers set off, 0 sets no bound; `waiting`: so
    many of them may wait for their moment, 0 sets no bound; `viewers`: so many may be on its lists."""

    per_minute: int = 0
    waiting: int = 0
    viewers: int = 50_000


USUAL = Quota()


class ChannelQuota:
    """`per_minute`: events of one channel; 0 sets no bound. `most_waiting`: so many of them may wait for their moment;
    0 sets no bound."""

    def __init__(self, *, per_minute: int, clock: Clock, metrics: Metrics, most_waiting: int = 0) -> None:
        self._clock, self._metrics = clock, metrics
        self.per_minute, self._most_waiting = per_minute, most_waiting
        self._interval_ms = 60_000 / per_minute if per_minute else 0.0
        self._burst_ms = min(BURST_SECONDS * 1000, self._interval_ms * max(1, per_minute))
        self._next: OrderedDict[str, float] = OrderedDict()  # by channel: when its next event is in order
        self._promised: OrderedDict[str, float] = OrderedDict()  # by row: its moment

    def admit(self, channel_id: str, row_id: str, *, has_to: bool = True) -> bool:
        """Return true if a row's turn is now. Raises `Waiting` until it is; asking again spends nothing more. False, if
        it does not have to be admitted: too many wait already."""
        if not self._interval_ms or not channel_id:
            return True
        now = float(self._clock.now())
        at = self._promised.get(row_id)
        if at is None:
            at = max(self._next.get(channel_id, 0.0), now - self._burst_ms)
            ahead = (at - now) / self._interval_ms
            if not has_to and self._most_waiting and ahead > self._most_waiting:
                self._metrics.count("quota_turned_away_total")
                return False
            self._next[channel_id] = at + self._interval_ms
            self._next.move_to_end(channel_id)
            self._forget(now)
        # A moment that is gone counts: what was saved up is the burst.
        if at <= now:
            self._promised.pop(row_id, None)
            return True
        self._promised[row_id] = at
        self._metrics.count("quota_waits_total")
        raise Waiting(
            f"This channel has more than {self.per_minute} events a minute; this one is due a little later.",
            code=CODE,
            retry_after_seconds=(at - now) / 1000,
        )

    def _forget(self, now: float) -> None:
        """Channels that are quiet again, and rows that another process took."""
        while self._next and (
            len(self._next) > MOST_CHANNELS or next(iter(self._next.values())) < now - self._burst_ms
        ):
            self._next.popitem(last=False)
        while self._promised and len(self._promised) > MOST_PROMISED:
            self._promised.popitem(last=False)


async def passed_over(work: Work) -> str:
    """Turn away what costs nobody anything."""
    return "too_many"


def with_quota(
    table: Mapping[str, Handler], quota: ChannelQuota, turned_away: Mapping[str, Handle] | None = None
) -> dict[str, Handler]:
    """The table in which the rows of `UNDER_QUOTA` ask the quota first. `turned_away`: what handles them instead where
    too many wait already; kinds that it does not name wait all the same."""
    away = turned_away or {}
    return {
        kind: replace(handler, handle=_asking(handler.handle, quota, away.get(kind)))
        if kind in UNDER_QUOTA
        else handler
        for kind, handler in table.items()
    }


def _asking(handle: Handle, quota: ChannelQuota, turned_away: Handle | None) -> Handle:
    async def ask(work: Work) -> str:
        if work.row.steps:  # what was begun is brought to its end
            return await handle(work)
        if quota.admit(work.row.channel_id, work.row.id, has_to=turned_away is None) or turned_away is None:
            return await handle(work)
        return await turned_away(work)

    return ask
