"""A store that fails on order, around a real one: for what lies between two writes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

from storage.contracts import (
    Change,
    Collection,
    Document,
    Page,
    Scalar,
    Schema,
    Sort,
    StorageUnavailable,
    Store,
    Where,
)


class Orders:
    """Which calls fail: collection and method, how often, with what, before or after their effect."""

    def __init__(self) -> None:
        self._orders: list[_Order] = []

    def fail(
        self,
        collection: str,
        method: str,
        *,
        times: int = 1,
        after_effect: bool = False,
        error: Callable[[], Exception] = lambda: StorageUnavailable("ordered by a test"),
    ) -> None:
        self._orders.append(_Order(collection, method, times, after_effect, error))

    def heal(self) -> None:
        self._orders.clear()

    def check(self, collection: str, method: str, *, after_effect: bool) -> None:
        for order in self._orders:
            if order.times > 0 and (order.collection, order.method, order.after_effect) == (
                collection,
                method,
                after_effect,
            ):
                order.times -= 1
                raise order.error()


class _Order:
    def __init__(
        self, collection: str, method: str, times: int, after_effect: bool, error: Callable[[], Exception]
    ) -> None:
        self.collection, self.method, self.times = collection, method, times
        self.after_effect, self.error = after_effect, error


class UnreliableCollection:
    """Everything goes to the real collection, unless it was ordered to fail."""

    def __init__(self, real: Collection, orders: Orders) -> None:
        self._real, self._orders = real, orders

    @property
    def schema(self) -> Schema:
        return self._real.schema

    async def _call(self, method: str, *given: Any, **named: Any) -> Any:
        name = self._real.schema.name
        self._orders.check(name, method, after_effect=False)
        result = await getattr(self._real, method)(*given, **named)
        self._orders.check(name, method, after_effect=True)
        return result

    async def insert(self, document: Document) -> Document:
        inserted: Document = await self._call("insert", document)
        return inserted

    async def get(self, id: str) -> Document | None:
        document: Document | None = await self._call("get", id)
        return document

    async def find(
        self, where: Where, *, sort: Sort = (), limit: int = 100, after: str | None = None
    ) -> Page:
        page: Page = await self._call("find", where, sort=sort, limit=limit, after=after)
        return page

    async def change(self, id: str, fn: Change, *, initial: Document | None = None) -> Document | None:
        document: Document | None = await self._call("change", id, fn, initial=initial)
        return document

    async def claim(
        self, *, owner: str, now: int, lease_ms: int, where: Where | None = None
    ) -> Document | None:
        document: Document | None = await self._call(
            "claim", owner=owner, now=now, lease_ms=lease_ms, where=where
        )
        return document

    async def delete(self, id: str, *, rev: int | None = None) -> bool:
        deleted: bool = await self._call("delete", id, rev=rev)
        return deleted

    async def count(self, where: Where) -> int:
        found: int = await self._call("count", where)
        return found

    async def tally(self, by: str, where: Where) -> dict[Scalar, int]:
        found: dict[Scalar, int] = await self._call("tally", by, where)
        return found


class UnreliableStore:
    """`orders` says what fails."""

    def __init__(self, real: Store) -> None:
        self._real, self.orders = real, Orders()

    async def collection(self, schema: Schema) -> Collection:
        return UnreliableCollection(await self._real.collection(schema), self.orders)

    async def probe(self) -> None:
        await self._real.probe()

    def export(self) -> AsyncGenerator[tuple[str, Document], None]:
        return self._real.export()

    async def size_bytes(self) -> int:
        return await self._real.size_bytes()

    async def close(self) -> None:
        await self._real.close()


_conforms: type[Store] = UnreliableStore
