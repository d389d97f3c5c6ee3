"""How often somebody may ask: per account, per address, per class of route, and what the headers say."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import ManualClock
from tests.web.world import World, message, running
from web.keys import Rate, Route, Who
from web.limits import USUAL, Allowance, Buckets, block_of, rate_of, stamp
from web.peers import Peer

TEN = Allowance(10, 100)


def test_an_allowance_is_used_up_and_comes_back_evenly() -> None:
    clock = ManualClock()
    buckets = Buckets(clock=clock)
    assert [buckets.take("a", TEN).remaining for _ in range(10)] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    refused = buckets.take("a", TEN)
    assert (refused.limit, refused.remaining) == (10, 0)
    assert refused.wait_seconds == pytest.approx(10)
    assert refused.reset_at == clock.now() + 100_000
    assert buckets.take("b", TEN).remaining == 9, "others are not concerned"


async def test_what_is_refused_takes_nothing() -> None:
    clock = ManualClock()
    buckets = Buckets(clock=clock)
    for _ in range(50):
        buckets.take("a", TEN)
    await clock.advance(10)
    assert not buckets.take("a", TEN).wait_seconds
    assert buckets.take("a", TEN).wait_seconds
    await clock.advance(100)
    assert buckets.take("a", TEN).remaining == 9


@given(st.lists(st.floats(0, 30), max_size=200), st.integers(1, 20), st.integers(1, 60))
def test_in_no_window_more_than_twice_the_limit(pauses: list[float], limit: int, seconds: int) -> None:
    """The bound of the algorithm: what was saved up, and what comes back in the meantime."""
    clock = ManualClock()
    buckets, allowance = Buckets(clock=clock), Allowance(limit, seconds)
    let_through: list[float] = []
    for pause in pauses:
        clock._monotonic += pause
        taken = buckets.take("a", allowance)
        assert 0 <= taken.remaining < limit
        if not taken.wait_seconds:
            let_through.append(clock.monotonic())
    for begin in let_through:
        assert sum(begin <= at < begin + seconds for at in let_through) <= 2 * limit


def test_the_wait_is_as_long_as_told() -> None:
    clock = ManualClock()
    buckets = Buckets(clock=clock)
    while not (taken := buckets.take("a", Allowance(7, 60))).wait_seconds:
        pass
    clock._monotonic += taken.wait_seconds
    assert not buckets.take("a", Allowance(7, 60)).wait_seconds


def test_what_is_remembered_is_bounded() -> None:
    buckets = Buckets(clock=ManualClock(), most_keys=3)
    for number in range(100):
        buckets.take(str(number), TEN)
    assert len(buckets) == 3
    assert buckets.take("99", TEN).remaining == 8, "the latest are remembered"


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        (None, "unknown"),
    ],
)
def test_what_counts_as_one_address(address: str | None, block: str) -> None:
    assert block_of(Peer(ipaddress.ip_address(address) if address else None, local=False)) == block


def test_classes_follow_from_the_row() -> None:
    async def handler(request: Any) -> Any: ...

    def of(method: str, path: str, who: Who = Who.SESSION, **more: Any) -> Rate:
        return rate_of(Route(method, path, handler, who, **more))

    assert of("GET", "/api/vip") is Rate.READS
    assert of("DELETE", "/api/vip") is Rate.WRITES
    assert of("POST", "/api/webhooks/eventsub", Who.WEBHOOK) is Rate.WEBHOOKS
    assert of("GET", "/rewards", Who.PUBLIC) is Rate.NONE
    assert of("GET", "/api/health", Who.PUBLIC, quiet=True) is Rate.NONE
    assert of("GET", "/api/x", rate=Rate.AUTH) is Rate.AUTH
    assert set(USUAL) == set(Rate) - {Rate.NONE}


def test_times_in_headers() -> None:
    assert stamp(1_705_314_600_000) == "2024-01-15T10:30:00.000Z"
    assert stamp(1_705_314_600_007) == "2024-01-15T10:30:00.007Z"


# over a socket

FEW = {Rate.READS: Allowance(5, 50), Rate.WRITES: Allowance(2, 60)}


async def ask(world: World, path: str, **headers: str) -> Any:
    async with world.client.get(world.url(path), headers=headers) as response:
        await response.read()
        return response


async def test_headers_and_the_refusal_are_those_of_the_document() -> None:
    async with running(rate_limits=FEW) as world:
        for left in (4, 3, 2, 1, 0):
            response = await ask(world, "/api/auth/session")
            assert response.status == 200
            assert response.headers["X-RateLimit-Limit"] == "5"
            assert response.headers["X-RateLimit-Remaining"] == str(left)
        reset = datetime.strptime(response.headers["X-RateLimit-Reset"], "%Y-%m-%dT%H:%M:%S.%fZ")
        ahead = reset.replace(tzinfo=UTC).timestamp() * 1000 - world.clock.now()
        assert ahead == pytest.approx(50_000, abs=10)
        async with world.client.get(world.url("/api/auth/session")) as response:
            body = await response.json(content_type=None)
            assert (response.status, response.content_type) == (429, "application/problem+json")
            assert (body["code"], body["detail"]) == (
                "http.rate_limited",
                "Rate limit exceeded. Please retry after 10 seconds",
            )
            assert response.headers["Retry-After"] == "10"
            assert response.headers["X-RateLimit-Remaining"] == "0"
        assert world.counted("http_rate_limited_total", rate="reads") == 1
        await world.clock.advance(10)
        assert (await ask(world, "/api/auth/session")).status == 200


async def test_an_account_is_counted_wherever_it_comes_from_and_apart_from_others() -> None:
    trusted = (ipaddress.ip_network("127.0.0.0/8"),)
    async with running(rate_limits=FEW, trusted_proxies=trusted) as world:
        keys = {}
        for subject in ("anna", "ben"):
            world.logins.roles[subject] = {"100": "owner"}
            keys[subject], _ = await world.logins.open(
                subject=subject, login=subject, name=subject, agent="", replaces=""
            )

        async def status(subject: str, address: str) -> int:
            headers = {"Cookie": f"cuelight={keys[subject]}", "X-Forwarded-For": address}
            return int((await ask(world, "/api/audit-log", **headers)).status)

        assert [await status("anna", f"203.0.113.{n}") for n in range(6)] == [200] * 5 + [429]
        assert await status("ben", "203.0.113.1") == 200


async def test_strangers_are_counted_by_address_as_far_as_it_can_be_believed() -> None:
    trusted = (ipaddress.ip_network("127.0.0.0/8"),)
    async with running(rate_limits=FEW, trusted_proxies=trusted) as world:

        async def status(address: str, **more: str) -> int:
            return int((await ask(world, "/api/audit-log", **{"X-Forwarded-For": address, **more})).status)

        assert [await status("203.0.113.1") for _ in range(6)] == [401] * 5 + [429]
        assert await status("203.0.113.2") == 401
        assert [await status(f"2001:db8::{n}") for n in range(6)] == [401] * 5 + [429]
        assert await status("198.51.100.1, 203.0.113.1") == 429, "the left part is what the client wrote"
        forged = [await status("203.0.113.9", Cookie=f"cuelight={n:043d}") for n in range(6)]
        assert forged == [401] * 5 + [429], "guessing keys is counted, too"
    async with running(rate_limits=FEW) as world:
        told = [await ask(world, "/api/audit-log", **{"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(6)]
        assert [one.status for one in told] == [401] * 5 + [429], (
            "without trusted proxies the header is nothing"
        )


async def test_writes_have_an_allowance_of_their_own() -> None:
    async with running(rate_limits=FEW) as world:
        await world.sign_in()
        headers = {"Origin": world.url(""), "X-CSRF-Token": "wrong"}
        told = []
        for _ in range(3):
            async with world.client.post(world.url("/api/auth/sign-out"), headers=headers) as response:
                told.append(response.status)
        assert told == [403, 403, 429]
        assert (await ask(world, "/api/auth/session")).status == 200


async def test_what_is_not_counted() -> None:
    none = {rate: Allowance(1, 1000) for rate in USUAL}
    async with running(rate_limits=none) as world:
        for path in ("/livez", "/readyz", "/api/health", "/"):
            for _ in range(3):
                response = await ask(world, path)
                assert response.status == 200
                assert "X-RateLimit-Limit" not in response.headers


async def test_deliveries_of_twitch_have_theirs() -> None:
    async with running(rate_limits={Rate.WEBHOOKS: Allowance(2, 60)}) as world:
        told = []
        for number in range(3):
            headers, raw = message(world.clock.now(), message_id=f"m-{number}")
            url = world.url("/api/webhooks/eventsub")
            async with world.client.post(url, headers=headers, data=raw) as response:
                told.append(response.status)
        assert told == [204, 204, 429]


async def test_a_limit_can_be_switched_off() -> None:
    async with running(rate_limits={Rate.READS: Allowance(0, 60)}) as world:
        response = await ask(world, "/api/auth/session")
        assert "X-RateLimit-Limit" not in response.headers
