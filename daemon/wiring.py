"""The composition root: the only place where things are built and joined. Top to bottom is the order of the start;
the stop goes the other way, each stage within its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from random import Random
from typing import Any

import structlog

from daemon.admin_socket import AdminSocket
from daemon.clock import SystemClock
from daemon.commands import ChannelCommands, InboxCommands, KeyCommands, build_commands
from daemon.keys import load_keys
from daemon.lifecycle import Lifecycle, Stage
from daemon.logs import configure_logs
from daemon.loop_probe import LoopProbe
from daemon.metrics import PrometheusMetrics
from daemon.settings import Settings
from daemon.supervisor import Supervisor
from daemon.wiring_handlers import Desk, join_handlers, open_repositories
from domain.errors import CuelightError, Unavailable
from domain.inbox import RowState
from domain.ports import Checkpoint, Clock, no_checkpoint
from gateways.http import HttpClient
from gateways.pace import MemoryPace
from gateways.topics.memory import MemoryTopics
from gateways.twitch.contracts import RemoteSubscription
from gateways.twitch.helix import TwitchHelix
from gateways.twitch.monitor import Monitor
from gateways.twitch.oauth import AppToken, TwitchOAuth
from gateways.twitch.tokens import TokenKeeper
from handlers.due_work import Rounds
from handlers.vip.channels import Enrolment
from handlers.vip.grants import Grants
from handlers.vip.reconcile import reconciliation_of
from handlers.vip.views import Views
from storage.contracts import Store
from storage.open import open_store, sqlite_url
from storage.sealing import Sealer
from storage.sqlite import SQLiteOptions
from storage.tokens import TOKENS
from web.app import WebApp, WebSettings, build_app, build_metrics_app
from web.cron import GOOGLE_KEYS_URL, OidcRule
from web.server import Server

log = structlog.get_logger("daemon")

GAUGES_SECONDS = 10.0
Ready = Callable[[str], None]


def main(settings: Settings, *, checkpoint: Checkpoint = no_checkpoint, ready: Ready | None = None) -> int:
    """Run the daemon until a signal; returns the exit code. `ready` is told the address once all stages are up."""
    clock = SystemClock()
    configure_logs(
        clock=clock,
        level=settings.log_level,
        format=settings.log_format,
        project=settings.google_cloud_project,
        service=settings.k_service or "cuelight",
    )
    return asyncio.run(Daemon(settings, clock=clock, checkpoint=checkpoint, ready=ready).run())


@dataclass(frozen=True, slots=True)
class Outside:
    """What calls out."""

    http: HttpClient
    tokens: TokenKeeper
    oauth: TwitchOAuth
    helix: TwitchHelix


class Daemon:
    """One process. Built by `run`, stage by stage."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        checkpoint: Checkpoint = no_checkpoint,
        ready: Ready | None = None,
    ) -> None:
        self._settings, self._clock, self._checkpoint, self._told = settings, clock, checkpoint, ready
        self._metrics = PrometheusMetrics()
        self._random = Random()  # noqa: S311 - spreads retries, guards nothing
        self._tasks = Supervisor(clock=clock, metrics=self._metrics, random=self._random)
        self._probe = LoopProbe(clock=clock, metrics=self._metrics)
        self._topics = MemoryTopics(clock=clock)
        self._boot = str(clock.now())
        self._gaps = 0
        self.port = 0

    async def run(self, *, signals: bool = True) -> int:
        """Start everything, serve until told to stop, stop everything."""
        stages = [
            Stage("background", stop=self._stop_tasks, budget_seconds=0.8),
            Stage("store", self._open_store, self._close_store, budget_seconds=1.0),
            Stage("gateways", self._open_gateways, self._close_gateways, budget_seconds=0.4),
            Stage("worker", self._start_worker, self._stop_worker, budget_seconds=2.0),
            Stage("eventsub", self._start_eventsub, self._stop_eventsub, budget_seconds=1.8),
            Stage("web", self._start_web, self._stop_web, budget_seconds=1.5),
            Stage("admin", self._start_admin, self._stop_admin, budget_seconds=0.3),
            Stage("watch", self._start_watch),
        ]
        # The supervisor is stopped after the gateways and before the store: its stage stands between them.
        stages.insert(2, stages.pop(0))
        self.lifecycle = Lifecycle(stages, clock=self._clock, died=self._tasks.died, signals=signals)
        return await self.lifecycle.run()

    def states(self) -> dict[str, str]:
        """How each channel's EventSub session is."""
        return {channel_id: state.state for channel_id, state in self._monitor.states().items()}

    # -- the stages, in the order of the start ------------------------------------------------------------------

    async def _open_store(self) -> None:
        settings = self._settings
        keys = await asyncio.to_thread(load_keys, settings)
        for path in keys.made:
            log.info(
                "key made", file=str(path), advice="Back it up: without it, stored tokens cannot be read."
            )
        self._session_secret = keys.session
        sealer = Sealer(keys.encryption)
        options = SQLiteOptions(
            max_bytes=settings.storage_max_bytes, commit_delay_ms=settings.storage_commit_ms
        )
        self._store: Store | None = None
        self._store = await open_store(
            sqlite_url(settings.data_dir), clock=self._clock, metrics=self._metrics, sqlite=options
        )
        self._repositories = await open_repositories(self._store, clock=self._clock)
        self._grants = Grants(tokens=await self._store.collection(TOKENS), sealer=sealer)
        # One process owns this store: whatever leases it finds belonged to one that is no more.
        freed = await self._repositories.lanes.void_leases()
        log.info("store open", leases_freed=freed)

    async def _open_gateways(self) -> None:
        settings = self._settings
        http = HttpClient()
        oauth = TwitchOAuth(
            http=http,
            id_url=settings.twitch_id_url,
            client_id=settings.twitch_client_id,
            client_secret=settings.twitch_client_secret.get_secret_value(),
            clock=self._clock,
            metrics=self._metrics,
        )
        tokens = TokenKeeper(
            store=self._grants,
            oauth=oauth,
            clock=self._clock,
            tasks=self._tasks,
            on_dead=self._grant_died,
            on_alive=self._grant_revived,
        )
        helix = TwitchHelix(
            http=http,
            api_url=settings.twitch_api_url,
            client_id=settings.twitch_client_id,
            tokens=tokens,
            pace=MemoryPace(clock=self._clock),
            clock=self._clock,
            metrics=self._metrics,
            random=self._random,
            app_token=AppToken(oauth=oauth, clock=self._clock, tasks=self._tasks),
        )
        self._outside = Outside(http, tokens, oauth, helix)

    async def _start_worker(self) -> None:
        self._desk: Desk = join_handlers(
            self._repositories,
            topics=self._topics,
            helix=self._outside.helix,
            clock=self._clock,
            metrics=self._metrics,
            random=self._random,
            checkpoint=self._checkpoint,
            revoked=self._revoked,
            chat_sender_id=self._settings.twitch_bot_id or "",
            workers=self._settings.workers,
        )
        self._tasks.core("loop_probe", self._probe.run)
        self._tasks.core("worker", self._work)
        self._tasks.core("expiries", self._desk.expiries.run)
        self._tasks.gateway("gauges", self._measure)

    async def _work(self) -> None:
        await self._desk.worker.run()
        await asyncio.Event().wait()  # told to stop: the supervisor ends this task with the others

    async def _start_eventsub(self) -> None:
        self._monitor = Monitor(
            helix=self._outside.helix,
            sink=self._desk.eventsub,
            on_revocation=self._socket_revoked,
            on_gap=self._gap,
            on_state=self._state,
            clock=self._clock,
            tasks=self._tasks,
            random=self._random,
            url=self._settings.twitch_eventsub_url,
            metrics=self._metrics,
        )
        self._enrolment = Enrolment(
            channels=self._repositories.channels,
            tokens=self._outside.tokens,
            oauth=self._outside.oauth,
            helix=self._outside.helix,
            watch=self._monitor,
            live=self._desk.live,
            inbox=self._repositories.inbox,
            poke=self._desk.worker.poke,
            clock=self._clock,
        )

    async def _start_web(self) -> None:
        settings = self._settings
        self._servers: list[Server] = []
        views = Views(channels=self._repositories.channels, audit=self._repositories.audit)
        assert self._store is not None
        app = build_app(
            settings=self._web_settings(),
            clock=self._clock,
            metrics=self._metrics,
            topics=self._topics,
            sink=self._desk.eventsub,
            snapshots=self._desk.live,
            channels=views,
            cron=self._desk.expiries,
            audit=views,
            storage=self._store,
            backlog=self._repositories.inbox,
            loop_probe=self._probe,
            exposition=self._metrics,
            fetch_keys=self._google_keys,
            checkpoint=self._checkpoint,
        )
        self.port = await self._serve(app, settings.host, settings.port)
        if settings.metrics_port is not None:
            own = build_metrics_app(exposition=self._metrics, clock=self._clock, metrics=self._metrics)
            await self._serve(own, settings.host, settings.metrics_port)

    async def _serve(self, app: WebApp, host: str, port: int) -> int:
        server = Server(web_app=app, clock=self._clock)
        bound = await server.start(host, port)
        self._servers.append(server)
        return bound

    def _web_settings(self) -> WebSettings:
        settings = self._settings
        oidc = None
        if settings.cron_oidc_audience and settings.cron_oidc_email:
            oidc = OidcRule(audience=settings.cron_oidc_audience, email=settings.cron_oidc_email)
        return WebSettings(
            public_url=settings.base_url,
            session_secret=self._session_secret,
            version=version("cuelight"),
            eventsub_secrets=[
                (f"eventsub-{number}", secret.get_secret_value().encode())
                for number, secret in enumerate(settings.twitch_eventsub_secret, 1)
            ],
            cron_secret=settings.cron_secret.get_secret_value() if settings.cron_secret else None,
            cron_oidc=oidc,
            metrics_token=settings.metrics_token.get_secret_value() if settings.metrics_token else None,
            trusted_proxies=settings.trusted_proxies,
            development_login=settings.development_login,
            on_cloud_run=bool(settings.k_service),
        )

    async def _start_admin(self) -> None:
        commands = build_commands(
            inbox=InboxCommands(inbox=self._repositories.inbox, worker=self._desk.worker, clock=self._clock),
            channels=ChannelCommands(enrolment=self._enrolment),
            keys=KeyCommands(settings=self._settings, grants=self._grants),
            status=self._status,
        )
        self._admin = AdminSocket(self._settings.data_dir, commands=commands, metrics=self._metrics)
        await self._admin.start()

    async def _start_watch(self) -> None:
        """Last of all: from here on, events come in."""
        count = await self._enrolment.start()
        rounds = Rounds(channels=self._repositories.channels, intake=self._desk.intake, clock=self._clock)
        self._tasks.gateway("rounds", rounds.run)
        self._tasks.gateway("validation", lambda: self._outside.tokens.run_validation(self._clock))
        address = f"http://{self._settings.host}:{self.port}"
        log.info("ready", address=address, channels=count)
        if self._told is not None:
            self._told(address)

    # -- the stop, in reverse -----------------------------------------------------------------------------------

    async def _stop_admin(self) -> None:
        if hasattr(self, "_admin"):
            await self._admin.stop()

    async def _stop_web(self) -> None:
        for server in getattr(self, "_servers", []):
            await server.stop(finish_seconds=1.0)

    async def _stop_eventsub(self) -> None:
        if hasattr(self, "_monitor"):
            await self._monitor.stop()

    async def _stop_worker(self) -> None:
        """Finish what is in hand, hand back the lanes."""
        if hasattr(self, "_desk"):
            self._desk.worker.stop()
            await self._clock.wait(self._desk.worker.ended, 1.9)

    async def _close_gateways(self) -> None:
        if hasattr(self, "_outside"):
            await self._outside.http.close()

    async def _stop_tasks(self) -> None:
        await self._tasks.stop(0.7)

    async def _close_store(self) -> None:
        if getattr(self, "_store", None) is not None:
            assert self._store is not None
            await self._store.close()

    # -- what the parts tell each other -------------------------------------------------------------------------

    async def _grant_died(self, user_id: str, why: str) -> None:
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

    async def _socket_revoked(self, subscription: RemoteSubscription) -> None:
        told = {
            "type": subscription.type,
            "status": subscription.status,
            "condition": subscription.condition,
        }
        await self._desk.eventsub.revocation(message_id="", subscription=told, transport="websocket")

    async def _gap(self, channel_id: str) -> None:
        self._gaps += 1
        await self._desk.intake.accept(reconciliation_of(channel_id, run=f"{self._boot}.{self._gaps}"))

    def _state(self, channel_id: str, state: str, detail: str) -> None:
        work = self._desk.live.show_connection(channel_id, state, detail)
        self._tasks.spawn(work, name=f"connection:{channel_id}")

    async def _google_keys(self) -> dict[str, Any]:
        answer = await self._outside.http.request("GET", GOOGLE_KEYS_URL, guard="public")
        keys = answer.json()
        if not isinstance(keys, dict):
            raise Unavailable("Google's keys could not be read.", code="cron.keys")
        return keys

    async def _measure(self) -> None:
        while True:
            oldest = await self._repositories.inbox.oldest_open()
            age = 0.0 if oldest is None else max(0.0, (self._clock.now() - oldest) / 1000)
            self._metrics.gauge("inbox_oldest_seconds", age)
            counts = await self._repositories.inbox.counts()
            self._metrics.gauge("inbox_dead", counts.get(RowState.DEAD.value, 0))
            await self._clock.sleep(GAUGES_SECONDS)

    async def _status(self) -> dict[str, Any]:
        """For `cuelight status`: is it well, and what waits?"""
        assert self._store is not None
        oldest = await self._repositories.inbox.oldest_open()
        return {
            "version": version("cuelight"),
            "address": f"http://{self._settings.host}:{self.port}",
            "lag_seconds": round(self._probe.lag_seconds(), 3),
            "store_bytes": await self._store.size_bytes(),
            "inbox": await self._repositories.inbox.counts(),
            "oldest_unhandled_seconds": None if oldest is None else (self._clock.now() - oldest) / 1000,
            "worker": {"busy": self._desk.worker.busy, "backlog": self._desk.worker.backlog},
            "channels": {
                channel_id: {"state": state.state, "since": state.since, "detail": state.detail}
                for channel_id, state in self._monitor.states().items()
            },
        }
