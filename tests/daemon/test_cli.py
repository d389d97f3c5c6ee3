"""The command itself, mostly as a real process: help, exit codes, speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from daemon.cli import build_parser, main

ROOT = Path(__file__).parents[2]
GOOD = {"TWITCH_CLIENT_ID": "abc", "TWITCH_CLIENT_SECRET": "hush-hush"}


def cuelight(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "daemon.cli", *words]
    return subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=30, check=False
    )


def test_alone_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "cuelight demo" in out
    assert "exit codes" in out


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["inbox"],
        ["inbox", "redrive"],
        ["channels", "add"],
        ["run"],
        ["demo"],
        ["keys", "rotate"],
        ["check"],
    ):
        with pytest.raises(SystemExit) as caught:
            main([*words, "--help"])
        assert caught.value.code == 0
    assert "--dry-run" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["nothing"],
        ["inbox", "list", "--limit", "0"],
        ["inbox", "list", "--limit", "many"],
        ["inbox", "list", "--state", "odd"],
        ["inbox", "redrive"],
        ["inbox", "redrive", "x", "--all-dead"],
        ["demo", "--seconds", "soon"],
        ["demo", "--port", "99999"],
        ["run", "--json"],
        ["simulate", "twitch-2", "--json"],
    ],
)
def test_wrong_usage_is_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_numbers_are_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["inbox", "list", "--limit", "many"])
    assert "'many' is no whole number of 1 or more" in capsys.readouterr().err


def test_a_thing_without_a_verb_shows_its_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["channels"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "grant again" in err


def test_what_newcomers_type_first(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["help"], ["help", "channels", "pause"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0
    assert "cuelight channels pause" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"cuelight {version('cuelight')}\n"


def test_demo_takes_its_options() -> None:
    options = build_parser().parse_args(["demo", "--seconds", "30", "--headless", "--json", "--port", "0"])
    assert (options.seconds, options.headless, options.json, options.port) == (30, True, True, 0)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"cuelight {version('cuelight')}\n"
    main(["version", "--json"])
    assert json.loads(capsys.readouterr().out) == {"version": version("cuelight")}


def test_settings_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "example"]) == 0
    assert capsys.readouterr().out == (ROOT / ".env.example").read_text("utf-8")


@pytest.mark.parametrize("words", [["check"], ["run"]])
def test_bad_settings_are_78_with_every_mistake(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "eighty")
    assert main(words) == 78
    out, err = capsys.readouterr()
    assert out == ""
    assert "3 of the settings cannot be used" in err
    for name in ("PORT", "TWITCH_CLIENT_ID", "TWITCH_CLIENT_SECRET"):
        assert f"  {name} " in err
    assert "Traceback" not in err


def test_check_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert main(["check", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["TWITCH_CLIENT_ID"] == "abc"
    assert "hush-hush" not in out + err


def test_no_daemon_is_69(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--data-dir", str(tmp_path)]) == 69
    assert "No daemon runs" in capsys.readouterr().err
    assert main(["status", "--json", "--data-dir", str(tmp_path)]) == 69
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "admin.no_daemon"


def test_the_data_directory_comes_from_the_environment_or_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DATA_DIR=from-file\n")
    main(["status"])
    assert "data directory from-file." in capsys.readouterr().err
    monkeypatch.setenv("DATA_DIR", "from-environment")
    main(["status"])
    assert "data directory from-environment." in capsys.readouterr().err


@pytest.mark.server
def test_help_is_quick(tmp_path: Path) -> None:
    """It imports next to nothing. The bare interpreter is subtracted, the best of five counts: machines are busy."""

    def seconds(*command: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, check=True, timeout=30)
        return time.perf_counter() - began

    ours = min(seconds("-m", "daemon.cli", "--help") for _ in range(5))
    bare = min(seconds("-c", "pass") for _ in range(5))
    assert ours - bare < 0.3


@pytest.mark.server
def test_help_imports_no_foreign_package() -> None:
    script = "import sys; from daemon.cli import build_parser; build_parser(); print(*sys.modules)"
    child = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    loaded = set(child.stdout.split())
    assert loaded.isdisjoint(
        {"aiohttp", "pydantic", "asyncio", "structlog", "prometheus_client", "cryptography"}
    )


@pytest.mark.server
def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m daemon.cli settings example | head -1"
    child = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert child.stderr == ""
    assert child.returncode == 0


@pytest.mark.server
def test_simulate_hands_over_to_the_simulator(tmp_path: Path) -> None:
    child = cuelight("simulate", "twitch", "--help", cwd=tmp_path)
    assert child.returncode == 0
    assert "simulators.twitch" in child.stdout


@pytest.mark.server
def test_simulate_hands_over_to_the_faulty_network(tmp_path: Path) -> None:
    child = cuelight("simulate", "network", "--help", cwd=tmp_path)
    assert child.returncode == 0
    assert "--upstream" in child.stdout


def test_roles_of_the_command_line_win_over_the_environment(tmp_path: Path) -> None:
    for roles, said in (
        ("cooking", "must name one or more"),
        ("", "must name one or more"),
        ("web", "nobody else"),
    ):
        child = cuelight("run", "--roles", roles, cwd=tmp_path)
        assert child.returncode == 78, child.stderr
        assert said in child.stderr


def test_simulate_knows_nothing_else(tmp_path: Path) -> None:
    assert cuelight("simulate", "youtube", cwd=tmp_path).returncode == 2
