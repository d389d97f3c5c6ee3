"""In which order many are written to."""

from __future__ import annotations

from domain.ports import NullMetrics
from rooms.delivery.broadcast import Broadcast, Job
from rooms.delivery.budget import Budget
from rooms.delivery.outbox import Kind
from rooms.delivery.viewer import Viewer
from rooms.people import Member, Role
from tests.rooms.lines import MemoryLine
from tests.support.clock import ManualClock


class Crowd:
    def __init__(self, count: int) -> None:
        budget = Budget(clock=ManualClock(), metrics=NullMetrics())
        self.lines = [MemoryLine() for _ in range(count)]
        self.viewers = [
            Viewer(line, member=Member(f"v{place}", "", "", Role.MEMBER, 0), budget=budget, role=Role.MEMBER)
            for place, line in enumerate(self.lines)
        ]
        self.done: list[Job] = []
        self.broadcast = Broadcast(done=self.done.append)

    def put(self, word: str, *, firm: bool = False, overtakes: bool = False) -> None:
        frames = [b""] + [word.encode()] * 4
        kind = Kind.STATE if overtakes else Kind.KEEP
        job = Job(self.viewers, frames, kind, "film", share=2, is_firm=firm or overtakes)
        self.broadcast.put(job, overtakes=overtakes)

    def work(self) -> None:
        while self.broadcast.work():
            pass

    def read(self) -> list[str]:
        return [line.read.decode() for line in self.lines]


def test_a_first_part_at_once_and_the_others_in_their_turns() -> None:
    crowd = Crowd(5)
    crowd.put("a")
    assert crowd.read() == ["a", "a", "", "", ""]
    assert crowd.broadcast.work()
    assert crowd.read() == ["a", "a", "a", "a", ""]
    assert not crowd.broadcast.work()
    assert crowd.read() == ["a"] * 5
    assert len(crowd.done) == 1
    assert not crowd.broadcast.is_busy


def test_the_state_goes_before_chat_and_never_before_what_is_firm() -> None:
    crowd = Crowd(4)
    crowd.put("a")  # half of it is out
    crowd.put("b")
    crowd.put("S", overtakes=True)
    crowd.work()
    assert crowd.read() == ["aSb", "aSb", "Sab", "Sab"]

    crowd = Crowd(4)
    crowd.put("a")
    crowd.put("L", firm=True)
    crowd.put("b")
    crowd.put("S", overtakes=True)
    crowd.put("T", overtakes=True)
    crowd.work()
    assert crowd.read() == ["aLSTb"] * 4


def test_who_is_nobody_gets_nothing_and_work_may_be_more_than_frames() -> None:
    crowd = Crowd(3)
    crowd.viewers[1].role = Role.NOBODY
    seen: list[str] = []
    crowd.put("a")
    crowd.broadcast.put(Job(crowd.viewers, each=lambda viewer: seen.append(viewer.member_id)))
    crowd.work()
    assert crowd.read() == ["a", "", "a"]
    assert seen == ["v0", "v1", "v2"]
