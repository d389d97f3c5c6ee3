"""The composition root: the only place where things are built and joined. Top to bottom is the order of the start;
the stop goes the other way, each stage within its time."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any

import structlog

from daemon.admin_socket import AdminSocket
from daemon.clock import SystemClock
from daemon.error_reports import error_reports
from daemon.lifecycle import Lifecycle, Stage, leave_soon
from daemon.logs import configure_logs
from daemon.loop_probe import LoopProbe
from daemon.metrics import PrometheusMetrics
from daemon.report import Report
from daemon.settings import Settings
from daemon.supervisor import Supervisor
from daemon.wiring_accounts import open_accounts
from daemon.wiring_admin import admin_commands
from daemon.wiring_eventsub import Listening
from daemon.wiring_handlers import Desk, join_handlers
from daemon.wiring_messages import open_messages, say_online
from daemon.wiring_outside import open_outside
from daemon.wiring_party import Party, Served, open_party, serve_party
from daemon.wiring_shared import Shared, alone, in_fleet
from daemon.wiring_store import build_retention, open_kept, quota_of
from daemon.wiring_web import build_web
from domain.errors import CuelightError
from domain.ports import Checkpoint, Clock, no_checkpoint
from gateways.leases.sole import Sole
from handlers.vip.channels import Enrolment, Watch
from handlers.vip.live import VERSIONS
from handlers.vip.shares import HeldElsewhere
from web.app import WebApp, build_metrics_app
from web.server import Server

log = structlog.get_logger("daemon")
Ready = Callable[[str], None]


def main(settings: Settings, *, checkpoint: Checkpoint = no_checkpoint, ready: Ready | None = None) -> int:
    """Run the daemon until a signal; returns the exit code. `ready` is told the address once all stages are up."""
    daemon = Daemon(settings, clock=(clock := SystemClock()), checkpoint=checkpoint, ready=ready)
    configure_logs(
        clock=clock,
        level=settings.log_level,
        format=settings.log_format,
        project=settings.google_cloud_project,
        service=settings.k_service or "cuelight",
        also=daemon.reports.note if daemon.reports else None,
    )
    code = asyncio.run(daemon.run())
    leave_soon(code)
    return code


class Daemon:
    """One process. Built by `run`, stage by stage. `clock` is the machine's; in a fleet all share another one.
    `entry_versions`: those that it writes to the topics of the pages; a test plays a later release with others."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        checkpoint: Checkpoint = no_checkpoint,
        entry_versions: Mapping[str, int] = VERSIONS,
        ready: Ready | None = None,
    ) -> None:
        self._settings, self._clock, self._checkpoint, self._told = settings, clock, checkpoint, ready
        self._entry_versions = entry_versions
        self._owner = f"{socket.gethostname()[:20]}-{secrets.token_hex(4)}"
        self._metrics = PrometheusMetrics()
        self._random = Random()  # noqa: S311 - spreads retries, guards nothing
        self._tasks = Supervisor(clock=clock, metrics=self._metrics, random=self._random)
        self._probe = LoopProbe(clock=clock, metrics=self._metrics)
        self._boot = f"{self._owner}.{clock.now()}"
        self._listening: Listening | None = None
        self._party: Party | None = None
        self.reports = error_reports(settings, clock=clock, metrics=self._metrics)
        self.port = 0

    async def run(self, *, signals: bool = True) -> int:
        """Start everything, serve until told to stop, stop everything."""
        stages = [
            *(self.reports.stages(self._tasks) if self.reports else ()),
            Stage("shared", self._open_shared, self._close_shared, budget_seconds=0.6),
            Stage("store", self._open_store, self._close_store, budget_seconds=1.0),
            Stage("gateways", self._open_gateways, self._close_gateways, budget_seconds=0.3),
            Stage("background", stop=self._stop_tasks, budget_seconds=0.7),
            Stage("worker", self._start_worker, self._stop_worker, budget_seconds=2.0),
            Stage("eventsub", self._start_eventsub, self._stop_eventsub, budget_seconds=1.8),
            Stage("web", self._start_web, self._stop_web, budget_seconds=2.2),
            Stage("admin", self._start_admin, self._stop_admin, budget_seconds=0.2),
            Stage("watch", self._start_watch),
        ]
        self.lifecycle = Lifecycle(stages, clock=self._clock, died=self._tasks.died, signals=signals)
        return await self.lifecycle.run()

    def states(self) -> dict[str, str]:
        """How each channel's EventSub session is, of those that this process holds."""
        return {channel_id: state["state"] for channel_id, state in self._states().items()}

    def metrics(self) -> bytes:
        """As Prometheus reads them."""
        return self._metrics.render()[0]

    def _states(self) -> dict[str, dict[str, Any]]:
        return {} if self._listening is None else self._listening.states()

    def _has(self, role: str) -> bool:
        return role in self._settings.roles

    # -- the stages, in the order of the start ------------------------------------------------------------------

    async def _open_shared(self) -> None:
        if (address := self._settings.redis_address) is None:
            self._shared: Shared = alone(clock=self._clock)
            return
        self._shared = await in_fleet(
            address,
            owner=self._owner,
            machine=self._clock,
            tasks=self._tasks,
            metrics=self._metrics,
            random=self._random,
        )
        self._clock = self._shared.clock  # from here on, all processes tell the same time

    async def _open_store(self) -> None:
        self._kept = await open_kept(
            self._settings, owner=self._owner, clock=self._clock, metrics=self._metrics
        )
        self._repositories = self._kept.repositories
        if self._kept.daemons is not None:
            self._tasks.gateway("daemons", self._kept.daemons.beat)

    async def _open_gateways(self) -> None:
        self._outside = open_outside(
            self._settings,
            grants=self._kept.grants,
            shared=self._shared,
            owner=self._owner,
            tasks=self._tasks,
            metrics=self._metrics,
            random=self._random,
            on_dead=self._grant_died,
            on_alive=self._grant_revived,
        )
        # Before anybody else who hears of a login: what goes on then asks for the new token.
        self._shared.signals.listen("login", self._outside.tokens.forget)

    def _public_url(self) -> str:
        """How browsers come; where no port was named, by the one that was taken."""
        settings = self._settings
        return settings.public_url or settings.url_at(self.port or settings.port)

    async def _start_worker(self) -> None:
        settings, outside = self._settings, self._outside
        self._accounts = await open_accounts(
            self._kept.store,
            channels=self._repositories.channels,
            sealer=self._kept.grants.sealer,
            tokens=outside.tokens,
            oauth=outside.oauth,
            helix=outside.helix,
            signals=self._shared.signals,
            clock=self._clock,
            public_url=self._public_url,
            allowed=settings.allowed_channels,
            shared_bot_id=settings.twitch_bot_id or "",
            development=settings.development_login,
            topics=self._shared.topics,
            metrics=self._metrics,
        )
        self._party = await open_party(settings, self._kept, self._shared, http=self._outside.http)
        self._desk: Desk = join_handlers(
            self._repositories,
            topics=self._shared.topics,
            signals=self._shared.signals if self._settings.redis_address else None,
            helix=self._outside.helix,
            clock=self._clock,
            metrics=self._metrics,
            random=self._random,
            checkpoint=self._checkpoint,
            entry_versions=self._entry_versions,
            revoked=self._revoked,
            chat_sender_id=self._settings.twitch_bot_id or "",
            stream_grace_seconds=self._settings.stream_grace_seconds,
            workers=self._settings.workers,
            quota=quota_of(self._settings),
            works=self._has("worker"),
            owner=self._owner,
            accounts=self._accounts.parts,
            messages=open_messages(self._settings, self._kept, outside, self._shared),
            party=self._party.from_twitch if self._party else None,
        )
        self._tasks.core("loop_probe", self._probe.run)
        self._tasks.gateway("pulses", self._desk.keeper.run)
        if self._has("worker"):
            self._tasks.core("worker", self._work)
            self._tasks.core("expiries", self._desk.expiries.run)
            self._tasks.core("waits", self._desk.waits.run)
        for name, run in self._party.tasks.items() if self._party else ():
            self._tasks.gateway(name, run)
        if self._desk.elsewhere is not None:
            self._tasks.core("elsewhere", self._desk.elsewhere.run)

    async def _work(self) -> None:
        await self._desk.worker.run()
        await asyncio.Event().wait()  # told to stop: the supervisor ends this task with the others

    async def _start_eventsub(self) -> None:
        watch: Watch = HeldElsewhere(signals=self._shared.signals)
        if self._has("eventsub"):
            self._listening = Listening(
                self._settings,
                desk=self._desk,
                outside=self._outside,
                shared=self._shared,
                granted=self._kept.grants.scopes,
                owner=self._owner,
                boot=self._boot,
                clock=self._clock,
                tasks=self._tasks,
                metrics=self._metrics,
                random=self._random,
            )
            await self._listening.open()
            watch = self._listening.watch
        self._accounts.parts.watch.watch = watch
        self._accounts.parts.book.book = self._desk.book
        self._enrolment = Enrolment(
            channels=self._repositories.channels,
            tokens=self._outside.tokens,
            oauth=self._outside.oauth,
            helix=self._outside.helix,
            watch=watch,
            live=self._desk.live,
            book=self._desk.book,
            inbox=self._repositories.inbox,
            poke=self._desk.poke,
            clock=self._clock,
        )
        for name, run in self._shared.tasks.items():  # now that everybody who listens to signals has said so
            self._tasks.gateway(name, run)

    async def _start_web(self) -> None:
        settings = self._settings
        self._servers: list[Server] = []
        app = build_web(
            settings,
            kept=self._kept,
            shared=self._shared,
            desk=self._desk,
            outside=self._outside,
            accounts=self._accounts,
            enrolment=self._enrolment,
            probe=self._probe,
            metrics=self._metrics,
            checkpoint=self._checkpoint,
            served=self._serve_party(),
        )
        self.port = await self._serve(app, settings.host, settings.port)
        if settings.metrics_port is not None:
            own = build_metrics_app(exposition=self._metrics, clock=self._clock, metrics=self._metrics)
            await self._serve(own, settings.host, settings.metrics_port)

    def _serve_party(self) -> Served | None:
        """The viewers of watch parties are at processes that are reached by browsers."""
        if self._party is None or not self._has("web"):
            return None
        served = serve_party(
            self._party, accounts=self._accounts, owner=self._owner, public_url=self._public_url,
            tasks=self._tasks, metrics=self._metrics, random=self._random,
        )  # fmt: skip
        for name, run in served.tasks.items():
            self._tasks.gateway(name, run)
        for name, run in self._party.sole.items():
            self._sole(name, run)
        return served

    async def _serve(self, app: WebApp, host: str, port: int) -> int:
        server = Server(web_app=app, clock=self._clock)
        bound = await server.start(host, port)
        self._servers.append(server)
        self._tasks.gateway(f"listening:{bound}", server.run)
        return bound

    async def _start_admin(self) -> None:
        self._report = Report(
            settings=self._settings,
            owner=self._owner,
            inbox=self._repositories.inbox,
            store=self._kept.store,
            worker=self._desk.worker if self._has("worker") else None,
            states=self._states,
            transport=self._listening.told if self._listening is not None else None,
            probe=self._probe,
            clock=self._clock,
            metrics=self._metrics,
            address=lambda: f"http://{self._settings.host}:{self.port}",
        )
        commands = await admin_commands(
            self._settings,
            kept=self._kept,
            desk=self._desk,
            enrolment=self._enrolment,
            accounts=self._accounts,
            outside=self._outside,
            status=self._report.status,
            clock=self._clock,
        )
        self._admin = AdminSocket(self._settings.data_dir, commands=commands, metrics=self._metrics)
        await self._admin.start()

    async def _start_watch(self) -> None:
        """Last of all: from here on, events come in."""
        self._tasks.gateway("gauges", self._report.measure)
        if self._listening is not None:
            self._listening.start(self._tasks, self._sole)
        if self._has("worker"):
            self._sole("validation", lambda: self._outside.tokens.run_validation(self._clock))
            retention = build_retention(self._settings, self._kept, clock=self._clock, metrics=self._metrics)
            self._sole("retention", retention.run)
            self._sole("audit_chain", self._accounts.privacy.linker.run)
            self._sole("reminders", self._desk.telling.reminding.run)
        self._tasks.spawn(say_online(self._desk, self._kept, start=self._boot), name="online")
        count = len(await self._repositories.channels.all())
        address = f"http://{self._settings.host}:{self.port}"
        log.info("ready", address=address, channels=count, process=self._owner, roles=self._settings.roles)
        if self._told is not None:
            self._told(address)

    def _sole(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run what one process does for all."""
        sole = Sole(name, work, leases=self._shared.leases, owner=self._owner, clock=self._clock)
        self._tasks.gateway(name, sole.run)

    # -- the stop, in reverse -----------------------------------------------------------------------------------

    async def _stop_admin(self) -> None:
        if hasattr(self, "_admin"):
            await self._admin.stop()

    async def _stop_web(self) -> None:
        for server in getattr(self, "_servers", []):
            await server.stop(finish_seconds=1.0)
        if self._party is not None:
            await self._party.keep.flush()

    async def _stop_eventsub(self) -> None:
        if self._listening is not None:
            await self._listening.stop()

    async def _stop_worker(self) -> None:
        """Finish what is in hand, hand back the lanes."""
        if hasattr(self, "_desk") and self._has("worker"):
            self._desk.worker.stop()
            await self._clock.wait(self._desk.worker.ended, 1.9)

    async def _stop_tasks(self) -> None:
        await self._tasks.stop(0.6)

    async def _close_gateways(self) -> None:
        if hasattr(self, "_outside"):
            await self._outside.http.close()

    async def _close_store(self) -> None:
        if hasattr(self, "_kept"):
            await self._kept.close()

    async def _close_shared(self) -> None:
        if hasattr(self, "_shared"):
            await self._shared.close()

    # -- what the parts tell each other -------------------------------------------------------------------------

    async def _grant_died(self, user_id: str, why: str) -> None:
        await self._accounts.disowned(user_id)
        if hasattr(self, "_enrolment"):
            await self._enrolment.died(user_id, why)

    async def _grant_revived(self, user_id: str) -> None:
        if hasattr(self, "_enrolment"):
            await self._enrolment.revived(user_id)

    async def _revoked(self, channel_id: str, status: str) -> None:
        """A subscription was revoked: find out whether the grant is dead."""
        try:
            await self._outside.tokens.validate(channel_id)
        except CuelightError as error:
            log.warning("eventsub.revoked_grant", channel=channel_id, status=status, code=error.code)
