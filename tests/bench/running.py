"""Runs a bench as its user does: as a program."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


async def run_bench(*words: str, seconds: float = 50) -> tuple[int | None, list[str], str]:
    """Exit code, lines of standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench", *words),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, out.decode().splitlines(), err.decode()


async def told_by(*words: str, seconds: float = 50) -> dict[str, Any]:
    """What the bench says to programs: its one line of JSON."""
    code, out, err = await run_bench(*words, "--json", seconds=seconds)
    assert code == 0, err
    (line,) = out
    told: dict[str, Any] = json.loads(line)
    return told
