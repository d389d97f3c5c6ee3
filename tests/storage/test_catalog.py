"""The catalog is complete: a collection that is not in it would be missing in every backup."""

from __future__ import annotations

import importlib
import pkgutil

import storage
from storage.catalog import PASSING, SCHEMAS
from storage.contracts import Schema
from storage.documents import Fields


def declared() -> dict[str, Schema]:
    """Every schema that a module of the package declares."""
    found: dict[str, Schema] = {}
    for module in pkgutil.iter_modules(storage.__path__):
        for value in vars(importlib.import_module(f"storage.{module.name}")).values():
            if isinstance(value, Schema):
                found[value.name] = value
    return found


def test_every_collection_is_in_it() -> None:
    assert declared() == dict(SCHEMAS)


def test_every_schema_is_sound() -> None:
    for schema in SCHEMAS.values():
        Fields(schema)


def test_what_is_left_out_of_backups_is_no_history() -> None:
    assert not PASSING & {"channels", "tokens", "redemptions", "vip_sessions", "inbox", "lanes", "audit"}
