"""How a document lies in MongoDB.

    {"_id": …, "rev": 3, "w": [marks], "d": {the document}, "u": {"name": …, "a+b": …}, "e": true, "z": true}

`d` holds the document without `_id` and `rev`, in native BSON. `u` has one text for each unique key, always there: a
digest of its parts, or something that belongs to this document alone where a part is null or missing. A plain unique
index over it says exactly what the contract says; partial and sparse ones mean different things to different servers.

`w` holds the marks of the last `MARKS` writes, newest last. A write puts a random mark there, so that after a broken
connection it can be read back whether it arrived, even when others have changed the document since.

`e`: keys of `d` that begin with `$` are escaped (to BSON some of them are words). `z`: the document says `fence: null`,
and `d` leaves it out, since a null cannot be counted up.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

from storage.contracts import Document, Scalar, Schema, StorageBroken
from storage.documents import Encoded, Fields
from storage.mongo.driver import Stored

MARKS = 6
READ: Mapping[str, int] = {"w": 0, "u": 0}  # what a reader does not need
_ESCAPE = "%"


class Shape:
    """Documents of one collection, there and back."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.fields = Fields(schema)
        self.unique = {unique_name(key): key for key in schema.unique}

    def stored(self, encoded: Encoded, *, rev: int, marks: list[int]) -> Stored:
        """What is written. `marks` are those of the writes before, with the one of this write at the end."""
        body: Document = json.loads(encoded.text)
        del body["_id"]
        stored: Stored = {
            "_id": encoded.id,
            "rev": rev,
            "w": marks[-MARKS:],
            "d": body,
            "u": self.keys(encoded),
        }
        if self.schema.claimable and body.get("fence", 0) is None:
            del body["fence"]
            stored["z"] = True
        if '"$' in encoded.text:
            stored["d"] = _escaped(body)
            stored["e"] = True
        return stored

    def keys(self, encoded: Encoded) -> dict[str, str]:
        """The texts of the unique keys."""
        return self.keys_of(encoded.id, dict(zip(self.fields.types, encoded.columns, strict=True)))

    def keys_of(self, id_: str, values: Mapping[str, Scalar]) -> dict[str, str]:
        """As `keys`, from the declared fields of a document."""
        return {name: _digest(id_, [values.get(part) for part in key]) for name, key in self.unique.items()}

    def document(self, stored: Stored) -> Document:
        """The document as callers see it; `stored` is used up. Raises `StorageBroken`."""
        return self.fields.upgraded(raw(self.schema.name, stored))


def raw(collection: str, stored: Stored) -> Document:
    """The document as it was written, with `_id` and `rev`, and `_v` where there is one; `stored` is used up."""
    try:
        document: Document = stored["d"]
        rev = stored["rev"]
        if stored.get("e"):
            document = _unescaped(document)
        if stored.get("z"):
            document.setdefault("fence", None)
        return {**document, "_id": stored["_id"], "rev": rev}
    except (KeyError, TypeError, AttributeError) as error:
        raise StorageBroken(
            f"{collection} holds something that Cuelight did not write.",
            advice="Give Cuelight a database of its own, or restore a backup.",
        ) from error


def copied(value: Any) -> Any:
    """A copy of a document or a part of it, to its depth."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def unique_name(key: tuple[str, ...]) -> str:
    """The name of a unique key below `u`. Names of fields have no `+`."""
    return "+".join(key)


def new_mark() -> int:
    """A number that no other write has."""
    return secrets.randbits(63)


def _digest(id_: str, parts: list[Scalar]) -> str:
    if any(part is None for part in parts):
        return f"-{id_}"
    # As JSON, so that ("a", "bc") and ("ab", "c") differ, and 1 from true and from "1".
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return f"={base64.b64encode(hashlib.sha256(text.encode()).digest()[:24]).decode()}"


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            (_ESCAPE + key if key.startswith(("$", _ESCAPE)) else key): _escaped(item)
            for key, item in value.items()
        }
    return [_escaped(item) for item in value] if isinstance(value, list) else value


def _unescaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.removeprefix(_ESCAPE): _unescaped(item) for key, item in value.items()}
    return [_unescaped(item) for item in value] if isinstance(value, list) else value
