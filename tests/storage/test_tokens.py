"""Tokens at rest: what is stored is sealed, and bound to where it is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import Broken
from storage.contracts import Document, Store
from storage.sealing import Sealer, by_id_and_field, generate_key, rotate_all
from storage.tokens import SEALED, TOKENS

ACCESS, REFRESH = "plainaccesstokenofthirtychars1", "plainrefreshtokenofthirtychar1"


def sealed(sealer: Sealer, user_id: str) -> Document:
    document: Document = {"_id": user_id, "login": "ann"}
    for name, text in zip(SEALED, (ACCESS, REFRESH), strict=True):
        document[name] = sealer.seal(text, bound_to=by_id_and_field({"_id": user_id}, name))
    return document


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # whose files can be looked into
async def test_the_login_is_found_and_the_tokens_are_not_on_the_disk(store: Store, tmp_path: Path) -> None:
    sealer = Sealer([generate_key()])
    tokens = await store.collection(TOKENS)
    await tokens.insert(sealed(sealer, "7"))
    page = await tokens.find({"login": "ann"})
    (found,) = page.documents
    assert sealer.open(found["access_token"], bound_to="7:access_token") == ACCESS
    assert sealer.open(found["refresh_token"], bound_to="7:refresh_token") == REFRESH
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert found["access_token"].encode() in raw, "the right files"
    assert ACCESS.encode() not in raw
    assert REFRESH.encode() not in raw


async def test_sealed_tokens_that_were_moved_do_not_open(store: Store) -> None:
    sealer = Sealer([generate_key()])
    tokens = await store.collection(TOKENS)
    await tokens.insert(sealed(sealer, "7"))
    found = await tokens.get("7")
    assert found is not None
    for place in ("8:access_token", "7:refresh_token", ""):
        with pytest.raises(Broken) as caught:
            sealer.open(found["access_token"], bound_to=place)
        assert caught.value.code == "sealing.misplaced"
    with pytest.raises(Broken) as caught:
        Sealer([generate_key()]).open(found["access_token"], bound_to="7:access_token")
    assert caught.value.code == "sealing.key"


async def test_all_of_them_are_sealed_again_with_a_new_key(store: Store) -> None:
    old, new = generate_key(), generate_key()
    tokens = await store.collection(TOKENS)
    for user_id in ("7", "8"):
        await tokens.insert(sealed(Sealer([old]), user_id))
    rotated = await rotate_all(tokens, SEALED, Sealer([new, old]))
    assert (rotated.documents, rotated.changed, rotated.unreadable) == (2, 2, ())
    found = await tokens.get("8")
    assert found is not None
    assert Sealer([new]).open(found["refresh_token"], bound_to="8:refresh_token") == REFRESH
