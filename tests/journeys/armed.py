"""The daemon in a wiring that only kill tests use: it ends itself, as `kill -9` would, at one checkpoint.

    KILL_AT        name of the checkpoint (`domain.ports.CHECKPOINTS`)
    KILL_NTH       at its n-th passing (default 1)
    KILL_TRIGGER   path of a file; passings count only while it is there (default: they always count)

No other program reads these variables.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from daemon.settings import load_settings
from daemon.wiring import main
from domain.ports import CHECKPOINTS


class Armed:
    """Implements `domain.ports.Checkpoint`."""

    def __init__(self, *, at: str, nth: int, trigger: Path | None) -> None:
        if at not in CHECKPOINTS:
            raise SystemExit(f"There is no checkpoint {at!r}.")
        self._at, self._left, self._trigger = at, nth, trigger

    def __call__(self, name: str) -> None:
        if name not in CHECKPOINTS:
            raise AssertionError(f"The checkpoint {name!r} is not on the list.")
        if name != self._at or (self._trigger is not None and not self._trigger.exists()):
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    trigger = os.environ.get("KILL_TRIGGER")
    armed = Armed(
        at=os.environ["KILL_AT"],
        nth=int(os.environ.get("KILL_NTH", "1")),
        trigger=Path(trigger) if trigger else None,
    )
    sys.exit(main(load_settings(env_file=None), checkpoint=armed))
