"""Tokens at rest: sealed, bound to their place, replaced only from the revision that was read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import Broken
from gateways.twitch.tokens import StoredToken
from handlers.vip.grants import Grants
from storage.contracts import Collection
from storage.open import open_store, sqlite_url
from storage.sealing import Sealer, generate_key
from storage.tokens import TOKENS
from tests.support.clock import ManualClock

SECRET = "secretaccesstokenofthirtychars"
REFRESH = "secretrefreshtokenofthirtychar"
TOKEN = StoredToken("7", "ann", SECRET, REFRESH, ("a:b", "c"), 123, revision=1)


@pytest.fixture
async def tokens(tmp_path: Path) -> AsyncIterator[Collection]:
    store = await open_store(sqlite_url(tmp_path / "data"), clock=ManualClock())
    yield await store.collection(TOKENS)
    await store.close()


@pytest.fixture
def grants(tokens: Collection) -> Grants:
    return Grants(tokens=tokens, sealer=Sealer([generate_key()]))


async def test_what_was_stored_is_loaded(grants: Grants) -> None:
    assert await grants.load("7") is None
    assert await grants.replace("7", 0, TOKEN)
    assert await grants.load("7") == TOKEN
    assert await grants.ids() == ["7"]


async def test_a_grant_is_removed_at_the_revision_that_was_read(grants: Grants) -> None:
    assert not await grants.remove("7", 1)
    assert await grants.replace("7", 0, TOKEN)
    assert await grants.replace("7", 1, replace(TOKEN, access_token="newer"))
    assert not await grants.remove("7", 1), "a login came in between"
    assert await grants.remove("7", 2)
    assert await grants.load("7") is None
    assert await grants.replace("7", 0, TOKEN), "as if there had never been one"


async def test_a_later_revision_wins_over_an_earlier_one(grants: Grants) -> None:
    assert await grants.replace("7", 0, TOKEN)
    assert not await grants.replace("7", 0, replace(TOKEN, access_token="older"))
    assert await grants.replace("7", 1, replace(TOKEN, access_token="newer"))
    assert not await grants.replace("7", 1, replace(TOKEN, access_token="late"))
    held = await grants.load("7")
    assert held is not None
    assert (held.access_token, held.revision) == ("newer", 2)


async def test_of_many_at_once_one_is_written(grants: Grants) -> None:
    results = await asyncio.gather(
        *(grants.replace("7", 0, replace(TOKEN, access_token=f"token{n}")) for n in range(8))
    )
    held = await grants.load("7")
    assert held is not None
    assert results.count(True) == 1
    assert held.access_token == f"token{results.index(True)}"


async def test_a_dead_grant_is_marked_once(grants: Grants) -> None:
    assert not await grants.mark_dead("7", 0, "nobody")
    await grants.replace("7", 0, TOKEN)
    assert not await grants.mark_dead("7", 5, "stale")
    assert await grants.mark_dead("7", 1, "disconnected")
    held = await grants.load("7")
    assert held is not None
    assert (held.dead, held.revision, held.access_token) == ("disconnected", 2, SECRET)
    assert await grants.mark_dead("7", 2, "")
    held = await grants.load("7")
    assert held is not None
    assert held.dead == "refused"
    assert await grants.ids() == ["7"]


async def test_nothing_on_the_disk_shows_a_token(grants: Grants, tmp_path: Path) -> None:
    await grants.replace("7", 0, TOKEN)
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    raw = b"".join(path.read_bytes() for path in files)
    assert b"ann" in raw, "the right files"
    assert SECRET.encode() not in raw
    assert REFRESH.encode() not in raw
    assert SECRET not in repr(TOKEN)


async def test_a_token_that_was_moved_to_another_user_does_not_open(
    grants: Grants, tokens: Collection
) -> None:
    await grants.replace("7", 0, TOKEN)
    await grants.replace("8", 0, replace(TOKEN, user_id="8"))
    stolen = await tokens.get("7")
    assert stolen is not None
    await tokens.change("8", lambda document: {**document, "access_token": stolen["access_token"]})
    with pytest.raises(Broken) as caught:
        await grants.load("8")
    assert caught.value.code == "sealing.misplaced"
    await tokens.change("7", lambda document: {**document, "access_token": stolen["refresh_token"]})
    with pytest.raises(Broken) as caught:
        await grants.load("7")
    assert caught.value.code == "sealing.misplaced"


async def test_keys_are_rotated_without_a_login(tokens: Collection) -> None:
    old, new = generate_key(), generate_key()
    await Grants(tokens=tokens, sealer=Sealer([old])).replace("7", 0, TOKEN)
    rotated = await Grants(tokens=tokens, sealer=Sealer([new, old])).seal_again()
    assert (rotated.documents, rotated.changed, rotated.unreadable) == (1, 1, ())
    held = await Grants(tokens=tokens, sealer=Sealer([new])).load("7")
    assert held == TOKEN
    with pytest.raises(Broken) as caught:
        await Grants(tokens=tokens, sealer=Sealer([old])).load("7")
    assert caught.value.code == "sealing.key"


async def test_scopes_are_told_whatever_key_there_is(grants: Grants) -> None:
    assert await grants.scopes("7") is None
    await grants.replace("7", 0, TOKEN)
    grants.sealer = Sealer([generate_key()])
    assert await grants.scopes("7") == ("a:b", "c")


async def test_what_another_process_stored_is_loaded_at_once(tokens: Collection) -> None:
    """Each remembers what it has opened; two of them stand on one store here."""
    key = generate_key()
    ours, theirs = (Grants(tokens=tokens, sealer=Sealer([key])) for _ in range(2))
    await ours.replace("7", 0, TOKEN)
    assert await ours.load("7") == await theirs.load("7") == TOKEN
    await theirs.replace("7", 1, replace(TOKEN, access_token=REFRESH, revision=2))
    loaded = await ours.load("7")
    assert loaded is not None
    assert loaded.access_token == REFRESH
    assert await theirs.mark_dead("7", 2, "disconnected")
    loaded = await ours.load("7")
    assert loaded is not None
    assert loaded.dead == "disconnected"
    assert await theirs.remove("7", 3)
    assert await ours.load("7") is None
