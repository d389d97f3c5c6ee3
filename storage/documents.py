"""What every engine checks before it stores a document or runs a query, so that all refuse the same things.

A document or a query that cannot be served is `Rejected` with code `storage.document` or `storage.query`; a name that
no schema declares, or a schema that contradicts itself, is a fault of the program: `StorageBroken`.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.errors import Rejected
from storage.contracts import Document, In, Range, Scalar, Schema, Sort, StorageBroken, Where

LARGEST_INT = 2**63 - 1
SMALLEST_INT = -(2**63)
MAX_DEPTH = 100  # MongoDB takes no deeper document
MAX_DOCUMENT_BYTES = 12 * 1024 * 1024  # below the 16 MiB of MongoDB, with room for its own framing
MAX_ID_CHARACTERS = 512
MAX_IN_VALUES = 500
MAX_LIMIT = 1000

ENGINE_KEYS = frozenset({"_id", "rev", "_v"})
CLAIM_FIELDS: Mapping[str, type] = {"due_at": int, "lease_until": int, "lease_owner": str, "fence": int}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False)
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Encoded:
    """A document ready to be stored. `text` is its JSON with `_id`, without `rev`, with `_v` if it is above 1."""

    id: str
    text: str
    columns: tuple[Scalar, ...]
    size: int


class Fields:
    """The declared fields of a schema, with the checks that depend on them."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.types: dict[str, type] = dict(schema.fields)
        if schema.claimable:
            self.types.update(CLAIM_FIELDS)
        self._searchable = {**self.types, "_id": str}
        self._check_schema()

    def _check_schema(self) -> None:
        name = self.schema.name
        if not _NAME.fullmatch(name):
            raise StorageBroken(f"{name!r} cannot be the name of a collection: letters, digits, underscores.")
        if len({field.casefold() for field in self.types}) != len(self.types):
            raise StorageBroken(f"{name} declares two fields that differ only in upper and lower case.")
        for field, kind in self.types.items():
            if not _NAME.fullmatch(field) or field in ENGINE_KEYS:
                raise StorageBroken(f"{name} cannot declare a field named {field!r}.")
            if kind not in {str, int, bool}:
                raise StorageBroken(
                    f"{name} declares {field} as {kind.__name__}; only str, int, bool can be."
                )
        for key in (*self.schema.unique, *self.schema.indexes):
            if not key or len(set(key)) != len(key):
                raise StorageBroken(f"{name} declares an index over {key!r}.")
            for field in key:
                self.kind(field, of=self.types)
        if self.schema.version < 1 or set(self.schema.upgrades) != set(range(1, self.schema.version)):
            raise StorageBroken(
                f"{name} has version {self.schema.version}, with upgrades from {sorted(self.schema.upgrades)}:"
                " there must be exactly one from each earlier version."
            )

    def kind(self, field: str, *, of: Mapping[str, type] | None = None) -> type:
        """The declared type; raises `StorageBroken` for an undeclared field."""
        try:
            return (self._searchable if of is None else of)[field]
        except KeyError:
            raise StorageBroken(
                f"{self.schema.name} does not declare the field {field!r}.",
                advice="Add it to the schema of the collection; old documents are indexed at the next start.",
            ) from None

    def encode(self, document: Document) -> Encoded:
        """Check a document and write it down. Raises `Rejected`."""
        id_ = document.get("_id")
        if not isinstance(id_, str) or not 1 <= len(id_) <= MAX_ID_CHARACTERS:
            raise _bad_document(
                self.schema.name, f"its _id is not text of 1 to {MAX_ID_CHARACTERS} characters"
            )
        document = dict(document)
        document.pop("rev", None)
        document.pop("_v", None)
        if self.schema.version > 1:
            document["_v"] = self.schema.version
        try:
            _check(document, 1)
            text = _ENCODER.encode(document)
            size = len(text.encode())
        except UnicodeEncodeError:
            raise _bad_document(self.schema.name, "a text in it has half of a surrogate pair", id_) from None
        except _BadValue as error:
            raise _bad_document(self.schema.name, str(error), id_) from None
        if size > MAX_DOCUMENT_BYTES:
            raise _bad_document(self.schema.name, f"it has {size} bytes, at most {MAX_DOCUMENT_BYTES}", id_)
        return Encoded(id_, text, self.columns(document), size)

    def decode(self, text: str, rev: int) -> Document:
        """The document as callers see it, of its JSON as `encode` wrote it. Raises as `upgraded` does."""
        document: Document = _DECODER.raw_decode(text)[0]
        document["rev"] = rev
        return self.upgraded(document)

    def upgraded(self, document: Document) -> Document:
        """A stored document in the present shape and without `_v`; `document` is used up.

        Raises `StorageBroken`: `storage.version` for a document of a later version, `storage.upgrade` for one that
        its upgrade cannot read.
        """
        version = document.pop("_v", 1)
        if version == self.schema.version:
            return document
        if not isinstance(version, int) or not 1 <= version < self.schema.version:
            raise StorageBroken(
                f"{self.schema.name} holds a document of version {version!r}; this release reads up to"
                f" {self.schema.version}.",
                code="storage.version",
                advice="Run the newer release that wrote it, or restore a backup from before the upgrade.",
            )
        id_, rev = document.get("_id"), document.get("rev")
        for step in range(version, self.schema.version):
            try:
                document = self.schema.upgrades[step](document)
            except Exception as error:
                raise StorageBroken(
                    f"A document of {self.schema.name} cannot be upgraded from version {step}:"
                    f" {type(error).__name__}.",
                    code="storage.upgrade",
                    advice="Please report this; the release that wrote it still reads it.",
                ) from error
        document.pop("_v", None)
        return {**document, "_id": id_, "rev": rev}

    def columns(self, document: Mapping[str, Any]) -> tuple[Scalar, ...]:
        """The values of the declared fields, in their order. Raises `Rejected` if one has another type."""
        values = tuple([document.get(field) for field in self.types])
        for value, (field, kind) in zip(values, self.types.items(), strict=True):
            if value is not None and type(value) is not kind and not _is(value, kind):
                found = type(value).__name__
                raise _bad_document(
                    self.schema.name, f"{field} is {found}, declared is {kind.__name__}", document.get("_id")
                )
        return values

    def checked_where(self, where: Where) -> list[tuple[str, Scalar | Range | In]]:
        """The conditions; raises `StorageBroken` for an undeclared field, `Rejected` for an impossible value."""
        for field, wanted in where.items():
            kind = self.kind(field)
            if isinstance(wanted, In):
                if len(wanted.values) > MAX_IN_VALUES:
                    raise _bad_query(self.schema.name, f"In takes at most {MAX_IN_VALUES} values")
                values: tuple[Scalar, ...] = wanted.values
            elif isinstance(wanted, Range):
                values = (wanted.low, wanted.high)
            else:
                values = (wanted,)
            for value in values:
                self._check_operand(field, kind, value)
        return list(where.items())

    def _check_operand(self, field: str, kind: type, value: object) -> None:
        if value is None:
            return
        if not _is(value, kind):
            found = type(value).__name__
            raise _bad_query(self.schema.name, f"{field} is {kind.__name__} and is compared with {found}")
        if isinstance(value, int) and not SMALLEST_INT <= value <= LARGEST_INT:
            raise _bad_query(self.schema.name, f"{field} is compared with a number of more than 64 bits")
        if isinstance(value, str) and not _is_text(value):
            raise _bad_query(self.schema.name, f"{field} is compared with half of a surrogate pair")

    def checked_sort(self, sort: Sort) -> tuple[tuple[str, int], ...]:
        """The sort without what follows `_id`, which is unique, and always ending with `_id`."""
        keys: list[tuple[str, int]] = []
        for field, direction in sort:
            self.kind(field)
            if direction not in (1, -1):
                raise StorageBroken(f"{direction!r} is no direction of a sort: 1 or -1.")
            keys.append((field, direction))
            if field == "_id":
                return tuple(keys)
        return (*keys, ("_id", 1))

    def checked_limit(self, limit: int) -> int:
        """Raises `Rejected` unless `limit` is within 1 to 1000."""
        if isinstance(limit, bool) or not 1 <= limit <= MAX_LIMIT:
            raise _bad_query(self.schema.name, f"a page has 1 to {MAX_LIMIT} documents")
        return limit

    def write_cursor(self, keys: Sequence[tuple[str, int]], last: Document) -> str:
        """The position behind `last` in this sort, as text that is safe in a URL."""
        position = [[list(key) for key in keys], [last.get(field) for field, _ in keys]]
        return base64.urlsafe_b64encode(_ENCODER.encode(position).encode()).decode("ascii")

    def read_cursor(self, keys: Sequence[tuple[str, int]], cursor: str) -> list[Scalar]:
        """The values of the sort keys at the position. Raises `Rejected` if it is not a cursor of this sort."""
        try:
            position = json.loads(base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True))
            (sort, values) = position
            if (
                sort != [list(key) for key in keys]
                or not isinstance(values, list)
                or len(values) != len(keys)
            ):
                raise ValueError(sort)
            for (field, _), value in zip(keys, values, strict=True):
                self._check_operand(field, self.kind(field), value)
            if any(field == "_id" and value is None for (field, _), value in zip(keys, values, strict=True)):
                raise ValueError(values)
        except (ValueError, TypeError, binascii.Error, RecursionError, Rejected):
            raise Rejected(
                "This cursor does not belong to this list.",
                code="storage.cursor",
                advice="Start again from the first page.",
            ) from None
        return values


_ANYTHING_GOES = frozenset({str, bool, type(None)})
"""Whatever the value: most of a document is that."""


class _BadValue(Exception):
    """A value that no engine can keep; the text says why."""


def _check(value: object, depth: int) -> None:  # noqa: PLR0912 - one branch per kind of value
    """Raises `_BadValue` for what is not JSON as the contract has it."""
    kind = type(value)
    if kind in _ANYTHING_GOES:
        return
    if isinstance(value, int):
        if not SMALLEST_INT <= value <= LARGEST_INT:
            raise _BadValue("a number in it has more than 64 bits")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _BadValue("a number in it is not finite")
    elif depth > MAX_DEPTH:
        raise _BadValue(f"it is nested more than {MAX_DEPTH} levels deep")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or "\0" in key:
                raise _BadValue("a key in it is not text without NUL")
            if type(item) not in _ANYTHING_GOES:
                _check(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            if type(item) not in _ANYTHING_GOES:
                _check(item, depth + 1)
    elif not isinstance(value, str):
        raise _BadValue(f"it holds a {kind.__name__}, which is not JSON")


def _is(value: object, kind: type) -> bool:
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bad_document(collection: str, why: str, id_: object = None) -> Rejected:
    which = "" if not isinstance(id_, str) else f" {id_[:80]!r}"
    return Rejected(f"{collection} cannot keep the document{which}: {why}.", code="storage.document")


def _bad_query(collection: str, why: str) -> Rejected:
    return Rejected(f"{collection} cannot be searched like this: {why}.", code="storage.query")
