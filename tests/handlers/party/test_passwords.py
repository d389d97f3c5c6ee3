from __future__ import annotations

import asyncio

import pytest

from domain.errors import Rejected, Unavailable
from handlers.party.passwords import LONGEST, MOST_WAITING, Passwords
from rooms.settings import Settings, changed


async def test_a_password_is_known_again_and_others_are_not() -> None:
    passwords = Passwords()
    kept = await passwords.hash("Käse und Brot")
    assert "Käse" not in kept
    assert kept != await passwords.hash("Käse und Brot"), "each has its own salt"
    assert changed(Settings(), {"passwordHash": kept}).password == kept, "it fits into the settings"
    assert await passwords.is_it("Käse und Brot", kept)
    for wrong in ("", "käse und brot", "x" * 10_000):
        assert not await passwords.is_it(wrong, kept)
    for damaged in ("", "s1", "s1.a.b", "s2.AAAA.AAAA", kept[:-4]):
        assert not await passwords.is_it("Käse und Brot", damaged)


async def test_no_password_is_none_and_a_long_one_is_refused() -> None:
    assert await Passwords().hash("") == ""
    with pytest.raises(Rejected) as caught:
        await Passwords().hash("x" * (LONGEST + 1))
    assert caught.value.code == "party.bad_field"


async def test_who_would_wait_for_long_is_sent_back() -> None:
    passwords = Passwords()
    kept = await passwords.hash("a")
    asked = [asyncio.ensure_future(passwords.is_it("b", kept)) for _ in range(MOST_WAITING + 5)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    refused = [one for one in done if isinstance(one, Unavailable)]
    assert len(refused) == 5
    assert {one.code for one in refused} == {"party.busy"}
    assert await passwords.is_it("a", kept), "and the place is free again"
