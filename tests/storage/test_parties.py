"""Rooms, their snapshots and the uses of their invites, on each engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from domain.errors import Denied
from storage.contracts import Store
from storage.parties import (
    CLOSED,
    PARTIES,
    PARTY_INVITES,
    PARTY_STATES,
    InviteUses,
    Parties,
    Party,
    PartyStates,
    names_subject,
    without_subject,
)


def party(room_id: str = "mint-owl-1", **more: Any) -> Party:
    return Party(
        **{"id": room_id, "channel_id": "", "owner": "twitch:1", "opened_at": 1, "visited_at": 1} | more
    )


def body(seq: int = 1, *, epoch: str = "e", wall: int = 1, **more: Any) -> dict[str, Any]:
    room = {"epoch": epoch, "seq": seq, "wall": wall, "host": ["m1", "", 1, 1], "former": ["", 0]}
    return {"room": {**room, "banned": {}, "muted": {}, **more}, "known": []}


@pytest.fixture
async def parties(store: Store) -> Parties:
    return Parties(await store.collection(PARTIES))


async def test_a_name_is_of_one_open_room(parties: Parties) -> None:
    done = await asyncio.gather(*(parties.add(party(owner=f"twitch:{one}")) for one in range(5)))
    assert done.count(True) == 1
    assert await parties.close("mint-owl-1", now=5)
    assert not await parties.close("mint-owl-1", now=6)
    assert await parties.change("mint-owl-1", lambda held: replace(held, title="x")) is None
    closed = await parties.get("mint-owl-1")
    assert closed is not None
    assert (closed.state, closed.owner, closed.closed_at, closed.title) == (CLOSED, "", 5, "")
    done = await asyncio.gather(*(parties.add(party(owner=f"twitch:{one}")) for one in range(5)))
    assert done.count(True) == 1
    again = await parties.get("mint-owl-1")
    assert again is not None
    assert again.key_version == 2, "invites of the room before are none of this one"


async def test_what_is_open_and_whose(parties: Parties) -> None:
    await parties.add(party("a-1", is_public=True, here=1))
    await parties.add(party("a-2", is_public=True, here=5, visited_at=9))
    await parties.add(party("a-3", owner="twitch:2"))
    first, cursor = await parties.public(limit=1, after=None)
    second, _ = await parties.public(limit=1, after=cursor)
    assert [one.id for one in (*first, *second)] == ["a-2", "a-1"]
    assert (await parties.open_of("twitch:1"), await parties.open_in_all()) == (2, 3)
    assert sorted(one.id for one in await parties.left_before(9)) == ["a-1", "a-3"]
    assert not await parties.close("a-2", now=10, unless_visited_since=9), "somebody came meanwhile"


async def test_the_later_snapshot_stays(store: Store) -> None:
    states = PartyStates(await store.collection(PARTY_STATES))
    assert await states.get("a") is None
    for given, stays in (
        (body(5), 5), (body(3), 5), (body(6), 6), (body(1, epoch="f", wall=0), 6), (body(1, epoch="f", wall=2), 1),
    ):  # fmt: skip
        await states.put("a", given)
        held = await states.get("a")
        assert held is not None
        assert held["room"]["seq"] == stays
    assert await states.older_than(3) == ["a"]
    assert await states.older_than(2) == []
    assert await states.remove("a")


async def test_uses_are_counted_once_each(store: Store) -> None:
    uses = InviteUses(await store.collection(PARTY_INVITES))
    done = await asyncio.gather(
        *(uses.use("a", "n", most=3, expires_at=9) for _ in range(10)), return_exceptions=True
    )
    assert sorted(one for one in done if isinstance(one, int)) == [1, 2, 3]
    assert {one.code for one in done if isinstance(one, Denied)} == {"party.invite_used"}
    assert await uses.use("b", "n", most=1, expires_at=9) == 1
    await uses.forget("a")
    assert (await uses.used("a", "n"), await uses.used("b", "n")) == (0, 1)


def test_a_subject_is_found_and_taken_out() -> None:
    held = body(banned={"twitch:1": 5, "twitch:2": 6}, muted={"twitch:1": 7})
    assert names_subject(held, "twitch:1")
    left = without_subject(held, "twitch:1")
    assert not names_subject(left, "twitch:1")
    assert names_subject(left, "twitch:2")
    assert names_subject(held, "twitch:1"), "the document that was handed in is as it was"
    for more in ({"host": ["m1", "twitch:3", 1, 1]}, {"former": ["twitch:3", 5]}):
        assert names_subject(body(**more), "twitch:3")
        assert not names_subject(without_subject(body(**more), "twitch:3"), "twitch:3")
