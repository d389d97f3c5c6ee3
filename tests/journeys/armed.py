"""The daemon in a wiring that only fault tests use: at one checkpoint it ends as `kill -9` would end it, or stops as
`SIGSTOP` does; and its wall clock may be wrong.

    KILL_AT          name of the checkpoint (`domain.ports.CHECKPOINTS`); none if it is not set
    KILL_BY          `kill` (default) or `stop`: until somebody sends SIGCONT
    KILL_NTH         at its n-th passing (default 1)
    KILL_TRIGGER     path of a file; passings count only while it is there (default: they always count). It is taken
                     away at the n-th passing, so that of several daemons with one trigger one is hit, and once
    ENTRY_VERSION    version of the `vip` entries that it writes, as a later release would
    CLOCK_OFFSET_MS  how far the machine's wall clock is ahead, in the eyes of this daemon

No other program reads these variables.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from daemon.clock import SystemClock
from daemon.logs import configure_logs
from daemon.settings import load_settings
from daemon.wiring import Daemon
from domain.ports import CHECKPOINTS, Checkpoint, no_checkpoint
from handlers.vip.live import VERSIONS

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Armed:
    """Implements `domain.ports.Checkpoint`."""

    def __init__(self, *, at: str, by: str, nth: int, trigger: Path | None) -> None:
        if at not in CHECKPOINTS:
            raise SystemExit(f"There is no checkpoint {at!r}.")
        self._at, self._signal, self._left, self._trigger = at, SIGNALS[by], nth, trigger

    def __call__(self, name: str) -> None:
        if name not in CHECKPOINTS:
            raise AssertionError(f"The checkpoint {name!r} is not on the list.")
        if name != self._at or (self._trigger is not None and not self._trigger.exists()):
            return
        self._left -= 1
        if self._left <= 0 and self._is_ours():
            os.kill(os.getpid(), self._signal)

    def _is_ours(self) -> bool:
        try:
            if self._trigger is not None:
                self._trigger.unlink()
        except FileNotFoundError:
            return False  # another daemon was first
        return True


class WrongClock(SystemClock):
    """A wall clock that is wrong; monotonic time is what it is."""

    def __init__(self, offset_ms: int) -> None:
        self._offset_ms = offset_ms

    def now(self) -> int:
        return super().now() + self._offset_ms


def checkpoint() -> Checkpoint:
    """What the environment asks for."""
    if "KILL_AT" not in os.environ:
        return no_checkpoint
    trigger = os.environ.get("KILL_TRIGGER")
    return Armed(
        at=os.environ["KILL_AT"],
        by=os.environ.get("KILL_BY", "kill"),
        nth=int(os.environ.get("KILL_NTH", "1")),
        trigger=Path(trigger) if trigger else None,
    )


def main() -> int:
    versions = dict(VERSIONS)
    versions["vip"] = int(os.environ.get("ENTRY_VERSION", versions["vip"]))
    settings = load_settings(env_file=None)
    clock = WrongClock(int(os.environ.get("CLOCK_OFFSET_MS", "0")))
    configure_logs(
        clock=clock, level=settings.log_level, format=settings.log_format, project=None, service="cuelight"
    )
    daemon = Daemon(settings, clock=clock, checkpoint=checkpoint(), entry_versions=versions)
    return asyncio.run(daemon.run())


if __name__ == "__main__":
    sys.exit(main())
