"""What is kept for how long. Only what is finished ever goes: by age, and beyond a number the oldest first.

Open, dead and parked rows, active sessions, redemptions that are not settled or need a person, lanes that are due or
held: none of these is touched, however old or many. What finished within the last day stays as well, since deliveries
are recognised by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import structlog

from domain.errors import Unavailable
from domain.inbox import RowState
from domain.ports import Clock, Metrics
from domain.redemption import SETTLED, RedemptionStatus
from domain.vip import VipStatus
from storage.analytics import ANALYTICS
from storage.audit import AUDIT
from storage.contracts import Collection, Document, In, Range, Scalar, Schema, Store
from storage.inbox import INBOX
from storage.lanes import LANES
from storage.logins import CONSENTS, LOGINS
from storage.parties import CLOSED, PARTIES, PARTY_INVITES
from storage.redemptions import REDEMPTIONS
from storage.sessions import SESSIONS
from storage.viewers import VIEWERS

log = structlog.get_logger(__name__)

DAY_MS = 86_400_000
YOUNGEST_MS = DAY_MS
FIRST_SECONDS = 60.0  # the start has other things to do
ROUND_SECONDS = 3600.0
BATCH = 100
MOST_PER_SECOND = 500  # deletes; a disk does a few thousand commits of work in that time


SAYS_NOTHING: Mapping[str, Scalar | In] = {"listed": "", "by_hand_since": 0, "kept_at": 0}
"""A viewer who is on no list, has no badge by hand and no time that is kept for him."""


def _spare_nothing(document: Document, now: int) -> bool:
    return False


def _doubtful(document: Document, now: int) -> bool:
    """A lane that was taken over lately: what its former holder may still do is judged by this mark."""
    return int(document.get("taken_over_at") or 0) > now - YOUNGEST_MS


@dataclass(frozen=True, slots=True)
class Rule:
    """`finished`: which documents may go. `since`: the field with the time (UTC ms) from which their age counts.

    `keep_days`, `most` (documents of the collection in all) and `most_each` (of one channel) are `None` for no bound.
    `spare` keeps single ones.
    """

    schema: Schema
    finished: Mapping[str, Scalar | In]
    since: str
    keep_days: int | None
    most: int | None = None
    most_each: int | None = None
    spare: Callable[[Document, int], bool] = _spare_nothing


def rules(
    *,
    inbox_days: int | None = 30,
    history_days: int | None = 400,
    audit_days: int | None = 400,
    most_documents: int | None = 2_000_000,
    channel_viewers: int | None = None,
) -> tuple[Rule, ...]:
    """The table. `inbox_days`: rows that are done, by which a delivery that comes again is recognised. `history_days`:
    ended sessions, settled redemptions, figures by day, viewers of whom nothing more is known than a name.
    `most_documents` bounds each collection, `channel_viewers` what is known of the viewers of one channel."""
    settled = In(tuple(sorted(status.value for status in SETTLED - {RedemptionStatus.ALARMED})))
    return (
        Rule(INBOX, {"state": RowState.DONE.value}, "finished_at", inbox_days, most_documents),
        Rule(SESSIONS, {"status": VipStatus.ENDED.value}, "ended_at", history_days, most_documents),
        Rule(REDEMPTIONS, {"status": settled}, "settled_at", history_days, most_documents),
        Rule(AUDIT, {}, "at", audit_days, most_documents),
        Rule(ANALYTICS, {}, "ends_at", history_days, most_documents),
        Rule(VIEWERS, SAYS_NOTHING, "last_at", history_days, most_documents, channel_viewers),
        Rule(LOGINS, {}, "expires_at", 1, most_documents),
        Rule(CONSENTS, {}, "expires_at", 1, most_documents),
        # A room that was closed still has its name, so that an old link does not lead into a new room.
        Rule(PARTIES, {"state": CLOSED}, "closed_at", 30, most_documents),
        Rule(PARTY_INVITES, {}, "expires_at", 1, most_documents),
        # The fence of a lane begins at the time when it was made, and grows by one with each claim. A lane that is
        # idle is made again when it is needed, with a higher fence, so that removing one costs nothing.
        Rule(LANES, {"due_at": None, "lease_until": None}, "fence", 7, spare=_doubtful),
    )


@dataclass(slots=True)
class Swept:
    """One round: documents removed by collection, and collections that stay above their bound."""

    removed: dict[str, int] = field(default_factory=dict)
    over: dict[str, int] = field(default_factory=dict)


class Retention:
    """Goes through the rules once an hour, slowly. One process at a time is enough; two do no harm."""

    def __init__(
        self, *, store: Store, clock: Clock, metrics: Metrics, rules: Sequence[Rule] = rules()
    ) -> None:
        self._store, self._clock, self._metrics, self._rules = store, clock, metrics, tuple(rules)

    async def run(self) -> None:
        """Sweep until cancelled. A store that does not answer is asked again in the next round."""
        await self._clock.sleep(FIRST_SECONDS)
        while True:
            try:
                swept = await self.sweep()
            except Unavailable as error:
                log.warning("retention.storage_unavailable", code=error.code)
            else:
                self._tell(swept)
            await self._clock.sleep(ROUND_SECONDS)

    def _tell(self, swept: Swept) -> None:
        if any(swept.removed.values()):
            log.info("retention.removed", **{name: count for name, count in swept.removed.items() if count})
        for name, count in swept.over.items():
            log.warning(
                "retention.over_bound",
                collection=name,
                documents=count,
                advice="What is left is unfinished or less than a day old. Look at `cuelight inbox list`, or raise"
                " RETENTION_MAX_DOCUMENTS (of one channel: QUOTA_CHANNEL_VIEWERS).",
            )

    async def sweep(self) -> Swept:
        """One round. Raises what the store raises; what was removed until then is removed."""
        swept = Swept()
        for rule in self._rules:
            collection = await self._store.collection(rule.schema)
            removed = 0
            if rule.keep_days is not None:
                removed += await self._remove(collection, rule, older_than_ms=rule.keep_days * DAY_MS)
            if rule.most is not None:
                excess = await collection.count({}) - rule.most
                if excess > 0:
                    gone = await self._remove(collection, rule, older_than_ms=0, at_most=excess)
                    removed += gone
                    if gone < excess:
                        swept.over[rule.schema.name] = rule.most + excess - gone
            if rule.most_each is not None:
                removed += await self._thin_out(collection, rule, rule.most_each, swept)
            swept.removed[rule.schema.name] = removed
            self._metrics.count("retention_removed_total", removed, collection=rule.schema.name)
        return swept

    async def _thin_out(self, collection: Collection, rule: Rule, most: int, swept: Swept) -> int:
        """Bring what there is of each channel down to `most` documents."""
        removed = 0
        for channel_id, count in (await collection.tally("channel_id", {})).items():
            if count <= most:
                continue
            gone = await self._remove(
                collection, rule, older_than_ms=0, at_most=count - most, of={"channel_id": channel_id}
            )
            removed += gone
            if count - gone > most:
                swept.over[f"{rule.schema.name} of {channel_id}"] = count - gone
        return removed

    async def _remove(
        self,
        collection: Collection,
        rule: Rule,
        *,
        older_than_ms: int,
        at_most: int | None = None,
        of: Mapping[str, Scalar] = MappingProxyType({}),
    ) -> int:
        """Delete finished documents, the oldest first, a batch at a time with a pause after each."""
        now = self._clock.now()
        where = {**of, **rule.finished, rule.since: Range(None, now - max(older_than_ms, YOUNGEST_MS))}
        removed, cursor = 0, None
        while at_most is None or removed < at_most:
            limit = BATCH if at_most is None else min(BATCH, at_most - removed)
            page = await collection.find(where, sort=[(rule.since, 1)], limit=limit, after=cursor)
            going = [document for document in page.documents if not rule.spare(document, now)]
            # By its revision: what was sent round again or woke up since we looked stays.
            gone = await asyncio.gather(
                *[collection.delete(document["_id"], rev=document["rev"]) for document in going]
            )
            removed += sum(gone)
            cursor = page.cursor
            if cursor is None:
                break
            await self._clock.sleep(len(page.documents) / MOST_PER_SECOND)
        return removed
