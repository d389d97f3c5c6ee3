"""Joins the handlers: store, topics and Helix in; inbox, worker, scheduler and everything between out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

import structlog

from domain.inbox import InboxRow
from domain.ports import Checkpoint, Clock, Metrics, no_checkpoint
from gateways.topics.contracts import Topics
from gateways.twitch.contracts import Helix
from handlers.due_work import Expiries
from handlers.eventsub import EventSubIntake
from handlers.intake import Intake
from handlers.table import build_table
from handlers.vip.announce import Announcer, ChatWriter
from handlers.vip.endings import Endings
from handlers.vip.live import Live
from handlers.vip.reconcile import Reconciliation
from handlers.vip.redeem import Redeeming
from handlers.vip.tell import LastResort, Teller
from handlers.vip.undo import Undo
from handlers.worker import Worker
from storage.audit import AUDIT, AuditTrail
from storage.channels import CHANNELS, Channels
from storage.contracts import Store
from storage.inbox import INBOX, Inbox
from storage.lanes import LANES, Lanes
from storage.redemptions import REDEMPTIONS, Redemptions
from storage.sessions import SESSIONS, Sessions

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Repositories:
    """One per aggregate."""

    inbox: Inbox
    lanes: Lanes
    channels: Channels
    redemptions: Redemptions
    sessions: Sessions
    audit: AuditTrail


async def open_repositories(store: Store, *, clock: Clock, lease_ms: int = 30_000) -> Repositories:
    """Open every collection; raises what the store raises."""
    return Repositories(
        inbox=Inbox(await store.collection(INBOX), clock=clock),
        lanes=Lanes(await store.collection(LANES), clock=clock, lease_ms=lease_ms),
        channels=Channels(await store.collection(CHANNELS)),
        redemptions=Redemptions(await store.collection(REDEMPTIONS)),
        sessions=Sessions(await store.collection(SESSIONS)),
        audit=AuditTrail(await store.collection(AUDIT)),
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """The joined handlers."""

    repositories: Repositories
    intake: Intake
    worker: Worker
    expiries: Expiries
    live: Live
    eventsub: EventSubIntake


async def _nobody(channel_id: str, status: str) -> None:
    """Nobody watches over revocations."""


def join_handlers(
    repositories: Repositories,
    *,
    topics: Topics,
    helix: Helix,
    clock: Clock,
    metrics: Metrics,
    random: Random,
    checkpoint: Checkpoint = no_checkpoint,
    revoked: Callable[[str, str], Awaitable[None]] = _nobody,
    chat_sender_id: str = "",
    workers: int = 64,
) -> Desk:
    """Build every handler and the worker that runs them. `chat_sender_id`: the bot account, empty for the streamer."""
    r = repositories
    late = _LateWorker()

    def conflict(row: InboxRow) -> None:
        metrics.count("inbox_conflicts_total", source=row.source)
        log.error(
            "inbox.conflict", row=row.id, advice="The same message id came with another body: look at both."
        )

    intake = Intake(inbox=r.inbox, poke=late.poke, metrics=metrics, checkpoint=checkpoint, alarm=conflict)
    expiries = Expiries(sessions=r.sessions, intake=intake, clock=clock, metrics=metrics)
    live = Live(
        topics=topics, channels=r.channels, sessions=r.sessions, audit=r.audit, clock=clock, metrics=metrics
    )
    announcer = Announcer(audit=r.audit, live=live, intake=intake, channels=r.channels)
    teller = Teller(
        sessions=r.sessions, announcer=announcer, metrics=metrics, session_changed=expiries.session_changed
    )
    endings = Endings(
        sessions=r.sessions,
        helix=helix,
        announcer=announcer,
        clock=clock,
        metrics=metrics,
        checkpoint=checkpoint,
    )
    undo = Undo(
        channels=r.channels,
        redemptions=r.redemptions,
        sessions=r.sessions,
        endings=endings,
        announcer=announcer,
        teller=teller,
        clock=clock,
    )
    table = build_table(
        redeeming=Redeeming(
            channels=r.channels,
            redemptions=r.redemptions,
            sessions=r.sessions,
            helix=helix,
            endings=endings,
            undo=undo,
            teller=teller,
            live=live,
            clock=clock,
            checkpoint=checkpoint,
        ),
        undo=undo,
        endings=endings,
        reconciliation=Reconciliation(
            channels=r.channels,
            redemptions=r.redemptions,
            sessions=r.sessions,
            helix=helix,
            intake=intake,
            metrics=metrics,
            checkpoint=checkpoint,
        ),
        chat=ChatWriter(helix=helix, sender_id=chat_sender_id, metrics=metrics),
        last_resort=LastResort(redemptions=r.redemptions, intake=intake, teller=teller, clock=clock),
    )
    worker = Worker(
        inbox=r.inbox,
        lanes=r.lanes,
        table=table,
        clock=clock,
        metrics=metrics,
        checkpoint=checkpoint,
        random=random,
        size=workers,
    )
    late.worker = worker
    eventsub = EventSubIntake(intake=intake, metrics=metrics, revoked=revoked)
    return Desk(repositories, intake, worker, expiries, live, eventsub)


class _LateWorker:
    """The intake pokes the worker, the worker's handlers feed the intake: one of them has to be joined later."""

    worker: Worker | None = None

    def poke(self, lane: str) -> None:
        if self.worker is not None:
            self.worker.poke(lane)
