"""What may be said, how often, and what stays of it."""

from __future__ import annotations

import pytest

from domain.errors import Rejected
from rooms import chat
from rooms.chat import Line
from rooms.people import Role
from rooms.settings import Settings

SECOND = 1_000_000


def line(number: int, sender: str = "ann") -> Line:
    return Line(f"e-{number}", sender, sender.title(), f"text {number}", number)


def test_a_message_is_kept_as_it_was_meant() -> None:
    assert chat.clean_message("  well,\u202e this\nis it \u0007") == "well, this is it"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "party.bad_field"),
        (" \n", "party.bad_field"),
        ("x" * 501, "party.message_too_long"),
        ("\U0001f3ac" * 501, "party.message_too_long"),
        ("\u202e", "party.bad_field"),
    ],
)
def test_what_is_no_message_is_refused(text: object, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        chat.clean_message(text)
    assert refused.value.code == code


@pytest.mark.parametrize("text", ["SPOILER!", "so (spoiler)", "it is The End, my friend"])
def test_unwanted_words_are_refused_whatever_surrounds_them(text: str) -> None:
    with pytest.raises(Rejected):
        chat.refuse_words(text, Settings(words=("spoiler", "the end")))


def test_a_word_within_another_is_harmless() -> None:
    chat.refuse_words("Scunthorpe spoilers", Settings(words=("thor", "spoiler")))


@pytest.mark.parametrize(
    ("last", "role", "seconds"),
    [(None, Role.MEMBER, 0.0), (98, Role.MEMBER, 3.0), (90, Role.MEMBER, 0.0), (99, Role.COHOST, 0.0)],
)
def test_slow_mode(last: int | None, role: Role, seconds: float) -> None:
    spoke = {} if last is None else {"ann": last * SECOND}
    assert chat.wait_seconds(spoke, "ann", role, Settings(slow_seconds=5), 100 * SECOND) == seconds


def test_the_history_is_bounded_and_keeps_the_newest() -> None:
    held: tuple[Line, ...] = ()
    for number in range(150):
        held = chat.with_line(held, line(number))
    assert [held[0].id, held[-1].id, len(held)] == ["e-50", "e-149", chat.HISTORY]


def test_a_deleted_message_keeps_its_place_and_loses_its_text() -> None:
    held = chat.without_line((line(1), line(2)), "e-1")
    assert [(one.text, one.is_deleted) for one in held] == [("", True), ("text 2", False)]


def test_all_that_somebody_said_can_go() -> None:
    held = chat.without_member((line(1), line(2, "bea"), line(3)), "ann")
    assert [one.is_deleted for one in held] == [True, False, True]


def test_ones_own_may_be_deleted_and_those_of_others_by_co_hosts() -> None:
    assert chat.may_delete(line(1), "ann", Role.GUEST)
    assert not chat.may_delete(line(1), "bea", Role.MEMBER)
    assert chat.may_delete(line(1), "bea", Role.COHOST)
