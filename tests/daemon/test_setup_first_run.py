"""The first run as a person has it: `cuelight run` without an application, the page, and then the daemon itself."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import CookieJar

from daemon.programs import end, free_port
from daemon.settings_words import SettingsInvalid
from daemon.setup_first_run import unfinished
from simulators.twitch import TwitchSimulator

pytestmark = pytest.mark.server
SECONDS = 20.0
SAME = {"Sec-Fetch-Site": "same-origin"}
NONE = ("TWITCH_CLIENT_ID", "TWITCH_CLIENT_SECRET", "PUBLIC_URL", "MONGO_URL", "K_SERVICE")


def around(data_dir: Path, port: int, sim: TwitchSimulator | None = None) -> dict[str, str]:
    """The environment of a daemon without an application."""
    given = {name: value for name, value in os.environ.items() if name not in NONE}
    given |= {"DATA_DIR": str(data_dir), "PORT": str(port), "LOG_LEVEL": "info", "LOG_FORMAT": "json"}
    if sim is not None:
        given |= {
            "TWITCH_ID_URL": sim.id_url,
            "TWITCH_API_URL": sim.api_url,
            "TWITCH_EVENTSUB_URL": sim.eventsub_url,
        }
    return given


@asynccontextmanager
async def begun(
    environ: Mapping[str, str], cwd: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[str]]]:
    """The daemon as a program, and what it wrote on stderr up to the address with the token."""
    environ = {**environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daemon.cli", "run", env=environ, cwd=cwd, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(SECONDS):
            while not (lines and "cuelight setup" in lines[-1]):
                line = await process.stderr.readline()
                assert line, "".join(lines)
                lines.append(line.decode())
        drain = asyncio.create_task(process.stderr.read())
        yield process, lines
        await end(process)
        lines.append((await drain).decode())
    finally:
        await end(process)


def entrance_in(lines: list[str]) -> str:
    found = re.search(r"http://localhost:\d+(/setup\?token=[\w-]{43})\s", "".join(lines))
    assert found is not None, lines
    return found[1]


async def until_ready(http: aiohttp.ClientSession) -> dict[str, Any]:
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                async with http.get("/readyz") as answer:
                    if answer.status == 200:
                        told: dict[str, Any] = await answer.json()
                        return told
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)


async def test_from_nothing_to_a_daemon_that_is_ready(tmp_path: Path) -> None:
    data_dir, port = tmp_path / "data", free_port()
    async with TwitchSimulator() as sim:
        environ = around(data_dir, port, sim)
        async with (
            begun(environ, tmp_path) as (process, lines),
            aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=CookieJar(unsafe=True)) as http,
        ):
            token = entrance_in(lines)
            async with http.get("/readyz") as answer:
                assert answer.status == 503
            async with http.get(token) as answer:
                assert (answer.status, answer.url.path) == (200, "/setup")
            body = {
                "client_id": sim.client_id,
                "client_secret": "wrong",
                "public_url": f"http://localhost:{port}",
            }
            async with http.post("/api/setup", json=body, headers=SAME) as answer:
                assert (await answer.json())["code"] == "setup.client_secret"
            async with http.post(
                "/api/setup", json=body | {"client_secret": sim.client_secret}, headers=SAME
            ) as answer:
                assert await answer.json() == {"go_to": f"http://localhost:{port}"}
            assert (await until_ready(http))["ready"]
            async with http.get("/api/auth/sign-in", allow_redirects=False) as answer:
                assert answer.headers["Location"].startswith(
                    f"{sim.id_url}/authorize?client_id={sim.client_id}"
                )
                assert f"localhost%3A{port}%2Fapi%2Fauth%2Fcallback" in answer.headers["Location"]
            async with http.get("/setup") as answer:
                assert answer.status == 404, "the page is gone"
            assert process.returncode is None, "it is the same process"
        logged = "".join(line for line in "".join(lines).splitlines() if line.startswith("{"))
        assert token.partition("=")[2] not in logged
        assert sim.client_secret not in "".join(lines)
        assert json.loads((data_dir / "twitch_application.json").read_text())["client_id"] == sim.client_id


async def test_a_signal_ends_it_before_anything_was_stored(tmp_path: Path) -> None:
    async with begun(around(tmp_path / "data", free_port()), tmp_path) as (process, _):
        process.terminate()
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0
    assert not (tmp_path / "data" / "twitch_application.json").exists()


def test_only_where_nothing_else_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NONE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings = unfinished()
    assert settings is not None
    assert settings.data_dir == tmp_path
    cases: list[dict[str, str]] = [
        {"TWITCH_CLIENT_ID": "half"},
        {"PORT": "no"},
        {"K_SERVICE": "cuelight"},
        {"MONGO_URL": "mongodb://127.0.0.1/x", "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
         "SESSION_SECRET": "s" * 32},
    ]  # fmt: skip
    for more in cases:
        with monkeypatch.context() as patch:
            for name, value in more.items():
                patch.setenv(name, value)
            with pytest.raises(SettingsInvalid):
                unfinished()
    monkeypatch.setenv("TWITCH_CLIENT_ID", "a")
    monkeypatch.setenv("TWITCH_CLIENT_SECRET", "b")
    assert unfinished() is None
