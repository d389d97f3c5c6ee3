"""The doctor on Redis: what is asked of it, on a real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.doctor_findings import Finding, Patient
from daemon.doctor_outside import callback, clock_of_redis, redis
from daemon.settings import load_settings
from gateways.http import HttpClient
from gateways.redis.link import RedisLink
from tests.daemon.test_doctor import WrongClock
from tests.servers.redis import start_redis

pytestmark = pytest.mark.server


def patient(tmp_path: Path, link: RedisLink | None, *, ahead_ms: int = 0, **more: str) -> Patient:
    given = {"DATA_DIR": str(tmp_path), "TWITCH_CLIENT_ID": "x", "TWITCH_CLIENT_SECRET": "y"}
    clock = WrongClock(ahead_ms) if ahead_ms else SystemClock()
    return Patient(load_settings({**given, **more}), clock, HttpClient(), link=link)


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.state, finding.detail) for finding in findings]


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru"])
@pytest.mark.parametrize("managed", [False, True])
async def test_it_must_drop_nothing(tmp_path: Path, policy: str, managed: bool) -> None:
    """Also where CONFIG is not allowed, as with managed services."""
    async with start_redis(options={"maxmemory-policy": policy}) as server:
        link = RedisLink(server.url)
        try:
            if managed:
                await link.command("ACL", "SETUSER", "default", "-config")
            findings = list(await redis(patient(tmp_path, link)))
        finally:
            await link.close()
    wrong = [finding for finding in findings if finding.state == "failed"]
    assert len(wrong) == (policy != "noeviction")
    for finding in wrong:
        assert policy in finding.detail
        assert "noeviction" in finding.advice


async def test_one_that_keeps_what_it_has_is_well(tmp_path: Path) -> None:
    async with start_redis(durable=True) as server:
        link = RedisLink(server.url)
        try:
            assert [finding.state for finding in await redis(patient(tmp_path, link))] == ["ok"]
        finally:
            await link.close()


@pytest.mark.parametrize(("ahead_ms", "state"), [(0, "ok"), (300, "ok"), (700, "failed"), (-2000, "failed")])
async def test_its_clock_is_exact(tmp_path: Path, ahead_ms: int, state: str) -> None:
    async with start_redis() as server:
        link = RedisLink(server.url)
        try:
            (finding,) = await clock_of_redis(patient(tmp_path, link, ahead_ms=ahead_ms))
        finally:
            await link.close()
    assert finding.state == state


async def test_an_address_that_is_not_https(tmp_path: Path) -> None:
    findings = list(await callback(patient(tmp_path, None, PUBLIC_URL="http://vip.example.org")))
    assert [finding.state for finding in findings] == ["failed", "skipped"]
    assert "https" in findings[0].detail
    findings = list(await callback(patient(tmp_path, None, PUBLIC_URL="https://vip.example.org")))
    assert told(findings) == [("skipped", "No daemon runs that could answer.")]
