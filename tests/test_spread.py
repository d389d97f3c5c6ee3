"""How a run on several workers is spread: files stay whole, stories go to whoever is free, and the order is ours."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.support.spread import Spread, place

FILE = [f"tests/deploy/test_image.py::test_{number}" for number in range(5)]
OTHER = [f"tests/domain/test_vip.py::test_{number}[a::b@c]" for number in range(9)]
STORIES = [f"tests/journeys/test_stop.py::test_{number}" for number in range(4)]


class Worker:
    """What the scheduler knows of a worker, and what it was given to do."""

    shutting_down = False

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.given: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def spread(config: Any, ids: list[str]) -> list[list[str]]:
    """What each of two workers is given that both do all at once."""
    scheduler, workers = Spread(config), [Worker("gw0"), Worker("gw1")]
    for worker in workers:
        scheduler.add_node(worker)
    for worker in workers:
        scheduler.add_node_collection(worker, ids)
    done = [0, 0]
    scheduler.schedule()
    while any(count < len(worker.given) for count, worker in zip(done, workers, strict=True)):
        for number, worker in enumerate(workers):
            if done[number] < len(worker.given):
                done[number] += 1
                scheduler.mark_test_complete(worker, worker.given[done[number] - 1])
    return [[ids[index] for index in worker.given] for worker in workers]


def config() -> Any:
    option = SimpleNamespace(loadscopereorder=True, verbose=0, debug=False)
    return SimpleNamespace(option=option, getvalue=lambda name: ["2*popen"] if name == "tx" else None)


def test_a_file_is_done_by_one_worker_and_stories_by_whoever_is_free() -> None:
    given = spread(config(), [*STORIES, *FILE, *OTHER])
    assert sorted(each for both in given for each in both) == sorted([*STORIES, *FILE, *OTHER])
    for file in (FILE, OTHER):
        assert any(set(file) <= set(each) for each in given)
    assert all(set(STORIES) & set(each) for each in given)
    assert {each[0] for each in given} == set(STORIES[:2]), "the order is kept, whatever has most tests"


def test_what_takes_long_comes_first() -> None:
    def item(*marks: str) -> Any:
        return SimpleNamespace(get_closest_marker=lambda name: name in marks)

    items = [item(), item("server"), item("browser", "server"), item("journey", "browser")]
    assert sorted(items, key=place) == items[::-1]
