from __future__ import annotations

import pytest

from tests.web.api.parts import ID, PENDING, done, send, serving
from web.api.operations import accepted, operation_told, raise_if_refused


async def test_an_operation_is_shown() -> None:
    async with serving() as (world, parts):
        parts.told = done("refused", code="vip.by_hand", message="By hand.", advice="Adopt.")
        status, body, _ = await send(world, "GET", f"/api/operations/{ID}")
        assert (status, body) == (
            200,
            {
                "id": ID,
                "state": "done",
                "result": "refused",
                "code": "vip.by_hand",
                "detail": "By hand.",
                "advice": "Adopt.",
                "at": 5,
            },
        )


@pytest.mark.parametrize(("id", "expected"), [("0" * 32, 404), ("x", 400), ("0" * 33, 400), ("%00", 400)])
async def test_what_is_not_there(id: str, expected: int) -> None:
    async with serving() as (world, _):
        assert (await send(world, "GET", f"/api/operations/{id}"))[0] == expected


def test_only_what_is_pending_has_a_place_to_ask() -> None:
    assert accepted(PENDING) == {"Location": f"/api/operations/{ID}"}
    assert accepted(done()) == {}
    raise_if_refused(PENDING)
    raise_if_refused(done())
    assert operation_told(PENDING).state == "pending"
