"""Who is under way, and whose turn it is."""

from __future__ import annotations

import asyncio

import pytest

from domain.ports import NullMetrics
from storage.contracts import StorageUnavailable
from storage.mongo import traffic
from storage.mongo.traffic import Gate, Turns


async def test_a_shut_gate_lets_nobody_in_and_waits_for_those_inside() -> None:
    gate = Gate(NullMetrics())
    with gate.call("insert"):
        gate.shut()
        with pytest.raises(StorageUnavailable), gate.call("insert"):
            pass
        emptied = asyncio.ensure_future(gate.emptied())
        await asyncio.sleep(0)
        assert not emptied.done()
    async with asyncio.timeout(30):
        await emptied


async def test_those_who_fail_leave_too() -> None:
    gate = Gate(NullMetrics())
    with pytest.raises(KeyError), gate.call("insert"):
        raise KeyError
    async with asyncio.timeout(30):
        await gate.emptied()


async def test_too_many_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "MAX_UNDER_WAY", 1)
    gate = Gate(NullMetrics())
    with gate.call("get"):
        with pytest.raises(StorageUnavailable) as caught, gate.call("get"):
            pass
        assert caught.value.code == "storage.overloaded"
    with gate.call("get"):
        pass


async def test_one_at_a_time_at_a_document_and_in_order() -> None:
    turns = Turns()
    inside: list[str] = []
    seen: list[int] = []

    async def work(id_: str, n: int) -> None:
        async with turns.at(id_):
            assert id_ not in inside
            inside.append(id_)
            await asyncio.sleep(0)
            inside.remove(id_)
            if id_ == "a":
                seen.append(n)

    await asyncio.gather(*[work("ab"[n % 2], n) for n in range(20)])
    assert seen == list(range(0, 20, 2))


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    turns = Turns()
    async with turns.at("x"):
        waiting = asyncio.ensure_future(turns.at("x").__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(30), turns.at("x"):
        pass
    assert not turns._locks, "what nobody uses is forgotten"
