"""Redemptions by Twitch's id: the record that makes a redemption idempotent, whichever way it came."""

from __future__ import annotations

from domain.redemption import SETTLED, Redemption, RedemptionStatus, moved
from storage.codec import from_document, to_document
from storage.contracts import Collection, Document, Duplicate, In, Schema, StorageBroken, Where, every

REDEMPTIONS = Schema(
    name="redemptions",
    fields={"channel_id": str, "viewer_id": str, "status": str, "redeemed_at": int, "settled_at": int},
    indexes=(("channel_id", "status", "redeemed_at"), ("status", "settled_at")),
)


class Redemptions:
    def __init__(self, redemptions: Collection) -> None:
        self._redemptions = redemptions

    async def begin(self, redemption: Redemption) -> Redemption:
        """Store a redemption if it is new; what is stored is returned."""
        before = await self.get(redemption.id)
        if before is not None:
            return before
        try:
            await self._redemptions.insert(to_document(redemption))
        except Duplicate:
            return await self.get(redemption.id) or redemption
        return redemption

    async def get(self, redemption_id: str) -> Redemption | None:
        document = await self._redemptions.get(redemption_id)
        return None if document is None else from_document(Redemption, document)

    async def move(
        self,
        redemption_id: str,
        to: RedemptionStatus,
        *,
        now: int,
        reason: str = "",
        outcome: str = "",
        session_id: str = "",
    ) -> Redemption:
        """Move one along its table (`domain.redemption.MOVES`). Raises `Broken` for an illegal move."""

        def apply(document: Document) -> Document:
            before = from_document(Redemption, document)
            return to_document(
                moved(before, to, now=now, reason=reason, outcome=outcome, session_id=session_id)
            )

        document = await self._redemptions.change(redemption_id, apply)
        if document is None:
            raise StorageBroken(f"Redemption {redemption_id} is not stored.")
        return from_document(Redemption, document)

    async def unsettled(self, channel_id: str) -> list[Redemption]:
        """Everything of a channel that has not come to its end, the oldest first."""
        open_ones = In(tuple(sorted(status.value for status in set(RedemptionStatus) - SETTLED)))
        where: Where = {"channel_id": channel_id, "status": open_ones}
        found = every(self._redemptions, where, sort=[("redeemed_at", 1)])
        return [from_document(Redemption, document) async for document in found]

    async def counts(self, channel_id: str) -> dict[str, int]:
        """How many redemptions of a channel are in each status."""
        tally = await self._redemptions.tally("status", {"channel_id": channel_id})
        return {str(status): count for status, count in tally.items()}
