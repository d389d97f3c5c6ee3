"""One aiohttp server on one port with everything on it."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Self

from aiohttp import web

from simulators.twitch.control import Control
from simulators.twitch.discord import Wall
from simulators.twitch.helix import add_helix
from simulators.twitch.identity import Identity
from simulators.twitch.ledger import Ledger
from simulators.twitch.settings import SimulatorSettings
from simulators.twitch.stage import Stage
from simulators.twitch.story import Story
from simulators.twitch.world import World


class TwitchSimulator:
    """`async with TwitchSimulator(settings=...) as sim:` serves until the block ends.

    The addresses are known once it has started: `api_url` (…/helix), `id_url` (…/oauth2), `eventsub_url`
    (ws://…/ws) and `control_url` (…/sim). `stage` gives access to every part.
    """

    def __init__(self, *, settings: SimulatorSettings | None = None) -> None:
        self.settings = settings or SimulatorSettings()
        self.stage = Stage.build(self.settings)
        self.story = Story(self.stage)
        self._identity = Identity(self.stage)
        self.discord = Wall()
        self._runner: web.AppRunner | None = None
        self._origin = ""

    @property
    def world(self) -> World:
        return self.stage.world

    @property
    def ledger(self) -> Ledger:
        return self.stage.ledger

    @property
    def client_id(self) -> str:
        return self.settings.client_id

    @property
    def client_secret(self) -> str:
        return self.settings.client_secret

    @property
    def api_url(self) -> str:
        return f"{self._origin}/helix"

    @property
    def id_url(self) -> str:
        return f"{self._origin}/oauth2"

    @property
    def control_url(self) -> str:
        return f"{self._origin}/sim"

    @property
    def discord_url(self) -> str:
        """Where Discord would be."""
        return self._origin

    @property
    def eventsub_url(self) -> str:
        return "ws" + self._origin.removeprefix("http") + "/ws"

    def addresses(self) -> dict[str, str]:
        """What a client needs to know."""
        return {
            "api_url": self.api_url,
            "id_url": self.id_url,
            "eventsub_url": self.eventsub_url,
            "control_url": self.control_url,
            "discord_url": self.discord_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        app = web.Application(middlewares=[self.stage.faults.middleware()])
        add_helix(app, self.stage)
        self._identity.add_routes(app)
        Control(self.stage, self._identity, self.story).add_routes(app)
        self.discord.add_routes(app)
        app.router.add_get("/ws", self.stage.eventsub.hall.handle)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, self.settings.host, self.settings.port, ssl_context=self._tls(), backlog=2048
        )
        await site.start()
        host, port = self._runner.addresses[0][:2]
        scheme = "http" if self.settings.certificate is None else "https"
        self._origin = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        self.stage.eventsub.hall.base_url = self.eventsub_url
        await self.stage.eventsub.start()

    async def stop(self) -> None:
        """Stop the story, close every socket, free the port."""
        await self.story.halt()
        await self.stage.eventsub.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _tls(self) -> ssl.SSLContext | None:
        if self.settings.certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.settings.certificate, self.settings.private_key)
        return context

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
