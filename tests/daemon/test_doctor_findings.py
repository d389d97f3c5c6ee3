"""A check may do what it likes: it becomes lines, in time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.doctor_findings import Finding, Patient, looked_at
from daemon.settings import load_settings
from domain.errors import Unavailable
from gateways.http import HttpClient


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    settings = load_settings(
        {"DATA_DIR": str(tmp_path), "TWITCH_CLIENT_ID": "x", "TWITCH_CLIENT_SECRET": "hunter2"}
    )
    return Patient(settings, SystemClock(), HttpClient())


async def test_what_it_finds(patient: Patient) -> None:
    async def check(_: Patient) -> Sequence[Finding]:
        return (Finding("x", "ok", "well"),)

    assert await looked_at("x", check, patient) == [Finding("x", "ok", "well")]
    assert not patient.running


async def test_an_error_of_ours_is_its_sentence(patient: Patient) -> None:
    async def check(_: Patient) -> Sequence[Finding]:
        raise Unavailable("It sleeps.")

    assert await looked_at("x", check, patient, advice="Wake it.") == [
        Finding("x", "failed", "It sleeps.", "Wake it.")
    ]


async def test_any_other_error_is_told_without_its_text(patient: Patient) -> None:
    async def check(_: Patient) -> Sequence[Finding]:
        raise KeyError("hunter2")

    (finding,) = await looked_at("x", check, patient)
    assert finding.state == "failed"
    assert "KeyError" in finding.detail
    assert "hunter2" not in str(finding)


async def test_one_that_hangs_is_cut(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.doctor_findings.CHECK_SECONDS", 0.01)

    async def check(_: Patient) -> Sequence[Finding]:
        await asyncio.Event().wait()
        return ()

    (finding,) = await looked_at("x", check, patient)
    assert (finding.state, "No answer" in finding.detail) == ("failed", True)


async def test_without_a_daemon_nobody_answers(patient: Patient) -> None:
    with pytest.raises(Unavailable) as caught:
        await patient.ask("status")
    assert caught.value.code == "admin.no_daemon"
