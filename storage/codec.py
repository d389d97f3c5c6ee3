"""Records to documents and back: frozen dataclasses, enums, tuples, nothing else.

`id` becomes `_id`; enums become their values; unknown keys of a document are ignored (a newer release may have added
them), missing ones take the field's default.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from storage.contracts import Document, StorageBroken

R = TypeVar("R")
Convert = Callable[[Any], Any]

_SCALARS = frozenset({str, int, float, bool, type(None)})


def to_document(record: Any) -> Document:
    """The document of a record (a dataclass with an `id`)."""
    return _document(_shape(type(record), stored=True), record)


def from_document(kind: type[R], document: Mapping[str, Any]) -> R:
    """The record of a document; raises `StorageBroken` if a required field is missing or has the wrong form."""
    try:
        record: R = _build(kind, document, stored=True)
    except (KeyError, TypeError, ValueError) as error:
        raise StorageBroken(
            f"A stored {kind.__name__} cannot be read: {error}.", advice="Restore a backup or report this."
        ) from error
    return record


@dataclasses.dataclass(frozen=True, slots=True)
class _Shape:
    """What there is to know of a record type. `keys` are those of the document, `names` those of the record, in the
    order in which the record is made; `converts`: places of values that are not taken as they are."""

    kind: type[Any]
    names: tuple[str, ...]
    keys: tuple[str, ...]
    converts: tuple[tuple[int, Convert], ...]
    values_of: Callable[[Any], tuple[Any, ...]]
    values_in: Callable[[Mapping[str, Any]], tuple[Any, ...]]


_SHAPES: dict[tuple[type[Any], bool], _Shape] = {}


def _shape(kind: type[Any], *, stored: bool) -> _Shape:
    """Found out once per record type: a redemption alone reads and writes some hundred records, and looking at type
    hints costs ten times as much as all the rest. `stored`: its `id` is the `_id` of a document."""
    known = _SHAPES.get((kind, stored))
    if known is None:
        hints, fields = get_type_hints(kind), dataclasses.fields(kind)
        names = tuple(item.name for item in fields)
        keys = tuple("_id" if stored and name == "id" else name for name in names)
        converters = [_converter(hints[name]) for name in names]
        known = _SHAPES[kind, stored] = _Shape(
            kind,
            names,
            keys,
            tuple((place, convert) for place, convert in enumerate(converters) if convert is not None),
            _all_of(attrgetter, names),
            _all_of(itemgetter, keys),
        )
    return known


def _all_of(getter: Callable[..., Any], names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """A getter of a single name gives no tuple."""
    get = getter(*names)
    return get if len(names) > 1 else lambda source: (get(source),)


def _document(shape: _Shape, record: Any) -> Document:
    values = shape.values_of(record)
    document = dict(zip(shape.keys, values, strict=True))
    if not _SCALARS.issuperset(map(type, values)):
        for key, value in document.items():
            if type(value) not in _SCALARS:
                document[key] = _plain(value)
    return document


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(kind):
        return _document(_shape(kind, stored=False), value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _build(kind: type[Any], source: Mapping[str, Any], *, stored: bool) -> Any:
    shape = _shape(kind, stored=stored)
    try:
        values = list(shape.values_in(source))
    except KeyError:
        return _build_in_part(shape, source)
    for place, convert in shape.converts:
        values[place] = convert(values[place])
    return kind(*values)


def _build_in_part(shape: _Shape, source: Mapping[str, Any]) -> Any:
    """Of a document that an older release wrote: what it has not takes the field's default."""
    converts = dict(shape.converts)
    given = {}
    for place, (name, key) in enumerate(zip(shape.names, shape.keys, strict=True)):
        if key in source:
            convert = converts.get(place)
            given[name] = source[key] if convert is None else convert(source[key])
    return shape.kind(**given)


def _converter(hint: Any) -> Convert | None:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = _converter(next(part for part in get_args(hint) if part is not type(None)))
        return None if inner is None else lambda value: None if value is None else inner(value)
    if origin is tuple:
        item = _converter(get_args(hint)[0])
        return tuple if item is None else lambda value: tuple([item(each) for each in value])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _member_of(hint)
    if dataclasses.is_dataclass(hint):
        return partial(_build, cast("type[Any]", hint), stored=False)
    return None


def _member_of(kind: type[Enum]) -> Convert:
    members = {member.value: member for member in kind}

    def convert(value: Any) -> Enum:
        member = members.get(value)
        return kind(value) if member is None else member  # which says what is wrong with it

    return convert
