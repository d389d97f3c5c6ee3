"""Joins the handlers: store, topics and Helix in; inbox, worker, scheduler and everything between out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import Random

import structlog

from daemon.wiring_causes import join_causes
from daemon.wiring_leaving import with_accounts
from daemon.wiring_messages import MessageParts, Telling, join_messages
from daemon.wiring_repositories import Repositories, open_repositories
from daemon.wiring_slots import Slotting, join_slots
from domain.errors import Broken
from domain.inbox import InboxRow
from domain.ports import Checkpoint, Clock, Metrics, no_checkpoint
from gateways.signals.contracts import Signals
from gateways.topics.contracts import Topics
from gateways.twitch.contracts import Helix
from handlers.accounts.parts import AccountParts
from handlers.due_work import Expiries, Waits
from handlers.elsewhere import SIGNAL, Elsewhere
from handlers.eventsub import EventSubIntake
from handlers.intake import Intake, Poke
from handlers.party.from_twitch import FromTwitch
from handlers.party.rewards import PartyRewards, taking_back
from handlers.table import build_table
from handlers.vip.announce import Announcer, ChatWriter
from handlers.vip.book import Book
from handlers.vip.crowded import CrowdedOut
from handlers.vip.endings import Endings
from handlers.vip.hands import Hands
from handlers.vip.late import LateShow
from handlers.vip.let_go import LettingGo
from handlers.vip.live import VERSIONS, Live
from handlers.vip.oldest_out import OldestOut
from handlers.vip.pulse import Listening, PulseKeeper
from handlers.vip.quotas import USUAL, ChannelQuota, Quota, passed_over, with_quota
from handlers.vip.reconcile import Reconciliation
from handlers.vip.redeem import Redeeming
from handlers.vip.restore import Restoring
from handlers.vip.retiring import Retiring
from handlers.vip.settle import Settlement
from handlers.vip.stream import GRACE_SECONDS
from handlers.vip.tell import LastResort, Teller
from handlers.vip.undo import Undo
from handlers.vip.zombies import Zombies
from handlers.worker import Worker

__all__ = ("Desk", "Repositories", "join_handlers", "open_repositories")

log = structlog.get_logger(__name__)

SESSIONS_SIGNAL = "sessions"


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
    book: Book
    eventsub: Listening
    keeper: PulseKeeper
    slotting: Slotting
    waits: Waits
    telling: Telling


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
    stream_grace_seconds: float = GRACE_SECONDS,
    accounts: AccountParts | None = None,
    messages: MessageParts | None = None,
    quota: Quota = USUAL,
    party: FromTwitch | None = None,
) -> Desk:
    """Build every handler and the worker that runs them.

    `chat_sender_id`: the bot account, empty for the streamer. `signals`: to the other processes of a fleet, `None` when
    alone; listeners are joined here, so they are to be started afterwards. `works`: whether this process has the role
    `worker`; one without it needs `signals`. `owner` names the process. `entry_versions`: of the live page's entries.
    `stream_grace_seconds`: how long a stream may be gone before it ends. `accounts`: without them, no channel leaves.
    `messages`: without them, nothing is told on Discord.
    `quota`: of each channel. `party`: without it, rewards that have to do with watch parties give the points back.
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
        sessions=r.sessions,
        channels=r.channels,
        intake=intake,
        clock=clock,
        metrics=metrics,
        tell=sessions_changed,
    )
    live = Live(
        topics=topics,
        channels=r.channels,
        sessions=r.sessions,
        viewers=r.viewers,
        slots=r.slots,
        streams=r.streams,
        transports=r.transports,
        audit=r.audit,
        connections=r.connections,
        intake=intake,
        clock=clock,
        metrics=metrics,
        holder=owner,
        versions=entry_versions,
    )
    book = Book(audit=r.audit, live=live, clock=clock)
    announcer = Announcer(audit=r.audit, live=live, intake=intake, channels=r.channels)
    slotting = join_slots(r, intake=intake, live=live, helix=helix, clock=clock, checkpoint=checkpoint)
    teller = Teller(
        sessions=r.sessions,
        announcer=announcer,
        metrics=metrics,
        session_changed=expiries.session_changed,
        settled=slotting.waiting.settled,
    )
    restoring = Restoring(sessions=r.sessions, helix=helix, announcer=announcer, clock=clock, metrics=metrics)
    hands = Hands(viewers=r.viewers, room=slotting.room, announcer=announcer, live=live, clock=clock)
    endings = Endings(
        channels=r.channels,
        sessions=r.sessions,
        viewers=r.viewers,
        helix=helix,
        room=slotting.room,
        hands=hands,
        announcer=announcer,
        live=live,
        restoring=restoring,
        clock=clock,
        metrics=metrics,
        checkpoint=checkpoint,
        session_changed=expiries.session_changed,
    )
    causing = join_causes(
        r,
        slotting=slotting,
        endings=endings,
        hands=hands,
        announcer=announcer,
        live=live,
        intake=intake,
        helix=helix,
        clock=clock,
        metrics=metrics,
        checkpoint=checkpoint,
        session_changed=expiries.session_changed,
        stream_grace_seconds=stream_grace_seconds,
        most_listed=quota.viewers,
    )
    undo = Undo(
        channels=r.channels,
        redemptions=r.redemptions,
        sessions=r.sessions,
        endings=endings,
        announcer=announcer,
        teller=teller,
        clock=clock,
        take_back=taking_back(party),
    )
    settlement = Settlement(
        redemptions=r.redemptions, helix=helix, undo=undo, clock=clock, checkpoint=checkpoint
    )
    letting_go = LettingGo(
        redemptions=r.redemptions, waiting=slotting.waiting, settlement=settlement, teller=teller
    )
    telling = join_messages(
        r,
        parts=messages,
        speakers=accounts.speakers if accounts else None,
        chat_sender_id=chat_sender_id,
        announcer=announcer,
        waiting=slotting.waiting,
        intake=intake,
        book=book,
        clock=clock,
        metrics=metrics,
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
            eligibility=slotting.eligibility,
            room=slotting.room,
            waiting=slotting.waiting,
            settlement=settlement,
            letting_go=letting_go,
            party=PartyRewards(
                party=party,
                viewers=r.viewers,
                helix=helix,
                settlement=settlement,
                teller=teller,
                checkpoint=checkpoint,
            ),
            viewers=r.viewers,
            teller=teller,
            live=live,
            clock=clock,
            checkpoint=checkpoint,
        ),
        letting_go=letting_go,
        oldest_out=OldestOut(
            room=slotting.room,
            waiting=slotting.waiting,
            endings=endings,
            channels=r.channels,
            sessions=r.sessions,
            viewers=r.viewers,
        ),
        pausing=slotting.pausing,
        undo=undo,
        endings=endings,
        retiring=Retiring(
            channels=r.channels,
            redemptions=r.redemptions,
            helix=helix,
            intake=intake,
            book=book,
            checkpoint=checkpoint,
        ),
        reconciliation=Reconciliation(
            channels=r.channels,
            redemptions=r.redemptions,
            sessions=r.sessions,
            helix=helix,
            intake=intake,
            waiting=slotting.waiting,
            people=causing.people,
            on_air=causing.on_air,
            metrics=metrics,
            clock=clock,
            checkpoint=checkpoint,
        ),
        chat=ChatWriter(
            helix=helix,
            channels=r.channels,
            chats=r.chats,
            live=live,
            sender_id=chat_sender_id,
            speakers=accounts.speakers if accounts else None,
            clock=clock,
            metrics=metrics,
        ),
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
        by_hand=causing.by_hand,
        contributions=causing.contributions,
        people=causing.people,
        on_air=causing.on_air,
        commands=telling.commands,
        reminders=telling.reminders,
        discord=telling.discord,
        late=LateShow(live=live, channels=r.channels, sessions=r.sessions, viewers=r.viewers, audit=r.audit),
    )
    if accounts is not None:
        table = with_accounts(
            table, r, accounts=accounts, endings=endings, intake=intake, helix=helix, clock=clock
        )
    counted = ChannelQuota(
        per_minute=quota.per_minute, most_waiting=quota.waiting, clock=clock, metrics=metrics
    )
    crowded = CrowdedOut(
        channels=r.channels,
        redemptions=r.redemptions,
        settlement=settlement,
        letting_go=letting_go,
        teller=teller,
        clock=clock,
    )
    turned_away = {"redemption.add": crowded.give_back, "chat.message": passed_over}
    worker = Worker(
        inbox=r.inbox,
        lanes=r.lanes,
        table=with_quota(table, counted, turned_away),
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
    keeper = PulseKeeper(pulses=r.pulses, clock=clock)
    eventsub = Listening(
        intake=EventSubIntake(intake=intake, metrics=metrics, revoked=revoked), keeper=keeper
    )
    return Desk(
        repositories,
        intake,
        poke,
        worker,
        elsewhere,
        expiries,
        live,
        book,
        eventsub,
        keeper,
        slotting,
        Waits(waiting=slotting.waiting, clock=clock),
        telling,
    )


class _LateWorker:
    """The intake pokes the worker, the worker's handlers feed the intake: one of them has to be joined later."""

    worker: Worker | None = None

    def poke(self, lane: str) -> None:
        if self.worker is not None:
            self.worker.poke(lane)
