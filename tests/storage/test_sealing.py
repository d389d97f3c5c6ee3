"""Encryption at rest: what opens, what does not, and that nothing shows a secret."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Broken, CuelightError, Rejected
from storage.contracts import Document, Schema, Store
from storage.sealing import (
    Rotated,
    Sealer,
    generate_key,
    rotate_all,
)

OLD, NEW, OTHER = generate_key(), generate_key(), generate_key()
GRANTS = Schema(name="grants")


@given(text=st.text(st.characters(exclude_categories=["Cs"])), place=st.text(max_size=20))
def test_a_text_comes_back_in_its_place(text: str, place: str) -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(text, bound_to=place)
    assert sealed.isascii()
    assert sealer.open(sealed, bound_to=place) == text


def test_the_text_cannot_be_seen_and_two_seals_differ() -> None:
    sealer = Sealer([NEW])
    first, second = (sealer.seal("hunter2", bound_to="1:token") for _ in range(2))
    assert "hunter2" not in first
    assert first != second


def test_a_token_does_not_open_in_another_place() -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal("hunter2", bound_to="1:token")
    with pytest.raises(Broken) as caught:
        sealer.open(sealed, bound_to="2:token")
    assert caught.value.code == "sealing.misplaced"
    assert_hidden(caught.value)


def test_old_keys_open_and_the_newest_seals() -> None:
    sealed = Sealer([OLD]).seal("hunter2", bound_to="x")
    both = Sealer([NEW, OLD])
    assert both.open(sealed, bound_to="x") == "hunter2"
    assert not both.is_current(sealed)
    rotated = both.rotate(sealed, bound_to="x")
    assert both.is_current(rotated)
    assert both.rotate(rotated, bound_to="x") == rotated
    assert Sealer([NEW]).open(rotated, bound_to="x") == "hunter2"
    with pytest.raises(Broken):
        both.rotate(sealed, bound_to="y")


def test_without_its_key_a_token_does_not_open_and_the_advice_names_the_key() -> None:
    sealed = Sealer([OLD]).seal("hunter2", bound_to="x")
    sealer = Sealer([NEW, OTHER])
    with pytest.raises(Broken) as caught:
        sealer.open(sealed, bound_to="x")
    assert caught.value.code == "sealing.key"
    assert Sealer([OLD]).key_ids[0] in caught.value.message
    assert "keys rotate" in caught.value.advice
    assert_hidden(caught.value)


@pytest.mark.parametrize("odd", ["", ":", "ü", "plain-token-in-the-clear", f"{'0' * 8}:", "a:b:c", "\ud800"])
def test_what_is_no_seal_does_not_open_and_is_not_shown(odd: str) -> None:
    with pytest.raises(Broken) as caught:
        Sealer([NEW]).open(odd, bound_to="x")
    assert "clear" not in str(caught.value)


def test_a_damaged_token_is_told_from_a_missing_key() -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal("hunter2", bound_to="x")
    for damaged in (sealed[:-10], sealed[:30] + ("A" if sealed[30] != "A" else "B") + sealed[31:]):
        with pytest.raises(Broken) as caught:
            sealer.open(damaged, bound_to="x")
        assert caught.value.code == "sealing.damaged"


@pytest.mark.parametrize("keys", [[], [""], ["hunter2"], [NEW, "x" * 44], [NEW, NEW[:-2]]])
def test_what_is_no_key_is_rejected_unseen(keys: list[str]) -> None:
    with pytest.raises(Rejected) as caught:
        Sealer(keys)
    assert caught.value.__cause__ is None
    assert_hidden(caught.value)


def test_nothing_shows_a_key() -> None:
    assert_hidden(Sealer([NEW, OLD]))
    assert Sealer([NEW]).key_ids == Sealer([NEW, OLD]).key_ids[:1]


def assert_hidden(thing: object) -> None:
    shown = repr(thing) + str(thing) + (thing.advice if isinstance(thing, CuelightError) else "")
    assert not any(secret in shown for secret in (OLD, NEW, OTHER, "hunter2"))


# rotation of a collection


async def sealed_rows(store: Store, sealer: Sealer, count: int) -> list[Document]:
    grants = await store.collection(GRANTS)
    rows = [
        {"_id": f"{n:04}", "token": sealer.seal(f"t{n}", bound_to=f"{n:04}:token"), "refresh": None, "n": n}
        for n in range(count)
    ]
    return await asyncio.gather(*[grants.insert(row) for row in rows])


async def test_rotate_all_seals_everything_anew_once(store: Store) -> None:
    await sealed_rows(store, Sealer([OLD]), 30)
    grants = await store.collection(GRANTS)
    sealer = Sealer([NEW, OLD])
    fields = ("token", "refresh", "missing")
    assert await rotate_all(grants, fields, sealer) == Rotated(documents=30, changed=30, unreadable=())
    assert await rotate_all(grants, fields, sealer) == Rotated(documents=30, changed=0, unreadable=())
    only_new = Sealer([NEW])
    for number in range(30):
        document = await grants.get(f"{number:04}")
        assert document is not None
        assert only_new.open(document["token"], bound_to=f"{number:04}:token") == f"t{number}"
        assert (document["rev"], document["refresh"], document["n"]) == (2, None, number)


async def test_rotate_all_goes_on_where_it_was_stopped(store: Store) -> None:
    await sealed_rows(store, Sealer([OLD]), 10)
    grants = await store.collection(GRANTS)
    sealer = Sealer([NEW, OLD])
    for id_ in ("0000", "0003"):
        await grants.change(
            id_, lambda row: {**row, "token": sealer.rotate(row["token"], bound_to=f"{row['_id']}:token")}
        )
    assert await rotate_all(grants, ["token"], sealer) == Rotated(documents=10, changed=8, unreadable=())


async def test_rotate_all_leaves_what_it_cannot_open_and_tells_it(store: Store) -> None:
    rows = await sealed_rows(store, Sealer([OLD]), 3)
    grants = await store.collection(GRANTS)
    moved, lost = rows[0]["token"], Sealer([OTHER]).seal("x", bound_to="0002:token")
    await grants.change("0001", lambda row: {**row, "token": moved})
    await grants.change("0002", lambda row: {**row, "token": lost})
    rotated = await rotate_all(grants, ["token"], Sealer([NEW, OLD]))
    assert rotated == Rotated(documents=3, changed=1, unreadable=("0001", "0002"))
    assert (await grants.get("0001") or {})["token"] == moved
    assert (await grants.get("0002") or {})["token"] == lost


async def test_rotate_all_with_places_of_its_own(store: Store) -> None:
    grants = await store.collection(GRANTS)
    await grants.insert({"_id": "x", "token": Sealer([OLD]).seal("t", bound_to="elsewhere")})
    rotated = await rotate_all(grants, ["token"], Sealer([NEW, OLD]), bound_to=lambda _, __: "elsewhere")
    assert rotated.changed == 1
