"""Retention removes what is finished and old, and never anything else: shown on a real store, for any documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from domain.ports import NullMetrics
from handlers.retention import DAY_MS, ROUND_SECONDS, YOUNGEST_MS, Retention, Swept, rules
from storage.contracts import Collection, Document, Page, Schema, StorageUnavailable, Store, Where, every
from storage.inbox import INBOX
from storage.lanes import LANES
from storage.open import open_store, sqlite_url
from storage.redemptions import REDEMPTIONS
from storage.sessions import SESSIONS
from tests.support.clock import ManualClock

NOW = ManualClock().now()
KEPT = {
    "inbox": 30,
    "vip_sessions": 400,
    "redemptions": 400,
    "audit": 400,
    "analytics_days": 400,
    "logins": 1,
    "consents": 1,
    "viewers": 400,
    "lanes": 7,
}
SCHEMAS = {rule.schema.name: rule.schema for rule in rules()}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(sqlite_url(tmp_path), clock=ManualClock())
    yield opened
    await opened.close()


class FlyingClock(ManualClock):
    """A pause takes no time but is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


def finished(name: str, document: Document) -> bool:
    """Said once more, apart from the program: may this document go at all?"""
    match name:
        case "inbox":
            return document["state"] == "done"
        case "vip_sessions":
            return document["status"] == "ended"
        case "redemptions":
            return document["status"] in ("fulfilled", "refunded", "cancelled")
        case "viewers":
            return not document["listed"] and not document["by_hand_since"] and not document["kept_at"]
        case "lanes":
            return document["due_at"] is None and document["lease_until"] is None
        case _:
            return True


def since(name: str, document: Document) -> int:
    fields = {
        "inbox": "finished_at",
        "vip_sessions": "ended_at",
        "redemptions": "settled_at",
        "audit": "at",
        "analytics_days": "ends_at",
        "logins": "expires_at",
        "consents": "expires_at",
        "viewers": "last_at",
        "lanes": "fence",
    }
    value = document.get(fields[name])
    return NOW if value is None else int(value)


AGE = st.one_of(
    st.integers(0, 500 * DAY_MS),
    st.sampled_from(
        [0, 1, YOUNGEST_MS - 1, YOUNGEST_MS, YOUNGEST_MS + 1, 7 * DAY_MS, 30 * DAY_MS, 400 * DAY_MS]
    ),
)
TIME = AGE.map(lambda age: NOW - age)
DOCUMENTS = st.one_of(
    st.tuples(
        st.just("inbox"),
        st.fixed_dictionaries(
            {"state": st.sampled_from(["open", "done", "dead", "parked"]), "finished_at": st.none() | TIME}
        ),
    ),
    st.tuples(
        st.just("vip_sessions"),
        st.fixed_dictionaries({"status": st.sampled_from(["active", "ended"]), "ended_at": st.none() | TIME}),
    ),
    st.tuples(
        st.just("redemptions"),
        st.fixed_dictionaries(
            {
                "status": st.sampled_from(
                    ["received", "granted", "fulfilled", "refunding", "refunded", "cancelled", "alarmed"]
                ),
                "settled_at": st.none() | TIME,
            }
        ),
    ),
    st.tuples(st.just("audit"), st.fixed_dictionaries({"at": TIME})),
    st.tuples(st.just("analytics_days"), st.fixed_dictionaries({"ends_at": TIME})),
    st.tuples(
        st.just("viewers"),
        st.fixed_dictionaries(
            {
                "listed": st.sampled_from(["", "", "block", "protected"]),
                "by_hand_since": st.just(0) | TIME,
                "kept_at": st.just(0) | TIME,
                "last_at": TIME,
            }
        ),
    ),
    st.tuples(st.sampled_from(["logins", "consents"]), st.fixed_dictionaries({"expires_at": TIME})),
    st.tuples(
        st.just("lanes"),
        st.fixed_dictionaries(
            {
                "due_at": st.none() | TIME,
                "lease_until": st.none() | TIME,
                "fence": TIME,
                "taken_over_at": st.none() | TIME,
            }
        ),
    ),
)


async def contents(store: Store) -> dict[str, dict[str, Document]]:
    found: dict[str, dict[str, Document]] = {name: {} for name in SCHEMAS}
    async for name, document in store.export():
        found[name][document["_id"]] = document
    return found


async def filled(store: Store, documents: list[tuple[str, Document]]) -> None:
    for schema in SCHEMAS.values():
        collection = await store.collection(schema)
        async for document in every(collection, {}):
            await collection.delete(document["_id"])
    await asyncio.gather(
        *[
            (await store.collection(SCHEMAS[name])).insert({"_id": f"{number}", **document})
            for number, (name, document) in enumerate(documents)
        ]
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=st.lists(DOCUMENTS, max_size=40), most=st.none() | st.integers(0, 10))
def test_it_never_deletes_what_is_not_finished(
    documents: list[tuple[str, Document]], most: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def story() -> None:
        store = await open_store(sqlite_url(tmp_path_factory.mktemp("retention")), clock=ManualClock())
        try:
            await filled(store, documents)
            before = await contents(store)
            swept = await Retention(
                metrics=NullMetrics(), store=store, clock=FlyingClock(), rules=rules(most_documents=most)
            ).sweep()
            judge(before, await contents(store), swept, most)
        finally:
            await store.close()

    asyncio.run(story())


def judge(
    before: dict[str, dict[str, Document]],
    after: dict[str, dict[str, Document]],
    swept: Swept,
    most: int | None,
) -> None:
    for name, documents in before.items():
        bound = None if name == "lanes" else most
        left = after[name]
        assert left.items() <= documents.items()  # nothing changed, nothing new
        gone = [document for id_, document in documents.items() if id_ not in left]
        assert swept.removed[name] == len(gone)
        for document in gone:
            assert finished(name, document)
            assert since(name, document) < NOW - YOUNGEST_MS
        may_go = [
            document
            for document in left.values()
            if finished(name, document) and since(name, document) < NOW - YOUNGEST_MS
        ]
        # What is too old is gone, and beyond the bound only what must stay is left.
        if name != "lanes":
            assert all(since(name, document) >= NOW - KEPT[name] * DAY_MS for document in may_go)
            assert bound is None or len(left) <= bound or not may_go
        # The oldest went first: nobody who may go is older than one who went for the sake of the bound.
        young = [document for document in gone if since(name, document) >= NOW - KEPT[name] * DAY_MS]
        if young and name != "lanes":
            assert all(since(name, kept) >= max(since(name, one) for one in young) for kept in may_go)
        if bound is not None:
            assert (name in swept.over) == (len(left) > bound)


STATES = {
    "inbox": ("state", "finished_at", ["open", "done", "dead", "parked"]),
    "vip_sessions": ("status", "ended_at", ["active", "ended"]),
    "redemptions": (
        "status",
        "settled_at",
        ["received", "granted", "fulfilled", "refunding", "refunded", "cancelled", "alarmed"],
    ),
}


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("most", [None, 0])
async def test_of_each_state_one_that_is_as_old_as_can_be(store: Store, name: str, most: int | None) -> None:
    field, time, states = STATES[name]
    collection = await store.collection(SCHEMAS[name])
    for state in states:
        await collection.insert({"_id": state, field: state, time: 1})
    await Retention(
        store=store, clock=FlyingClock(), metrics=NullMetrics(), rules=rules(most_documents=most)
    ).sweep()
    left = {document["_id"] async for document in every(collection, {})}
    assert left == {state for state in states if not finished(name, {field: state})}


async def test_a_row_that_is_sent_round_again_meanwhile_stays(store: Store) -> None:
    """Between the look and the delete a person redrives a row, and a viewer wakes an idle lane."""
    rows, lanes = await store.collection(INBOX), await store.collection(LANES)
    await rows.insert({"_id": "x", "state": "done", "finished_at": NOW - 60 * DAY_MS})
    await lanes.insert({"_id": "lane", "due_at": None, "lease_until": None, "fence": NOW - 60 * DAY_MS})

    async def shake(collection: Collection, page: Page) -> None:
        for document in page.documents:
            await collection.change(document["_id"], lambda document: {**document, "touched": True})

    shaken: Any = Around(store, shake)
    swept = await Retention(store=shaken, clock=FlyingClock(), metrics=NullMetrics(), rules=rules()).sweep()
    assert swept.removed == dict.fromkeys(SCHEMAS, 0)
    assert await rows.count({}) == await lanes.count({}) == 1


class Around:
    """A real store whose `find` goes through the test first."""

    def __init__(self, store: Store, found: Callable[[Collection, Page], Awaitable[None]]) -> None:
        self._store, self._found = store, found

    async def collection(self, schema: Schema) -> Any:
        return AroundCollection(await self._store.collection(schema), self._found)


class AroundCollection:
    def __init__(self, real: Collection, found: Callable[[Collection, Page], Awaitable[None]]) -> None:
        self._real, self._found = real, found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def find(self, where: Where, **named: Any) -> Page:
        page = await self._real.find(where, **named)
        await self._found(self._real, page)
        return page


async def test_it_leaves_room_for_others(store: Store) -> None:
    rows = await store.collection(INBOX)
    await asyncio.gather(
        *[
            rows.insert({"_id": f"{n}", "state": "done", "finished_at": NOW - 31 * DAY_MS - n})
            for n in range(450)
        ]
    )
    clock = FlyingClock()
    swept = await Retention(store=store, clock=clock, metrics=NullMetrics(), rules=rules()).sweep()
    assert swept.removed["inbox"] == 450
    assert sum(clock.slept) == pytest.approx(0.8)  # 400 of them at 500 a second; nothing waits after the last


async def test_spared_documents_do_not_end_the_round(store: Store) -> None:
    """The oldest lanes are spared, and there are more of them than fit into a page."""
    lanes = await store.collection(LANES)
    idle = {"due_at": None, "lease_until": None}
    await asyncio.gather(
        *[
            lanes.insert({"_id": f"old {n}", **idle, "fence": NOW - 90 * DAY_MS, "taken_over_at": NOW - 1000})
            for n in range(150)
        ],
        lanes.insert({"_id": "young", **idle, "fence": NOW - 8 * DAY_MS}),
    )
    swept = await Retention(store=store, clock=FlyingClock(), metrics=NullMetrics(), rules=rules()).sweep()
    assert swept.removed["lanes"] == 1
    assert await lanes.get("young") is None


async def test_no_bound_keeps_for_ever(store: Store) -> None:
    sessions, redemptions = await store.collection(SESSIONS), await store.collection(REDEMPTIONS)
    await sessions.insert({"_id": "x", "status": "ended", "ended_at": 1})
    await redemptions.insert({"_id": "x", "status": "fulfilled", "settled_at": 1})
    forever = rules(inbox_days=None, history_days=None, audit_days=None, most_documents=None)
    swept = await Retention(store=store, clock=FlyingClock(), metrics=NullMetrics(), rules=forever).sweep()
    assert not any(swept.removed.values())
    assert await sessions.count({}) == await redemptions.count({}) == 1


async def test_it_goes_round_each_hour_and_tells(store: Store) -> None:
    rows = await store.collection(INBOX)
    failures = [StorageUnavailable("ordered by the test")]

    async def fail_once(collection: Collection, page: Page) -> None:
        if failures:
            raise failures.pop()

    unreliable: Any = Around(store, fail_once)
    clock = ManualClock()
    old = {"state": "done", "finished_at": NOW - 60 * DAY_MS}
    await rows.insert({"_id": "old", **old})
    for number in range(3):
        await rows.insert({"_id": f"open {number}", "state": "open"})
    retention = Retention(store=unreliable, clock=clock, metrics=NullMetrics(), rules=rules(most_documents=2))
    with capture_logs() as logs:
        running = asyncio.ensure_future(retention.run())
        try:
            for seconds, told in (
                (60, "retention.storage_unavailable"),
                (ROUND_SECONDS, "retention.over_bound"),
            ):
                await clock.advance(seconds)
                async with asyncio.timeout(30):
                    while not any(line["event"] == told for line in logs):
                        await asyncio.sleep(0.005)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    events = {line["event"]: line for line in logs}
    assert events["retention.removed"]["inbox"] == 1
    assert events["retention.over_bound"]["documents"] == 3
    assert await rows.get("old") is None


async def test_of_one_channel_who_was_vip_longest_ago_is_forgotten_first(store: Store) -> None:
    """Beyond its quota; who is on a list, has a badge or kept time stays, and so does who was VIP today."""

    def viewer(channel: str, days: int, **more: Any) -> tuple[str, Document]:
        said = {"listed": "", "by_hand_since": 0, "kept_at": 0, **more}
        return "viewers", {"channel_id": channel, "last_at": NOW - days * DAY_MS - 1, **said}

    documents = [viewer("big", days) for days in (9, 3, 7, 5)]  # 0 to 3
    documents += [viewer("big", 99, listed="block"), viewer("big", 98, by_hand_since=1)]
    documents += [viewer("big", 97, kept_at=1), viewer("big", 0, last_at=NOW)]
    documents += [viewer("small", 90), viewer("small", 80)]
    await filled(store, documents)
    retention = Retention(
        store=store, clock=FlyingClock(), metrics=NullMetrics(), rules=rules(channel_viewers=6)
    )
    swept = await retention.sweep()
    assert swept.removed["viewers"] == 2
    assert sorted((await contents(store))["viewers"], key=int) == ["1", "3", "4", "5", "6", "7", "8", "9"]
    assert not swept.over
    retention = Retention(
        store=store, clock=FlyingClock(), metrics=NullMetrics(), rules=rules(channel_viewers=2)
    )
    swept = await retention.sweep()
    assert sorted((await contents(store))["viewers"], key=int) == ["4", "5", "6", "7", "8", "9"]
    assert swept.over == {"viewers of big": 4}, "and the operator is told"
