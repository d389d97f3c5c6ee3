"""Every engine against a plain dict: whatever the order of calls, both answer the same."""

from __future__ import annotations

import asyncio
import copy
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from storage.contracts import Collection, Document, Duplicate, In, Range, Schema
from tests.storage.conftest import ENGINE_NAMES, ENGINES, Engine

T = TypeVar("T")
SCHEMA = Schema(
    name="model",
    fields={"s": str, "n": int, "b": bool, "u": str, "v": int},
    unique=(("u",), ("s", "v")),
    indexes=(("s", "n"),),
    claimable=True,
)
IDS = st.sampled_from(["a", "b", "c", "d", "e"])
TEXTS = st.sampled_from(["", "x", "ä", "🎉"])
NUMBERS = st.sampled_from([-1, 0, 1, 2**63 - 1])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "s": st.none() | TEXTS,
    "n": st.none() | NUMBERS,
    "b": st.none() | st.booleans(),
    "u": st.none() | TEXTS,
    "v": st.none() | NUMBERS,
    "due_at": st.none() | st.integers(0, 5),
    "free": st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5), inner, max_size=3
        ),
        max_leaves=5,
    ),
}  # fmt: skip
BODIES = st.fixed_dictionaries({}, optional=VALUES)
FIELDS = st.sampled_from(["s", "n", "b", "u", "v", "due_at"])
WHERES = st.fixed_dictionaries(
    {},
    optional={
        "s": VALUES["s"] | st.lists(VALUES["s"], max_size=3).map(lambda values: In(tuple(values))),
        "n": VALUES["n"] | st.builds(Range, VALUES["n"], VALUES["n"]),
        "b": VALUES["b"],
    },
)
SORTS = st.lists(st.tuples(FIELDS, st.sampled_from([1, -1])), max_size=3)


def matches(document: Document, where: dict[str, Any]) -> bool:
    for field, wanted in where.items():
        value: Any = document.get(field)
        if isinstance(wanted, In):
            held = value in wanted.values
        elif isinstance(wanted, Range):
            low: Any = wanted.low
            high: Any = wanted.high
            held = value is not None and (low is None or value >= low) and (high is None or value < high)
        else:
            held = value == wanted and isinstance(value, bool) == isinstance(wanted, bool)
        if not held:
            return False
    return True


def in_order(documents: list[Document], sort: list[tuple[str, int]]) -> list[str]:
    documents = sorted(documents, key=lambda document: document["_id"])
    for field, direction in reversed(sort):
        # Python's sort is stable when reversed, too.
        documents.sort(
            key=lambda document: (document.get(field) is not None, document.get(field) or type_zero(field)),
            reverse=direction == -1,
        )
    return [document["_id"] for document in documents]


def type_zero(field: str) -> Any:
    return "" if field in {"s", "u"} else 0


class Model(RuleBasedStateMachine):
    make: Callable[[Path], Engine]

    def __init__(self) -> None:
        super().__init__()
        self.documents: dict[str, Document] = {}
        self.directory = tempfile.TemporaryDirectory()
        self.engine = type(self).make(Path(self.directory.name) / "data")
        self.runner = asyncio.Runner(debug=True)
        self.collection = self.run(self.open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    async def open(self) -> Collection:
        self.store = await self.engine.open()
        return await self.store.collection(SCHEMA)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.engine.forget()
        self.runner.close()
        self.directory.cleanup()

    def taken(self, document: Document) -> bool:
        return any(
            all(document.get(part) is not None and document.get(part) == other.get(part) for part in key)
            for key in SCHEMA.unique
            for other in self.documents.values()
            if other["_id"] != document["_id"]
        )

    @rule(id_=IDS, body=BODIES)
    def insert(self, id_: str, body: Document) -> None:
        document = {"_id": id_, **body}
        if id_ in self.documents or self.taken(document):
            with pytest.raises(Duplicate):
                self.run(self.collection.insert(document))
        else:
            self.documents[id_] = {**copy.deepcopy(document), "rev": 1}
            assert self.run(self.collection.insert(document)) == self.documents[id_]

    @rule(id_=IDS, body=BODIES, drop=FIELDS, make=st.booleans())
    def change(self, id_: str, body: Document, drop: str, make: bool) -> None:
        def fn(document: Document) -> Document:
            document.pop(drop, None)
            return {**document, **body}

        before = copy.deepcopy(self.documents.get(id_)) or ({"_id": id_, "rev": 0} if make else None)
        changing = self.collection.change(id_, fn, initial={} if make else None)
        if before is None:
            assert self.run(changing) is None
            return
        after = {**fn(before), "rev": before["rev"] + 1}
        if self.taken(after):
            with pytest.raises(Duplicate):
                self.run(changing)
        else:
            assert self.run(changing) == after
            self.documents[id_] = copy.deepcopy(after)

    @rule(id_=IDS)
    def delete(self, id_: str) -> None:
        assert self.run(self.collection.delete(id_)) is (self.documents.pop(id_, None) is not None)

    @rule(now=st.integers(0, 12), lease_ms=st.integers(1, 5), where=WHERES)
    def claim(self, now: int, lease_ms: int, where: dict[str, Any]) -> None:
        free = [
            document
            for document in self.documents.values()
            if document.get("due_at") is not None
            and document["due_at"] <= now
            and (document.get("lease_until") is None or document["lease_until"] <= now)
            and matches(document, where)
        ]
        found = self.run(self.collection.claim(owner="me", now=now, lease_ms=lease_ms, where=where))
        if not free:
            assert found is None
            return
        first = min(free, key=lambda document: (document["due_at"], document["_id"]))
        first["fence"] = first.get("fence", 0) + 1
        first["lease_owner"], first["lease_until"], first["rev"] = "me", now + lease_ms, first["rev"] + 1
        assert found == first

    @rule(where=WHERES, sort=SORTS, limit=st.integers(1, 4))
    def find(self, where: dict[str, Any], sort: list[Any], limit: int) -> None:
        matching = [document for document in self.documents.values() if matches(document, where)]
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = self.run(self.collection.find(where, sort=sort, limit=limit, after=cursor))
            assert all(document == self.documents[document["_id"]] for document in page.documents)
            found += [document["_id"] for document in page.documents]
            cursor = page.cursor
            if cursor is None:
                break
        assert found == in_order(matching, sort)
        assert self.run(self.collection.count(where)) == len(matching)

    @rule(by=FIELDS, where=WHERES)
    def tally(self, by: str, where: dict[str, Any]) -> None:
        expected = Counter(
            document.get(by) for document in self.documents.values() if matches(document, where)
        )
        assert self.run(self.collection.tally(by, where)) == dict(expected)

    @rule()
    def reopen(self) -> None:
        self.run(self.store.close())
        self.collection = self.run(self.open())

    @invariant()
    def same_documents(self) -> None:
        for id_ in ("a", "b", "c", "d", "e"):
            assert self.run(self.collection.get(id_)) == self.documents.get(id_)


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_an_engine_answers_as_a_dict_does(engine: str) -> None:
    class OfEngine(Model):
        make = staticmethod(ENGINES[engine])

    run_state_machine_as_test(
        OfEngine,
        settings=settings(
            max_examples=25 if engine == "sqlite" else 8, stateful_step_count=25, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
