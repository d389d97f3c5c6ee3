"""Joins the handlers: store, topics and Helix in; inbox, worker, scheduler and everything between out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import Random

import structlog

from domain.errors import Broken
from domain.inbox import InboxRow
from domain.ports import Checkpoint, Clock, Metrics, no_checkpoint
from gateways.signals.contracts import Signals
from gateways.topics.contracts import Topics
from gateways.twitch.contracts import Helix
from handlers.due_work import Expiries
from handlers.elsewhere import SIGNAL, Elsewhere
from handlers.eventsub import EventSubIntake
from handlers.intake import Intake, Poke
from handlers.table import build_table
from handlers.vip.announce import Announcer, ChatWriter
from handlers.vip.endings import Endings
from handlers.vip.late import LateShow
from handlers.vip.live import VERSIONS, Live
from handlers.vip.reconcile import Reconciliation
from handlers.vip.redeem import Redeeming
from handlers.vip.restore import Restoring
from handlers.vip.tell import LastResort, Teller
from handlers.vip.undo import Undo
from handlers.vip.zombies import Zombies
from handlers.worker import Worker
from storage.audit import AUDIT, AuditTrail
from storage.channels import CHANNELS, Channels
from storage.connections import CONNECTIONS, Connections
from storage.contracts import Store
from storage.inbox import INBOX, Inbox
from storage.lanes import LANES, LEASE_MS, Lanes
from storage.redemptions import REDEMPTIONS, Redemptions
from storage.sessions import SESSIONS, Sessions

log = structlog.get_logger(__name__)

SESSIONS_SIGNAL = "sessions"


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
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """The joined handlers. `poke` tells of a lane that has something to do, whoever handles it. `worker` is to be run
    in a process that works, `elsewhere` in every process of a fleet (`None`: there are no others)."""

    repositories: Repositories
    intake: Intake
    poke: Poke
    worker: Worker
    elsewhere: Elsewhere | None
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
    signals: Signals | None = None,
    works: bool = True,
    owner: str = "",
    entry_versions: Mapping[str, int] = VERSIONS,
) -> Desk:
    """Build every handler and the worker that runs them.

    `chat_sender_id`: the bot account, empty for the streamer. `signals`: to the other processes of a fleet, `None` when
    alone; listeners are joined here, so they are to be started afterwards. `works`: whether this process has the role
    `worker`; one without it needs `signals`. `owner` names the process. `entry_versions`: of the live page's entries.
    """
    r = repositories
    elsewhere = None
    if signals is not None:
        elsewhere = Elsewhere(lanes=r.lanes, signals=signals, clock=clock, metrics=metrics)
    if not works and elsewhere is None:
        raise Broken("A process without workers needs others that it can tell.", code="wiring.no_workers")
    late = _LateWorker()
    poke: Poke = late.poke if works or elsewhere is None else elsewhere.poke

    def conflict(row: InboxRow) -> None:
        metrics.count("inbox_conflicts_total", source=row.source)
        log.error(
            "inbox.conflict", row=row.id, advice="The same message id came with another body: look at both."
        )

    intake = Intake(inbox=r.inbox, poke=poke, metrics=metrics, checkpoint=checkpoint, alarm=conflict)

    def sessions_changed() -> None:
        if signals is not None:
            signals.send(SESSIONS_SIGNAL)

    expiries = Expiries(
        sessions=r.sessions, intake=intake, clock=clock, metrics=metrics, tell=sessions_changed
    )
    live = Live(
        topics=topics,
        channels=r.channels,
        sessions=r.sessions,
        audit=r.audit,
        connections=r.connections,
        intake=intake,
        clock=clock,
        metrics=metrics,
        holder=owner,
        versions=entry_versions,
    )
    announcer = Announcer(audit=r.audit, live=live, intake=intake, channels=r.channels)
    teller = Teller(
        sessions=r.sessions, announcer=announcer, metrics=metrics, session_changed=expiries.session_changed
    )
    restoring = Restoring(sessions=r.sessions, helix=helix, announcer=announcer, clock=clock, metrics=metrics)
    endings = Endings(
        sessions=r.sessions,
        helix=helix,
        announcer=announcer,
        restoring=restoring,
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
            restoring=restoring,
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
        zombies=Zombies(
            inbox=r.inbox,
            intake=intake,
            sessions=r.sessions,
            redemptions=r.redemptions,
            helix=helix,
            restoring=restoring,
            endings=endings,
            undo=undo,
            announcer=announcer,
            clock=clock,
            metrics=metrics,
        ),
        late=LateShow(live=live, channels=r.channels, sessions=r.sessions, audit=r.audit),
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
        elsewhere=elsewhere,
    )
    late.worker = worker
    if signals is not None and works:
        signals.listen(SIGNAL, lambda lane: worker.look())
        signals.listen(SESSIONS_SIGNAL, lambda session_id: expiries.look())
    eventsub = EventSubIntake(intake=intake, metrics=metrics, revoked=revoked)
    return Desk(repositories, intake, poke, worker, elsewhere, expiries, live, eventsub)


class _LateWorker:
    """The intake pokes the worker, the worker's handlers feed the intake: one of them has to be joined later."""

    worker: Worker | None = None

    def poke(self, lane: str) -> None:
        if self.worker is not None:
            self.worker.poke(lane)
