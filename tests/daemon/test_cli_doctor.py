"""How the findings are told: a table, or JSON; and an exit code that scripts can use."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.cli_doctor import tell
from daemon.doctor_findings import Finding
from simulators.twitch import SimulatorSettings, TwitchSimulator

FINDINGS = [Finding("settings", "ok", "They can be used."), Finding("clock", "failed", "Late.", "Set it.")]


def test_a_table_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    tell(FINDINGS, as_json=False)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "ok       settings  They can be used.",
        "failed   clock     Late.",
        "                   → Set it.",
    ]
    assert err == "1 check failed.\n"
    tell(FINDINGS[:1], as_json=False)
    assert capsys.readouterr().err == "Nothing failed.\n"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    tell(FINDINGS, as_json=True)
    out, err = capsys.readouterr()
    assert json.loads(out)[1] == {"check": "clock", "state": "failed", "detail": "Late.", "advice": "Set it."}
    assert err == ""


def test_settings_that_cannot_be_used_are_findings_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TWITCH_CLIENT_ID", "TWITCH_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    assert main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {finding["check"] for finding in told} == {"settings"}
    assert "TWITCH_CLIENT_ID is missing: `cuelight setup` asks for it." in [
        finding["detail"] for finding in told
    ]
    assert all(finding["advice"] for finding in told)


@pytest.mark.server
async def test_all_well_is_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with TwitchSimulator(settings=SimulatorSettings()) as sim:
        for name in ("client_id", "client_secret", "api_url", "id_url"):
            monkeypatch.setenv(f"TWITCH_{name.upper()}", getattr(sim, name))
        monkeypatch.chdir(tmp_path)
        words = ["doctor", "--data-dir", str(tmp_path / "here")]
        assert await asyncio.to_thread(main, words) == 0
        assert str(tmp_path / "here") in capsys.readouterr().out
        monkeypatch.setenv("TWITCH_CLIENT_SECRET", "wrong")
        assert await asyncio.to_thread(main, words) == 1
