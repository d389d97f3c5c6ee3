"""Joins what keeps the audit trail verifiable, and what exports and erases: the parts, their rows, their commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

from daemon.privacy_commands import (
    ChainCommands,
    Command,
    EraseCommands,
    ExportCommands,
    privacy_commands,
)
from domain.ports import Clock, Metrics, NullMetrics, no_checkpoint
from domain.retry import MUST_HAPPEN
from gateways.topics.contracts import Topics
from handlers.accounts.parts import AccountParts
from handlers.audit_chain import Linker
from handlers.audit_verify import Verifier
from handlers.erasure import Eraser
from handlers.erasure_rows import CHANNEL, VIEWER, ErasureRows
from handlers.exporting import Exporter
from handlers.intake import Intake
from handlers.vip.operations import Operations
from handlers.work import Handler
from storage.audit import AUDIT
from storage.audit_chain import CHAIN, AuditChain
from storage.channels import CHANNELS, Channels
from storage.contracts import Store
from storage.inbox import INBOX, Inbox
from storage.sessions import SESSIONS, Sessions
from storage.slots import SLOTS, SlotsOf
from web.api.privacy import PrivacyApi

if TYPE_CHECKING:
    from daemon.wiring_handlers import Desk, Repositories


@dataclass(frozen=True, slots=True)
class Privacy:
    """The chain, who makes it, and who erases; and the store that they work on."""

    store: Store
    clock: Clock
    chain: AuditChain
    linker: Linker
    eraser: Eraser


async def open_privacy(
    store: Store, *, clock: Clock, topics: Topics | None = None, metrics: Metrics | None = None
) -> Privacy:
    """Open the collections and join the parts. `topics`: of live pages, where there are any."""
    metrics = metrics or NullMetrics()
    chain = AuditChain(records=await store.collection(AUDIT), blocks=await store.collection(CHAIN))
    linker = Linker(chain=chain, clock=clock, metrics=metrics)
    eraser = Eraser(store=store, linker=linker, clock=clock, topics=topics, metrics=metrics)
    return Privacy(store, clock, chain, linker, eraser)


def privacy_rows(
    repositories: Repositories, *, accounts: AccountParts, intake: Intake, clock: Clock
) -> Mapping[str, Handler]:
    """The rows that erase."""
    r = repositories

    async def give_back(channel_id: str) -> None:
        if not await accounts.bots.speaking(channel_id):  # the streamer may speak in somebody else's channel
            await accounts.tokens.give_back(channel_id)

    rows = ErasureRows(
        eraser=accounts.erasure,
        sessions=r.sessions,
        redemptions=r.redemptions,
        slots=r.slots,
        inbox=r.inbox,
        intake=intake,
        give_back=give_back,
        clock=clock,
    )
    return {VIEWER: Handler(rows.viewer, MUST_HAPPEN), CHANNEL: Handler(rows.channel, MUST_HAPPEN)}


def exporter_of(privacy: Privacy) -> Exporter:
    return Exporter(data=privacy.eraser.data, program=version("cuelight"), clock=privacy.clock)


def privacy_api(privacy: Privacy, *, desk: Desk) -> PrivacyApi:
    """The part of the API that is about a viewer's data."""
    operations = Operations(inbox=desk.repositories.inbox, intake=desk.intake, clock=privacy.clock)
    return PrivacyApi(operations=operations, exporter=exporter_of(privacy), clock=privacy.clock)


class Retained(Protocol):
    """What retention leaves of the audit trail; part of the settings."""

    @property
    def retention_audit_days(self) -> int: ...

    @property
    def retention_max_documents(self) -> int: ...


async def build_privacy_commands(
    privacy: Privacy, retained: Retained, *, intake: Intake | None
) -> Mapping[str, Command]:
    """The commands. `intake`: into the lanes of whoever works on this store, `None` if nobody does."""
    store, clock = privacy.store, privacy.clock
    sessions, slots = Sessions(await store.collection(SESSIONS)), SlotsOf(await store.collection(SLOTS))

    async def open_vips(channel_id: str, viewer_id: str) -> bool:
        waiting = (await slots.get(channel_id)).waiting
        waits = any(wait.viewer_id == viewer_id for wait in waiting)
        return waits or await sessions.open_for(channel_id, viewer_id) is not None

    verifier = Verifier(
        chain=privacy.chain,
        audit_days=retained.retention_audit_days,
        most_documents=retained.retention_max_documents,
    )
    return privacy_commands(
        chain=ChainCommands(chain=privacy.chain, verifier=verifier, clock=clock),
        exports=ExportCommands(exporter=exporter_of(privacy)),
        erasures=EraseCommands(
            eraser=privacy.eraser,
            channels=Channels(await store.collection(CHANNELS)),
            inbox=intake.inbox if intake is not None else Inbox(await store.collection(INBOX), clock=clock),
            clock=clock,
            open_vips=open_vips,
            intake=intake,
        ),
    )


async def open_privacy_commands(
    store: Store, retained: Retained, *, clock: Clock, works: bool
) -> Mapping[str, Command]:
    """The same for a command line that has opened the store itself. `works`: whether daemons work on it, which find
    what is put into their lanes within seconds."""
    intake = None
    if works:
        inbox = Inbox(await store.collection(INBOX), clock=clock)
        intake = Intake(
            inbox=inbox,
            poke=lambda lane: None,
            metrics=NullMetrics(),
            checkpoint=no_checkpoint,
            alarm=lambda row: None,
        )
    return await build_privacy_commands(await open_privacy(store, clock=clock), retained, intake=intake)
