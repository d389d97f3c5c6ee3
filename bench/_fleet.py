"""Two daemons on one MongoDB and one Redis, for the benches that compare one process with two.

Where no servers are given, those of the tests are started: redis-server, and mongo-java-server for MongoDB, which
speaks the protocol, keeps everything in memory and waits for no disk. What is measured on it is our code and the
network, not MongoDB; `store` says which it was.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from daemon.clock import SystemClock
from daemon.programs import DaemonProgram, free_port

PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Pair:
    """The daemons, started. `store`: what stands behind MONGO_URL, in words."""

    daemons: Sequence[DaemonProgram]
    store: str

    async def open_rows(self) -> int:
        """How many rows of the inbox are not handled."""
        status = await self.daemons[0].admin("status")
        return int(status["inbox"].get("open", 0))

    async def live(self) -> int:
        """How many EventSub sessions are live in all of them together."""
        told = [await daemon.admin("status") for daemon in self.daemons]
        return sum(state["state"] == "live" for status in told for state in status["channels"].values())


def add_options(parser: argparse.ArgumentParser) -> None:
    """What every bench that has a pair asks for."""
    parser.add_argument(
        "--fleet", action="store_true", help="measure two processes on MongoDB and Redis as well"
    )
    parser.add_argument("--mongo-url", help="server for --fleet (default: mongo-java-server, in memory)")
    parser.add_argument("--redis-url", help="Redis for --fleet (default: a redis-server of its own)")


@asynccontextmanager
async def pair(
    folder: Path,
    options: argparse.Namespace,
    *,
    twitch: Mapping[str, str],
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[Pair]:
    """Start two daemons that share everything. `folder` takes their data directories and logs."""
    async with AsyncExitStack() as stack:
        mongo_url, store = options.mongo_url, "the MongoDB of --mongo-url"
        if not mongo_url:
            mongo_url, store = await stack.enter_async_context(_mongo()), "mongo-java-server, in memory"
        redis_url = options.redis_url or await stack.enter_async_context(_redis())
        shared = {
            "MONGO_URL": f"{mongo_url.rstrip('/')}/cuelight_bench" if not options.mongo_url else mongo_url,
            "REDIS_URL": redis_url,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "SESSION_SECRET": "nobody-logs-in-to-a-measurement-",
            **(environ or {}),
        }
        daemons = []
        for number in range(PROCESSES):
            log = stack.enter_context((folder / f"fleet-{number}.log").open("wb"))
            daemons.append(
                DaemonProgram(
                    data_dir=folder / f"fleet-{number}",
                    twitch=twitch,
                    clock=SystemClock(),
                    port=free_port(),
                    environ=shared,
                    log=log,
                )
            )
            stack.push_async_callback(daemons[-1].stop)
        await asyncio.gather(*(daemon.start() for daemon in daemons))
        yield Pair(daemons, store)


@asynccontextmanager
async def _mongo() -> AsyncIterator[str]:
    from tests.servers.mongo import start_mongo  # noqa: PLC0415 - only a checkout has it

    async with start_mongo() as server:
        yield server.url


@asynccontextmanager
async def _redis() -> AsyncIterator[str]:
    from tests.servers.redis import start_redis  # noqa: PLC0415 - only a checkout has it

    async with start_redis() as server:
        yield server.url


def together(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The answers of several load programs that ran at the same time, as one."""
    return {
        "accepted": sum(answer["accepted"] for answer in answers),
        "refused": sum(answer["refused"] for answer in answers),
        "broken": sum(answer["broken"] for answer in answers),
        "seconds": max(answer["seconds"] for answer in answers),
        "latencies_ms": sorted(latency for answer in answers for latency in answer["latencies_ms"]),
    }
