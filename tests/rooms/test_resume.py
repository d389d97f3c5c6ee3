"""Tokens that bring somebody back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Denied
from rooms.people import Role
from rooms.resume import LONGEST_TOKEN, Membership, ResumeKeys

OLD, NEW = b"o" * 32, b"n" * 32
HELD = Membership("mint-owl-42", "m7", "Ana é", "twitch:7", Role.COHOST, 123, True, "c-1", 4, 1000)


def test_a_token_brings_back_what_was_signed() -> None:
    keys = ResumeKeys([NEW])
    assert keys.read(keys.sign(HELD), now=999) == HELD
    assert HELD.member("p2").process == "p2"
    assert HELD.next().lease_name == "party:resume:m7:5"


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
