from __future__ import annotations

from tests.web.api.parts import CONNECTION, ID, PENDING, done, send, serving


async def test_the_connection_is_shown_restarted_and_compared() -> None:
    async with serving() as (world, parts):
        assert (await send(world, "GET", "/api/connection"))[:2] == (200, CONNECTION)
        assert (await send(world, "POST", "/api/connection/restart"))[:2] == (202, {"result": "restarting"})
        assert parts.asked == ["100"]
        parts.told = done("reconciled")
        status, body, _ = await send(world, "POST", "/api/connection/reconcile", Idempotency_Key="k")
        assert (status, body) == (200, {"result": "reconciled", "operation": ID})
        assert parts.asked[-1].key == "k"
        parts.told = PENDING
        assert (await send(world, "POST", "/api/connection/reconcile"))[0] == 202


async def test_a_channel_that_is_gone_is_not_restarted() -> None:
    async with serving() as (world, _):
        assert (await send(world, "POST", "/api/connection/restart?channel=999"))[0] == 404
