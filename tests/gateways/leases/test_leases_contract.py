"""What `gateways/leases/contracts.py` promises, asked of every engine.

Leases here are long, and time passes in large steps: the moments that a test really takes do not matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateways.leases.contracts import Held
from tests.gateways.leases.engines import ENGINES, Engine

TTL = 900.0


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.server] if name == "redis" else [], id=name) for name in ENGINES
    ]
)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    async with ENGINES[request.param]() as make:
        yield make()


async def acquire(engine: Engine, owner: str, *names: str, ttl: float = TTL) -> dict[str, Held]:
    return await engine.of(owner).acquire(names, owner=owner, ttl_seconds=ttl)


async def renew(engine: Engine, owner: str, *names: str, ttl: float = TTL) -> dict[str, Held]:
    return await engine.of(owner).renew(names, owner=owner, ttl_seconds=ttl)


async def muster(engine: Engine, owner: str, group: str = "g", ttl: float = TTL) -> list[str]:
    return await engine.of(owner).muster(group, owner=owner, ttl_seconds=ttl)


async def test_what_is_free_is_taken(engine: Engine) -> None:
    held = await acquire(engine, "a", "x", "y")
    assert set(held) == {"x", "y"}
    assert held["x"].name == "x"
    assert held["x"].deadline == engine.clock.monotonic() + TTL
    assert await engine.of("b").holders(["x", "y", "z"]) == {"x": "a", "y": "a"}


async def test_what_another_holds_is_not(engine: Engine) -> None:
    await acquire(engine, "a", "x")
    assert set(await acquire(engine, "b", "x", "y")) == {"y"}
    assert await renew(engine, "b", "x") == {}
    assert await engine.of("a").holders(["x", "y"]) == {"x": "a", "y": "b"}


async def test_taking_ones_own_extends_it_and_keeps_the_fence(engine: Engine) -> None:
    first = (await acquire(engine, "a", "x"))["x"]
    await engine.pass_time(600)
    again = (await acquire(engine, "a", "x"))["x"]
    assert again == Held("x", first.fence, first.deadline + 600)
    await engine.pass_time(600)
    assert await acquire(engine, "b", "x") == {}


async def test_a_renewal_extends_and_keeps_the_fence(engine: Engine) -> None:
    first = (await acquire(engine, "a", "x"))["x"]
    await engine.pass_time(600)
    assert await renew(engine, "a", "x", "never taken") == {"x": Held("x", first.fence, first.deadline + 600)}
    await engine.pass_time(600)
    assert await acquire(engine, "b", "x") == {}
    assert await engine.of("a").holders(["never taken"]) == {}, "a renewal takes nothing"


async def test_a_lease_runs_out(engine: Engine) -> None:
    first = (await acquire(engine, "a", "x"))["x"]
    await engine.pass_time(800)
    assert await acquire(engine, "b", "x") == {}
    await engine.pass_time(200)
    assert await engine.of("a").holders(["x"]) == {}
    assert await renew(engine, "a", "x") == {}, "what ran out is lost, also while nobody took it"
    taken = (await acquire(engine, "b", "x"))["x"]
    assert taken.fence > first.fence
    assert await renew(engine, "a", "x") == {}
    await engine.of("a").release(["x"], owner="a")
    assert await engine.of("a").holders(["x"]) == {"x": "b"}, "who lost it gives nothing back"


async def test_who_takes_again_what_ran_out_has_a_new_fence(engine: Engine) -> None:
    first = (await acquire(engine, "a", "x"))["x"]
    await engine.pass_time(1000)
    assert (await acquire(engine, "a", "x"))["x"].fence > first.fence


async def test_what_is_given_back_is_free(engine: Engine) -> None:
    first = await acquire(engine, "a", "x", "y")
    await engine.of("a").release(["x", "unknown"], owner="a")
    assert await engine.of("a").holders(["x", "y"]) == {"y": "a"}
    assert (await acquire(engine, "b", "x"))["x"].fence > first["x"].fence
    assert (await acquire(engine, "b", "y")) == {}


async def test_nothing_shortens_a_lease(engine: Engine) -> None:
    await acquire(engine, "a", "x", "y")
    assert (await acquire(engine, "a", "x", ttl=100))["x"].deadline == engine.clock.monotonic() + 100
    assert (await renew(engine, "a", "y", ttl=100))["y"].deadline == engine.clock.monotonic() + 100
    await engine.pass_time(500)
    assert await acquire(engine, "b", "x", "y") == {}


async def test_many_names_at_a_time(engine: Engine) -> None:
    names = [f"socket:{number}" for number in range(1203)]
    held = await acquire(engine, "a", *names)
    assert list(held) == names
    assert set(await renew(engine, "a", *names)) == set(names)
    assert len(await engine.of("b").holders(names)) == 1203
    await engine.of("a").release(names[:1202], owner="a")
    assert set(await acquire(engine, "b", *names)) == set(names[:1202])


async def test_no_name_and_one_name_twice(engine: Engine) -> None:
    assert await acquire(engine, "a") == {}
    assert await renew(engine, "a") == {}
    assert await engine.of("a").holders([]) == {}
    await engine.of("a").release([], owner="a")
    assert set(await acquire(engine, "a", "x", "x")) == {"x"}


async def test_names_and_owners_of_any_letters(engine: Engine) -> None:
    for name in ("a:b", "ä {x} *", "1:2:3"):
        owner = f"{name}:owner"
        fence = (await acquire(engine, owner, name))[name].fence
        assert (await renew(engine, owner, name))[name].fence == fence
        assert await engine.of(owner).holders([name]) == {name: owner}
        await engine.of(owner).release([name], owner=owner)
        assert await engine.of(owner).holders([name]) == {}


async def test_one_of_many_gets_it(engine: Engine) -> None:
    answers = await asyncio.gather(*(acquire(engine, f"p{number}", "x") for number in range(20)))
    assert sum("x" in held for held in answers) == 1


async def test_fences_rise_also_when_the_data_were_lost(engine: Engine) -> None:
    names = [f"n{number}" for number in range(700)]
    before = await acquire(engine, "a", *names)
    await engine.lose_data()
    after = await acquire(engine, "b", *reversed(names))
    assert max(held.fence for held in before.values()) < min(held.fence for held in after.values())
    assert await renew(engine, "a", *names) == {}, "and the old holder is told"


async def test_a_group_knows_who_lives(engine: Engine) -> None:
    assert await muster(engine, "b") == ["b"]
    await engine.pass_time(500)
    assert await muster(engine, "a") == ["a", "b"]
    assert await muster(engine, "c", group="other") == ["c"]
    await engine.pass_time(500)
    assert await muster(engine, "a") == ["a"], "b did not sign in again"
    await engine.pass_time(500)
    assert await muster(engine, "b", ttl=100) == ["a", "b"]
    await engine.pass_time(200)
    assert await muster(engine, "a") == ["a"]


async def test_who_leaves_a_group_is_gone_at_once(engine: Engine) -> None:
    await muster(engine, "a")
    await muster(engine, "b")
    await engine.of("a").leave("g", owner="a")
    await engine.of("a").leave("g", owner="a")
    await engine.of("a").leave("unknown", owner="a")
    assert await muster(engine, "b") == ["b"]
