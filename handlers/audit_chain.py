"""Links the records of the audit trail into chains, behind the work and never in its way.

One process does it for all (`gateways/leases/sole.py`). Should two do it for a moment, the number of a block is unique
in the store: one of them finds it taken and looks again. Whoever makes a block has marked the records of the one
before, and looks only then for what is in none. So a crash at any point leaves nothing out and links nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from domain.audit_chain import MOST_LINKS, Block, next_block
from domain.errors import Unavailable
from domain.ports import Checkpoint, Clock, Metrics, no_checkpoint
from storage.audit_chain import AuditChain, link_of
from storage.contracts import Document

log = structlog.get_logger(__name__)

ROUND_SECONDS = 5.0
MOST_PER_SECOND = 1000  # records; after an update there may be millions that are in no block


class Linker:
    """Makes blocks of what is in none."""

    def __init__(
        self, *, chain: AuditChain, clock: Clock, metrics: Metrics, checkpoint: Checkpoint = no_checkpoint
    ) -> None:
        self._chain, self._clock, self._metrics, self._checkpoint = chain, clock, metrics, checkpoint

    async def run(self) -> None:
        """Link until cancelled. A store that does not answer is asked again in the next round."""
        while True:
            try:
                while count := await self.round():
                    await self._clock.sleep(count / MOST_PER_SECOND)
            except Unavailable as error:
                log.warning("audit_chain.storage_unavailable", code=error.code)
            await self._clock.sleep(ROUND_SECONDS)

    async def round(self) -> int:
        """Link some hundred records; returns how many."""
        lasts: dict[str, Block | None] = {}
        for channel_id in dict.fromkeys(found["channel_id"] for found in await self._chain.unlinked()):
            last = lasts[channel_id] = await self._chain.last(channel_id)
            if last is not None:
                await self._chain.mark(last)
        if not lasts:
            return 0
        # Once more, now that all that stands in a block is marked: what was read before may be in one by now.
        by_channel: dict[str, list[Document]] = {}
        for document in await self._chain.unlinked():
            by_channel.setdefault(document["channel_id"], []).append(document)
        count = 0
        for channel_id, last in lasts.items():
            count += await self._extend(channel_id, last, by_channel.get(channel_id, []))
        if count:
            self._metrics.count("audit_linked_total", count)
        return count

    async def _extend(self, channel_id: str, last: Block | None, documents: Sequence[Document]) -> int:
        links = [link_of(document) for document in documents]
        count = 0
        for start in range(0, len(links), MOST_LINKS):
            block = next_block(channel_id, last, links[start : start + MOST_LINKS], now=self._clock.now())
            self._checkpoint("chain.made")
            if not await self._chain.append(block):
                return count  # another process was first; the next round begins behind its block
            self._checkpoint("chain.appended")
            await self._chain.mark(block)
            last, count = block, count + len(block.links)
        return count
