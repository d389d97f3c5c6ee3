"""Opens what keeps: keys, store, repositories. SQLite for one daemon, MongoDB for any number."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from daemon.keys import load_keys
from daemon.settings import Settings
from daemon.wiring_handlers import Repositories, open_repositories
from domain.ports import Clock, Metrics
from handlers.retention import Retention, rules
from handlers.vip.grants import Grants
from handlers.vip.quotas import Quota
from storage.contracts import Store
from storage.daemons import DAEMONS, Daemons
from storage.open import open_store, sqlite_url
from storage.sealing import Sealer
from storage.sqlite import SQLiteOptions
from storage.tokens import TOKENS

log = structlog.get_logger("daemon")


@dataclass(frozen=True, slots=True)
class Kept:
    """`daemons` is there only where others may open the same store."""

    store: Store
    repositories: Repositories
    grants: Grants
    session_secret: str
    daemons: Daemons | None

    async def close(self) -> None:
        """Sign out, then close."""
        try:
            if self.daemons is not None:
                await self.daemons.leave()
        finally:
            await self.store.close()


async def open_kept(settings: Settings, *, owner: str, clock: Clock, metrics: Metrics) -> Kept:
    """Raises what the store raises, and `NotAlone` beside a daemon that we cannot agree with."""
    keys = await asyncio.to_thread(load_keys, settings)
    for path in keys.made:
        log.info("key made", file=str(path), advice="Back it up: without it, stored tokens cannot be read.")
    mongo = settings.mongo_url.get_secret_value() if settings.mongo_url else None
    shared = settings.redis_address is not None
    options = SQLiteOptions(max_bytes=settings.storage_max_bytes, commit_delay_ms=settings.storage_commit_ms)
    store = await open_store(
        mongo or sqlite_url(settings.data_dir), clock=clock, metrics=metrics, sqlite=options
    )
    try:
        daemons = None
        if mongo:
            daemons = Daemons(await store.collection(DAEMONS), id=owner, shared=shared, clock=clock)
            await daemons.enter()
        repositories = await open_repositories(store, clock=clock)
        grants = Grants(tokens=await store.collection(TOKENS), sealer=Sealer(keys.encryption))
        # Where one process owns the store, whatever leases it finds belonged to one that is no more.
        freed = 0 if shared else await repositories.lanes.void_leases()
    except BaseException:
        await store.close()
        raise
    log.info("store open", engine="mongodb" if mongo else "sqlite", leases_freed=freed)
    return Kept(store, repositories, grants, keys.session, daemons)


def quota_of(settings: Settings) -> Quota:
    """What each channel may use, as the operator set it."""
    return Quota(
        per_minute=settings.quota_channel_events_per_minute,
        waiting=settings.quota_channel_waiting,
        viewers=settings.quota_channel_viewers,
    )


def build_retention(settings: Settings, kept: Kept, *, clock: Clock, metrics: Metrics) -> Retention:
    """What is let go of, as the operator set it."""
    table = rules(
        inbox_days=settings.retention_inbox_days,
        history_days=settings.retention_history_days,
        audit_days=settings.retention_audit_days,
        most_documents=settings.retention_max_documents,
        channel_viewers=settings.quota_channel_viewers,
    )
    return Retention(store=kept.store, clock=clock, metrics=metrics, rules=table)
