"""Work is shared out evenly, alike everywhere, and stays where it is when others come and go."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from domain.shares import share_out

NAMES = st.frozensets(st.text(alphabet="abcdef0123456789", min_size=1, max_size=6), max_size=40)


@given(NAMES, NAMES.filter(bool))
def test_every_thing_has_one_member_and_no_member_too_many(
    things: frozenset[str], members: frozenset[str]
) -> None:
    given_ = share_out(things, members)
    assert given_.keys() == things
    assert set(given_.values()) <= members
    assert max(Counter(given_.values()).values(), default=0) <= -(-len(things) // len(members))


@given(NAMES, NAMES)
def test_the_order_in_which_they_come_does_not_matter(
    things: frozenset[str], members: frozenset[str]
) -> None:
    assert share_out(sorted(things), sorted(members)) == share_out(
        sorted(things, reverse=True), sorted(members, reverse=True)
    )


def test_without_members_nothing_is_given() -> None:
    assert share_out(["1", "2"], []) == {}


def test_one_that_leaves_moves_little_but_its_own() -> None:
    things = [str(number) for number in range(1000)]
    before = share_out(things, ["a", "b", "c", "d"])
    after = share_out(things, ["a", "b", "c"])
    moved = [thing for thing in things if before[thing] != "d" and before[thing] != after[thing]]
    assert len(moved) < 100
    assert Counter(after.values()).most_common(1)[0][1] <= 334
