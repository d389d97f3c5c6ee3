"""The pump works while somebody waits, and sleeps otherwise."""

from __future__ import annotations

import asyncio

from daemon.metrics import PrometheusMetrics
from rooms.delivery.budget import Budget
from rooms.delivery.frames import text
from rooms.delivery.pump import Pump
from rooms.delivery.viewer import Viewer
from rooms.people import Member, Role
from tests.rooms.lines import MemoryLine
from tests.support.clock import ManualClock


async def test_who_reads_again_gets_what_waited() -> None:
    clock, metrics = ManualClock(), PrometheusMetrics()
    budget = Budget(clock=clock, metrics=metrics)
    line = MemoryLine()
    viewer = Viewer(line, member=Member("ann", "", "", Role.MEMBER, 0), budget=budget)
    task = asyncio.ensure_future(Pump(budget=budget, clock=clock, metrics=metrics).run())
    await clock.advance(60)
    line.stall()
    for word in ("first", "second", "third"):
        viewer.send(text(b'{"type":"%s"}' % word.encode()))
    await clock.advance(1)
    assert line.unsent < 25
    line.resume()
    await clock.advance(0.3)
    assert line.types() == ["first", "second", "third"]
    assert not budget.waiting
    line.stall()
    viewer.send(text(b"{}"))
    viewer.send(text(b"{}"))
    await clock.advance(5.5)
    assert line.closed == (4008, "slow")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
