"""Encryption at rest for tokens: Fernet (AES-128-CBC with HMAC-SHA256), several keys, each text bound to its place.

A sealed text is `<key id>:<Fernet token>`. What is encrypted is the text together with the name of its place, so that a
token copied into another row does not open there. The key id (8 hex digits of the key's SHA-256) tells which key is
needed without telling anything about it. Nothing here logs or shows a key or a text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from domain.errors import Broken, Rejected
from storage.contracts import Collection, Document, every

Binding = Callable[[Document, str], str]


class Sealer:
    """Seals with the first key, opens with any."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` are Fernet keys (44 characters, URL-safe base64), newest first. Raises `Rejected`."""
        if not keys:
            raise _unusable("No key is given to encrypt tokens with.")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except (ValueError, TypeError):
            # The cause is left out: it may quote the key.
            raise _unusable("One of the keys to encrypt tokens with is no Fernet key.") from None
        self.key_ids = tuple(_key_id(key) for key in keys)

    def __repr__(self) -> str:
        return f"Sealer(key_ids={self.key_ids})"

    def seal(self, text: str, *, bound_to: str) -> str:
        """Encrypt `text` for the place `bound_to` (any name that no other place has)."""
        token = self._fernet.encrypt(json.dumps([bound_to, text]).encode())
        return f"{self.key_ids[0]}:{token.decode('ascii')}"

    def open(self, sealed: str, *, bound_to: str) -> str:
        """The text. Raises `Broken`: `sealing.key` if no key fits, `sealing.damaged`, `sealing.misplaced`."""
        key_id, _, token = sealed.partition(":")
        try:
            place, text = json.loads(self._fernet.decrypt(token.encode("ascii", "replace")))
        except InvalidToken:
            raise self._does_not_open(key_id) from None
        if place != bound_to:
            raise Broken(
                "A stored token was sealed for another place than the one where it was found.",
                code="sealing.misplaced",
                advice="Somebody moved it between rows. Let the user log in again, and look at who can write the data.",
            )
        return str(text)

    def is_current(self, sealed: str) -> bool:
        """Whether the newest key sealed it."""
        return sealed.partition(":")[0] == self.key_ids[0]

    def rotate(self, sealed: str, *, bound_to: str) -> str:
        """The same text sealed with the newest key; unchanged if it is already. Raises as `open` does."""
        if self.is_current(sealed):
            return sealed
        return self.seal(self.open(sealed, bound_to=bound_to), bound_to=bound_to)

    def _does_not_open(self, key_id: str) -> Broken:
        if key_id in self.key_ids:
            return Broken(
                f"A stored token that key {key_id} sealed is damaged.",
                code="sealing.damaged",
                advice="Restore a backup, or let the user log in again.",
            )
        return Broken(
            f"No key opens a stored token: it was sealed with {_shown(key_id)}, given are {', '.join(self.key_ids)}.",
            code="sealing.key",
            advice="Put the old key behind the others (ENCRYPTION_KEYS, or encryption-keys in the data directory),"
            " then run `cuelight keys rotate`. If it is lost, every user has to log in again.",
        )


def generate_key() -> str:
    """A new Fernet key."""
    return Fernet.generate_key().decode("ascii")


@dataclass(frozen=True, slots=True)
class Rotated:
    """What `rotate_all` met: `documents` with something sealed in them, `changed` ones, and the ids of those with a
    text no key opens."""

    documents: int
    changed: int
    unreadable: tuple[str, ...]


def by_id_and_field(document: Document, name: str) -> str:
    """The usual place of a sealed field: `<_id>:<field>`."""
    return f"{document['_id']}:{name}"


async def rotate_all(
    collection: Collection, fields: Sequence[str], sealer: Sealer, *, bound_to: Binding = by_id_and_field
) -> Rotated:
    """Seal the named fields of all documents with the newest key. Dots lead into objects (`settings.url`); an empty
    text is none.

    Can be stopped and run again at any time: what is done is left as it is. A document that does not open is left as
    it is and told in the result, so that one bad row does not keep the others on an old key.
    """
    documents = changed = 0
    unreadable: list[str] = []

    def rotate(document: Document) -> Document | None:
        fresh = document
        for name, text in _texts(document, fields).items():
            fresh = _with(fresh, name.split("."), sealer.rotate(text, bound_to=bound_to(document, name)))
        return None if fresh == document else fresh

    async for document in every(collection, {}):
        texts = _texts(document, fields).values()
        documents += bool(texts)
        if all(sealer.is_current(text) for text in texts):
            continue
        try:
            after = await collection.change(document["_id"], rotate)
        except Broken as error:
            if not error.code.startswith("sealing."):
                raise
            unreadable.append(document["_id"])
        else:
            changed += after is not None and after["rev"] != document["rev"]
    return Rotated(documents, changed, tuple(unreadable))


def _texts(document: Document, fields: Sequence[str]) -> dict[str, str]:
    """The sealed texts of a document, by field."""
    found: dict[str, str] = {}
    for name in fields:
        value: object = document
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            found[name] = value
    return found


def _with(document: Document, path: Sequence[str], text: str) -> Document:
    """The document with another text at a place; what was handed in stays as it is."""
    first, *rest = path
    return {**document, first: _with(document[first], rest, text) if rest else text}


def _key_id(key: str) -> str:
    return hashlib.sha256(b"cuelight key id:" + key.encode()).hexdigest()[:8]


def _shown(key_id: str) -> str:
    """The key id of a sealed text, if it is one: what is stored may be anything, even a token in the clear."""
    return (
        f"key {key_id}" if len(key_id) == 8 and set(key_id) <= set("0123456789abcdef") else "an unknown key"
    )


def _unusable(message: str) -> Rejected:
    return Rejected(
        message,
        code="sealing.keys",
        advice="Each key is 44 characters of URL-safe base64 (32 random bytes); one to a line, newest first.",
    )
