"""The server of the bench `inbox` to compare with: the web layer of the daemon, verifying and storing nothing.

`python -m bench._inbox_nothing PORT SECRET`. The measure of what durability costs: same routes, same middleware, same
log lines and metrics in a process of the same kind; only behind the webhook stands a sink that says "new" at once.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from importlib.metadata import version
from typing import Any, Literal, NoReturn

from daemon.clock import SystemClock
from daemon.logs import configure_logs
from daemon.loop_probe import LoopProbe
from daemon.metrics import PrometheusMetrics
from domain.errors import Broken
from domain.events import Arrival
from gateways.topics.memory import MemoryTopics
from handlers.accounts.sessions import SignedIn
from storage.audit import AuditFilter
from web.app import WebApp, WebSettings, build_app
from web.ports import Channel
from web.server import Server


class Nothing:
    """Every port that the web layer asks for; none of them keeps anything."""

    async def notification(self, came: Arrival) -> Literal["new"]:
        return "new"

    async def revocation(self, *, message_id: str, subscription: dict[str, Any], transport: str) -> None:
        return None

    async def channels(self, ids: Iterable[str] | None = None) -> list[Channel]:
        return []

    async def channel(self, channel_id: str) -> Channel | None:
        return None

    async def snapshot(self, channel_id: str) -> dict[str, Any]:
        return {}

    async def remove_expired(self) -> dict[str, Any]:
        return {"due": 0}

    async def audit(
        self, *, channel_id: str, only: AuditFilter, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        return [], None

    async def viewer_id(self, channel_id: str, written: str) -> str:
        return written

    async def export(self, *, kind: str, channel_id: str, only: AuditFilter) -> AsyncIterator[bytes]:
        yield b""

    async def probe(self) -> None:
        return None

    async def oldest_open(self) -> int | None:
        return None

    async def nobody_yet(self) -> bool:
        return False


class NoLogins:
    """Nobody is signed in."""

    async def open(self, *, subject: str, login: str, name: str, agent: str, replaces: str) -> NoReturn:
        raise Broken("Nobody signs in to a measurement.")

    async def read(self, key: str) -> SignedIn | None:
        return None

    async def lasts(self, login_id: str, channel_id: str) -> bool:
        return False

    async def end(self, login_id: str, subject: str) -> None:
        return None

    async def end_all(self, subject: str) -> int:
        return 0

    def watch(self, watcher: Callable[[str], None]) -> None:
        return None


def build(secret: bytes, *, clock: SystemClock) -> WebApp:
    """The application, joined as the daemon joins it."""
    metrics, nothing = PrometheusMetrics(), Nothing()
    return build_app(
        settings=WebSettings(
            public_url="http://127.0.0.1",
            session_secret="nobody-logs-in-to-a-measurement-",
            version=version("cuelight"),
            eventsub_secrets=[("eventsub-1", secret)],
        ),
        clock=clock,
        metrics=metrics,
        topics=MemoryTopics(clock=clock),
        sink=nothing,
        snapshots=nothing,
        channels=nothing,
        logins=NoLogins(),
        newcomers=nothing,
        cron=nothing,
        audit=nothing,
        storage=nothing,
        backlog=nothing,
        loop_probe=LoopProbe(clock=clock, metrics=metrics),
        exposition=metrics,
    )


async def serve(port: int, secret: bytes, *, clock: SystemClock) -> None:
    """Serve until SIGTERM; says `ready` on standard output."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = Server(web_app=build(secret, clock=clock), clock=clock)
    await server.start("127.0.0.1", port)
    print("ready", flush=True)
    await stop.wait()
    await server.stop(finish_seconds=0.5)


def main() -> None:
    clock = SystemClock()
    configure_logs(clock=clock, level="info", format="json", project=None, service="cuelight")
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2].encode(), clock=clock))


if __name__ == "__main__":
    main()
