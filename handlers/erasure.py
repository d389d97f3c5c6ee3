"""Erases what is held of one viewer, or of a channel, and leaves an audit trail that can be verified as before.

Document by document; repeating it completes it, and who repeats it when all is done finds nothing. That an erasure
happened is written into the trail, without a name, before the first document goes. What has to happen at Twitch first
is the business of `handlers/erasure_rows.py`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress

from domain.audit import SYSTEM, Action, Actor, AuditRecord
from domain.audit_chain import names_person
from domain.ports import Checkpoint, Clock, Metrics, NullMetrics, no_checkpoint
from gateways.topics.contracts import Topics
from handlers.audit_chain import Linker
from handlers.vip.lanes import chat_in_lane, lane_of
from handlers.vip.live import topic_of
from storage.analytics import ANALYTICS
from storage.audit import AUDIT, AuditTrail
from storage.audit_chain import blanked
from storage.contracts import Collection, Document, Duplicate, Schema, Store
from storage.inbox import INBOX
from storage.lanes import LANES
from storage.parties import PARTIES, PARTY_STATES, subject_of, without_subject
from storage.personal import (
    Found,
    PersonalData,
    emptied_redemption,
    emptied_row,
    without_figures,
    without_owner,
    without_viewer,
)
from storage.redemptions import REDEMPTIONS
from storage.slots import SLOTS

SIDE_BY_SIDE = 32  # documents on their way to the store, which writes them in few commits
LINK_ROUNDS = 20

Counts = dict[str, int]


class Eraser:
    """Implements `handlers.accounts.leaving.Erasure`. `topics`: of the live pages, which begin anew afterwards."""

    def __init__(
        self,
        *,
        store: Store,
        linker: Linker,
        clock: Clock,
        topics: Topics | None = None,
        metrics: Metrics | None = None,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> None:
        self._store, self._clock, self._topics = store, clock, topics
        self._metrics, self._checkpoint = metrics or NullMetrics(), checkpoint
        self.data = PersonalData(store)
        self._linker = linker

    async def count_viewer(self, channel_id: str, viewer_id: str) -> Counts:
        """How many documents of each collection an erasure would change."""
        return await _counted(self.data.of_viewer(channel_id, viewer_id))

    async def count_channel(self, channel_id: str) -> Counts:
        """The same for a channel."""
        return await _counted(self._of_channel(channel_id))

    async def count_account(self, user_id: str) -> Counts:
        """The same for sessions of browsers."""
        return await _counted(self.data.of_account(user_id))

    async def viewer(
        self, channel_id: str, viewer_id: str, *, note: str = "", actor: Actor = SYSTEM
    ) -> Counts:
        """Erase what a channel holds of a viewer who is no VIP of ours any more. `note`: the id of the record that
        tells of it. Returns how many documents of each collection went or were emptied."""
        note = note or _note_id()
        await self._announce(
            channel_id, note, actor, "viewer", await self.count_viewer(channel_id, viewer_id)
        )
        done = await self._all(self.data.of_viewer(channel_id, viewer_id), note, viewer_id)
        for lane in (lane_of(channel_id, viewer_id), chat_in_lane(channel_id, viewer_id)):
            await self._forget_lane(lane)
        if done:
            await self._begin_page_anew(channel_id)
        return done

    async def channel(self, channel_id: str) -> None:
        """Erase what is held of a channel that is looked after no more."""
        await self.whole_channel(channel_id)

    async def whole_channel(self, channel_id: str, *, note: str = "", actor: Actor = SYSTEM) -> Counts:
        """The same; returns how many documents of each collection went or were emptied."""
        note = note or _note_id()
        await self._announce(channel_id, note, actor, "channel", await self.count_channel(channel_id))
        done = await self._all(self._of_channel(channel_id), note, "")
        if done:
            await self._begin_page_anew(channel_id)
        return done

    async def account(self, user_id: str) -> Counts:
        """Sign somebody out everywhere."""
        return await self._all(self.data.of_account(user_id), "", "")

    async def _of_channel(self, channel_id: str) -> AsyncIterator[Found]:
        for found in (
            self.data.of_channel(channel_id),
            self.data.of_account(channel_id),
            self.data.grant_of(channel_id),
        ):
            async for each in found:
                yield each

    async def _announce(
        self, channel_id: str, note: str, actor: Actor, scope: str, counts: Mapping[str, int]
    ) -> None:
        """Whatever happens from here on, the trail tells why records of it are empty."""
        if not counts or not channel_id:
            return
        record = AuditRecord(
            id=note,
            channel_id=channel_id,
            at=self._clock.now(),
            action=Action.ERASURE,
            actor=actor,
            cause="dashboard" if actor.id else "operator",
            detail={"scope": scope, "documents": dict(counts)},
        )
        await AuditTrail(await self._store.collection(AUDIT)).add(record)
        self._checkpoint("erasure.noted")

    async def _all(self, found: AsyncIterator[Found], note: str, viewer_id: str) -> Counts:
        done: Counter[str] = Counter()
        batch: list[Found] = []

        async def flush() -> None:
            changes = [self._one(schema, document, note, viewer_id) for schema, document in batch]
            for outcome in await asyncio.gather(*changes, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
                schema, gone = outcome
                done[schema.name] += gone
            batch.clear()
            self._checkpoint("erasure.some")

        async for schema, document in found:
            # Rows that say nothing but a name go before what tells the names: who comes after a crash needs them.
            if len(batch) >= SIDE_BY_SIDE or (batch and batch[-1][0] is INBOX and schema is not INBOX):
                await flush()
            batch.append((schema, document))
        await flush()
        for name, count in done.items():
            self._metrics.count("data_erased_total", count, collection=name)
        return {name: count for name, count in sorted(done.items()) if count}

    async def _one(
        self, schema: Schema, document: Document, note: str, viewer_id: str
    ) -> tuple[Schema, bool]:
        collection = await self._store.collection(schema)
        if schema is AUDIT:
            return schema, await self._record(collection, document, note, viewer_id)
        empty = _EMPTIED_OF_VIEWER if viewer_id else _EMPTIED_OF_CHANNEL
        left = empty.get(schema.name)
        if left is None or (schema is INBOX and names_person(document["_id"], viewer_id)):
            return schema, await collection.delete(document["_id"])
        after = await collection.change(document["_id"], lambda held: left(held, viewer_id))
        return schema, after is not None

    async def _record(self, records: Collection, document: Document, note: str, viewer_id: str) -> bool:
        """Leave the commitment of a record. One whose id names a person goes on under another id: the chain finds it by
        its time and its commitment, once it is linked."""
        record_id = document["_id"]
        stub = await records.change(
            record_id, lambda held: None if held.get("erased") else blanked(held, note=note, person=viewer_id)
        )
        if stub is None or not stub["unnamed"]:
            return stub is not None
        for _ in range(LINK_ROUNDS):
            if stub is None or stub.get("linked"):
                break
            await self._linker.round()
            stub = await records.get(record_id)
        if stub is not None and stub.get("linked"):
            with suppress(Duplicate):
                await records.insert({**stub, "_id": f"erased:{stub['commitment'][:40]}"})
            self._checkpoint("erasure.renamed")
            await records.delete(record_id)
        return True

    async def _forget_lane(self, lane: str) -> None:
        """A lane that is made again has a higher fence; one that is in use goes with the next retention."""
        lanes = await self._store.collection(LANES)
        document = await lanes.get(lane)
        if document is not None and document.get("due_at") is None and document.get("lease_until") is None:
            await lanes.delete(lane, rev=document["rev"])

    async def _begin_page_anew(self, channel_id: str) -> None:
        """What the live page was told lies in its topic: with a new epoch it is gone, and open pages take a fresh
        picture."""
        if self._topics is not None and channel_id:
            topic = topic_of(channel_id)
            head = await self._topics.head(topic)
            await self._topics.reseed(topic, {}, head.position.epoch)


_Left = Callable[[Document, str], Document | None]
_EMPTIED_OF_VIEWER: Mapping[str, _Left] = {
    INBOX.name: lambda row, _: emptied_row(row),
    REDEMPTIONS.name: lambda redemption, _: emptied_redemption(redemption),
    SLOTS.name: without_viewer,
    ANALYTICS.name: without_figures,
    PARTIES.name: lambda party, _: without_owner(party),
    PARTY_STATES.name: lambda state, viewer_id: {
        **state,
        "body": without_subject(state["body"], subject_of(viewer_id)),
    },
}
_EMPTIED_OF_CHANNEL: Mapping[str, _Left] = {INBOX.name: lambda row, _: emptied_row(row)}
"""What is left of documents; all others are removed."""


def _note_id() -> str:
    return f"erasure:{secrets.token_hex(16)}"


async def _counted(found: AsyncIterator[Found]) -> Counts:
    counts: Counter[str] = Counter()
    async for schema, _ in found:
        counts[schema.name] += 1
    return dict(sorted(counts.items()))
