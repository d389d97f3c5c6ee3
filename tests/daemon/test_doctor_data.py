"""The doctor on what lies inside: disk, logins, work."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon import doctor_data
from daemon.admin_socket import AdminSocket
from daemon.clock import SystemClock
from daemon.doctor_findings import Finding, Patient
from daemon.settings import load_settings
from domain.inbox import Delivery, RowError, died
from domain.ports import NullMetrics
from gateways.http import HttpClient
from storage.inbox import INBOX, Inbox
from storage.open import open_store, sqlite_url
from tests.support.clock import ManualClock


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    settings = load_settings(
        {"DATA_DIR": str(tmp_path), "TWITCH_CLIENT_ID": "x", "TWITCH_CLIENT_SECRET": "hunter2"}
    )
    return Patient(settings, SystemClock(), HttpClient())


async def test_a_disk_with_little_room(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = await doctor_data.disk(patient)
    assert finding.state == "ok"
    monkeypatch.setattr(doctor_data, "LITTLE_DISK_BYTES", 2**63)
    (finding,) = await doctor_data.disk(patient)
    assert finding.state == "failed"


async def test_keys_that_others_may_read(patient: Patient, tmp_path: Path) -> None:
    key = tmp_path / "encryption-keys"
    key.write_text("x")
    key.chmod(0o600)
    assert [finding.state for finding in await doctor_data.disk(patient)] == ["ok"]
    key.chmod(0o640)
    _, finding = await doctor_data.disk(patient)
    assert finding.state == "failed"
    assert finding.advice == f"chmod 600 {key}"


@pytest.mark.parametrize(
    ("dead", "lacking", "word"),
    [("", [], ""), ("disconnected", [], "disconnected"), ("", ["bits:read"], "lacks bits:read")],
)
async def test_logins_by_what_the_daemon_says(
    patient: Patient, tmp_path: Path, dead: str, lacking: list[str], word: str
) -> None:
    async def grants() -> object:
        return [{"user_id": "7", "login": "ann", "dead": dead, "lacking": lacking}]

    patient.status = {}
    with capture_logs():
        socket = AdminSocket(tmp_path, commands={"keys.grants": grants}, metrics=NullMetrics())
        await socket.start()
        try:
            (finding,) = await doctor_data.logins(patient)
        finally:
            await socket.stop()
    assert finding.state == ("failed" if word else "ok")
    assert word in finding.detail


async def test_work_that_waits_and_work_that_was_given_up(patient: Patient, tmp_path: Path) -> None:
    clock = ManualClock()
    patient.clock = clock
    patient.store = store = await open_store(sqlite_url(tmp_path), clock=clock)
    try:
        inbox = Inbox(await store.collection(INBOX), clock=clock)
        await inbox.insert(Delivery("s", "1", "k", "lane", b"{}"))
        await inbox.insert(Delivery("s", "2", "k", "lane", b"{}"))
        error = RowError("x", "x", clock.now())
        await inbox.change("s:2", lambda row: died(row, fence=1, error=error, now=clock.now()))
        await clock.advance(90)
        assert [each.state for each in await doctor_data.work(patient)] == [
            "warning"
        ]  # nobody is there to work
        patient.fleet = ["one"]
        waiting, dead = await doctor_data.work(patient)
    finally:
        await store.close()
    assert (waiting.state, dead.state) == ("failed", "warning")
    assert "90 s" in waiting.detail
    assert dead.detail == "1 event was given up."


async def test_channels_as_the_daemon_sees_them(patient: Patient) -> None:
    patient.status = {
        "inbox": {"done": 3},
        "channels": {
            "1": {"state": "live"},
            "2": {"state": "needs_login"},
            "3": {"state": "reconnecting", "detail": "lost"},
        },
    }
    found = {finding.detail: finding.state for finding in await doctor_data.work(patient)}
    assert found == {"Channel 2 needs a login.": "failed", "Channel 3 is reconnecting lost.": "warning"}


async def test_a_daemon_of_another_release_and_one_that_is_late(patient: Patient) -> None:
    patient.status = {"version": "0.0.1", "lag_seconds": 3.0}
    findings: list[Finding] = list(await doctor_data.daemon(patient))
    assert [finding.state for finding in findings] == ["warning", "failed"]
    assert all(finding.advice for finding in findings)
