"""Twitch's own command-line tool as a peer: running its commands, running its mock."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.support.need import need

RPC_PORT = 44747  # fixed in the mock
SECONDS = 15.0  # the longest wait for one thing to happen


def binary() -> Path:
    """The tool, from PATH or the cache. Where it is missing: see `tests/support/need.py`."""
    return need("twitch-cli")


@contextmanager
def alone_on_this_host() -> Iterator[None]:
    """The mock's control port is fixed, so that two test runs of one host take turns."""
    path = Path(tempfile.gettempdir()) / f"cuelight-twitch-cli-{os.getuid()}.lock"
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# "✔ Request Sent. Received Status Code: 204", "✔ Valid status code. Received status 200", "✗ Invalid status code.
# Received 403, expected a 2XX status", "[204] Endpoint received refired event."
_STATUS = re.compile(r"(?:Status Code: |status code\. Received (?:status )?|^\[)(\d{3})\b", re.MULTILINE)


async def until(condition: Callable[[], Any], *, seconds: float = SECONDS) -> None:
    """Wait for something that the peer or our own tasks bring about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    text: str
    code: int

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the event, which `trigger` and `retrigger` print last."""
        found = json.loads(self.text[self.text.index("{") :])
        assert isinstance(found, dict)
        return found

    @property
    def status(self) -> int:
        """The HTTP status that the tool got."""
        found = _STATUS.search(self.text)
        if found is not None:
            return int(found[1])
        raise AssertionError(self.text)


class TwitchCli:
    """Runs commands with a home of their own. They never ask for updates."""

    def __init__(self, program: Path, home: Path) -> None:
        self.program = program
        self.home = home
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "CI": "true",
            "TWITCH_DISABLE_UPDATE_CHECKS": "true",
            "NO_COLOR": "1",
        }

    async def run(self, *arguments: str) -> Said:
        process = await asyncio.create_subprocess_exec(
            self.program,
            *arguments,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(SECONDS):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return Said(output.decode(), process.returncode)

    async def verify(self, event: str, *options: str) -> Said:
        return await self.run("event", "verify-subscription", event, "-D", *options)

    async def trigger(self, event: str, *options: str) -> Said:
        return await self.run("event", "trigger", event, "-D", *options)


class Mock:
    """The tool's EventSub WebSocket server, in strict mode: nothing without a subscription."""

    def __init__(self, cli: TwitchCli) -> None:
        self._cli = cli
        self._log = cli.home / "mock.log"
        self._process: asyncio.subprocess.Process
        self.port = 0

    async def __aenter__(self) -> Self:
        if _listens(RPC_PORT):
            pytest.fail(f"port {RPC_PORT} is taken, perhaps by another mock of twitch-cli", pytrace=False)
        self.port = _free_port()
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                self._cli.program,
                *("event", "websocket", "start-server", "-S", "--debug", "--ip", "127.0.0.1"),
                *("--port", str(self.port)),
                env=self._cli.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            await until(self._is_up)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()
        if error is not None:
            error.add_note(f"the mock's log:\n{self.log()}")

    async def _stop(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    def _is_up(self) -> bool:
        assert self._process.returncode is None, self.log()
        return _listens(self.port) and _listens(RPC_PORT)

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def api_url(self) -> str:
        """What stands where `https://api.twitch.tv/helix` is; only `/eventsub/subscriptions` exists under it."""
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    async def fire(self, event: str, session_id: str, *options: str) -> dict[str, Any]:
        """Send an event to one session; the answer is its payload as the tool printed it."""
        said = await self._cli.trigger(event, "--transport=websocket", f"--session={session_id}", *options)
        assert "Forwarded" in said.text, said.text
        return said.body

    async def command(self, name: str, *options: str) -> None:
        said = await self._cli.run("event", "websocket", name, *options)
        assert said.code == 0, said.text


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
