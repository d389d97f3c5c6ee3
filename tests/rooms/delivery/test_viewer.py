"""One viewer, who reads or does not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.ports import NullMetrics
from rooms.delivery.budget import Budget
from rooms.delivery.frames import text
from rooms.delivery.outbox import Kind
from rooms.delivery.viewer import MOST_BYTES, ONE_WRITE, Viewer
from rooms.people import Member, Role
from tests.rooms.lines import MemoryLine, payloads
from tests.support.clock import ManualClock


class Desk:
    def __init__(self, *, most_bytes: int = 10**9) -> None:
        self.clock = ManualClock()
        self.budget = Budget(clock=self.clock, metrics=NullMetrics(), most_bytes=most_bytes)

    def viewer(self, line: MemoryLine, name: str = "ann") -> Viewer:
        member = Member(name, name, f"twitch:{name}", Role.MEMBER, 0)
        return Viewer(line, member=member, budget=self.budget)

    def later(self, seconds: float) -> None:
        self.clock._monotonic += seconds
        for one in list(self.budget.waiting):
            one.pump(self.clock.monotonic())


def stalled(line: MemoryLine, viewer: Viewer) -> None:
    """From now on nothing gets out, and one frame already stands in the transport."""
    line.stall()
    viewer.send(text(b'{"type":"first"}'))
    assert line.unsent


def test_who_reads_gets_everything_at_once() -> None:
    desk, line = Desk(), MemoryLine()
    viewer = desk.viewer(line)
    for kind in Kind:
        viewer.send(text(kind.value.encode()), kind, "k")
    assert list(payloads(bytes(line.read))) == [b"keep", b"state", b"drop"]
    assert not desk.budget.waiting
    assert not viewer.is_waiting


def test_who_does_not_read_waits_here_and_not_in_the_transport() -> None:
    desk, line = Desk(), MemoryLine()
    viewer = desk.viewer(line)
    stalled(line, viewer)
    before = line.unsent
    for number in range(10):
        viewer.send(text(b'{"type":"s%d"}' % number), Kind.STATE, "film")
        viewer.send(text(b'{"type":"c%d"}' % number))
        viewer.send(text(b'{"type":"lost"}'), Kind.DROP)
    assert line.unsent == before
    line.resume()
    desk.later(0.02)
    assert line.types() == ["first", *(f"c{n}" for n in range(9)), "s9", "c9"]
    assert line.writes == 2  # one, and one of all that waited
    desk.later(0.02)
    assert (desk.budget.held, len(desk.budget.waiting), viewer.is_waiting) == (0, 0, False)


def test_what_does_not_fit_ends_the_connection() -> None:
    desk, line = Desk(), MemoryLine()
    viewer = desk.viewer(line)
    stalled(line, viewer)
    frame = text(b"x" * 1000)
    while line.closed is None:
        viewer.send(frame)
        assert viewer.waiting_bytes <= MOST_BYTES
    assert line.closed == (4008, "slow")
    assert (desk.budget.held, viewer.is_closed) == (0, True)
    line.resume()
    assert line.of("party:bye") == [{"code": 4008, "reason": "slow", "retryAfterMs": 1000}]


def test_a_bye_is_the_last_word() -> None:
    desk, line = Desk(), MemoryLine()
    viewer = desk.viewer(line)
    stalled(line, viewer)
    viewer.send(text(b'{"type":"waits"}'))
    viewer.close(4510, "kicked")
    viewer.close(4511, "again")
    viewer.send(text(b'{"type":"never"}'))
    line.resume()
    assert line.types() == ["first", "party:bye"]
    assert line.of("party:bye") == [{"code": 4510, "reason": "kicked", "retryAfterMs": 0}]
    assert line.closed == (4510, "kicked")


def test_five_seconds_are_enough() -> None:
    desk, line = Desk(), MemoryLine()
    viewer = desk.viewer(line)
    stalled(line, viewer)
    viewer.send(text(b"{}"), Kind.STATE, "film")
    for _ in range(49):
        desk.later(0.1)
        viewer.send(text(b"{}"), Kind.STATE, "film")
    assert line.closed is None
    for _ in range(5):
        desk.later(0.25)
    assert line.closed == (4008, "slow")


def test_who_has_waited_for_long_is_looked_at_less_often() -> None:
    class Counting(MemoryLine):
        looks = 0

        @property
        def unsent(self) -> int:
            self.looks += 1
            return super().unsent

    desk, line = Desk(), Counting()
    viewer = desk.viewer(line)
    stalled(line, viewer)
    viewer.send(text(b"{}"))
    line.looks = 0
    for _ in range(10):
        desk.later(0.02)
    early, line.looks = line.looks, 0
    for _ in range(200):
        desk.later(0.02)
    late, line.looks = line.looks, 0
    assert early >= 8
    assert late <= 40


def test_much_that_waits_goes_out_in_parts() -> None:
    desk, line = Desk(), MemoryLine()
    viewer = desk.viewer(line)
    stalled(line, viewer)
    for _ in range(150):
        viewer.send(text(b"x" * 1000))
    line.resume()
    line.stall()
    desk.later(0.02)
    assert 0 < line.unsent <= ONE_WRITE
    assert desk.budget.held == viewer.waiting_bytes  # what was handed over counts until it is taken


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "send", "send", "stall", "resume", "later"]),
        st.sampled_from(Kind),
        st.integers(1, 60_000),
    ),
    max_size=50,
)


@given(st.lists(STEPS, min_size=1, max_size=4), st.integers(50_000, 600_000))
def test_any_schedule(schedules: list[list[tuple[str, Kind, int]]], most_bytes: int) -> None:
    """Several viewers under one budget: bounds hold at every step, and who was not sent away has all that had to be
    kept, in order, and the newest state."""
    desk = Desk(most_bytes=most_bytes)
    lines = [MemoryLine(kernel=1000) for _ in schedules]
    viewers = [desk.viewer(line, f"v{place}") for place, line in enumerate(lines)]
    kept: list[list[bytes]] = [[] for _ in schedules]
    newest: list[bytes] = [b"" for _ in schedules]
    for turn in range(max(map(len, schedules))):
        for place, schedule in enumerate(schedules):
            if turn >= len(schedule):
                continue
            step, kind, size = schedule[turn]
            line, viewer = lines[place], viewers[place]
            if step == "send" and not viewer.is_closed:
                payload = b"%d:%s:" % (turn, kind.value.encode()) + b"." * size
                viewer.send(text(payload), kind, "film")
                if kind is Kind.KEEP:
                    kept[place].append(payload)
                elif kind is Kind.STATE:
                    newest[place] = payload
            elif step == "stall":
                line.stall()
            elif step == "resume":
                line.resume()
            elif step == "later":
                desk.later(0.02)
            assert desk.budget.held <= most_bytes
            for one, other in zip(viewers, lines, strict=True):
                assert one.waiting_bytes - other.unsent <= MOST_BYTES
                assert other.unsent <= 2 * ONE_WRITE
    for line in lines:
        line.resume()
    for _ in range(20):
        desk.later(0.25)
    assert (desk.budget.held, len(desk.budget.waiting)) == (0, 0)
    for place, (line, viewer) in enumerate(zip(lines, viewers, strict=True)):
        read = list(payloads(bytes(line.read)))
        found = [one for one in read if b":keep:" in one]
        states = [one for one in read if b":state:" in one]
        assert found == kept[place][: len(found)]  # nothing is out of order, and no hole
        if not viewer.is_closed:
            assert found == kept[place]
            assert states[-1:] == ([newest[place]] if newest[place] else [])
