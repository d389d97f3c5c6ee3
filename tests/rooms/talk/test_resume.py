"""Tokens that bring somebody back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Denied
from gateways.leases.contracts import Held
from gateways.leases.memory import MemoryLeases
from rooms.people import Role
from rooms.talk.resume import LEASED_SECONDS, LONGEST_TOKEN, Membership, ResumeKeys, claim, settle, void
from tests.support.clock import ManualClock

OLD, NEW = b"o" * 32, b"n" * 32
HELD = Membership("mint-owl-42", "m7", "Ana é", "twitch:7", Role.COHOST, 123, True, "c-1", 4, 1000)


def test_a_token_brings_back_what_was_signed() -> None:
    keys = ResumeKeys([NEW])
    assert keys.read(keys.sign(HELD), now=999) == HELD
    assert HELD.member("p2").process == "p2"
    assert HELD.next().used == "party:resume:m7:5"
    assert HELD.next().settled == "party:resume:m7:5:settled"


def test_the_longest_membership_fits() -> None:
    longest = replace(
        HELD, room_id="r" * 64, name="\U0001f600" * 32, subject="s" * 200, made_by="c" * 64, since=2**60
    )
    token = ResumeKeys([NEW]).sign(longest)
    assert len(token) <= LONGEST_TOKEN
    assert ResumeKeys([NEW]).read(token, now=0) == longest


def test_keys_are_replaced_while_people_watch() -> None:
    token = ResumeKeys([OLD]).sign(HELD)
    assert ResumeKeys([NEW, OLD]).read(token, now=0) == HELD
    with pytest.raises(Denied):
        ResumeKeys([NEW]).read(token, now=0)
    with pytest.raises(ValueError):
        ResumeKeys([b"short"])
    with pytest.raises(ValueError):
        ResumeKeys([])


def test_it_ends() -> None:
    keys = ResumeKeys([NEW])
    with pytest.raises(Denied) as caught:
        keys.read(keys.sign(HELD), now=1000)
    assert caught.value.code == "party.resume_invalid"


@given(place=st.integers(0, 10_000), letter=st.characters(codec="ascii"))
def test_one_letter_changed_is_no_token(place: int, letter: str) -> None:
    keys = ResumeKeys([NEW])
    token = keys.sign(HELD)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(Denied):
            keys.read(changed, now=0)


@given(st.text(max_size=200))
def test_any_text_is_refused_and_no_more(text: str) -> None:
    with pytest.raises(Denied):
        ResumeKeys([NEW]).read(text, now=0)


async def test_once_and_once_more_until_the_client_has_the_answer() -> None:
    leases = MemoryLeases(clock=ManualClock())
    lost = await claim(leases, HELD)
    assert lost == HELD.next()
    again = await claim(leases, HELD)
    assert again == HELD.next(2)
    assert await claim(leases, HELD) is None, "not a third time"
    assert await claim(leases, lost) is None, "what was lost is void, should it be found"
    assert await claim(leases, again) == HELD.next(3)


async def test_not_once_more_after_the_client_has_the_answer() -> None:
    leases = MemoryLeases(clock=ManualClock())
    arrived = await claim(leases, HELD)
    assert arrived is not None
    await settle(leases, arrived)
    assert await claim(leases, HELD) is None
    later = await claim(leases, arrived)
    assert later == HELD.next(2), "and who asked with the old one has spoilt nothing"
    # To use what the answer brought shows it too.
    assert await claim(leases, arrived) == HELD.next(3)
    first = await claim(leases, HELD.next(5))
    assert first is not None
    assert await claim(leases, first) is not None
    assert await claim(leases, HELD.next(5)) is None


async def test_who_leaves_is_brought_back_by_nothing() -> None:
    leases = MemoryLeases(clock=ManualClock())
    held = await claim(leases, HELD)
    assert held is not None
    await void(leases, held)
    assert [await claim(leases, one) for one in (HELD, held)] == [None, None]


async def test_it_is_remembered_for_as_long_as_a_token_is_good() -> None:
    clock = ManualClock()
    leases = MemoryLeases(clock=clock)
    for _ in range(2):
        assert await claim(leases, HELD) is not None
    await clock.advance(LEASED_SECONDS - 1)
    assert await claim(leases, HELD) is None


class FarLeases(MemoryLeases):
    """Of another machine: others come in between."""

    async def acquire(self, names: Sequence[str], *, owner: str, ttl_seconds: float) -> dict[str, Held]:
        await asyncio.sleep(0)
        held = await super().acquire(names, owner=owner, ttl_seconds=ttl_seconds)
        await asyncio.sleep(0)
        return held


@given(
    rounds=st.lists(
        st.lists(st.tuples(st.integers(-3, 0), st.booleans()), min_size=1, max_size=5), max_size=8
    )
)
def test_no_generation_is_ever_in_two_hands(rounds: list[list[tuple[int, bool]]]) -> None:
    """Tokens are used and settled at the same time, the newest and older ones. Whatever comes of it, each use brings
    another token, and the newest of them is good."""

    async def play() -> None:
        leases, given = FarLeases(clock=ManualClock()), [HELD]

        async def use(back: int, settles: bool) -> None:
            held = given[max(back - 1, -len(given))]
            brought = await claim(leases, held)
            if brought is not None:
                given.append(brought)
                if settles:
                    await settle(leases, brought)
                    assert await claim(leases, held) is None

        for together in rounds:
            await asyncio.gather(*(use(back, settles) for back, settles in together))
            numbers = [one.generation for one in given]
            assert len(set(numbers)) == len(numbers), numbers
        newest = max(given, key=lambda one: one.generation)
        assert await claim(leases, newest) is not None

    asyncio.run(play())
