"""Liveness, readiness, health, metrics."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

import pytest

from domain.errors import Rejected, Unavailable
from tests.support.clock import ManualClock
from tests.web.world import World, running
from web.app import build_metrics_app
from web.health import Health, StorageCheck
from web.server import Server


class FixedCheck:
    def __init__(self, name: str, *, critical: bool, error: str = "") -> None:
        self.name, self.critical, self.error = name, critical, error

    async def check(self) -> str:
        if self.error:
            raise Rejected(self.error)
        return "fine"


async def get(world: World, path: str, **headers: str) -> tuple[int, Any]:
    async with world.client.get(world.url(path), headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def test_livez_looks_at_the_loop_alone(world: World) -> None:
    world.outside.probe_error = Unavailable("The disk is full.")
    assert await get(world, "/livez") == (200, {"alive": True, "loop_lag_seconds": 0.0})
    world.outside.lag = 5.5
    assert await get(world, "/livez") == (503, {"alive": False, "loop_lag_seconds": 5.5})


async def test_readyz_names_each_check(world: World) -> None:
    status, body = await get(world, "/readyz")
    assert status == 200
    assert body == {
        "ready": True,
        "stopping": False,
        "checks": [
            {"name": "storage", "ok": True, "detail": "writable"},
            {"name": "backlog", "ok": True, "detail": "nothing waits"},
        ],
    }


async def test_a_process_without_workers_is_ready_however_much_waits_for_others() -> None:
    async with running(works=False) as world:
        world.outside.waiting_since = world.clock.now() - 3_600_000
        status, body = await get(world, "/readyz")
        assert (status, body["ready"]) == (200, True)
        assert body["checks"][1]["ok"] is False
        assert (await get(world, "/api/health"))[1]["status"] == "degraded"


async def test_a_process_without_the_role_web_answers_its_operator_alone() -> None:
    async with running(only_health=True, metrics_token="0123456789abcdef") as world:
        for path in ("/livez", "/readyz", "/api/health"):
            assert (await get(world, path))[0] == 200
        async with world.client.get(
            world.url("/metrics"), headers={"Authorization": "Bearer 0123456789abcdef"}
        ) as response:
            assert response.status == 200
        for path in ("/", "/api/ws", "/api/openapi.json", "/static/live.css"):
            assert (await get(world, path))[0] == 404


async def test_not_ready_when_nothing_can_be_written(world: World) -> None:
    world.outside.probe_error = Unavailable("The disk is full.")
    status, body = await get(world, "/readyz")
    assert status == 503
    assert body["checks"][0] == {"name": "storage", "ok": False, "detail": "The disk is full."}


async def test_not_ready_when_events_wait_for_too_long(world: World) -> None:
    world.outside.waiting_since = world.clock.now() - 119_000
    assert (await get(world, "/readyz"))[0] == 200
    await world.clock.advance(2)
    status, body = await get(world, "/readyz")
    assert status == 503
    assert not body["checks"][1]["ok"]
    assert "121 s" in body["checks"][1]["detail"]


async def test_an_event_from_the_future_does_not_count_as_old(world: World) -> None:
    world.outside.waiting_since = world.clock.now() + 5000
    assert (await get(world, "/readyz"))[0] == 200


async def test_results_are_kept_for_a_second(world: World) -> None:
    for _ in range(3):
        await get(world, "/readyz")
    await get(world, "/api/health")
    assert world.outside.probes == 1
    await world.clock.advance(1)
    await get(world, "/readyz")
    assert world.outside.probes == 2


async def test_of_many_who_ask_at_once_one_does_the_work(world: World) -> None:
    await asyncio.gather(*(get(world, "/readyz") for _ in range(20)))
    assert world.outside.probes == 1


async def test_a_store_that_does_not_answer_fails_in_time(world: World) -> None:
    world.outside.probe_blocks = True
    health = Health(
        clock=world.clock,
        loop=world.outside,
        checks=[StorageCheck(storage=world.outside)],
        version="1",
        stopping=lambda: False,
        check_seconds=0.05,
    )
    (result,) = await health.results()
    assert not result.ok
    assert "0.05 s" in result.detail


async def test_health_tells_version_uptime_and_checks(world: World) -> None:
    await world.clock.advance(90.5)
    status, body = await get(world, "/api/health")
    assert status == 200
    assert (body["status"], body["version"], body["uptime_seconds"]) == ("ok", "1.2.3", 90.5)
    assert [check["name"] for check in body["checks"]] == ["storage", "backlog"]


async def test_a_check_that_is_not_critical_only_degrades() -> None:
    checks = [FixedCheck("eventsub", critical=False, error="No channel is connected.")]
    async with running(ports={"checks": checks}) as world:
        assert (await get(world, "/readyz"))[0] == 200
        status, body = await get(world, "/api/health")
        assert (status, body["status"]) == (200, "degraded")
        assert body["checks"][-1] == {"name": "eventsub", "ok": False, "detail": "No channel is connected."}


async def test_a_critical_check_makes_it_unavailable() -> None:
    checks = [FixedCheck("keys", critical=True, error="No keys.")]
    async with running(ports={"checks": checks}) as world:
        assert (await get(world, "/readyz"))[0] == 503
        status, body = await get(world, "/api/health")
        assert (status, body["status"]) == (503, "unavailable")


async def test_while_stopping_it_is_alive_but_not_ready(world: World) -> None:
    world.web_app.stopping.begun = True
    assert (await get(world, "/livez"))[0] == 200
    status, body = await get(world, "/readyz")
    assert (status, body["stopping"]) == (503, True)


async def metrics(world: World, **headers: str) -> tuple[int, str, str]:
    async with world.client.get(world.url("/metrics"), headers=headers) as response:
        return response.status, await response.text(), response.headers["Content-Type"]


async def test_metrics_without_a_token_are_for_this_machine_only() -> None:
    async with running(trusted_proxies=(ipaddress.ip_network("127.0.0.1"),)) as world:
        await get(world, "/livez")
        status, text, kind = await metrics(world)
        assert status == 200
        assert kind.startswith("text/plain")
        assert 'cuelight_http_requests_total{route="/livez",status="200"} 1.0' in text
        assert (await metrics(world, **{"X-Forwarded-For": "203.0.113.9"}))[0] == 401


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("Bearer a metrics token", 200),
        ("Bearer wrong", 401),
        ("a metrics token", 401),
        ("Bearer ü", 401),
        ("", 401),
    ],
)
async def test_with_a_token_it_takes_the_token_from_anywhere(given: str, status: int) -> None:
    async with running(metrics_token="a metrics token") as world:
        assert (await metrics(world, Authorization=given))[0] == status


async def test_metrics_may_have_a_port_of_their_own(world: World) -> None:
    app = build_metrics_app(exposition=world.metrics, clock=ManualClock(), metrics=world.metrics)
    server = Server(web_app=app, clock=ManualClock())
    port = await server.start("127.0.0.1", 0)
    try:
        async with world.client.get(f"http://127.0.0.1:{port}/metrics") as response:
            assert response.status == 200
        async with world.client.get(f"http://127.0.0.1:{port}/api/auth/session") as response:
            assert response.status == 404
    finally:
        await server.stop()
