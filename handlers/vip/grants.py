"""Keeps users' grants for `TokenKeeper`: documents of the store, tokens sealed."""

from __future__ import annotations

from collections.abc import Sequence

from gateways.twitch.tokens import StoredToken, TokenStore
from storage.contracts import Collection, Document, every
from storage.remembered import Remembered
from storage.sealing import Rotated, Sealer, by_id_and_field, rotate_all
from storage.tokens import SEALED

MOST_REMEMBERED = 1000  # opened tokens; `TokenKeeper` has those that it uses in memory anyway


class Grants:
    """Implements `TokenStore`. A sealed token is bound to its user and field, so it cannot be moved to another."""

    def __init__(self, *, tokens: Collection, sealer: Sealer) -> None:
        self._tokens, self.sealer = tokens, sealer
        self._remembered = Remembered(self._read, most=MOST_REMEMBERED)

    async def load(self, user_id: str) -> StoredToken | None:
        document = await self._tokens.get(user_id)
        if document is None:
            self._remembered.forget(user_id)
            return None
        return self._remembered.of(document)

    def _read(self, document: Document) -> StoredToken:
        return StoredToken(
            user_id=document["_id"],
            login=document["login"],
            access_token=self._open(document, "access_token"),
            refresh_token=self._open(document, "refresh_token"),
            scopes=tuple(document["scopes"]),
            expires_at=document["expires_at"],
            dead=document["dead"],
            revision=document["revision"],
        )

    async def scopes(self, user_id: str) -> tuple[str, ...] | None:
        """What a user granted, `None` if he granted nothing. No token is opened for that."""
        document = await self._tokens.get(user_id)
        return None if document is None else tuple(document["scopes"])

    async def replace(self, user_id: str, expected_revision: int, new: StoredToken) -> bool:
        body: Document = {
            "login": new.login,
            "scopes": list(new.scopes),
            "expires_at": new.expires_at,
            "dead": new.dead,
            "revision": expected_revision + 1,
        }
        for field in SEALED:
            body[field] = self.sealer.seal(
                getattr(new, field), bound_to=by_id_and_field({"_id": user_id}, field)
            )
        return await self._write(user_id, expected_revision, body, initial={"revision": 0})

    async def mark_dead(self, user_id: str, expected_revision: int, why: str) -> bool:
        body: Document = {"dead": why or "refused", "revision": expected_revision + 1}
        return await self._write(user_id, expected_revision, body, initial=None)

    async def remove(self, user_id: str, expected_revision: int) -> bool:
        document = await self._tokens.get(user_id)
        if document is None or document["revision"] != expected_revision:
            return False
        self._remembered.forget(user_id)
        return await self._tokens.delete(user_id, rev=document["rev"])

    async def _write(
        self, user_id: str, expected_revision: int, body: Document, *, initial: Document | None
    ) -> bool:
        written = False

        def apply(document: Document) -> Document | None:
            nonlocal written
            written = document["revision"] == expected_revision
            return {**document, **body} if written else None

        await self._tokens.change(user_id, apply, initial=initial)
        return written

    async def ids(self) -> Sequence[str]:
        return [document["_id"] async for document in every(self._tokens, {})]

    async def seal_again(self) -> Rotated:
        """Seal every token with the newest key of `sealer`."""
        return await rotate_all(self._tokens, SEALED, self.sealer)

    def _open(self, document: Document, field: str) -> str:
        return self.sealer.open(document[field], bound_to=by_id_and_field(document, field))


def _conforms(store: Grants) -> TokenStore:
    return store
