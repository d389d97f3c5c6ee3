"""`cuelight setup` as a newcomer types it on a terminal, and as a script calls it."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from daemon.cli_setup import read_secret
from daemon.programs import free_port
from domain.errors import Rejected
from simulators.twitch import TwitchSimulator

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]
SECONDS = 20.0
NAMES = (
    "TWITCH_CLIENT_ID",
    "TWITCH_CLIENT_SECRET",
    "PUBLIC_URL",
    "PORT",
    "MONGO_URL",
    "K_SERVICE",
    "NO_COLOR",
)


@dataclass
class Desk:
    """A directory, a simulated Twitch, and the command line."""

    sim: TwitchSimulator
    folder: Path
    environ: dict[str, str]

    @property
    def env(self) -> Path:
        return self.folder / ".env"

    async def run(self, *words: str, stdin: str = "", **more: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "daemon.cli", "setup", *words,
            cwd=self.folder, env={**self.environ, **more},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def talk(self, *turns: tuple[str, str], words: tuple[str, ...] = ()) -> tuple[int, str]:
        """Type each answer once its question is there; returns the exit code and all that was shown."""
        return await asyncio.to_thread(talk, self.folder, self.environ, turns, words)


def talk(
    folder: Path, environ: dict[str, str], turns: tuple[tuple[str, str], ...], words: tuple[str, ...]
) -> tuple[int, str]:
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", "setup", *words],
        cwd=folder, env=environ, stdin=child, stdout=child, stderr=child, start_new_session=True,
    )  # fmt: skip
    os.close(child)
    shown, seen = b"", 0
    deadline = time.monotonic() + SECONDS

    def read() -> bool:
        nonlocal shown
        assert time.monotonic() < deadline, shown.decode()
        if not select.select([parent], [], [], 0.1)[0]:
            return True
        try:
            piece = os.read(parent, 4096)
        except OSError:
            return False  # the other end is closed
        shown += piece
        return bool(piece)

    try:
        for question, answer in turns:
            while question.encode() not in shown[seen:]:
                assert read(), shown.decode()
            seen = shown.index(question.encode(), seen) + len(question)
            os.write(parent, f"{answer}\n".encode())
        while read():
            pass
        return process.wait(SECONDS), shown.decode()
    finally:
        process.kill()
        process.wait()
        os.close(parent)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with TwitchSimulator() as sim:
        environ = {name: value for name, value in os.environ.items() if name not in NAMES}
        environ |= {
            "PYTHONPATH": str(ROOT),
            "TWITCH_ID_URL": sim.id_url,
            "TWITCH_API_URL": sim.api_url,
            "DATA_DIR": str(tmp_path / "data"),
            "TERM": "dumb",
            "NO_COLOR": "1",
        }
        yield Desk(sim, tmp_path, environ)


async def test_a_newcomer_is_led_through_it(desk: Desk) -> None:
    code, shown = await desk.talk(
        ("Address [http://localhost:8080]: ", ""),
        ("Client ID: ", desk.sim.client_id),
        ("Client Secret (not shown): ", "wrong-secret"),
        ("Client ID: ", desk.sim.client_id),
        ("Client Secret (not shown): ", desk.sim.client_secret),
        ("Log in now with a code? [y/N] ", ""),
    )
    assert code == 0, shown
    assert "http://localhost:8080/api/auth/callback/twitch" in shown
    assert "https://dev.twitch.tv/console/apps/create" in shown
    assert "the client secret is another one" in shown
    assert "cuelight run" in shown
    assert desk.sim.client_secret not in shown, "what is secret is not echoed"
    assert "wrong-secret" not in shown
    assert f"TWITCH_CLIENT_SECRET={desk.sim.client_secret}" in desk.env.read_text()
    assert stat.S_IMODE(desk.env.stat().st_mode) == 0o600


async def test_what_is_there_is_replaced_only_if_somebody_says_so(desk: Desk) -> None:
    desk.env.write_text("# mine\nPORT=9090\nTWITCH_CLIENT_ID=old\nTWITCH_CLIENT_SECRET=older\n")
    turns = [
        ("Address [http://localhost:9090]: ", "vip.example.org"),
        ("Client ID [old]: ", desk.sim.client_id),
        ("Client Secret (not shown): ", desk.sim.client_secret),
    ]
    code, shown = await desk.talk(*turns, ("Replace TWITCH_CLIENT_ID, TWITCH_CLIENT_SECRET", "n"))
    assert code == 1, shown
    assert "Nothing was changed" in shown
    assert "TWITCH_CLIENT_ID=old" in desk.env.read_text()
    code, shown = await desk.talk(*turns, ("Replace", "y"), ("Log in now", "n"))
    assert code == 0, shown
    lines = desk.env.read_text().splitlines()
    assert lines[:2] == ["# mine", "PORT=9090"]
    assert lines[-1] == "PUBLIC_URL=https://vip.example.org"


def secret_file(desk: Desk, text: str) -> str:
    path = desk.folder / "secret"
    path.write_text(text)
    return str(path)


async def told(desk: Desk, *words: str, **options: Any) -> tuple[int, Any]:
    code, out, _ = await desk.run(*words, "--json", **options)
    return code, json.loads(out)


async def test_a_script_gives_everything_and_twice_changes_nothing(desk: Desk) -> None:
    words = [
        "--client-id",
        desk.sim.client_id,
        "--client-secret-file",
        secret_file(desk, f"{desk.sim.client_secret}\n"),
    ]
    words += ["--public-url", "https://vip.example.org"]
    code, first = await told(desk, *words)
    assert (code, first["ok"], first["changed"]) == (0, True, True)
    assert first["redirect_url"] == "https://vip.example.org/api/auth/callback/twitch"
    code, second = await told(desk, *words)
    assert (code, second["changed"]) == (0, False)
    assert desk.sim.client_secret not in json.dumps([first, second])
    code, checked = await told(desk, "--check")
    assert (code, checked["client_id"]) == (0, desk.sim.client_id)
    code, other = await told(desk, *words[:-1], "https://other.example.org")
    assert (code, other["error"]["code"]) == (1, "setup.overwrite")
    assert (await told(desk, *words[:-1], "https://other.example.org", "--yes"))[0] == 0
    code, piped = await told(desk, "--client-secret-file", "-", stdin=desk.sim.client_secret)
    assert (code, piped["public_url"]) == (0, "https://other.example.org")


async def test_each_fault_has_its_sentence_and_writes_nothing(desk: Desk) -> None:
    right, wrong = secret_file(desk, desk.sim.client_secret), str(desk.folder / "none")
    mine = ["--client-id", desk.sim.client_id]
    cases: list[tuple[list[str], int, str, dict[str, str]]] = [
        (["--client-id", "nobody", "--client-secret-file", right], 1, "setup.client_id", {}),
        ([*mine, "--client-secret-file", wrong], 1, "setup.secret_file", {}),
        (mine, 1, "setup.missing", {}),
        (["--client-secret-file", right], 1, "setup.missing", {}),
        (
            [*mine, "--client-secret-file", right, "--public-url", "http://10.0.0.1"],
            1,
            "setup.public_url",
            {},
        ),
        (["--check"], 78, "settings.invalid", {}),
        (
            [*mine, "--client-secret-file", right],
            69,
            "setup.unreachable",
            {"TWITCH_ID_URL": f"http://127.0.0.1:{free_port()}/x"},
        ),
    ]
    for words, code, name, more in cases:
        got, answer = await told(desk, *words, **more)
        assert (got, answer["error"]["code"]) == (code, name)
        assert answer["error"]["advice"] or name == "setup.secret_file"
    assert not desk.env.exists()


def test_a_secret_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(Rejected, match="it is not text"):
        read_secret(str(path))
    path.write_text(" abc \n")
    assert read_secret(str(path)) == "abc"
