"""Lanes: one document per entity, claimed as a whole, so that its rows are handled one at a time and in order.

Who holds the lease of a lane may handle its rows. `fence` grows with every claim and is written into each row that is
touched, so a holder that lost its lease (stopped for too long) is refused. `wake` grows with every arrival: a holder
that releases learns from it that a row came in after it had looked.

`released` is the fence of the last lease that was given back. A claim that finds another one there takes over from a
holder whose time ran out: it may be dead, or only stopped and about to wake up. `taken_over_at` keeps that in mind.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from domain.ports import Clock
from storage.contracts import Collection, Document, Range, Schema, every

LANES = Schema(name="lanes", claimable=True)

LEASE_MS = 9000


@dataclass(slots=True, eq=False)
class Lease:
    """The right to handle a lane until `deadline` (monotonic seconds of this process), unless it is `lost`.

    It is one object for all who work under it: a renewal moves its deadline, a takeover marks it lost. `wake` stays as
    it was when the lease was taken: arrivals after that make the lane due again at its release. `taken_over_at` (UTC
    ms): when this lane was last taken from a holder that had not given it back; `None` is written when that is settled.
    """

    lane: str
    holder: str
    fence: int
    wake: int
    deadline: float
    taken_over_at: int | None = None
    lost: bool = False


class Lanes:
    """Claim, renew, release. `lease_ms` is how long a silent holder keeps others out."""

    def __init__(self, lanes: Collection, *, clock: Clock, lease_ms: int = LEASE_MS) -> None:
        self._lanes = lanes
        self._clock = clock
        self._lease_ms = lease_ms

    @property
    def lease_seconds(self) -> float:
        return self._lease_ms / 1000

    async def arrive(self, lane: str) -> Lease | None:
        """A row came in: mark the lane due, and claim it if it is free. `None`: its holder will see the row."""
        return await self._take(lane, arrived=True)

    async def claim(self, lane: str) -> Lease | None:
        """Claim a lane by name if it is free, whether due or not."""
        return await self._take(lane, arrived=False)

    async def mark_due(self, lane: str) -> None:
        """A row came in, and somebody else shall handle it: mark the lane due and claim nothing."""
        now = self._clock.now()
        await self._lanes.change(lane, lambda document: _arrived(document, now), initial=_new(now))

    async def _take(self, lane: str, *, arrived: bool) -> Lease | None:
        now, started, holder = self._clock.now(), self._clock.monotonic(), secrets.token_hex(8)
        until = now + self._lease_ms

        def take(document: Document) -> Document:
            if arrived:
                _arrived(document, now)
            if (document.get("lease_until") or 0) <= now:
                document["lease_owner"], document["lease_until"] = holder, until
                document["fence"] = (document.get("fence") or 0) + 1
            return document

        document = await self._lanes.change(lane, take, initial=_new(now))
        if document is None or document["lease_owner"] != holder:
            return None
        return self._lease(document, holder, started, now)

    async def claim_due(self) -> Lease | None:
        """Claim the lane that is due longest and free: retries, left-overs of a crash, other processes' rows."""
        now, started, holder = self._clock.now(), self._clock.monotonic(), secrets.token_hex(8)
        document = await self._lanes.claim(owner=holder, now=now, lease_ms=self._lease_ms)
        return None if document is None else self._lease(document, holder, started, now)

    def _lease(self, document: Document, holder: str, started: float, now: int) -> Lease:
        before = document["fence"] - 1
        # A lane without the mark was last written by a release that did not know of it: taken as given back.
        given_back = document.get("released", before) == before
        return Lease(
            lane=document["_id"],
            holder=holder,
            fence=document["fence"],
            wake=document.get("wake", 0),
            # Counted from before the claim was sent: the true lease may only be longer than what we believe.
            deadline=started + self.lease_seconds,
            # Written down by the release. Who is stopped before that leaves the next one to find the same again.
            taken_over_at=document.get("taken_over_at") if given_back else now,
        )

    async def renew(self, lease: Lease) -> bool:
        """Move the deadline of a lease; false if it was taken over, and then the lease knows that it is lost."""
        now, started = self._clock.now(), self._clock.monotonic()

        def extend(document: Document) -> Document | None:
            if document["lease_owner"] != lease.holder:
                return None
            document["lease_until"] = now + self._lease_ms
            return document

        document = await self._lanes.change(lease.lane, extend)
        if document is None or document["lease_owner"] != lease.holder:
            lease.lost = True
            return False
        lease.deadline = max(lease.deadline, started + self.lease_seconds)
        return True

    async def release(self, lease: Lease, *, due_at: int | None) -> int | None:
        """Give the lane back, due again at `due_at` (UTC ms) or with nothing to do. Rows that arrived since the
        lease was taken make it due at once. Returns when it is due now (`None`: not, or not ours)."""
        now = self._clock.now()

        def free(document: Document) -> Document | None:
            if document["lease_owner"] != lease.holder:
                return None
            document["due_at"] = due_at if document.get("wake", 0) == lease.wake else now
            document["lease_owner"] = document["lease_until"] = None
            document["released"], document["taken_over_at"] = lease.fence, lease.taken_over_at
            return document

        document = await self._lanes.change(lease.lane, free)
        if document is None or document["lease_owner"] is not None:
            return None
        due: int | None = document["due_at"]
        return due

    async def next_due(self) -> int | None:
        """When the next lane becomes due, UTC ms."""
        page = await self._lanes.find({"due_at": Range(0, None)}, sort=[("due_at", 1)], limit=1)
        return int(page.documents[0]["due_at"]) if page.documents else None

    async def void_leases(self) -> int:
        """Free every lease: for a store that exactly one process may open, at its start. Returns how many."""
        freed = 0
        async for document in every(self._lanes, {"lease_until": Range(0, None)}):

            def free(held: Document) -> Document:
                held["lease_owner"] = held["lease_until"] = None
                held["released"] = held.get("fence")  # its holder is no more: nobody will wake up
                return held

            freed += await self._lanes.change(document["_id"], free) is not None
        return freed

    async def is_idle(self, lane: str) -> bool:
        """Whether a lane is neither due nor held: rows in it would wait for ever."""
        document = await self._lanes.get(lane)
        if document is None:
            return True
        return document.get("due_at") is None and (document.get("lease_until") or 0) <= self._clock.now()


def _new(now: int) -> Document:
    # The fence of a lane that is new (or new again after a clean-up) begins at the time: never below an older one.
    return {"due_at": now, "lease_owner": None, "lease_until": None, "fence": now, "wake": 0, "released": now}


def _arrived(document: Document, now: int) -> Document:
    document["wake"] = document.get("wake", 0) + 1
    due = document.get("due_at")
    document["due_at"] = now if due is None else min(due, now)
    return document
