"""Ids of rooms and members."""

from __future__ import annotations

import math
import re

from rooms import names


def test_a_room_can_be_read_out_and_not_be_guessed() -> None:
    found = {names.room_id() for _ in range(500)}
    assert len(found) == 500
    assert all(re.fullmatch(r"[a-z]{3,7}-[a-z]{2,7}-[a-hjkmnp-z2-9]{6}", one) for one in found), found
    assert all(names.ROOM_ID.fullmatch(one) for one in found)
    ways = len(set(names._FIRST)) * len(set(names._SECOND)) * len(names.LETTERS) ** 6
    assert math.log2(ways) > 41


def test_the_id_of_a_member_cannot_be_guessed() -> None:
    found = {names.member_id() for _ in range(500)}
    assert len(found) == 500
    assert all(len(one) == 17 for one in found)
    assert 16 * math.log2(len(names.LETTERS)) > 78


def test_what_may_be_a_room() -> None:
    assert names.ROOM_ID.fullmatch("party_123")
    for text in ("", "ab", "-abc", "a b c", "a:b", "x" * 65, "añb", "abc\n"):
        assert not names.ROOM_ID.fullmatch(text), text
