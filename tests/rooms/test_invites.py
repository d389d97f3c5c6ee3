"""Invites: good for one room, one role, a time; nothing else passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Denied
from rooms.invites import Invite, sign, verify
from rooms.people import Role

KEY, OTHER = b"k" * 32, b"o" * 32
INVITE = Invite("room-1", Role.GUEST, expires_at=1_000, uses=5, nonce="n" * 12)


def test_an_invite_comes_back_as_it_was_signed() -> None:
    assert verify(sign(INVITE, KEY), room_id="room-1", key=KEY, now=999) == INVITE


def test_it_expires() -> None:
    with pytest.raises(Denied) as refused:
        verify(sign(INVITE, KEY), room_id="room-1", key=KEY, now=1_000)
    assert refused.value.code == "party.invite_expired"


@pytest.mark.parametrize(("room", "key"), [("room-2", KEY), ("room-1", OTHER)])
def test_it_is_good_for_its_room_and_until_the_key_is_turned(room: str, key: bytes) -> None:
    with pytest.raises(Denied) as refused:
        verify(sign(INVITE, KEY), room_id=room, key=key, now=1)
    assert refused.value.code == "party.invite_invalid"


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_a_changed_letter_is_noticed(place: int, letter: str) -> None:
    token = sign(INVITE, KEY)
    place %= len(token)
    forged = token[:place] + letter + token[place + 1 :]
    if forged != token:
        with pytest.raises(Denied):
            verify(forged, room_id="room-1", key=KEY, now=1)


@given(st.text(max_size=80) | st.text(alphabet="v1.AZaz09-_=", max_size=700))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(Denied):
        verify(text, room_id="room-1", key=KEY, now=1)


@pytest.mark.parametrize(
    "bad",
    [
        Invite("r", Role.HOST, 9, 1, "n" * 8),
        Invite("r", Role.NOBODY, 9, 1, "n" * 8),
        Invite("r", Role.GUEST, 9, 0, "n" * 8),
        Invite("r", Role.GUEST, 9, 10_001, "n" * 8),
        Invite("r", Role.GUEST, 9, 1, "n"),
    ],
)
def test_what_no_room_gives_out_is_not_signed(bad: Invite) -> None:
    with pytest.raises(ValueError, match="An invite"):
        sign(bad, KEY)


def test_a_short_key_is_no_key() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        sign(INVITE, b"short")
