"""The SQL of one collection. Names come from a checked schema, values are always parameters."""

# ruff: noqa: S608 - every name in a statement comes from a checked schema, every value is a parameter
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storage.contracts import In, Range, Scalar, Schema, Sort, Where
from storage.documents import Fields

Query = tuple[str, list[Any]]
Keys = tuple[tuple[str, int], ...]
Form = tuple[tuple[str, ...], Keys]
QUICK_ROWS = 32

_EQUAL = frozenset({str, int, bool})


class Table:
    """One table: `_id`, `rev`, `doc` (JSON), and a real column `f_<name>` for each declared field."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.fields = Fields(schema)
        self.name = f"c_{schema.name}"
        columns = [column(name) for name in self.fields.types]
        listed = "".join(f", {name}" for name in columns)
        assigned = "".join(f", {name} = ?" for name in columns)
        marks = ", ?" * len(columns)
        self.insert = f"INSERT INTO {self.name} (_id, rev, doc{listed}) VALUES (?, ?, ?{marks})"
        self.update = f"UPDATE {self.name} SET rev = ?, doc = ?{assigned} WHERE _id = ?"
        self.get = f"SELECT rev, doc FROM {self.name} WHERE _id = ?"
        self.exists = f"SELECT 1 FROM {self.name} WHERE _id = ?"
        self.delete = f"DELETE FROM {self.name} WHERE _id = ? AND (? IS NULL OR rev = ?)"
        self._pages: dict[Form, tuple[str, Keys]] = {}
        self._few: dict[Form, bool] = {}

    def where(self, where: Where) -> Query:
        """The condition (without the word WHERE) and its parameters."""
        parts: list[str] = []
        parameters: list[Any] = []
        for field, wanted in self.fields.checked_where(where):
            part, values = _condition(column(field), wanted)
            parts.append(part)
            parameters += values
        return " AND ".join(parts) or "1", parameters

    def find(self, where: Where, sort: Sort, limit: int, after: str | None) -> tuple[Query, Keys]:
        """A page, one document longer than asked so that the end shows; and the keys of its cursor."""
        limit = self.fields.checked_limit(limit)
        form = _form(where, sort)
        if form is None or after is not None:
            sql, parameters, keys = self._page(where, sort, after)
        elif form in self._pages:
            sql, keys = self._pages[form]
            parameters = [wanted for _, wanted in self.fields.checked_where(where)]
        else:
            sql, parameters, keys = self._page(where, sort, None)
            self._pages[form] = (sql, keys)
        return (sql, [*parameters, limit + 1]), keys

    def _page(self, where: Where, sort: Sort, after: str | None) -> tuple[str, list[Any], Keys]:
        keys = self.fields.checked_sort(sort)
        condition, parameters = self.where(where)
        if after is not None:
            behind, values = _behind(keys, self.fields.read_cursor(keys, after))
            condition = f"{condition} AND {behind}"
            parameters += values
        order = ", ".join(
            f"{column(field)} {'ASC' if direction == 1 else 'DESC'}" for field, direction in keys
        )
        sql = f"SELECT rev, doc FROM {self.name} WHERE {condition} ORDER BY {order} LIMIT ?"
        return sql, parameters, keys

    def is_quick(self, where: Where, sort: Sort, limit: int) -> bool:
        """Whether an index leads straight to the few rows of a page, so that it takes microseconds however large the
        table is: a unique key is given, or an index begins with the fields that are given and goes on as sorted."""
        form = _form(where, sort)
        if limit > QUICK_ROWS or form is None:
            return False
        if form not in self._few:
            self._few[form] = self._leads_to_few(*form)
        return self._few[form]

    def _leads_to_few(self, fields: tuple[str, ...], sort: Keys) -> bool:
        given = set(fields)
        if any(given.issuperset(key) for key in self.schema.unique):
            return True
        order, count = tuple(field for field, _ in sort), len(given)
        one_way = len({direction for _, direction in sort}) == 1
        return one_way and any(
            given == set(index[:count]) and order == index[count : count + len(order)]
            for index in self.schema.indexes
        )

    def count(self, where: Where) -> Query:
        """How many match."""
        condition, parameters = self.where(where)
        return f"SELECT count(*) FROM {self.name} WHERE {condition}", parameters

    def tally(self, by: str, where: Where) -> Query:
        """How many match, for each value of a field."""
        self.fields.kind(by)
        condition, parameters = self.where(where)
        name = column(by)
        return f"SELECT {name}, count(*) FROM {self.name} WHERE {condition} GROUP BY {name}", parameters

    def claim(self, where: Where, *, owner: str, now: int, lease_ms: int) -> Query:
        """One UPDATE that takes the first free due document and returns it."""
        condition, parameters = self.where(where)
        until = now + lease_ms
        sql = (
            f"UPDATE {self.name} SET rev = rev + 1, f_lease_owner = ?, f_lease_until = ?,"
            " f_fence = coalesce(f_fence, 0) + 1, doc = json_set(doc, '$.lease_owner', ?, '$.lease_until', ?,"
            " '$.fence', coalesce(f_fence, 0) + 1)"
            f" WHERE _id = (SELECT _id FROM {self.name} WHERE f_due_at <= ? AND (f_lease_until IS NULL OR"
            f" f_lease_until <= ?) AND {condition} ORDER BY f_due_at, _id LIMIT 1) RETURNING rev, doc"
        )
        return sql, [owner, until, owner, until, now, now, *parameters]


def _form(where: Where, sort: Sort) -> Form | None:
    """What a search that only compares for equality has in common with those of other values: the words. There are
    some dozens of them in the program. `None` for any other search."""
    if not all(type(wanted) in _EQUAL for wanted in where.values()):
        return None
    return tuple(where), tuple(sort)


def column(field: str) -> str:
    """The column of a declared field; the prefix keeps it apart from SQL's words and from ours."""
    return field if field == "_id" else f"f_{field}"


def _condition(name: str, wanted: Scalar | Range | In) -> tuple[str, list[Any]]:
    if isinstance(wanted, Range):
        bounds = [(f"{name} >= ?", wanted.low), (f"{name} < ?", wanted.high)]
        used = [(part, value) for part, value in bounds if value is not None]
        if not used:
            return f"{name} IS NOT NULL", []
        return " AND ".join(part for part, _ in used), [value for _, value in used]
    if isinstance(wanted, In):
        values = [value for value in wanted.values if value is not None]
        parts = [f"{name} IN ({', '.join('?' * len(values))})"] if values else []
        if len(values) != len(wanted.values):
            parts.append(f"{name} IS NULL")
        return f"({' OR '.join(parts) or '0'})", values
    if wanted is None:
        return f"{name} IS NULL", []
    return f"{name} = ?", [wanted]


def _behind(keys: Sequence[tuple[str, int]], values: Sequence[Scalar]) -> tuple[str, list[Any]]:
    """What comes after a position in a sort where null is smaller than everything (so SQLite sorts, too)."""
    alternatives: list[str] = []
    parameters: list[Any] = []
    before: list[str] = []
    before_values: list[Any] = []
    for (field, direction), value in zip(keys, values, strict=True):
        name = column(field)
        if direction == 1:
            later, used = (f"{name} IS NOT NULL", []) if value is None else (f"{name} > ?", [value])
        elif value is None:
            later, used = "0", []
        else:
            later, used = f"({name} < ? OR {name} IS NULL)", [value]
        alternatives.append(" AND ".join([*before, later]))
        parameters += [*before_values, *used]
        before.append(f"{name} IS ?")
        before_values.append(value)
    behind = f"({' OR '.join(f'({part})' for part in alternatives)})"
    (first, direction), value = keys[0], values[0]
    if direction == 1 and value is not None:
        # Says nothing new, but lets SQLite jump to the place in an index, where the alternatives make it walk.
        return f"{column(first)} >= ? AND {behind}", [value, *parameters]
    return behind, parameters
