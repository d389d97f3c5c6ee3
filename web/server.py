"""Runs the application on a port, and stops it in stages."""

from __future__ import annotations

import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from domain.errors import Rejected
from domain.ports import Clock
from web.app import WebApp

BACKLOG = 2048  # after a restart every page and partner comes back at once; the default of 128 drops SYNs
CUT_SECONDS = 0.2
FIRST_REQUEST_SECONDS, LOOK_SECONDS = 30.0, 5.0
DRAIN_SECONDS = 0.8
"""For telling the viewers of watch parties to come back."""


class _Shorten(logging.Filter):
    """Bytes that are not HTTP are the sender's fault: one line, no traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        cause = record.exc_info[1] if record.exc_info else None
        if isinstance(cause, HttpProcessingError):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg, record.args = "a request that is not HTTP: %s", (type(cause).__name__,)
            record.exc_info = None
        return True


def _logger() -> logging.Logger:
    logger = logging.getLogger("web.http")
    if not any(isinstance(one, _Shorten) for one in logger.filters):
        logger.addFilter(_Shorten())
    return logger


class Server:
    """One listening socket.

    `handler_cancellation` stays off on purpose: a client that hangs up must not cancel a webhook between its
    verification and its insert. The price: an event stream notices a client that is gone by its next write, after
    15 s at most.
    Bodies are not decompressed: signatures are over the bytes as they came, and nobody can send a bomb.
    """

    def __init__(self, *, web_app: WebApp, clock: Clock) -> None:
        self._web = web_app
        self._clock = clock
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._silent: dict[
            web.RequestHandler, float
        ] = {}  # of whom nothing was understood yet, and since when

    async def start(self, host: str, port: int) -> int:
        """Listen and return the bound port (0 takes a free one). Raises `Rejected` if the address cannot be had."""
        self._runner = web.AppRunner(
            self._web.application,
            access_log=None,  # the middleware logs
            logger=_logger(),
            handler_cancellation=False,
            auto_decompress=False,
            keepalive_timeout=75.0,
            shutdown_timeout=CUT_SECONDS,
        )
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, host, port, backlog=BACKLOG)
        try:
            await self._site.start()
        except OSError as error:
            await self._runner.cleanup()
            self._runner = self._site = None
            raise Rejected(
                f"Cannot listen on {host}:{port}: {error.strerror or error}.",
                code="web.address",
                advice="Set HOST and PORT to an address of this machine that is free.",
            ) from None
        bound: int = self._runner.addresses[0][1]
        return bound

    @property
    def unsent_bytes(self) -> int:
        """How much all clients together have not taken yet, as far as it lies in this process."""
        server = self._runner.server if self._runner is not None else None
        transports = [one.transport for one in server.connections] if server is not None else []
        return sum(one.get_write_buffer_size() for one in transports if one is not None)

    async def run(self) -> None:
        """Hang up on who connects and does not get a request out, until cancelled. aiohttp gives the first one all the
        time in the world, letter by letter; the later ones have that of the keep-alive."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            now, before = self._clock.monotonic(), self._silent
            server = self._runner.server if self._runner is not None else None
            connections = server.connections if server is not None else []
            self._silent = {one: before.get(one, now) for one in connections if not one._request_count}
            for one, since in self._silent.items():
                if now - since >= FIRST_REQUEST_SECONDS and one.transport is not None:
                    one.transport.abort()

    async def stop(self, *, finish_seconds: float = 4.0) -> None:
        """Stop accepting, end the event streams, let requests finish for `finish_seconds`, then cut. Twice is fine."""
        if self._runner is None or self._site is None:
            return
        runner, site = self._runner, self._site
        self._runner = self._site = None
        self._web.stopping.begun = True
        await site.stop()
        if self._web.streams is not None:
            self._web.streams.stop()
        if self._web.overlays is not None:
            self._web.overlays.stop()
        if self._web.parties is not None:
            await self._web.parties.drain(DRAIN_SECONDS)
        await self._clock.wait(self._web.in_flight.idle, finish_seconds)
        await runner.cleanup()
