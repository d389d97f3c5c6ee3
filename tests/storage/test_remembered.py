from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.contracts import Document, StorageBroken
from storage.remembered import Remembered


class Built:
    """A record, told apart from another one that says the same."""

    def __init__(self, document: Document) -> None:
        self.text = document["text"]


def builder(log: list[str]) -> Callable[[Document], Built]:
    def read(document: Document) -> Built:
        log.append(document["_id"])
        return Built(document)

    return read


def test_the_same_document_is_the_same_record() -> None:
    built: list[str] = []
    remembered = Remembered(builder(built), most=10)
    first = remembered.of({"_id": "a", "rev": 1, "text": "one", "in": [{"x": 1}]})
    assert remembered.of({"_id": "a", "rev": 1, "text": "one", "in": [{"x": 1}]}) is first
    assert built == ["a"]


@pytest.mark.parametrize("other", [{"rev": 2}, {"text": "two"}, {"in": [{"x": 2}]}, {"new": None}])
def test_whatever_differs_in_the_store_is_read_anew(other: Document) -> None:
    """Somebody else wrote it, removed it and made it again, or is of a later release."""
    document: Document = {"_id": "a", "rev": 1, "text": "one", "in": [{"x": 1}]}
    remembered = Remembered(Built, most=10)
    first = remembered.of(document)
    second = remembered.of({**document, **other})
    assert second is not first
    assert second.text == other.get("text", "one")


def test_one_document_is_not_taken_for_another() -> None:
    remembered = Remembered(Built, most=10)
    assert [remembered.of({"_id": name, "text": name}).text for name in "abab"] == list("abab")


def test_only_so_many_are_kept_those_that_came_last() -> None:
    built: list[str] = []
    remembered = Remembered(builder(built), most=2)
    for name in ("a", "b", "c", "c", "b", "a"):
        remembered.of({"_id": name, "text": ""})
    assert built == ["a", "b", "c", "a"]


def test_what_is_forgotten_is_read_anew_and_forgetting_twice_is_harmless() -> None:
    built: list[str] = []
    remembered = Remembered(builder(built), most=2)
    for _ in range(2):
        remembered.of({"_id": "a", "text": ""})
        remembered.forget("a")
        remembered.forget("a")
    assert built == ["a", "a"]


def test_what_cannot_be_read_is_raised_each_time_and_not_kept() -> None:
    def read(document: Document) -> Built:
        if "text" not in document:
            raise StorageBroken("A document cannot be read.")
        return Built(document)

    remembered = Remembered(read, most=2)
    for _ in range(2):
        with pytest.raises(StorageBroken):
            remembered.of({"_id": "a"})
    assert remembered.of({"_id": "a", "text": "mended"}).text == "mended"


def test_threads_get_what_they_ask_for() -> None:
    remembered = Remembered(Built, most=3)

    def ask(start: int) -> bool:
        names = [str((start + step) % 7) for step in range(2000)]
        return all(remembered.of({"_id": name, "text": name}).text == name for name in names)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(4)))
