"""The image without a container engine: the Dockerfile's own steps in a clean environment, and the result at work.

Not proved here: the base image, the kernel's isolation, the engine's own reading of the file.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from daemon.programs import Simulator, free_port
from tests.deploy.dockerfile import PYTHON, Builder, Image, parse

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
USER = 10001
SECONDS = 20.0


@dataclass(frozen=True)
class Player:
    """Who plays the image's user, and with which Python."""

    user: int
    python: Path

    @property
    def identity(self) -> dict[str, Any]:
        """For subprocesses."""
        mine = self.user == os.getuid()
        return {} if mine else {"user": self.user, "group": self.user, "extra_groups": []}


def player() -> Player:
    """The image's user himself where we may become him and he can reach a Python (root's own he cannot); else we."""
    for python in (PYTHON, Path("/usr/bin/python3").resolve()):
        if os.getuid() == 0 and python.exists():
            him = Player(USER, python)
            check = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"
            try:
                subprocess.run([python, "-c", check], cwd="/", timeout=SECONDS, check=True, **him.identity)
            except (OSError, subprocess.SubprocessError):
                continue
            return him
    return Player(os.getuid(), PYTHON)


PLAYER = player()


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Built once. Not below pytest's folder, which is closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix="cuelight-image-"))
    folder.chmod(0o755)
    try:
        steps = parse((ROOT / "Dockerfile").read_text("utf-8"))
        yield Builder(context=ROOT, folder=folder, user=PLAYER.user, python=PLAYER.python).build(steps)
    finally:
        shutil.rmtree(folder)


def run(image: Image, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`docker run IMAGE words`, to its end."""
    return subprocess.run(
        [*image.argv(image.entrypoint), *words],
        cwd=image.cwd,
        env={**image.env, **environ},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        **PLAYER.identity,
    )


def test_it_is_the_program_and_knows_its_version(image: Image) -> None:
    told = run(image, "version")
    assert (told.returncode, told.stdout, told.stderr) == (0, f"cuelight {_version(image)}\n", "")


def _version(image: Image) -> str:
    return image.labels["org.opencontainers.image.version"]


def test_it_says_what_is_missing(image: Image) -> None:
    told = run(image, "check")
    assert told.returncode == 78
    assert "TWITCH_CLIENT_ID is missing" in told.stderr


def test_it_runs_from_the_installed_files_alone(image: Image) -> None:
    """Neither the sources nor the tools of the build are there; what is there belongs to the lock file and to us."""
    root = image.root
    assert sorted(path.name for path in root.iterdir()) == ["data", "opt"]
    assert [path.name for path in (root / "opt").iterdir()] == ["cuelight"]
    listed = subprocess.run(
        [
            *image.argv(["python"]),
            "-I",
            "-c",
            "import web, daemon.wiring, sys; print(web.__file__); print(*sys.path)",
        ],
        env=image.env,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    where, path = listed.stdout.splitlines()
    assert where.startswith(f"{root}/opt/cuelight/lib/")
    assert str(ROOT) not in path
    packages = {path.name.partition("-")[0].lower() for path in root.rglob("*.dist-info")}
    locked = {
        line.partition("==")[0].replace("-", "_")
        for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines()
        if "==" in line
    }
    assert packages - locked == {"cuelight"}


def test_every_module_is_compiled(image: Image) -> None:
    """The user cannot write bytecode; what is not compiled now is compiled at every start."""
    library = image.root / "opt/cuelight/lib"
    sources = list(library.rglob("*.py"))
    assert len(sources) > 500
    missing = [
        path for path in sources if not list((path.parent / "__pycache__").glob(f"{path.stem}.cpython-*.pyc"))
    ]
    assert missing == []
    compiled = next(library.rglob("wiring.*.pyc"))
    assert compiled.read_bytes()[4:8] == b"\x01\0\0\0", "bytecode that is checked against its source's time"


@asynccontextmanager
async def container(image: Image, simulator: Simulator) -> AsyncIterator[asyncio.subprocess.Process]:
    """`docker run IMAGE` against the simulated Twitch. PORT and HOST are as in the image but for a free port."""
    addresses = simulator.addresses
    environ = {
        **image.env,
        "TWITCH_CLIENT_ID": addresses["client_id"],
        "TWITCH_CLIENT_SECRET": addresses["client_secret"],
        "TWITCH_API_URL": addresses["api_url"],
        "TWITCH_ID_URL": addresses["id_url"],
        "TWITCH_EVENTSUB_URL": addresses["eventsub_url"],
    }
    process = await asyncio.create_subprocess_exec(
        *image.argv(image.entrypoint),
        *image.command,
        cwd=image.cwd,
        env=environ,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        **PLAYER.identity,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ready(url: str, process: asyncio.subprocess.Process) -> None:
    """Wait for `/readyz` to say 200. Fails if the process ends instead."""
    async with asyncio.timeout(SECONDS), aiohttp.ClientSession() as http:
        while process.returncode is None:
            try:
                async with http.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    assert process.stderr is not None
    pytest.fail(f"It ended with {process.returncode}: {(await process.stderr.read()).decode()}")


async def health(image: Image) -> int:
    """What the engine does every fifteen seconds; returns the exit code."""
    process = await asyncio.create_subprocess_exec(
        *image.argv(image.health),
        env=image.env,
        stderr=asyncio.subprocess.DEVNULL,
        **PLAYER.identity,
    )
    async with asyncio.timeout(SECONDS):
        return await process.wait()


async def test_it_serves_is_healthy_and_stops_at_the_signal(image: Image) -> None:
    port = free_port()
    here = replace(image, environ={**image.environ, "PORT": str(port)})
    simulator = await Simulator.start()
    try:
        assert await health(here) != 0, "healthy before it runs"
        async with container(here, simulator) as process:
            await ready(f"http://127.0.0.1:{port}", process)
            assert await health(here) == 0
            kept = {path.name for path in (image.root / "data").iterdir()}
            assert {"encryption-keys", "session-secret", "cuelight.db", "admin.sock"} <= kept
            process.send_signal(signal.Signals[image.stop_signal])
            async with asyncio.timeout(20.0):
                _, log = await process.communicate()
            assert process.returncode == 0, log.decode()
            assert b"Traceback" not in log
        assert await health(here) != 0, "healthy after its end"
    finally:
        await simulator.stop()


@pytest.mark.skipif(PLAYER.user != USER, reason="we may not become the image's user")
def test_its_user_may_write_to_the_data_alone(image: Image) -> None:
    writable = []
    for folder, _, names in os.walk(image.root):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            status = path.lstat()
            if not path.is_symlink() and (status.st_uid == USER or status.st_mode & 0o002):
                writable.append(path.relative_to(image.root).parts[0])
    assert set(writable) == {"data"}
    assert (image.root / "data").stat().st_mode & 0o777 == 0o700
