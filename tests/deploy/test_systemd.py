"""The unit of systemd: read by systemd itself, judged by its own scale, and what can be tried of it without it."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from daemon.lifecycle import EXIT_SETTINGS, STOP_SECONDS
from daemon.settings import Settings
from tests.deploy.tools import need

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "cuelight.service"
WORST_EXPOSURE = 15
"""Tenths on systemd's scale from 0 to 100; what is left is that it has a network."""
PR_SET_MDWE = 65  # <linux/prctl.h>, since Linux 6.3


def read() -> dict[str, list[str]]:
    """Every setting of the unit with its values in order."""
    values: dict[str, list[str]] = defaultdict(list)
    for line in UNIT.read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            values[name].append(value)
    return values


def test_it_runs_the_program_as_somebody_without_rights() -> None:
    unit = read()
    assert unit["ExecStart"] == ["/opt/cuelight/bin/cuelight run"]
    for name in ("DynamicUser", "NoNewPrivileges", "PrivateTmp", "ProtectHome", "MemoryDenyWriteExecute"):
        assert unit[name] == ["yes"], name
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["CapabilityBoundingSet"] == [""]


def test_the_only_place_to_write_is_the_data_directory() -> None:
    unit = read()
    assert unit["StateDirectory"] == ["cuelight"]
    assert unit["StateDirectoryMode"] == ["0700"]
    environ = dict(pair.split("=") for pair in unit["Environment"][0].split())
    assert environ["DATA_DIR"] == "/var/lib/cuelight" == unit["WorkingDirectory"][0]
    assert not unit.get("ReadWritePaths")
    known = {name.upper() for name in Settings.model_fields} | {"PYTHONUNBUFFERED"}
    assert set(environ) <= known


def test_secrets_are_in_a_file_of_root() -> None:
    assert read()["EnvironmentFile"] == ["/etc/cuelight/env"]
    assert not re.search(r"(SECRET|KEYS|TOKEN|PASSWORD)=", UNIT.read_text("utf-8"))


def test_it_waits_longer_for_the_end_than_the_end_takes() -> None:
    unit = read()
    assert float(unit["TimeoutStopSec"][0]) > STOP_SECONDS + 2
    assert unit["KillSignal"] == ["SIGTERM"]
    assert unit["Restart"] == ["on-failure"]
    assert str(EXIT_SETTINGS) in unit["RestartPreventExitStatus"][0].split()


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there: systemd looks."""
    text = UNIT.read_text("utf-8").replace("/opt/cuelight/bin/cuelight", "/bin/true")
    (tmp_path / UNIT.name).write_text(text, "utf-8")
    return tmp_path / UNIT.name


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(need("systemd-analyze")), *words], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.server
def test_systemd_understands_every_line(unit: Path) -> None:
    done = analyze("verify", str(unit))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    unit.write_text(unit.read_text("utf-8").replace("PrivateTmp=", "PrivateTpm="), "utf-8")
    assert "PrivateTpm" in analyze("verify", str(unit)).stderr, "it would say nothing of a slip"


@pytest.mark.server
def test_systemd_finds_little_that_is_open(unit: Path) -> None:
    judge = ("security", "--offline=yes", "--no-pager", f"--threshold={WORST_EXPOSURE}")
    done = analyze(*judge, str(unit))
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


@pytest.mark.skipif(
    tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2]) < (6, 3),
    reason="the kernel cannot yet refuse memory that is writable and executable to one process",
)
def test_the_program_needs_no_memory_that_is_writable_and_executable(tmp_path: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def refuse() -> None:
        if libc.prctl(PR_SET_MDWE, 1, 0, 0, 0) != 0:
            os._exit(99)

    needed = {"TWITCH_CLIENT_ID": "abc", "TWITCH_CLIENT_SECRET": "hush-hush", "DATA_DIR": str(tmp_path)}
    script = (
        "import mmap\n"
        "try:\n    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        "except PermissionError:\n    print('refused', flush=True)\n"
        "import daemon.wiring, simulators.twitch\n"
        "from cryptography.fernet import Fernet\n"
        "Fernet(Fernet.generate_key()).encrypt(b'x')\n"
        "from daemon.cli import main\n"
        "raise SystemExit(main(['check']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **needed},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        preexec_fn=refuse,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("refused\n"), "the kernel refused nothing: nothing is proved"
