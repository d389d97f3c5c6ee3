"""What the doctor writes down, and what each of its checks is given."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from daemon.admin_client import admin_call
from daemon.settings import Settings
from domain.errors import CuelightError
from domain.ports import Clock
from gateways.http import HttpClient
from gateways.redis.link import RedisLink
from storage.contracts import Store

State = Literal["ok", "warning", "failed", "skipped"]
CHECK_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and, where it is not well, what to do."""

    check: str
    state: State
    detail: str
    advice: str = ""

    def told(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Patient:
    """The settings and what can be reached with them. `status` is what the running daemon says of itself, `None`
    where none runs with this data directory; `store` is open where we may open it ourselves, `unopened` where we
    should have been able to. `fleet`: the daemons that work on the same database."""

    settings: Settings
    clock: Clock
    http: HttpClient
    status: dict[str, Any] | None = None
    store: Store | None = None
    link: RedisLink | None = None
    fleet: list[str] = field(default_factory=list)
    unopened: bool = False

    @property
    def running(self) -> bool:
        """Whether a daemon works, here or elsewhere on the same database."""
        return self.status is not None or bool(self.fleet)

    async def ask(self, command: str) -> Any:
        """Ask the daemon of this data directory. Raises as `admin_call` does."""
        return await asyncio.to_thread(
            admin_call, self.settings.data_dir, command, timeout_seconds=CHECK_SECONDS
        )


Check = Callable[[Patient], Awaitable[Sequence[Finding]]]


async def looked_at(name: str, check: Check, patient: Patient, *, advice: str = "") -> list[Finding]:
    """Run one check within its time; what it raises is a finding, with `advice` where the error has none."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return list(await check(patient))
    except TimeoutError:
        return [Finding(name, "failed", f"No answer within {CHECK_SECONDS:.0f} seconds.", advice)]
    except CuelightError as error:
        return [failed(name, error, advice=advice)]
    except Exception as error:
        return [Finding(name, "failed", f"The check failed ({type(error).__name__}).", "Please report this.")]


def failed(name: str, error: CuelightError, *, advice: str = "") -> Finding:
    """One of our errors as a line."""
    return Finding(name, "failed", error.message, error.advice or advice)
