from __future__ import annotations

from tests.web.api.parts import ID, PENDING, WAITING, done, send, serving


async def test_the_list_as_it_is() -> None:
    async with serving() as (world, _):
        assert (await send(world, "GET", "/api/waiting-list"))[:2] == (200, WAITING)
        assert (await send(world, "GET", "/api/waiting-list?channel=999"))[0] == 404


async def test_somebody_is_taken_off_it() -> None:
    async with serving() as (world, parts):
        parts.told = done("refunded")
        path = "/api/waiting-list/5f3a-11"
        assert (await send(world, "DELETE", path))[:2] == (200, {"result": "refunded", "operation": ID})
        assert parts.asked[0][1] == "5f3a-11"
        parts.told = PENDING
        status, _, headers = await send(world, "DELETE", path)
        assert (status, headers["Location"]) == (202, f"/api/operations/{ID}")
        parts.told = done("admitted")
        status, body, _ = await send(world, "DELETE", path)
        assert (status, body["code"]) == (409, "waiting.admitted")
        assert (await send(world, "DELETE", "/api/waiting-list/a%2Fb"))[0] == 400
