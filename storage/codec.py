"""Records to documents and back: frozen dataclasses, enums, tuples, nothing else.

`id` becomes `_id`; enums become their values; unknown keys of a document are ignored (a newer release may have added
them), missing ones take the field's default.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from storage.contracts import Document, StorageBroken

R = TypeVar("R")


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
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in _fields(type(value))}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


_FIELDS: dict[type[Any], dict[str, Any]] = {}


def _fields(kind: type[Any]) -> dict[str, Any]:
    """Field names and their types; reading type hints is slow, so once per record type."""
    known = _FIELDS.get(kind)
    if known is None:
        hints = get_type_hints(kind)
        known = _FIELDS[kind] = {item.name: hints[item.name] for item in dataclasses.fields(kind)}
    return known


def _build(kind: type[Any], values: Mapping[str, Any]) -> Any:
    return kind(**{name: _read(hint, values[name]) for name, hint in _fields(kind).items() if name in values})


def _read(hint: Any, value: Any) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _read(next(part for part in get_args(hint) if part is not type(None)), value)
    if origin is tuple:
        return tuple(_read(get_args(hint)[0], item) for item in value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if dataclasses.is_dataclass(hint):
        return _build(cast("type[Any]", hint), value)
    return value
