"""A redis-server for the bench `topics`: durable as a fleet would have it, gone afterwards."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from daemon.clock import SystemClock
from daemon.programs import free_port

READY_SECONDS = 20.0
DURABLE = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")


@asynccontextmanager
async def redis_server(clock: SystemClock) -> AsyncIterator[str]:
    """Its URL. Raises `RuntimeError` where there is no redis-server or it does not start."""
    program = shutil.which("redis-server")
    if program is None:
        raise RuntimeError("redis-server is not installed: sudo apt-get install redis-server")
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="bench-topics-") as folder,
        (Path(folder) / "log").open("wb") as log,
    ):
        process = await asyncio.create_subprocess_exec(
            program, "--bind", "127.0.0.1", "--port", str(port), "--dir", folder, *DURABLE,
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            deadline = clock.monotonic() + READY_SECONDS
            while not await _answers(port):
                if process.returncode is not None or clock.monotonic() > deadline:
                    raise RuntimeError("redis-server did not start.")
                await clock.sleep(0.02)
            yield f"redis://127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.write(b"PING\r\n")
    answer = await reader.readline()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return answer == b"+PONG\r\n"
