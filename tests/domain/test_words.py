"""What is said, whatever fills it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.locales import LOCALES, locale_of
from domain.messages import EVENTS
from domain.redemption import Refusal
from domain.words import (
    CHAT_LIMIT,
    Line,
    cut,
    duration,
    filled,
    line_of,
    line_shown,
    names,
    said,
    usual,
    values_of,
)

FULL = Line("granted", "Ann", duration_ms=90_000, left_ms=3_600_000, reward="VIP", cost=500, position=3)


def speak(line: Line, language: str = "en", **texts: str) -> str:
    return said(line, language=language, texts=texts, channel="Lumen")


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (1, "1 s"),
        (20_000, "20 s"),
        (90_000, "1 min 30 s"),
        (86_400_000, "1 d"),
        (187_200_000, "2 d 4 h"),
        (86_405_000, "1 d"),
        (3_600_000, "1 h"),
    ],
)
def test_durations_read_like_speech(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


def test_durations_are_told_in_the_language_of_the_channel() -> None:
    assert duration(187_200_000, locale_of("de")) == "2 T 4 Std"
    assert duration(187_200_000, locale_of("fr")) == "2 j 4 h"
    assert duration(0, locale_of("nobody speaks this")) == "0 s"


def test_sentences_in_all_languages() -> None:
    assert speak(FULL) == "@Ann is VIP now, for 1 min 30 s. Enjoy!"
    assert speak(FULL, "de") == "@Ann ist jetzt VIP, für 1 Min 30 s. Viel Spaß!"
    assert speak(FULL, "es") == "@Ann es VIP desde ahora, durante 1 min 30 s. ¡Que lo disfrutes!"
    assert speak(FULL, "xx") == speak(FULL)
    refund = Line("refunded.cooldown", "Ann", reason="cooldown")
    assert speak(refund) == "@Ann, you were VIP not long ago; try again later. You have your points back."


def test_time_that_ends_with_the_stream_has_no_length() -> None:
    line = Line("granted", "Ann", duration_ms=172_800_000, left_ms=172_800_000, until_stream=True)
    assert speak(line) == "@Ann is VIP now, until this stream ends. Enjoy!"
    assert speak(line, granted="{viewer}: {duration}") == "Ann: the rest of this stream"


def test_time_by_the_clock_after_the_stream_is_told_beside_it() -> None:
    line = Line("extended", "Ann", duration_ms=300_000, left_ms=9, until_stream=True, after_ms=300_000)
    assert speak(line) == "@Ann stays VIP: 5 min more, the rest of this stream + 5 min in all."
    promised = replace(line, duration_ms=None)
    assert (
        speak(promised, extended="{duration}, {left}")
        == "the rest of this stream, the rest of this stream + 5 min"
    )
    asked = Line("vip_answer", "Ann", left_ms=9, until_stream=True, after_ms=300_000)
    assert speak(asked) == "@Ann, you are VIP for the rest of this stream + 5 min."
    assert speak(asked, "de") == "@Ann, du bist VIP für den Rest dieses Streams + 5 Min."


def test_an_own_text_wins_as_long_as_it_can_be_filled() -> None:
    assert speak(FULL, granted="Hooray {viewer}, {duration}!") == "Hooray Ann, 1 min 30 s!"
    for broken in ("{nobody} is VIP", "{reason}", "x" * 501, "{viewer.__class__}", "{}", "  "):
        assert speak(FULL, granted=broken) == speak(FULL), broken
    by_hand = Line("granted", "Ann", duration_ms=1000)  # nobody paid for it
    assert speak(by_hand, granted="{viewer} paid {cost}") == "@Ann is VIP now, for 1 s. Enjoy!"


def test_a_text_for_a_family_holds_for_all_of_it() -> None:
    line = Line("refunded.paused", "Ann", reason="paused")
    assert speak(line, refunded="Sorry {viewer}: {reason}") == "Sorry Ann: VIPs are paused at the moment"
    both = {"refunded": "Sorry", "refunded.paused": "Later, {viewer}"}
    assert said(line, language="en", texts=both, channel="") == "Later, Ann"
    assert names(("refunded",), "refunded.paused")
    assert names(("refunded.paused",), "refunded.paused")
    assert not names(("refused", "refunded.waited"), "refunded.paused")


@pytest.mark.parametrize(
    ("line", "texts", "told"),
    [
        (Line("ended", "A{viewer}n"), {}, "@A{viewer}n's VIP time is over. Thank you!"),
        (Line("ended", "Ann\r\n/ban bob"), {}, "@Ann /ban bob's VIP time is over. Thank you!"),
        (Line("ended", "Ann", reward="/ban bob"), {"ended": "{reward} is over"}, "ban bob is over"),
        (Line("ended", "Ann"), {"ended": "/ban {viewer}"}, "ban Ann"),
        (Line("ended", "Ann"), {"ended": " . /me waves"}, "me waves"),
        (Line("ended", "Ann"), {"ended": "!so {viewer}"}, "so Ann"),
        (Line("ended", "Ann @bob @eve"), {}, "@Ann bob eve's VIP time is over. Thank you!"),
        (Line("ended", "A\u202enn\u2066"), {}, "@A nn's VIP time is over. Thank you!"),
        (Line("ended", "\u0622\u0646\u0627"), {}, "@\u0622\u0646\u0627's VIP time is over. Thank you!"),
    ],
)
def test_what_fills_a_line_is_nothing_but_text(line: Line, texts: dict[str, str], told: str) -> None:
    assert speak(line, **texts) == told


ANY = st.text(max_size=700)


@given(st.sampled_from(sorted(EVENTS)), st.sampled_from(sorted(LOCALES)), ANY, ANY, ANY)
def test_a_line_is_one_line_that_chat_takes(
    event: str, language: str, viewer: str, reward: str, own: str
) -> None:
    line = Line(event, viewer, duration_ms=1, left_ms=2, reward=reward, cost=3, reason="waited", position=1)
    text = said(line, language=language, texts={event: own}, channel=viewer)
    assert len(text) <= CHAT_LIMIT
    assert text == " ".join(text.split())
    assert not text.startswith(("/", ".", "!"))
    assert not re.search("[\x00-\x1f\u2028\u202e]", text)
    assert text.count("@") <= 1 + own.count("@")


@given(ANY, st.dictionaries(st.sampled_from(["viewer", "reward"]), ANY))
def test_a_value_is_put_in_once(text: str, values: dict[str, str]) -> None:
    hidden = {name: value.replace("x", "") + "{viewer}" for name, value in values.items()}
    line = filled(text, hidden)
    assert line.count("{viewer}") <= text.count("{viewer}") + sum(
        text.count(f"{{{name}}}") for name in hidden
    )


def test_what_is_too_long_ends_after_a_word() -> None:
    assert cut("aaa bbb ccc", 9) == "aaa bbb…"
    assert cut("a" * 20, 9) == "aaaaaaaa…"
    assert cut("a " + "b" * 20, 9) == "a bbbbbb…"
    assert cut("short", 9) == "short"


def test_a_line_is_stored_and_read_again() -> None:
    stored = line_shown(FULL)
    assert "until_stream" not in stored
    assert line_of({**stored, "of_a_later_release": 1}) == FULL
    assert line_of(line_shown(Line("granted", position=0))).position == 0


def test_every_refusal_has_words_and_what_is_none_has_not() -> None:
    for refusal in Refusal:
        assert values_of(Line("x", reason=refusal.value), locale_of("en"), channel="")["reason"]
    assert "reason" not in values_of(Line("x", reason="nonsense"), locale_of("en"), channel="")
    assert usual("nonsense", locale_of("en")) == ""
    assert speak(Line("nonsense")) == ""
