"""Records to documents and back: frozen dataclasses, enums, tuples, nothing else.

`id` becomes `_id`; enums become their values; unknown keys of a document are ignored (a newer release may have added
them), missing ones take the field's default.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from storage.contracts import Document, StorageBroken

R = TypeVar("R")
Convert = Callable[[Any], Any]

_SCALARS = frozenset({str, int, float, bool, type(None)})


def to_document(record: Any) -> Document:
    """The document of a record (a dataclass with an `id`)."""
    document = cast("Document", _plain(record))
    document["_id"] = document.pop("id")
    return document


def from_document(kind: type[R], document: Mapping[str, Any]) -> R:
    """The record of a document; raises `StorageBroken` if a required field is missing or has the wrong form."""
    values = dict(document)
    values["id"] = values.pop("_id", None)
    try:
        return cast("R", _build(kind, values))
    except (KeyError, TypeError, ValueError) as error:
        raise StorageBroken(
            f"A stored {kind.__name__} cannot be read: {error}.", advice="Restore a backup or report this."
        ) from error


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(kind):
        document: Document = {}
        for name, _ in _fields(kind):
            item = getattr(value, name)
            document[name] = item if type(item) in _SCALARS else _plain(item)
        return document
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


_FIELDS: dict[type[Any], tuple[tuple[str, Convert | None], ...]] = {}


def _fields(kind: type[Any]) -> tuple[tuple[str, Convert | None], ...]:
    """Field names, and how each value is read (`None`: as it is). Found out once per record type: a redemption alone
    reads and writes some hundred records, and looking at type hints costs ten times as much as all the rest."""
    known = _FIELDS.get(kind)
    if known is None:
        hints = get_type_hints(kind)
        known = tuple((item.name, _converter(hints[item.name])) for item in dataclasses.fields(kind))
        _FIELDS[kind] = known
    return known


def _build(kind: type[Any], values: Mapping[str, Any]) -> Any:
    given = {}
    for name, convert in _fields(kind):
        if name in values:
            given[name] = values[name] if convert is None else convert(values[name])
    return kind(**given)


def _converter(hint: Any) -> Convert | None:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = _converter(next(part for part in get_args(hint) if part is not type(None)))
        return None if inner is None else lambda value: None if value is None else inner(value)
    if origin is tuple:
        item = _converter(get_args(hint)[0])
        return tuple if item is None else lambda value: tuple([item(each) for each in value])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if dataclasses.is_dataclass(hint):
        return lambda value: _build(cast("type[Any]", hint), value)
    return None
