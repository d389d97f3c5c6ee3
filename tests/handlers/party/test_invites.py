"""Invites are counted by the store, whatever process asks, and die with the key of their room."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from domain.errors import CuelightError, Denied, NotFound
from rooms.people import Role
from tests.handlers.party.house import Doorway, doorway, open_doorway
from tests.storage.conftest import ENGINE_NAMES, ENGINES
from tests.support.clock import ManualClock


async def test_what_was_signed_is_read(door: Doorway) -> None:
    room = await door.open()
    token, ends = await door.invites.give(room.id, role=Role.COHOST, uses=2, seconds=60)
    found = await door.invites.look(token, room.id)
    assert (found.role, found.uses, found.expires_at) == (Role.COHOST, 2, ends)
    assert ends == door.clock.now() // 1000 + 60
    await door.clock.advance(60)
    with pytest.raises(Denied) as caught:
        await door.invites.look(token, room.id)
    assert caught.value.code == "party.invite_expired"


async def test_of_another_room_and_of_none(door: Doorway) -> None:
    room, other = await door.open(), await door.open("gold-fox-1")
    token, _ = await door.invites.give(room.id, role=Role.GUEST, uses=1, seconds=60)
    for text, room_id in (
        (token, other.id), (token, "no-such-room"), (token, ""), (token[:-2], room.id), ("", room.id),
    ):  # fmt: skip
        with pytest.raises(Denied) as caught:
            await door.invites.look(text, room_id)
        assert caught.value.code == "party.invite_invalid"


async def test_a_turned_key_makes_them_void(door: Doorway) -> None:
    room = await door.open()
    old, _ = await door.invites.give(room.id, role=Role.GUEST, uses=1, seconds=60)
    await door.entrance.void_invites(room.id, "1")
    new, _ = await door.invites.give(room.id, role=Role.GUEST, uses=1, seconds=60)
    assert await door.invites.look(new, room.id)
    with pytest.raises(Denied):
        await door.invites.look(old, room.id)
    for user_id in ("2", ""):
        with pytest.raises(NotFound):
            await door.entrance.void_invites(room.id, user_id)


async def test_a_room_of_the_same_name_has_another_key(door: Doorway) -> None:
    room = await door.open()
    old, _ = await door.invites.give(room.id, role=Role.GUEST, uses=9, seconds=6000)
    await door.registry.close(room.id)
    with pytest.raises(Denied):
        await door.invites.look(old, room.id)
    await door.clock.advance(1)
    await door.open()
    with pytest.raises(Denied):
        await door.invites.look(old, room.id)


@pytest.mark.parametrize("name", ENGINE_NAMES)
async def test_two_processes_let_no_more_in_than_it_is_for(name: str, tmp_path: Path) -> None:
    """Each with a store of its own where that can be (SQLite is one process's), both with all they have at once."""
    engine, clock = ENGINES[name](tmp_path / "data"), ManualClock()
    stores = [await engine.open()]
    stores.append(stores[0] if name == "sqlite" else await engine.open())
    try:
        one, two = [await doorway(store, clock) for store in stores]
        room = await one.open()
        token, _ = await one.invites.give(room.id, role=Role.GUEST, uses=5, seconds=60)

        async def use(door: Doorway) -> str:
            try:
                await door.invites.use(await door.invites.look(token, room.id))
            except CuelightError as error:
                return error.code
            return ""

        done = await asyncio.gather(*(use(door) for _ in range(8) for door in (one, two)))
        assert sorted(done) == [""] * 5 + ["party.invite_used"] * 11
        assert await two.uses.used(room.id, nonce_of(token)) == 5
    finally:
        for store in dict.fromkeys(stores):
            await store.close()
        engine.forget()


async def test_uses_outlive_a_restart(tmp_path: Path) -> None:
    async with open_doorway(tmp_path / "data") as door:
        room = await door.open()
        token, _ = await door.invites.give(room.id, role=Role.GUEST, uses=1, seconds=60)
        await door.invites.use(await door.invites.look(token, room.id))
    async with open_doorway(tmp_path / "data") as door:
        with pytest.raises(Denied) as caught:
            await door.invites.look(token, room.id)
        assert caught.value.code == "party.invite_used"


def nonce_of(token: str) -> str:
    """The nonce inside."""

    payload = token.split(".")[1]
    nonce: str = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))[4]
    return nonce
