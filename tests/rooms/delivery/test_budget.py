"""One budget for all: the worst go first."""

from __future__ import annotations

from daemon.metrics import PrometheusMetrics
from rooms.delivery.budget import Budget
from rooms.delivery.frames import text
from rooms.delivery.viewer import Viewer
from rooms.people import Member, Role
from tests.rooms.lines import MemoryLine
from tests.support.clock import ManualClock


def test_who_keeps_most_waiting_makes_room_for_the_others() -> None:
    metrics = PrometheusMetrics()
    budget = Budget(clock=ManualClock(), metrics=metrics, most_bytes=100_000)
    lines = [MemoryLine() for _ in range(4)]
    viewers = [
        Viewer(line, member=Member(f"v{place}", "", "", Role.MEMBER, 0), budget=budget)
        for place, line in enumerate(lines)
    ]
    for line, viewer in zip(lines, viewers, strict=True):
        line.stall()
        viewer.send(text(b"x"))
    assert not budget.somebody.is_set()
    frame = text(b"y" * 9_000)
    for count, viewer in ((7, viewers[0]), (2, viewers[1]), (1, viewers[2])):
        for _ in range(count):
            viewer.send(frame)
    assert budget.somebody.is_set()
    assert [line.closed for line in lines] == [None] * 4
    viewers[3].send(text(b"z" * 20_000))
    assert [line.closed for line in lines] == [(4008, "slow"), None, None, None]
    assert budget.held == 3 * len(frame) + len(text(b"z" * 20_000))
    assert list(budget.waiting) == viewers[1:]
    for viewer in viewers:
        viewer.detach()
    assert (budget.held, len(budget.waiting), budget.somebody.is_set()) == (0, 0, False)
    assert metrics.value("party_sent_away_total", reason="slow") == 1
