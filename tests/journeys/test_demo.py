"""`cuelight demo` as people start it: one line of JSON, exit code 0, also when somebody kills the daemon in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.journeys.rig import FAULTS

pytestmark = [pytest.mark.journey, pytest.mark.timeout(90)]

DEMO = ("-m", "daemon.cli", "demo", "--seconds", "8", "--headless", "--json", "--port", "0")
LIMIT_SECONDS = 60.0


async def _demo() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, *DEMO, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def _result(demo: asyncio.subprocess.Process) -> dict[str, Any]:
    """The JSON line, after an end without fault."""
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            out, err = await demo.communicate()
    finally:
        if demo.returncode is None:
            demo.terminate()
            await demo.wait()
    told = f"--- standard output ---\n{out.decode()}\n--- standard error ---\n{err.decode()}"
    assert demo.returncode == 0, told
    lines = out.decode().splitlines()
    assert len(lines) == 1, told
    assert "Traceback" not in err.decode(), told
    verdict: dict[str, Any] = json.loads(lines[0])
    assert not any(verdict[fault] for fault in FAULTS), told
    assert not verdict["pending"], told
    party = verdict["party"]
    assert (party["members"], party["lost"]) == (12, 0), told
    assert 0 <= party["p50_ms"] <= party["p95_ms"] <= party["p99_ms"], told
    return verdict


async def _daemon_of(demo: asyncio.subprocess.Process) -> int:
    """The process id of the demo's daemon, once it serves."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            for child in psutil.Process(demo.pid).children():
                if child.cmdline()[-1:] == ["run"] and _listens(child):
                    return child.pid
            await asyncio.sleep(0.05)


def _listens(process: psutil.Process) -> bool:
    try:
        connections = process.net_connections(kind="tcp")
    except psutil.NoSuchProcess:
        return False
    # A port of its own and a socket to the simulator: channels are being watched.
    states = {connection.status for connection in connections}
    return {psutil.CONN_LISTEN, psutil.CONN_ESTABLISHED} <= states


async def test_ends_with_one_line_and_no_fault(tmp_path: Path) -> None:
    verdict = await _result(await _demo())
    assert verdict["redemptions"] >= 5
    assert verdict["granted"] > 0
    assert (verdict["kills"], verdict["party"]["resets"]) == (0, 0)


async def test_a_kill_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    demo = await _demo()
    try:
        daemon = await _daemon_of(demo)
        await asyncio.sleep(3.0)  # into the middle of the story
        os.kill(daemon, signal.SIGKILL)
    except BaseException:
        demo.terminate()
        raise
    verdict = await _result(demo)
    assert verdict["kills"] == 1
    assert verdict["granted"] > 0
