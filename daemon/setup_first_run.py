"""The first run: no Twitch application is named yet, so the daemon serves the set-up page and nothing else.

Once the application is checked and stored, this ends and the daemon starts in the same process, on the same address:
the page waits for it. On Cloud Run and in a fleet the application has to be given; there nothing of this happens.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from daemon.clock import SystemClock
from daemon.keys import load_keys
from daemon.lifecycle import EXIT_OK, Lifecycle, Stage
from daemon.logs import configure_logs
from daemon.loop_probe import LoopProbe
from daemon.metrics import PrometheusMetrics
from daemon.settings import APPLICATION, Settings, load_settings, load_unfinished
from daemon.settings_words import SettingsInvalid
from daemon.setup_application import Application, save_application
from daemon.setup_check import (
    CONSOLE,
    check_application,
    checked_credentials,
    checked_public_url,
    home_url,
    redirect_url,
)
from daemon.supervisor import Supervisor
from domain.ports import Clock
from web.app import WebApp
from web.server import Server
from web.setup import Asked, SetupSettings, build_setup_app

log = structlog.get_logger("setup")

FINISH_SECONDS = 1.0
"""How long the last answer may take to leave before the daemon takes the port over."""


def first_run(env_file: Path | None = Path(".env")) -> int | None:
    """Serve the set-up page if that is what is missing. `None`: go on and start the daemon; else the exit code.

    Raises `SettingsInvalid` where something else is wrong, or the application has to be given.
    """
    settings = unfinished(env_file)
    if settings is None:
        return None
    clock = SystemClock()
    configure_logs(clock=clock, level=settings.log_level, format=settings.log_format)
    first = FirstRun(settings, clock=clock)
    code = asyncio.run(first.run())
    return None if first.done and code == EXIT_OK else code


def unfinished(env_file: Path | None = Path(".env")) -> Settings | None:
    """The settings, if nothing is missing but both halves of the application and this daemon may ask for them; `None`
    if nothing is missing. Raises `SettingsInvalid`."""
    try:
        load_settings(env_file=env_file)
    except SettingsInvalid as error:
        names = {problem.variable.lower() for problem in error.problems if "missing" in problem.wrong}
        if names != set(APPLICATION) or len(error.problems) != len(APPLICATION):
            raise
        settings = load_unfinished(env_file=env_file)
        if settings.k_service or settings.mongo_url:
            raise
        return settings
    return None


class FirstRun:
    """The set-up page, until it has done its work or somebody stops it."""

    def __init__(self, settings: Settings, *, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._metrics = PrometheusMetrics()
        self._tasks = Supervisor(clock=clock, metrics=self._metrics)
        self._probe = LoopProbe(clock=clock, metrics=self._metrics)
        self._token = secrets.token_urlsafe(32)
        self._server: Server | None = None
        self.done = False
        self.address = ""

    @property
    def entrance(self) -> str:
        """The address that opens the page, once."""
        return f"{self.address}/setup?token={self._token}"

    async def run(self, *, signals: bool = True) -> int:
        """Returns the exit code; `done` says whether the application is stored."""
        stages = [
            Stage("background", stop=self._stop_tasks, budget_seconds=0.7),
            Stage("setup", self._start, self._stop, budget_seconds=FINISH_SECONDS + 1.0),
        ]
        self.lifecycle = Lifecycle(stages, clock=self._clock, died=self._tasks.died, signals=signals)
        return await self.lifecycle.run()

    async def _start(self) -> None:
        settings = self._settings
        self._tasks.core("loop_probe", self._probe.run)
        app: WebApp = build_setup_app(
            settings=SetupSettings(
                token=self._token,
                version=version("cuelight"),
                console=CONSOLE,
                redirect_url=redirect_url,
                secure=bool(settings.public_url and settings.public_url.startswith("https:")),
                trusted_proxies=settings.trusted_proxies,
            ),
            address=lambda: self.address,
            take=self._take,
            clock=self._clock,
            loop_probe=self._probe,
            metrics=self._metrics,
        )
        self._server = Server(web_app=app, clock=self._clock)
        port = await self._server.start(settings.host, settings.port)
        self.address = settings.public_url or home_url(settings.host, port)
        log.info("needs_setup", address=self.address, advice="Open the address that is shown beside.")
        # Beside the log and not in it: the token is for whoever sees this terminal.
        sys.stderr.write(
            "\n  Cuelight does not know your Twitch application yet. Open this address to set it up:\n\n"
            f"    {self.entrance}\n\n"
            "  It opens once, in the first browser. Or stop with Ctrl-C and run: cuelight setup\n\n"
        )
        sys.stderr.flush()

    async def _take(self, asked: Asked) -> str:
        """Check, store, and go on. Returns the address that browsers are to use. Raises `Rejected`, `Unavailable`."""
        settings = self._settings
        public_url = checked_public_url(asked.public_url)
        client_id, client_secret = checked_credentials(asked.client_id, asked.client_secret)
        await check_application(client_id, client_secret, id_url=settings.twitch_id_url, clock=self._clock)
        given = Application(client_id, client_secret, public_url)
        keys = await asyncio.to_thread(load_keys, settings)
        path = await asyncio.to_thread(save_application, settings.data_dir, given, keys.encryption)
        log.info("application stored", file=str(path), address=urlsplit(public_url).netloc)
        self.done = True
        self.lifecycle.request_stop("set up")
        return public_url

    async def _stop(self) -> None:
        if self._server is not None:
            await self._server.stop(finish_seconds=FINISH_SECONDS)

    async def _stop_tasks(self) -> None:
        await self._tasks.stop(0.6)
