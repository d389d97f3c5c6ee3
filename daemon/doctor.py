"""`cuelight doctor`: looks at everything that a daemon needs, whether one runs or not, and changes no data.

On a stopped SQLite store it opens the collections as a start would, which brings indexes up to date.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from daemon import doctor_chain, doctor_conduit, doctor_data, doctor_outside
from daemon.admin_client import admin_call
from daemon.doctor_findings import Check, Finding, Patient, failed, looked_at
from daemon.settings import Settings
from domain.errors import CuelightError, Unavailable
from domain.ports import Clock
from gateways.http import HttpClient
from gateways.redis.link import RedisLink
from storage.contracts import Store
from storage.open import open_store, sqlite_url
from storage.sqlite.files import place

STATUS_SECONDS = 10.0

# In the order of the report. A check may use what one before it found.
CHECKS: Mapping[str, Check] = {
    "daemon": doctor_data.daemon,
    "storage": doctor_data.storage,
    "disk": doctor_data.disk,
    "redis": doctor_outside.redis,
    "clock (Redis)": doctor_outside.clock_of_redis,
    "clock (Twitch)": doctor_outside.clock_of_twitch,
    "application": doctor_outside.application,
    "logins": doctor_data.logins,
    "callback": doctor_outside.callback,
    "leases": doctor_outside.leases,
    "conduit": doctor_conduit.conduit,
    "work": doctor_data.work,
    doctor_chain.CHECK: doctor_chain.audit_chain,
}

NETWORK = "Look at DNS, the firewall and the way out of this machine."
ADVICE: Mapping[str, str] = {
    "redis": "Is it running, and is REDIS_URL (or REDIS_HOST, REDIS_PORT, REDIS_PASSWORD) right?",
    "clock (Redis)": "See the line about Redis.",
    "clock (Twitch)": NETWORK,
    "application": NETWORK,
    "logins": NETWORK,
    "callback": NETWORK,
    "leases": "See the line about Redis.",
    "conduit": NETWORK,
    "storage": "Is the server running, and is MONGO_URL right?",
}
"""What to do where an error does not say it."""


async def examine(settings: Settings, *, clock: Clock) -> list[Finding]:
    """Every check, one after the other. Raises nothing: what goes wrong is a finding."""
    findings = [Finding("settings", "ok", "They can be used.")]
    async with HttpClient(user_agent="Cuelight doctor") as http:
        patient = Patient(settings, clock, http)
        findings += await _ask_daemon(patient)
        async with _store(patient, findings), _redis(patient):
            for name, check in CHECKS.items():
                findings += await looked_at(name, check, patient, advice=ADVICE.get(name, ""))
    return findings


async def _ask_daemon(patient: Patient) -> Sequence[Finding]:
    try:
        patient.status = await asyncio.to_thread(
            admin_call, patient.settings.data_dir, "status", timeout_seconds=STATUS_SECONDS
        )
    except Unavailable as error:
        return [] if error.code == "admin.no_daemon" else [failed("daemon", error)]
    except CuelightError as error:
        return [failed("daemon", error)]
    return []


@asynccontextmanager
async def _store(patient: Patient, findings: list[Finding]) -> AsyncIterator[None]:
    """Open the store where we may: MongoDB always, SQLite where no daemon has it and there is something."""
    settings = patient.settings
    mongo = settings.mongo_url.get_secret_value() if settings.mongo_url else None
    store: Store | None = None
    if mongo or (patient.status is None and place(settings.data_dir).database.exists()):
        try:
            store = await open_store(mongo or sqlite_url(settings.data_dir), clock=patient.clock)
        except CuelightError as error:
            findings.append(failed("storage", error, advice=ADVICE["storage"]))
            patient.unopened = True
    patient.store = store
    try:
        yield
    finally:
        if store is not None:
            await store.close()


@asynccontextmanager
async def _redis(patient: Patient) -> AsyncIterator[None]:
    address = patient.settings.redis_address
    patient.link = None if address is None else RedisLink(address, connections=1)
    try:
        yield
    finally:
        if patient.link is not None:
            await patient.link.close()
