"""What a streamer may write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.messages import (
    EVENTS,
    LET_GO,
    PLACEHOLDERS,
    default_of,
    event_of_refund,
    examples,
    faults,
    filled,
)
from domain.redemption import Refusal


def test_every_refusal_can_be_told_with_words_of_its_own() -> None:
    for refusal in Refusal:
        event = event_of_refund(refusal)
        assert event == ("let_go" if refusal in LET_GO else f"refunded.{refusal}")
        assert not EVENTS[event].what.endswith(f": {refusal}"), f"{refusal} is not explained"
        assert default_of(event)


def test_every_usual_line_passes_its_own_check() -> None:
    spoken = [event for event in EVENTS if default_of(event)]
    assert {"granted", "extended", "ended", "refunded.slots_full"} <= set(spoken)
    for event in spoken:
        assert faults(event, default_of(event)) == (), event


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{nobody} is VIP", "no placeholder {nobody}"),
        ("{position} is your place", "{position} has no value here"),
        ("{viewer is VIP", "no partner"),
        ("viewer} is VIP", "no partner"),
        ("{{viewer}}", "no partner"),
        ("   ", "empty"),
        ("x" * 501, "501 characters"),
        (" /ban {viewer}", "like a command"),
        ("!so {viewer}", "like a command"),
        ("{viewer.__class__}", "no placeholder"),
        ("{0}", "no placeholder"),
        ("{}", "no placeholder"),
    ],
)
def test_what_cannot_be_said_is_told(text: str, what: str) -> None:
    assert any(what in fault for fault in faults("granted", text)), faults("granted", text)


def test_what_can_be_said_has_no_fault() -> None:
    assert faults("granted", "Hooray, @{viewer}! {duration} of VIP for {cost} points.") == ()
    assert filled("@{viewer}\n got  {duration}", examples("granted")) == "@StarlightFox got 2 h"


@given(st.text(max_size=300), st.dictionaries(st.sampled_from(sorted(PLACEHOLDERS)), st.text(max_size=20)))
def test_any_text_is_filled_with_nothing_but_the_values(text: str, values: dict[str, str]) -> None:
    line = filled(text, values)
    assert "\n" not in line
    if "{" not in text and text.isprintable():
        assert line == " ".join(text.split()).lstrip("/.! ")


@given(st.text(alphabet="{}viewer.x ", max_size=60))
def test_a_check_never_fails_and_says_yes_only_to_what_can_be_filled(text: str) -> None:
    if faults("ended", text) == ():
        assert not set("{}") & set(filled(text, examples("ended")))
