from __future__ import annotations

from pathlib import Path

from daemon.clock import SystemClock
from daemon.doctor import CHECKS
from daemon.doctor_chain import LONG_LAG_MS, audit_chain
from daemon.doctor_findings import Finding, Patient
from daemon.wiring_privacy import open_privacy
from domain.audit import SYSTEM, Action, AuditRecord
from gateways.http import HttpClient
from storage.audit import AUDIT, AuditTrail
from storage.contracts import Store
from storage.open import open_store, sqlite_url
from tests.daemon.running import running
from tests.daemon.test_doctor import settings_of


async def look(patient: Patient) -> Finding:
    [finding] = await audit_chain(patient)
    return finding


async def add(store: Store, name: str, at: int) -> None:
    trail = AuditTrail(await store.collection(AUDIT))
    await trail.add(AuditRecord(name, "1", at, Action.GRANTED, SYSTEM, "clock"))


async def test_what_it_says_of_a_store(tmp_path: Path) -> None:
    clock = SystemClock()
    async with running(tmp_path / "run") as run, HttpClient(user_agent="test") as http:
        settings = settings_of(run.sim, run.data_dir)
        patient = Patient(settings, clock, http)
        assert (await look(patient)).state == "skipped"
        patient.status = await run.admin("status")
        assert (await look(patient)).state == "skipped", "asked of the daemon: no block yet"

        patient.status = None
        patient.store = store = await open_store(sqlite_url(tmp_path / "data"), clock=clock)
        privacy = await open_privacy(store, clock=clock)
        await add(store, "a", clock.now() - LONG_LAG_MS - 1000)
        assert (await look(patient)).state == "skipped", "nobody works: what waits may wait"
        patient.fleet = ["one"]
        assert (await look(patient)).state == "warning"
        await privacy.linker.round()
        found = await look(patient)
        assert (found.state, found.detail[:9]) == ("ok", "Chains: 1")
        await add(store, "b", clock.now() - LONG_LAG_MS - 1000)
        assert (await look(patient)).state == "warning"
        records = await store.collection(AUDIT)
        await records.change("a", lambda held: {**held, "reason": "another"})
        found = await look(patient)
        assert (found.state, found.advice) == ("failed", "cuelight audit verify")
        await store.close()


def test_it_is_one_of_the_checks() -> None:
    assert CHECKS["audit chain"] is audit_chain
