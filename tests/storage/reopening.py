"""A store opened again as `cuelight migrate` opens it, so that another schema is taken."""

from __future__ import annotations

from daemon.clock import SystemClock
from storage.contracts import Store
from storage.mongo import MongoOptions, open_mongo
from tests.storage.conftest import Engine, MongoEngine


async def open_for_migration(engine: Engine) -> Store:
    if isinstance(engine, MongoEngine):
        options = MongoOptions(driver=engine.driver)
        return await open_mongo(engine.url, clock=SystemClock(), migrate=True, options=options)
    return await engine.open()  # SQLite does it at each opening
