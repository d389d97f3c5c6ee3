"""Opens every repository of this release on a store."""

from __future__ import annotations

from dataclasses import dataclass

from domain.ports import Clock
from storage.analytics import ANALYTICS, CountedDays, TrailSpans
from storage.audit import AUDIT, AuditTrail
from storage.channels import CHANNELS, Channels
from storage.connections import CONNECTIONS, Connections
from storage.contracts import Store
from storage.inbox import INBOX, Inbox
from storage.lanes import LANES, LEASE_MS, Lanes
from storage.pulses import CHATS, PULSES, Chats, Pulses
from storage.redemptions import REDEMPTIONS, Redemptions
from storage.sessions import SESSIONS, Sessions
from storage.slots import SLOTS, SlotsOf
from storage.streams import STREAMS, Streams
from storage.transports import TRANSPORTS, Transports
from storage.viewers import VIEWERS, Viewers


@dataclass(frozen=True, slots=True)
class Repositories:
    """One per aggregate."""

    inbox: Inbox
    lanes: Lanes
    channels: Channels
    redemptions: Redemptions
    sessions: Sessions
    audit: AuditTrail
    connections: Connections
    counted_days: CountedDays
    trail: TrailSpans
    viewers: Viewers
    slots: SlotsOf
    streams: Streams
    transports: Transports
    pulses: Pulses
    chats: Chats


async def open_repositories(store: Store, *, clock: Clock, lease_ms: int = LEASE_MS) -> Repositories:
    """Open every collection; raises what the store raises."""
    return Repositories(
        inbox=Inbox(await store.collection(INBOX), clock=clock),
        lanes=Lanes(await store.collection(LANES), clock=clock, lease_ms=lease_ms),
        channels=Channels(await store.collection(CHANNELS)),
        redemptions=Redemptions(await store.collection(REDEMPTIONS)),
        sessions=Sessions(await store.collection(SESSIONS)),
        audit=AuditTrail(await store.collection(AUDIT)),
        connections=Connections(await store.collection(CONNECTIONS)),
        counted_days=CountedDays(await store.collection(ANALYTICS)),
        trail=TrailSpans(await store.collection(AUDIT)),
        viewers=Viewers(await store.collection(VIEWERS)),
        slots=SlotsOf(await store.collection(SLOTS)),
        streams=Streams(await store.collection(STREAMS)),
        transports=Transports(await store.collection(TRANSPORTS)),
        pulses=Pulses(await store.collection(PULSES)),
        chats=Chats(await store.collection(CHATS)),
    )
