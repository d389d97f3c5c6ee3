"""Commands that open the store themselves, and the little of the settings that they need for it.

A SQLite store is opened by one process only, so with a running daemon its lock says no. MongoDB lets everybody in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError

from daemon.clock import SystemClock
from daemon.settings import Place
from daemon.settings_fleet import secret_url
from daemon.settings_words import Problem, SettingsInvalid
from domain.errors import Conflict, NotFound
from domain.ports import Clock
from storage.contracts import Store, every
from storage.daemons import DAEMONS, SILENT_MS
from storage.open import open_store, sqlite_url
from storage.sqlite.files import place

LIVE_MS = 3 * SILENT_MS  # the clock of a fleet and that of this machine may differ


class StorePlace(Place):
    """Where the data lies: DATA_DIR, and MONGO_URL, which wins."""

    mongo_url: Annotated[SecretStr, secret_url("mongodb", "mongodb+srv")] | None = Field(None)

    @classmethod
    def load(cls, *, data_dir: str | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """Read from the environment and `.env`; `data_dir` comes from the command line and wins.

        Raises `SettingsInvalid`."""
        given = {} if not data_dir else {"data_dir": Path(data_dir)}
        try:
            if environ is None:
                return cls(_env_file=".env", **given)  # type: ignore[call-arg, arg-type]
            known = {name: environ[name.upper()] for name in cls.model_fields if environ.get(name.upper())}
            return cls(_env_file=None, _env_prefix="NOT_READ__", **{**known, **given})  # type: ignore[call-arg, arg-type]
        except ValidationError as error:
            problems = [
                Problem(str(detail["loc"][0]).upper(), detail["msg"].removeprefix("Value error, "))
                for detail in error.errors(include_input=False, include_url=False, include_context=False)
            ]
            raise SettingsInvalid(problems) from None

    @property
    def engine(self) -> str:
        """sqlite or mongodb."""
        return "sqlite" if self.mongo_url is None else "mongodb"

    @property
    def url(self) -> str:
        """The URL of the store, perhaps with a password."""
        return sqlite_url(self.data_dir) if self.mongo_url is None else self.mongo_url.get_secret_value()

    def refuse_missing(self) -> None:
        """Raises `NotFound` where there is no SQLite file: opening it would make one."""
        if self.mongo_url is None and not place(self.data_dir).database.exists():
            raise NotFound(
                f"There is no data in {self.data_dir.absolute()}.",
                code="data.nothing",
                advice="Name the data directory with --data-dir or DATA_DIR.",
            )


@asynccontextmanager
async def opened(where: StorePlace, *, migrate: bool = False) -> AsyncIterator[tuple[Store, Clock]]:
    """The store, for as long as the block lasts. Raises what `open_store` raises."""
    clock = SystemClock()
    store = await open_store(where.url, clock=clock, migrate=migrate)
    try:
        yield store, clock
    finally:
        await store.close()


async def refuse_running(store: Store, clock: Clock) -> None:
    """Raises `Conflict` if a daemon works on this store now (of SQLite, the lock has said so before)."""
    now = clock.now()
    async for document in every(await store.collection(DAEMONS), {}):
        if abs(now - document["seen_at"]) < LIVE_MS:
            raise Conflict(
                "A daemon works on this store.",
                code="data.in_use",
                advice=f"Stop every daemon first; one that was killed counts as gone after {LIVE_MS // 1000} seconds.",
            )
