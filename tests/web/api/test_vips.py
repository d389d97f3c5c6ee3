from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from domain.audit import Actor
from handlers.vip.vip_desk import Asker, Wish
from handlers.vip.vip_list import VipQuery
from tests.web.api.parts import ID, PENDING, VIP, Parts, done, send, serving
from tests.web.world import World

Served = tuple[World, Parts]


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as both:
        yield both


async def test_a_page(served: Served) -> None:
    world, parts = served
    status, body, _ = await send(world, "GET", "/api/vip")
    assert (status, body) == (200, {"entries": [VIP], "cursor": "more", "total_active": 7, "now": 5})
    await send(world, "GET", "/api/vip?state=all&by=hand&search=an&sort=name&limit=3&cursor=abc")
    assert parts.asked == [("100", VipQuery()), ("100", VipQuery("all", "hand", "an", "name", 3, "abc"))]


@pytest.mark.parametrize(
    "query", ["state=gone", "by=x", "sort=x", "limit=0", "limit=201", "search=%00", "colour=red"]
)
async def test_a_malformed_filter_is_refused(served: Served, query: str) -> None:
    world, parts = served
    status, body, _ = await send(world, "GET", f"/api/vip?{query}")
    assert (status, body["code"]) == (400, "web.parameter")
    assert not parts.asked


async def test_what_is_asked_becomes_a_wish(served: Served) -> None:
    world, parts = served
    asker = Asker("100", "development", Actor("streamer", "development", "Developer"), "raffle-17")
    full = {"viewer": "Ann", "seconds": 60, "until_stream_end": True, "adopt": True, "note": "raffle"}
    requests: list[tuple[str, str, Any, int, Wish]] = [
        ("POST", "/api/vip", full, 201, Wish("vip.grant", "Ann", {k: v for k, v in full.items() if k != "viewer"})),
        ("DELETE", "/api/vip?viewer=ann&note=x", None, 200, Wish("vip.revoke", "ann", {"note": "x"})),
        ("POST", "/api/vip/extend", {"viewer": "42", "seconds": 5}, 200, Wish("vip.extend", "42", {"seconds": 5})),
        ("POST", "/api/vip/protect", {"viewer": "42", "protected": True}, 200,
         Wish("vip.protect", "42", {"protected": True})),
    ]  # fmt: skip
    for method, path, given, expected, wish in requests:
        parts.asked.clear()
        status, body, _ = await send(world, method, path, given, Idempotency_Key="raffle-17")
        assert (status, body) == (expected, {"result": "granted", "vip": VIP, "operation": ID})
        assert parts.asked == [(asker, wish)]


async def test_what_takes_longer_is_a_202_with_a_place_to_ask(served: Served) -> None:
    world, parts = served
    parts.told = PENDING
    status, body, headers = await send(world, "POST", "/api/vip", {"viewer": "ann"})
    assert (status, body) == (202, {"result": "pending", "vip": None, "operation": ID})
    assert headers["Location"] == f"/api/operations/{ID}"


async def test_a_vip_that_is_no_more_is_null(served: Served) -> None:
    world, parts = served
    parts.vip = None
    assert (await send(world, "DELETE", "/api/vip?viewer=ann"))[1]["vip"] is None


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("vip.slots_full", 409),
        ("vip.by_hand", 409),
        ("vip.already", 409),
        ("vip.protected", 409),
        ("vip.not_vip", 404),
        ("vip.no_viewer", 404),
        ("vip.no_channel", 404),
    ],
)
async def test_a_refusal_is_a_problem_with_its_code(served: Served, code: str, status: int) -> None:
    world, parts = served
    parts.told = done("refused", code=code, message="Because.", advice="Do.")
    answer, body, _ = await send(world, "POST", "/api/vip", {"viewer": "ann"})
    assert (answer, body["code"], body["detail"], body["advice"]) == (status, code, "Because.", "Do.")


@pytest.mark.parametrize(
    ("word", "code", "status"), [("already_vip", "vip.already", 409), ("not_vip", "vip.not_vip", 404)]
)
async def test_a_word_may_be_a_refusal_by_itself(served: Served, word: str, code: str, status: int) -> None:
    world, parts = served
    parts.told = done(word)
    answer, body, _ = await send(world, "POST", "/api/vip", {"viewer": "ann"})
    assert (answer, body["code"]) == (status, code)
    assert body["detail"]


async def test_what_failed_may_be_tried_again(served: Served) -> None:
    world, parts = served
    parts.told = replace(done("failed", code="twitch.broken", message="Nonsense."), state="failed")
    answer, body, headers = await send(world, "POST", "/api/vip", {"viewer": "ann"})
    assert (answer, body["code"]) == (503, "twitch.broken")
    assert int(headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"viewer": ""},
        {"viewer": "two words"},
        {"viewer": "ann", "seconds": 0},
        {"viewer": "ann", "seconds": 366 * 86_400 + 1},
        {"viewer": "ann", "note": "x" * 201},
        {"viewer": "ann", "note": "\x1b[31m"},
        {"viewer": "ann", "colour": "red"},
        {"viewer": {"id": "42"}},
        [],
        None,
    ],
)
async def test_a_malformed_body_is_refused(served: Served, body: Any) -> None:
    world, parts = served
    assert (await send(world, "POST", "/api/vip", body))[0] == 400
    assert not parts.asked


@pytest.mark.parametrize("key", ["x" * 129, "é"])
async def test_a_malformed_key_is_refused(served: Served, key: str) -> None:
    world, parts = served
    status, body, _ = await send(world, "POST", "/api/vip", {"viewer": "ann"}, Idempotency_Key=key)
    assert (status, body["code"]) == (400, "idempotency.key")
    assert not parts.asked
