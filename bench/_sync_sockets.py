"""The run of the bench `sync` over real sockets: the daemon as a program, and the viewers who go there as another."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jwt

from daemon.clock import SystemClock
from daemon.programs import DaemonProgram, Simulator, free_port

ISSUER = "bench"
PATIENCE_SECONDS = 60.0
SETTINGS = {"waiting": "off"}
"""As in the runs on virtual time: nobody waits for anybody, so that the following alone is measured."""


async def evening_at_sockets(*, viewers: int, seconds: float, networks: str, seed: int) -> dict[str, Any]:
    """What `python -m simulators.players` measured. Raises `RuntimeError` if it measured nothing."""
    twitch = await Simulator.start("--unthrottled")
    try:
        with tempfile.TemporaryDirectory(prefix="bench-sync-") as name:
            directory, secret = Path(name), secrets.token_hex(32)
            with (directory / "log").open("wb") as log:
                daemon = DaemonProgram(
                    data_dir=directory / "data",
                    twitch=twitch.addresses,
                    clock=SystemClock(),
                    port=free_port(),
                    environ={"JWT_ISSUER_KEYS": f"{ISSUER} HS256 secret:{secret}"},
                    log=log,
                )
                tokens = directory / "tokens"
                tokens.write_text("\n".join(token(secret, f"viewer-{each}") for each in range(viewers)))
                try:
                    await daemon.start()
                    return await _visit(daemon.port, tokens, viewers, seconds, networks=networks, seed=seed)
                finally:
                    await daemon.stop()
    finally:
        await twitch.stop()


def token(secret: str, subject: str) -> str:
    """A credential of an issuer that the daemon believes."""
    claims = {"iss": ISSUER, "sub": subject, "name": subject, "exp": int(time.time()) + 3600}
    return jwt.encode(claims, secret, algorithm="HS256")


async def _visit(
    port: int, tokens: Path, viewers: int, seconds: float, *, networks: str, seed: int
) -> dict[str, Any]:
    words = (
        "-m", "simulators.players", "--url", f"ws://127.0.0.1:{port}/ws/connect", "--tokens", str(tokens),
        "--viewers", str(viewers), "--seconds", str(seconds), "--networks", networks, "--seed", str(seed),
        "--settings", json.dumps(SETTINGS), "--film", "https://films.example/a.mp4", "--evening",
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=Path(__file__).parents[1], stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(seconds + PATIENCE_SECONDS):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = out.decode().splitlines()
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    if process.returncode or not found.get("samples"):
        raise RuntimeError(f"the viewers did not get in, or nothing was measured: {found}")
    return found
