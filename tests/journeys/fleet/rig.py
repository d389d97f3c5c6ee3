"""Several daemons, each with its own way (through the faulty network) to one MongoDB, one Redis and one Twitch.

    async with fleet(tmp_path) as stand:
        await stand.start()
        stages = [await stand.enrol(vip_seconds=3)]
        async with stand.pages(): ...

The server behind MONGO_URL is mongo-java-server, in memory: it speaks the protocol, and is not MongoDB.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil
from cryptography.fernet import Fernet

from daemon.clock import SystemClock
from daemon.programs import DaemonProgram, Simulator, free_port
from domain.errors import CuelightError
from tests.journeys.deliveries import SECRET
from tests.journeys.fleet.programs import NetworkProgram, network
from tests.journeys.fleet.streams import Page, differences
from tests.journeys.fleet.watching import Watcher, watching
from tests.journeys.rig import ARMED
from tests.journeys.stand import LIMIT_SECONDS, Stage, Stand
from tests.servers.mongo import MongoServer, start_mongo
from tests.servers.redis import RedisServer, start_redis

SLACK_MS = 4000
"""What the oracle allows without a fault: as for one daemon, and a machine that is busy with five programs more."""
LEASE_SECONDS = 9.0
BEHIND = ("mongo", "redis", "twitch")


class Member:
    """One daemon of the fleet."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        trigger: Path,
        twitch: Mapping[str, str],
        environ: Mapping[str, str],
    ) -> None:
        self.name = name
        self.folder = folder
        self.log_path = folder / f"{name}.log"
        self._log = self.log_path.open("ab")
        self._trigger, self._twitch, self._environ = trigger, twitch, environ
        self._port = free_port()
        self.stopped = False
        self.program = self._program()

    def _program(self) -> DaemonProgram:
        return DaemonProgram(
            data_dir=self.folder / self.name,
            twitch=self._twitch,
            clock=SystemClock(),
            port=self._port,
            environ=self._environ,
            argv=ARMED,
            log=self._log,
        )

    @property
    def alive(self) -> bool:
        """Whether it runs and answers."""
        process = self.program.process
        return process is not None and process.returncode is None and not self.stopped

    @property
    def pid(self) -> int:
        assert self.program.process is not None
        return self.program.process.pid

    async def start(self, *, at: str = "", by: str = "kill", **environ: str) -> None:
        """Start it and wait until it answers. `at`: a checkpoint where it dies or stops, after `Fleet.arm`."""
        self.program, self.stopped = self._program(), False
        armed = {"KILL_AT": at, "KILL_BY": by, "KILL_TRIGGER": str(self._trigger)} if at else {}
        await self.program.start(**armed, **environ)

    async def kill(self) -> None:
        """`kill -9`."""
        assert self.program.process is not None
        assert self.program.process.returncode is None, f"{self.name} ended by itself"
        await self.program.kill()

    def pause(self) -> None:
        """SIGSTOP."""
        assert self.program.process is not None
        self.program.process.send_signal(signal.SIGSTOP)
        self.stopped = True

    def resume(self) -> None:
        """SIGCONT."""
        assert self.program.process is not None
        self.program.process.send_signal(signal.SIGCONT)
        self.stopped = False

    async def end(self) -> None:
        process = self.program.process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGCONT)
        await self.program.stop()
        self._log.close()


class Fleet(Stand):
    """Built by `fleet(...)`. `daemon` is the first member that answers."""

    def __init__(
        self,
        *,
        simulator: Simulator,
        mongo: MongoServer,
        redis: RedisServer,
        network: NetworkProgram,
        members: Mapping[str, Member],
        trigger: Path,
    ) -> None:
        super().__init__(simulator, *(member.log_path for member in members.values()))
        self.mongo, self.redis, self.network = mongo, redis, network
        self.members = dict(members)
        self.trigger = trigger
        self.slack_ms = SLACK_MS
        self.watchers: list[Watcher] = []

    @property
    def daemon(self) -> DaemonProgram:  # type: ignore[override]
        return self.one.program

    @property
    def one(self) -> Member:
        """A member that answers."""
        for member in self.members.values():
            if member.alive:
                return member
        raise AssertionError("No daemon of the fleet is alive.")

    def others(self, *but: Member) -> list[Member]:
        return [member for member in self.members.values() if member not in but]

    # -- the daemons' lives --------------------------------------------------------------------------------------

    async def start(self, *, at: str = "", by: str = "kill", **environ: str) -> None:
        """Start all. With `at`, the first that passes there is hit, once `arm` is called.

        The first one starts alone: mongo-java-server sometimes answers "Unknown error: null" to two that make the
        same collection at the same moment.
        """
        self.trigger.unlink(missing_ok=True)
        first, *others = self.members.values()
        await self._start(first, at, by, environ)
        await asyncio.gather(*(self._start(member, at, by, environ) for member in others))

    async def _start(self, member: Member, at: str, by: str, environ: Mapping[str, str]) -> None:
        try:
            await member.start(at=at, by=by, **environ)
        except CuelightError as error:
            self.fail(f"{member.name} did not start: {error.message}")

    async def restart(self, member: Member, **environ: str) -> None:
        """Start one again; it is not armed."""
        await self._start(member, "", "kill", environ)

    def arm(self) -> None:
        """From now on passings of the checkpoint count, in all daemons together."""
        self.trigger.touch()

    async def hit(self, *, seconds: float = LIMIT_SECONDS) -> Member:
        """Wait until one of the armed has died or stopped at its checkpoint; returns which."""
        found: list[Member] = []

        async def struck() -> bool:
            for member in self.members.values():
                process = member.program.process
                if process is None or process.returncode is not None or _is_stopped(process.pid):
                    found.append(member)
            return bool(found)

        await self.until(struck, "a daemon was hit at the checkpoint", seconds=seconds)
        (member,) = found
        process = member.program.process
        assert process is not None
        if process.returncode is None:
            member.stopped = True
        elif process.returncode != -signal.SIGKILL:
            self.fail(f"{member.name} ended by itself, with {process.returncode}.")
        return member

    async def gone(self, member: Member, *, seconds: float) -> None:
        """Wait until this one has died at its checkpoint."""

        async def ended() -> bool:
            process = member.program.process
            return process is not None and process.returncode is not None

        await self.until(ended, f"{member.name} has died", seconds=seconds)

    # -- the stages ----------------------------------------------------------------------------------------------

    async def live(self, *stages: Stage) -> None:
        """Wait until each channel has an EventSub session that is subscribed, at Twitch's own word. A conduit is
        nobody's: where one serves, whoever keeps it knows."""
        wanted = {stage.id for stage in stages}

        async def all_live() -> bool:
            state = await self.simulator.look("state")
            live = {session["user_id"] for session in state["sessions"] if session["subscriptions"]}
            if any(session["shard"] for session in state["sessions"]):
                for member in self.members.values():
                    told = (await member.program.admin("status"))["channels"] if member.alive else {}
                    live |= {channel_id for channel_id, each in told.items() if each["state"] == "live"}
            return wanted <= live

        await self.until(all_live, "all channels have a live session")

    async def holder(self, stage: Stage) -> Member:
        """The member that has a channel's EventSub session."""
        for member in self.members.values():
            if member.alive:
                status = await member.program.admin("status")
                if status["channels"].get(stage.id, {}).get("state") == "live":
                    return member
        raise AssertionError(f"Nobody has the session of {stage.id}.")

    async def load(
        self, *, rate: float, seconds: float | None = None, mix: Mapping[str, float] | None = None
    ) -> None:
        """Viewers begin to redeem in all channels."""
        body: dict[str, Any] = {"rate_per_second": rate, "seconds": seconds}
        await self.simulator.order("story/start", body | ({"mix": mix} if mix else {}))

    async def answered(self, *, since: float, seconds: float) -> None:
        """Wait until a redemption that was made after `since` (wall, seconds) is answered in every channel."""

        async def everywhere() -> bool:
            made: dict[str, str] = {}
            good: set[str] = set()
            for entry in await self.ledger():
                if entry["kind"] == "redeemed" and entry["at"] >= since * 1000:
                    made[entry["redemption_id"]] = entry["channel_id"]
                elif entry["kind"] in ("fulfilled", "refunded") and entry["by"] == "app":
                    good.add(made.get(entry["redemption_id"], ""))
            return {stage.id for stage in self.stages} <= good

        await self.until(everywhere, "every channel is served again", seconds=seconds, every=0.1)

    # -- the pages -----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def pages(self) -> AsyncIterator[list[Watcher]]:
        """A dashboard for each channel at each daemon, until the block ends."""
        self.watchers = [
            Watcher(f"{stage.id} at {member.name}", member.program.url, stage.id)
            for member in self.members.values()
            for stage in self.stages
        ]
        async with watching(*self.watchers):
            for watcher in self.watchers:
                await watcher.first_picture()
            yield self.watchers

    async def judge_pages(self) -> None:
        """Every page saw each entry once and in order, and shows at the end what a page shows that is opened now."""
        for watcher in self.watchers:
            if watcher.page.faults:
                self.fail(f"{watcher.page.name} saw: {watcher.page.faults[:5]}")

        wrong: list[str] = []

        async def agree() -> bool:
            wrong[:] = await self._disagreements()
            return not wrong

        try:
            await self.until(agree, "all pages show the same", seconds=10.0, every=0.3)
        except AssertionError as error:
            raise AssertionError(f"{wrong[:5]}\n{error}") from None

    async def _disagreements(self) -> list[str]:
        fresh = [Watcher(f"fresh {stage.id}", self.daemon.url, stage.id) for stage in self.stages]
        async with watching(*fresh):
            for watcher in fresh:
                await watcher.first_picture()
        truth: dict[str, Page] = {watcher.channel_id: watcher.page for watcher in fresh}
        return [
            told for watcher in self.watchers for told in differences(watcher.page, truth[watcher.channel_id])
        ]

    async def close(self) -> None:
        await self.http.close()
        await asyncio.gather(*(member.end() for member in self.members.values()))


def _is_stopped(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False


def _through(addresses: Mapping[str, str], port: int) -> dict[str, str]:
    """The simulator's addresses as seen through a port of the network."""
    seen = dict(addresses)
    for name in ("api_url", "id_url", "eventsub_url"):
        seen[name] = urlunsplit(urlsplit(seen[name])._replace(netloc=f"127.0.0.1:{port}"))
    return seen


@asynccontextmanager
async def fleet(
    folder: Path,
    *options: str,
    names: tuple[str, ...] = ("a", "b"),
    environ: Mapping[str, str] | None = None,
    own: Mapping[str, Mapping[str, str]] | None = None,
) -> AsyncIterator[Fleet]:
    """A simulator with these command line options, its servers, and daemons that are not started yet. `environ` is
    for all of them, `own` for each by name."""
    async with AsyncExitStack() as stack:
        mongo = await stack.enter_async_context(start_mongo())
        redis = await stack.enter_async_context(start_redis())
        simulator = await Simulator.start(*options)
        stack.push_async_callback(simulator.stop)
        behind = {
            "mongo": f"{mongo.host}:{mongo.port}",
            "redis": f"{redis.host}:{redis.port}",
            "twitch": urlsplit(simulator.addresses["api_url"]).netloc,
        }
        routes = {f"{what}-{name}": behind[what] for name in names for what in BEHIND}
        made = await stack.enter_async_context(network(routes))
        shared = {
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "info",
            "CUELIGHT_DEMO": "1",
            "TWITCH_EVENTSUB_SECRET": SECRET,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "SESSION_SECRET": "a-session-secret-of-the-whole-fleet-",
            **(environ or {}),
        }
        trigger = folder / "armed"
        members = {
            name: Member(
                name,
                folder,
                trigger=trigger,
                twitch=_through(simulator.addresses, made.ports[f"twitch-{name}"]),
                environ={
                    **shared,
                    "MONGO_URL": f"mongodb://127.0.0.1:{made.ports[f'mongo-{name}']}/cuelight",
                    "REDIS_URL": f"redis://127.0.0.1:{made.ports[f'redis-{name}']}",
                    **((own or {}).get(name, {})),
                },
            )
            for name in names
        }
        stand = Fleet(
            simulator=simulator, mongo=mongo, redis=redis, network=made, members=members, trigger=trigger
        )
        stack.push_async_callback(stand.close)
        yield stand
