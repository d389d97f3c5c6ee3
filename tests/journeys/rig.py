"""One daemon: the simulator beside it, its data directory, its lives and deaths. What is done with it: `stand.py`."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from daemon.programs import RUN, DaemonProgram, Simulator, free_port
from domain.channel import ChannelSettings, RewardAction
from domain.errors import CuelightError
from storage.channels import CHANNELS, Channels
from storage.contracts import Store
from storage.open import open_store, sqlite_url
from tests.journeys.deliveries import SECRET
from tests.journeys.stand import FAULTS, LIMIT_SECONDS, POLL_SECONDS, Stage, Stand, measured

__all__ = ["FAULTS", "LIMIT_SECONDS", "POLL_SECONDS", "Rig", "SOUND_SECONDS", "Stage", "measured", "rig"]

ARMED = (str(Path(__file__).with_name("armed.py")),)
SLACK_MS = 3000
"""What the oracle allows, besides the time in which no daemon ran: two seconds and a busy machine."""
SOUND_SECONDS = 2.0
"""A daemon that lived this long has caught up, unless it took longer to start: then the machine is busy, and it is
asked. The lives of those that had not caught up belong to the blackout around them."""


class Rig(Stand):
    """Built by `rig(...)`. `outages`: from when to when (monotonic) no daemon ran; `starts`: seconds to be ready."""

    def __init__(self, simulator: Simulator, folder: Path, environ: Mapping[str, str]) -> None:
        super().__init__(simulator, folder / "daemon.log")
        self.folder = folder
        self._log = self.log_paths[0].open("ab")
        self.trigger = folder / "armed"
        self.outages: list[tuple[float, float]] = []
        self.starts: list[float] = []
        self._environ = {
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "info",
            "TWITCH_EVENTSUB_SECRET": SECRET,
            **environ,
        }
        self._port = free_port()
        self._died_at: float | None = None
        self.daemon = self._program(RUN)

    def _program(self, argv: Sequence[str]) -> DaemonProgram:
        return DaemonProgram(
            data_dir=self.folder / "data",
            twitch=self.simulator.addresses,
            clock=self.clock,
            port=self._port,
            environ=self._environ,
            argv=argv,
            log=self._log,
        )

    # -- the daemon's life ---------------------------------------------------------------------------------------

    async def start(self, **environ: str) -> float:
        """Start the daemon and wait until it answers; returns the seconds that it took."""
        began = time.monotonic()
        self.daemon = self._program(RUN)
        try:
            await self.daemon.start(**environ)
        except CuelightError as error:
            self.fail(f"The daemon did not start: {error.message}")
        self._is_up()
        self.starts.append(time.monotonic() - began)
        return self.starts[-1]

    def _is_up(self) -> None:
        if self._died_at is not None:
            self.outages.append((self._died_at, time.monotonic()))
            self._died_at = None

    def _is_down(self) -> None:
        if self._died_at is None:
            self._died_at = time.monotonic()

    async def start_armed(self, checkpoint: str, *, nth: int = 1, at_once: bool = False) -> None:
        """Start the daemon so that it kills itself at a checkpoint: once `arm()` is called, or `at_once`."""
        self.trigger.unlink(missing_ok=True)
        environ = {"KILL_AT": checkpoint, "KILL_NTH": str(nth), "KILL_TRIGGER": str(self.trigger)}
        self.daemon = self._program(ARMED)
        if at_once:
            self.arm()
            await self.daemon.launch(**environ)
            return
        try:
            await self.daemon.start(**environ)
        except CuelightError as error:
            self.fail(f"The daemon did not start: {error.message}")
        self._is_up()

    def arm(self) -> None:
        """From now on passings of the checkpoint count."""
        self.trigger.touch()

    async def died(self, checkpoint: str, *, seconds: float = LIMIT_SECONDS) -> None:
        """Wait until the armed daemon has killed itself."""
        try:
            async with asyncio.timeout(seconds):
                code = await self.daemon.wait()
        except TimeoutError:
            self.fail(f"The checkpoint {checkpoint} was never reached.")
        if code != -signal.SIGKILL:
            self.fail(f"The daemon ended by itself, with {code}, instead of dying at {checkpoint}.")
        self._is_down()

    async def kill(self) -> None:
        """`kill -9`."""
        process = self.daemon.process
        if process is None or process.returncode is not None:
            self.fail(f"The daemon ended by itself: {process.returncode if process else None}.")
        caught_up = await self._has_caught_up()
        await self.daemon.kill()
        if not caught_up:
            self._died_at, _ = self.outages.pop()
        self._is_down()

    async def _has_caught_up(self) -> bool:
        """Whether what had piled up while no daemon ran is done. Who had time for it is not asked, so that on a machine
        that is not busy a kill comes unannounced."""
        if self._died_at is not None or not self.outages:
            return True
        lived = time.monotonic() - self.outages[-1][1]
        if lived < SOUND_SECONDS or lived > max(self.starts, default=0.0):
            return True
        ready_at = self.clock.now() - round(1000 * lived)
        rows = [row for row in await self.rows(state="open") if row["kind"] != "chat.say"]
        # What is overdue and what was missed comes from the clock and from comparing, the rest from Twitch just now.
        return all(row["source"] == "twitch" and row["received_at"] > ready_at for row in rows)

    async def choose(self, stage: Stage, settings: ChannelSettings) -> None:
        """The streamer chooses, while no daemon runs."""
        async with self._store() as store:
            channels = Channels(await store.collection(CHANNELS))
            await channels.change(stage.id, lambda held: replace(held, settings=settings))

    async def promise(self, stage: Stage, action: RewardAction) -> None:
        """The streamer's reward does something else than VIPs from now on, while no daemon runs. The oracle judges
        VIPs, so the stage is nothing to it any more."""
        self.stages = [one for one in self.stages if one is not stage]
        async with self._store() as store:
            channels = Channels(await store.collection(CHANNELS))
            await channels.change(
                stage.id, lambda held: replace(held, rewards=(replace(held.rewards[0], action=action),))
            )

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[Store]:
        store = await open_store(sqlite_url(self.folder / "data"), clock=self.clock)
        try:
            yield store
        finally:
            await store.close()

    async def start_and_kill(self, *, after_seconds: float) -> None:
        """Start the daemon and kill it before it may have become ready."""
        self.daemon = self._program(RUN)
        await self.daemon.launch()
        await asyncio.sleep(after_seconds)
        await self.kill()

    async def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        code = await self.daemon.stop()
        self._is_down()
        return code

    @property
    def slack_ms(self) -> int:  # type: ignore[override]
        """What the oracle allows: nobody can act in time while he is dead."""
        return SLACK_MS + self.dead_ms

    @property
    def dead_ms(self) -> int:  # type: ignore[override]
        """The longest blackout, with lives in between that were too short to catch up."""
        blackouts: list[tuple[float, float]] = []
        for begin, end in sorted(self.outages):
            if blackouts and begin - blackouts[-1][1] < SOUND_SECONDS:
                first, last = blackouts.pop()
                blackouts.append((first, max(last, end)))
            else:
                blackouts.append((begin, end))
        return round(1000 * max((end - begin for begin, end in blackouts), default=0.0))

    async def close(self) -> None:
        await self.http.close()
        await self.daemon.stop()
        await self.simulator.stop()
        self._log.close()


@asynccontextmanager
async def rig(folder: Path, *options: str, environ: Mapping[str, str] | None = None) -> AsyncIterator[Rig]:
    """A simulator with these command line options, and a daemon that is not started yet."""
    simulator = await Simulator.start(*options)
    stand = Rig(simulator, folder, environ or {})
    try:
        yield stand
    finally:
        await stand.close()
