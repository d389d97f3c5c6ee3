"""Two daemons joined to one fleet: what one takes in, another does, and everybody shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from handlers.vip.shares import ROUND_SECONDS
from simulators.twitch import SimulatorSettings, TwitchSimulator
from tests.daemon.running import Running, joining
from tests.servers.mongo import shared_mongo
from tests.servers.redis import RedisServer, start_redis

pytestmark = pytest.mark.server


class Fleet:
    """Starts daemons of one fleet; each ends with the test."""

    def __init__(
        self, stack: AsyncExitStack, sim: TwitchSimulator, redis: RedisServer, tmp_path: Path
    ) -> None:
        self._stack, self.sim, self.redis, self._tmp_path = stack, sim, redis, tmp_path
        self.environ = {
            "MONGO_URL": shared_mongo(tmp_path.name),
            "REDIS_URL": redis.url,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "SESSION_SECRET": "32-characters-of-the-test-are-enough",
            "CUELIGHT_DEMO": "1",
        }

    async def start(self, name: str, *, without: str = "", **environ: str) -> Running:
        given = {key: value for key, value in (self.environ | environ).items() if key != without}
        return await self._stack.enter_async_context(joining(self.sim, self._tmp_path / name, **given))


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(start_redis())
        settings = SimulatorSettings(accounting_lag_s=0)
        sim = await stack.enter_async_context(TwitchSimulator(settings=settings))
        yield Fleet(stack, sim, redis, tmp_path)


async def live_somewhere(channel_id: str, *members: Running) -> Running:
    """The member that listens to a channel."""
    async with asyncio.timeout(20):
        while True:
            for member in members:
                if member.state(channel_id) == "live":
                    return member
            await asyncio.sleep(0.01)


async def enrol(at: Running, *members: Running) -> tuple[str, str]:
    channel = await at.order("channels", {"login": "lantern", "name": "Lantern"})
    given = {name: channel[name] for name in ("access_token", "refresh_token")}
    added = await at.admin("channels.add", {**given, "reward_title": "VIP", "reward_cost": 500})
    await live_somewhere(channel["id"], *members)
    return channel["id"], added["rewards"][0]["id"]


async def test_each_role_in_a_process_of_its_own(fleet: Fleet) -> None:
    web = await fleet.start("web", ROLES="web")
    eventsub = await fleet.start("eventsub", ROLES="eventsub")
    worker = await fleet.start("worker", ROLES="worker")
    channel_id, reward_id = await enrol(web, eventsub)
    assert web.state(channel_id) == worker.state(channel_id) == ""
    await web.http.post("/api/auth/dev", headers={"Sec-Fetch-Site": "same-origin"})
    async with web.http.get("/api/ws", params={"channel": channel_id}) as stream:
        redeemed = await web.redeem(channel_id, reward_id, "ann")
        await web.until(lambda: web.status_of(channel_id, redeemed["id"]) == "FULFILLED")
        seen: list[str] = []
        async with asyncio.timeout(30):
            async for line in stream.content:
                seen += [line.decode()] if line.startswith((b"event:", b"data:")) else []
                if any('"viewer_name":"Ann"' in one for one in seen):
                    break
    assert seen[0] == "event: reset\n"
    first = json.loads(seen[1].removeprefix("data:"))
    assert first["channel"]["connection"]["state"] == "live", "the picture of who holds it is seen by all"
    for member, roles in ((web, ["web"]), (eventsub, ["eventsub"]), (worker, ["worker"])):
        status = await member.admin("status")
        assert (status["roles"], status["fleet"], status["store"]) == (roles, True, "mongodb")
        assert (status["worker"] is not None) == (roles == ["worker"])
        async with member.http.get("/readyz") as answer:
            assert answer.status == 200, await answer.text()
        async with member.http.get("/api/openapi.json") as answer:
            assert answer.status == (200 if roles == ["web"] else 404)


async def test_what_a_stopped_daemon_held_is_taken_over(fleet: Fleet) -> None:
    async with joining(fleet.sim, fleet._tmp_path / "first", **fleet.environ) as first:
        second = await fleet.start("second")
        channel_id, reward_id = await enrol(first, first, second)
        holder = await live_somewhere(channel_id, first, second)
        assert [member.state(channel_id) for member in (first, second)].count("live") == 1
        assert holder in (first, second)
    assert await live_somewhere(channel_id, second) is second
    redeemed = await second.redeem(channel_id, reward_id, "ben")
    await second.until(lambda: second.status_of(channel_id, redeemed["id"]) == "FULFILLED")


@pytest.mark.parametrize("redis", ["is gone", "has another password"])
async def test_without_redis_a_fleet_goes_on_and_says_so(fleet: Fleet, redis: str) -> None:
    member = await fleet.start("only")
    channel_id, reward_id = await enrol(member, member)
    if redis == "is gone":
        await fleet.redis.kill()
    else:
        await fleet.redis.command("CONFIG", "SET", "requirepass", "another")
        fleet.redis.password = "another"
        for kind in ("normal", "pubsub"):  # who was let in before would stay
            await fleet.redis.command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
    redeemed = await member.redeem(channel_id, reward_id, "cleo")
    await member.until(lambda: member.status_of(channel_id, redeemed["id"]) == "FULFILLED")
    async with member.http.get("/readyz") as answer:
        assert answer.status == 200
    async with member.http.get("/api/health") as answer:
        health = await answer.json()
    assert health["status"] == "degraded"
    assert [check["name"] for check in health["checks"] if not check["ok"]] == ["redis"]
    # One round of leases later: who asks for them has met the refusal, and nothing has ended for it.
    await asyncio.sleep(ROUND_SECONDS + 1)
    assert member.state(channel_id) == "live"
    redeemed = await member.redeem(channel_id, reward_id, "dora")
    await member.until(lambda: member.status_of(channel_id, redeemed["id"]) == "FULFILLED")
    if redis == "is gone":
        await fleet.redis.start()


@pytest.mark.timeout(90)
async def test_a_daemon_without_redis_is_refused_beside_another(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    await fleet.start("first")
    with pytest.raises(AssertionError, match="69"):  # its exit code: not available
        await fleet.start("second", without="REDIS_URL")
    assert "has no Redis to agree with it" in capsys.readouterr().out
