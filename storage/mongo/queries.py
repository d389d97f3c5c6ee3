"""What the contract's conditions, sorts and cursors are in MongoDB's words. Values are never read as operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storage.contracts import In, Range, Scalar, Sort, Where
from storage.documents import Fields
from storage.mongo.driver import Keys, Stored


def path(field: str) -> str:
    """Where a field lies."""
    return field if field == "_id" else f"d.{field}"


def condition(fields: Fields, where: Where) -> Stored:
    """The filter of a `where`. Raises as `Fields.checked_where` does."""
    return {path(field): _wanted(wanted) for field, wanted in fields.checked_where(where)}


def page(
    fields: Fields, where: Where, sort: Sort, limit: int, after: str | None
) -> tuple[Stored, Keys, tuple[tuple[str, int], ...]]:
    """The filter and the sort of one page, and the keys of its cursor. Raises as `Fields` does."""
    keys = fields.checked_sort(sort)
    fields.checked_limit(limit)
    found = condition(fields, where)
    if after is not None:
        found = {"$and": [found, _behind(keys, fields.read_cursor(keys, after))]}
    order: dict[str, int] = {}
    for field, direction in keys:
        # A field sorts by its first mention; to the driver the last would count.
        order.setdefault(path(field), direction)
    return found, list(order.items()), keys


def tally(fields: Fields, by: str, where: Where) -> list[Stored]:
    """The pipeline that counts for each value of a field."""
    fields.kind(by)
    return [
        {"$match": condition(fields, where)},
        {"$group": {"_id": f"${path(by)}", "n": {"$sum": 1}}},
    ]


def count(fields: Fields, where: Where) -> list[Stored]:
    """The pipeline that counts."""
    return [{"$match": condition(fields, where)}, {"$group": {"_id": None, "n": {"$sum": 1}}}]


def free(fields: Fields, where: Where, now: int) -> Stored:
    """What may be claimed."""
    due = {"d.due_at": {"$lte": now}, "$or": [{"d.lease_until": None}, {"d.lease_until": {"$lte": now}}]}
    return {"$and": [due, condition(fields, where)]} if where else due


FIRST_DUE: Keys = [("d.due_at", 1), ("_id", 1)]


def _wanted(wanted: Scalar | Range | In) -> Stored:
    if isinstance(wanted, Range):
        bounds = {"$gte": wanted.low, "$lt": wanted.high}
        used = {operator: value for operator, value in bounds.items() if value is not None}
        return used or {"$ne": None}
    if isinstance(wanted, In):
        return {"$in": list(wanted.values)}  # a null in it matches missing ones, too
    return {"$eq": wanted}


def _behind(keys: Sequence[tuple[str, int]], values: Sequence[Scalar]) -> Stored:
    """What comes after a position in a sort where null and missing are smaller than everything."""
    alternatives: list[Any] = []
    before: list[Any] = []
    for (field, direction), value in zip(keys, values, strict=True):
        name = path(field)
        later: Stored | None
        if direction == 1:
            later = {name: {"$ne": None} if value is None else {"$gt": value}}
        elif value is None:
            later = None
        else:
            later = {"$or": [{name: {"$lt": value}}, {name: None}]}
        if later is not None:
            alternatives.append({"$and": [*before, later]})
        before.append({name: {"$eq": value}})
    # A descending sort that ends among the nulls always has `_id` behind it, so something is left to say.
    return {"$or": alternatives}
