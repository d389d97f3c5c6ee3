from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from storage.contracts import Store
from storage.logins import CONSENTS, LOGINS, Consent, Consents, Login, Logins, digest

LOGIN = Login(digest("key"), "1", "anna", "Anna", "csrf", 1, 1, 100, 1000, "Firefox")
CONSENT = Consent(
    digest("state"), "device", "/", ("a", "b"), digest("binding"), 100, interval_seconds=5, poll_at=10
)


@pytest.fixture
async def logins(store: Store) -> Logins:
    return Logins(await store.collection(LOGINS))


@pytest.fixture
async def consents(store: Store) -> Consents:
    return Consents(await store.collection(CONSENTS))


async def test_a_session_is_kept_changed_and_ended(logins: Logins) -> None:
    await logins.add(LOGIN)
    assert await logins.get(LOGIN.id) == LOGIN
    later = replace(LOGIN, seen_at=50, expires_at=200)
    assert await logins.change(LOGIN.id, lambda held: replace(held, seen_at=50, expires_at=200)) == later
    assert await logins.end(LOGIN.id)
    assert not await logins.end(LOGIN.id)
    assert await logins.change(LOGIN.id, lambda held: held) is None, "what was ended does not come back"
    assert await logins.get(LOGIN.id) is None


async def test_those_of_somebody_the_latest_first(logins: Logins) -> None:
    for number, subject in enumerate(("1", "2", "1")):
        await logins.add(replace(LOGIN, id=str(number), subject=subject, created_at=number))
    assert [login.id for login in await logins.of("1")] == ["2", "0"]


async def test_of_many_who_take_a_login_one_gets_it(consents: Consents) -> None:
    await consents.begin(CONSENT)
    taken = await asyncio.gather(*(consents.take(CONSENT.id) for _ in range(10)))
    assert [one for one in taken if one is not None] == [CONSENT]
    assert await consents.get(CONSENT.id) is None


async def test_a_turn_is_for_one_in_each_interval(consents: Consents) -> None:
    await consents.begin(CONSENT)
    assert await consents.turn(CONSENT.id, now=9) is None
    turns = await asyncio.gather(*(consents.turn(CONSENT.id, now=10) for _ in range(10)))
    assert [one.poll_at for one in turns if one is not None] == [5010]
    assert await consents.turn(CONSENT.id, now=5009) is None
    assert await consents.turn(CONSENT.id, now=5010) is not None
    assert await consents.take(CONSENT.id) is not None
    assert await consents.turn(CONSENT.id, now=99_999) is None


def test_a_digest_tells_nothing_and_takes_anything() -> None:
    assert digest("key") != "key"
    assert len({digest("a"), digest("b"), digest("\ud800")}) == 3
