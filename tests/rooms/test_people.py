"""The roster that the membership topic adds up to, and names that can be shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejected
from gateways.topics.contracts import NewEntry
from rooms import people
from rooms.people import Member, Role, Roster, clean_name, clean_text


def member(name: str, since: int = 1, process: str = "p1") -> Member:
    return Member(name, name.title(), f"twitch:{name}", Role.MEMBER, since, process, is_vip=True)


def roster(*entries: NewEntry) -> Roster:
    found = Roster()
    for one in entries:
        found.take(one.kind, one.body)
    return found


def test_who_joins_is_there_as_said() -> None:
    assert roster(people.joined(member("ann"))).get("ann") == member("ann")


def test_the_longest_present_come_first_and_the_away_are_not_here() -> None:
    found = roster(
        *(
            people.joined(member(name, since))
            for name, since in (("cid", 3), ("bea", 2), ("ann", 2), ("dot", 1))
        ),
        people.went_away("dot", now=9),
    )
    assert [one.id for one in found.here] == ["ann", "bea", "cid"]
    assert len(found) == 4


def test_away_twice_counts_from_the_first_time() -> None:
    found = roster(
        people.joined(member("ann")), people.went_away("ann", now=5), people.went_away("ann", now=9)
    )
    held = found.get("ann")
    assert held is not None
    assert held.away_since == 5


def test_who_comes_back_may_do_so_at_another_process() -> None:
    found = roster(
        people.joined(member("ann")),
        people.process_gone("p1", now=5),
        people.came_back("ann", process="p2"),
        people.process_gone("p1", now=7),
    )
    held = found.get("ann")
    assert held is not None
    assert (held.process, held.away_since) == ("p2", 0)


def test_a_dead_process_takes_only_its_own_members_away() -> None:
    found = roster(
        people.joined(member("ann")),
        people.joined(member("bea", process="p2")),
        people.process_gone("p1", now=5),
    )
    assert [one.id for one in found.here] == ["bea"]


def test_entries_about_strangers_and_of_later_releases_change_nothing() -> None:
    found = roster(
        people.joined(member("ann")),
        people.left("bea"),
        people.went_away("bea", now=2),
        people.came_back("bea", process="p"),
        NewEntry("member.sang", {"member": "ann"}),
    )
    assert list(found) == [member("ann")]


def test_a_member_who_left_is_gone() -> None:
    assert len(roster(people.joined(member("ann")), people.left("ann"))) == 0


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("  Ann \n Lee ", "Ann Lee"),
        ("A\u202enn\u0000", "Ann"),
        ("x" * 99, "x" * 32),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("\ud800Ann", "Ann"),
        ("Cafe\u0301", "Café"),
    ],
)
def test_names_are_one_line_without_tricks(given_name: str, shown: str) -> None:
    assert clean_name(given_name) == shown


@pytest.mark.parametrize("nameless", ["", " ", "\u202e\u200b", None, 7, ["Ann"]])
def test_no_name_is_refused(nameless: object) -> None:
    with pytest.raises(Rejected) as refused:
        clean_name(nameless)
    assert refused.value.code == "party.bad_field"


@given(st.text())
def test_cleaned_text_has_nothing_invisible_and_stays_so(text: str) -> None:
    cleaned = clean_text(text)
    assert not any(unicodedata.category(one) in ("Cc", "Cs") for one in cleaned)
    assert not set(cleaned) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    assert clean_text(cleaned) == cleaned


def test_guests_of_one_invite_are_not_each_other() -> None:
    ann, ben = people.guest_of("nonce", "a"), people.guest_of("nonce", "b")
    assert (ann, people.source_of(ann)) == ("guest:nonce.a", "nonce")
    assert ann != ben
    assert [people.source_of(one) for one in ("twitch:7", "jwt-x:guest:n.a", "")] == ["", "", ""]


def test_letters_keep_as_many_marks_as_scripts_have_and_no_more() -> None:
    assert clean_text("Z" + "\u0315" * 50 + "o") == "Z" + "\u0315" * 4 + "o"
    assert clean_text("Z" + "\u0315\u200c" * 50).count("\u0315") == 4, "joiners do not begin anew"
    for fine in ("नमस्ते", "שָׁלוֹם", "Việt", "สวัสดีที่นี่", "👩🏽‍🚀", "1️⃣"):
        assert clean_text(fine) == unicodedata.normalize("NFC", fine)


def test_a_seat_is_kept_for_a_minute() -> None:
    names = ("ann", "ben", "cid")
    gone = (people.went_away("ben", now=10_000_000), people.went_away("cid", now=50_000_000))
    found = roster(*(people.joined(member(name)) for name in names), *gone)
    assert [found.seated(now * 1_000_000) for now in (50, 69, 70, 110, 10_000)] == [3, 3, 2, 1, 1]
