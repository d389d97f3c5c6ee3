"""All languages say the same things."""

from __future__ import annotations

import pytest

from domain.locales import LOCALES, USUAL, locale_of
from domain.messages import EVENTS, LET_GO, default_of, examples, faults, filled
from domain.redemption import Refusal
from domain.words import placeholders

ENGLISH = LOCALES[USUAL]
OTHERS = sorted(set(LOCALES) - {USUAL})
SPOKEN = {"online"}  # to everybody


def test_there_are_the_languages_that_were_promised() -> None:
    assert set(LOCALES) == {"en", "es", "fr", "pt", "de"}
    assert locale_of("tlh") is ENGLISH


@pytest.mark.parametrize("code", OTHERS)
def test_the_same_keys_and_placeholders_as_in_english(code: str) -> None:
    locale = LOCALES[code]
    assert locale.lines.keys() == ENGLISH.lines.keys()
    assert locale.commands.keys() == ENGLISH.commands.keys()
    assert locale.fields.keys() == ENGLISH.fields.keys()
    for key, text in locale.lines.items():
        assert sorted(placeholders(text)) == sorted(placeholders(ENGLISH.lines[key])), key
        assert text != ENGLISH.lines[key], f"{key} is not translated"
        assert text == " ".join(text.split()), f"{key}: one line"


@pytest.mark.parametrize("code", sorted(LOCALES))
def test_every_sentence_mentions_the_viewer_once(code: str) -> None:
    for key, text in LOCALES[code].lines.items():
        assert text.count("@{viewer}") == text.count("{viewer}") == (0 if key in SPOKEN else 1), key


@pytest.mark.parametrize("code", sorted(LOCALES))
def test_every_event_has_a_sentence_that_may_be_said(code: str) -> None:
    for event in EVENTS:
        text = default_of(event, code)
        assert faults(event, text, code) == (), event
        assert not set("{}") & set(filled(text, examples(event, code)))


@pytest.mark.parametrize("code", sorted(LOCALES))
def test_every_refusal_has_its_reason_in_the_middle_of_a_sentence(code: str) -> None:
    reasons = LOCALES[code].reasons
    assert set(reasons) == set(Refusal)
    for refusal, text in reasons.items():
        assert text == text.strip()
        assert not text.endswith((".", "!")), refusal
        assert text[0].islower() or text.startswith(("VIP", "Twitch")), refusal
    assert set(reasons) >= LET_GO


def test_commands_are_plain_words() -> None:
    for locale in LOCALES.values():
        for words in locale.commands.values():
            assert words
            assert all(word.isascii() and word.isalpha() and word == word.lower() for word in words)
