"""Cuelight and its simulator as programs that somebody else starts: the demo, the kill tests, the benchmarks."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import aiohttp

from daemon.admin_client import admin_call
from domain.errors import Broken, Unavailable
from domain.ports import Clock

START_SECONDS = 40.0
"""A second and a half on a quiet machine, twenty of them where fifteen programs want each processor."""
RUN = ("-m", "daemon.cli", "run")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses at this moment.

    Below those that the kernel gives to outgoing connections (from 32768 on Linux): one of these could be taken by any
    program's next call before ours listens on it.
    """
    for _ in range(200):
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Unavailable("No free port of this machine was found.", code="programs.port")


class Simulator:
    """`python -m simulators.twitch` and its control surface."""

    def __init__(self, process: asyncio.subprocess.Process, addresses: Mapping[str, str]) -> None:
        self.process = process
        self.addresses = addresses
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))

    @classmethod
    async def start(cls, *options: str) -> Simulator:
        """Start one on a free port of loopback. Raises `Broken` if it does not come up."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "simulators.twitch",
            "--port",
            "0",
            *options,
            stdout=asyncio.subprocess.PIPE,
            process_group=0,  # Ctrl-C is for who directs them: he stops them, in order
        )
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        if not line:
            raise Broken("The Twitch simulator did not start.", code="demo.simulator")
        return cls(process, json.loads(line))

    async def order(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POST to the control surface. Raises `Broken` for an answer that is not good."""
        url = f"{self.addresses['control_url']}/{path}"
        async with self._http.post(url, json=dict(body or {})) as answer:
            if answer.status >= 400:
                raise Broken(f"The simulator refused {path}: {await answer.text()}", code="demo.simulator")
            return await answer.json()

    async def look(self, path: str) -> Any:
        """GET from the control surface."""
        async with self._http.get(f"{self.addresses['control_url']}/{path}") as answer:
            return await answer.json()

    async def stop(self) -> None:
        await self._http.close()
        await end(self.process)


class DaemonProgram:
    """`cuelight run` in a process of its own, on a data directory that outlives it."""

    def __init__(
        self,
        *,
        data_dir: Path,
        twitch: Mapping[str, str],
        clock: Clock,
        port: int,
        environ: Mapping[str, str] | None = None,
        argv: Sequence[str] = RUN,
        log: IO[Any] | None = None,
    ) -> None:
        """`twitch`: the simulator's addresses. `argv`: what Python is to run, another program with the same wiring
        in kill tests."""
        self.data_dir, self.port = data_dir, port
        self._clock, self._argv, self._log = clock, argv, log
        self._environ = {
            **os.environ,
            "DATA_DIR": str(data_dir),
            "PORT": str(port),
            "HOST": "127.0.0.1",
            "TWITCH_CLIENT_ID": twitch["client_id"],
            "TWITCH_CLIENT_SECRET": twitch["client_secret"],
            "TWITCH_API_URL": twitch["api_url"],
            "TWITCH_ID_URL": twitch["id_url"],
            "TWITCH_EVENTSUB_URL": twitch["eventsub_url"],
            **({"DISCORD_URL": twitch["discord_url"]} if "discord_url" in twitch else {}),
            **(environ or {}),
        }
        self.process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, **environ: str) -> None:
        """Start it and wait until it answers. Raises `Unavailable` if it ends or stays silent instead."""
        await self.launch(**environ)
        deadline = self._clock.monotonic() + START_SECONDS
        while self._clock.monotonic() < deadline:
            if self.process is not None and self.process.returncode is not None:
                break
            try:
                await self.admin("status")
            except Unavailable:
                await self._clock.sleep(0.02)
                continue
            return
        raise Unavailable("The daemon did not start.", code="demo.daemon", advice="See its log above.")

    async def launch(self, **environ: str) -> None:
        """Start it without waiting."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._argv,
            env={**self._environ, **environ},
            stderr=self._log,
            stdout=self._log,
            process_group=0,  # Ctrl-C is for who directs them: he stops them, in order
        )

    async def admin(self, command: str, args: Mapping[str, Any] | None = None) -> Any:
        """A command through the local admin socket."""
        return await asyncio.to_thread(admin_call, self.data_dir, command, args, timeout_seconds=30.0)

    async def kill(self) -> None:
        """`kill -9`."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()

    async def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        assert self.process is not None
        return await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, and wait; returns the exit code."""
        return 0 if self.process is None else await end(self.process)


async def end(process: asyncio.subprocess.Process) -> int:
    """SIGTERM, ten seconds, then SIGKILL; returns the exit code."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
    return await process.wait()
