"""The whole examination: of a daemon at work, of a stopped one, of a fleet, and of what is wrong with each."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.doctor import CHECKS, examine
from daemon.doctor_findings import Finding
from daemon.programs import free_port
from daemon.settings import Settings, load_settings
from domain.channel import Channel
from gateways.leases.redis import RedisLeases
from gateways.redis.link import RedisLink
from simulators.twitch import SimulatorSettings, TwitchSimulator
from storage.channels import CHANNELS, Channels
from storage.daemons import DAEMONS
from storage.open import open_store
from storage.sealing import generate_key
from tests.daemon.running import Running, running
from tests.servers.mongo import shared_mongo
from tests.servers.redis import start_redis

pytestmark = pytest.mark.server
KEY = generate_key()


class WrongClock(SystemClock):
    """A clock that somebody set by hand."""

    def __init__(self, ahead_ms: int) -> None:
        self._ahead_ms = ahead_ms

    def now(self) -> int:
        return super().now() + self._ahead_ms


def settings_of(sim: TwitchSimulator, data_dir: Path, **more: str) -> Settings:
    return load_settings(
        {
            "DATA_DIR": str(data_dir),
            "TWITCH_CLIENT_ID": sim.client_id,
            "TWITCH_CLIENT_SECRET": sim.client_secret,
            "TWITCH_API_URL": sim.api_url,
            "TWITCH_ID_URL": sim.id_url,
            "TWITCH_EVENTSUB_URL": sim.eventsub_url,
            **more,
        }
    )


async def states(settings: Settings, *, ahead_ms: int = 0) -> dict[str, Finding]:
    """The worst finding of each check."""
    findings = await examine(settings, clock=WrongClock(ahead_ms))
    order = ["skipped", "ok", "warning", "failed"]
    worst: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda finding: order.index(finding.state)):
        worst[finding.check] = finding
    assert all(finding.advice for finding in findings if finding.state in ("failed", "warning"))
    return worst


def that(found: Mapping[str, Finding], state: str) -> set[str]:
    return {name for name, finding in found.items() if finding.state == state}


async def public(run: Running, port: int, **more: str) -> Settings:
    given: dict[str, Any] = {
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TWITCH_EVENTSUB_SECRET": "a-secret-of-the-test",
    }
    return settings_of(run.sim, run.data_dir, **{**given, **more})


async def test_a_daemon_at_work(tmp_path: Path) -> None:
    port = free_port()
    async with running(tmp_path, PORT=str(port)) as run:
        await run.enrol()
        found = await states(await public(run, port))
        assert that(found, "failed") == that(found, "warning") == set(), found
        # Whether a block has been made by now depends on when one looks.
        assert that(found, "skipped") - {"audit chain"} == {"redis", "clock (Redis)", "leases", "conduit"}
        assert "1 good" in found["logins"].detail
        assert "signed challenge" in found["callback"].detail
        assert "a write took" in found["storage"].detail

        found = await states(await public(run, port), ahead_ms=2300)
        assert that(found, "failed") == {"clock (Twitch)"}
        assert "ahead" in found["clock (Twitch)"].detail

        wrong = {"TWITCH_EVENTSUB_SECRET": "another-secret", "TWITCH_CLIENT_SECRET": "wrong"}
        found = await states(await public(run, port, **wrong))
        assert that(found, "failed") == {"callback", "application"}
        assert "signature.wrong" in found["callback"].detail
        assert "TWITCH_CLIENT_SECRET" in found["application"].advice
        assert "another-secret" not in str(found)

        found = await states(await public(run, port, PUBLIC_URL=f"http://127.0.0.1:{free_port()}"))
        assert that(found, "failed") == {"callback"}


async def test_a_stopped_one(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        channel_id, _ = await run.enrol()
        run.daemon.lifecycle.request_stop("to be examined")
        await run.ended
        settings = settings_of(run.sim, run.data_dir)
        found = await states(settings)
        assert that(found, "failed") == set(), found
        assert found["daemon"].state == "skipped"
        assert found["storage"].state == found["logins"].state == found["work"].state == "ok"

        await run.order("tokens/revoke", {"user_id": channel_id})
        found = await states(settings)
        assert that(found, "failed") == {"logins"}
        assert "lantern" in found["logins"].detail

        (run.data_dir / "encryption-keys").unlink()
        found = await states(settings)
        assert that(found, "failed") == {"logins"}
        assert "encryption-keys" in found["logins"].advice
        assert not (run.data_dir / "encryption-keys").exists()


async def test_before_the_first_start_nothing_is_made(tmp_path: Path) -> None:
    async with TwitchSimulator(settings=SimulatorSettings()) as sim:
        found = await states(settings_of(sim, tmp_path / "data"))
    assert that(found, "failed") == set(), found
    assert not (tmp_path / "data").exists()


async def test_nothing_answers(tmp_path: Path) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    settings = load_settings(
        {
            "DATA_DIR": str(tmp_path),
            "TWITCH_CLIENT_ID": "x",
            "TWITCH_CLIENT_SECRET": "y",
            "TWITCH_API_URL": dead,
            "TWITCH_ID_URL": dead,
            "MONGO_URL": f"mongodb://me:hunter2@127.0.0.1:{free_port()}/x?serverSelectionTimeoutMS=200",
            "REDIS_URL": f"redis://:hunter2@127.0.0.1:{free_port()}",
            "ENCRYPTION_KEYS": KEY,
            "SESSION_SECRET": secrets.token_hex(32),
        }
    )
    found = await states(settings)
    assert that(found, "failed") == {"storage", "redis", "clock (Redis)", "clock (Twitch)", "application"}
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("listening", [True, False])
async def test_a_fleet(tmp_path: Path, listening: bool) -> None:
    mongo = shared_mongo(f"doctor-{secrets.token_hex(6)}")
    async with start_redis() as redis, TwitchSimulator(settings=SimulatorSettings()) as sim:
        store = await open_store(mongo, clock=SystemClock())
        link = RedisLink(redis.url)
        try:
            await Channels(await store.collection(CHANNELS)).put(
                Channel("7", "ann", "Ann"), lambda channel: channel
            )
            clock = SystemClock()
            for name in ("one", "two"):
                beat = {"_id": name, "shared": True, "started_at": clock.now(), "seen_at": clock.now()}
                await (await store.collection(DAEMONS)).insert(beat)
            if listening:
                leases = RedisLeases(link=link, clock=clock)
                await leases.acquire(["socket:7"], owner="one", ttl_seconds=30)
            settings = settings_of(
                sim, tmp_path, MONGO_URL=mongo, REDIS_URL=redis.url, ENCRYPTION_KEYS=KEY,
                SESSION_SECRET=secrets.token_hex(32),
            )  # fmt: skip
            found = await states(settings)
        finally:
            await link.close()
            await store.close()
    assert "2 daemons" in found["fleet"].detail
    assert found["clock (Redis)"].state == "ok"
    assert that(found, "failed") == (set() if listening else {"leases"}), found
    assert that(found, "warning") == {"redis"}  # this one keeps nothing on disk


def test_each_check_is_a_coroutine_with_a_name() -> None:
    assert all(asyncio.iscoroutinefunction(check) for check in CHECKS.values())
