"""The rules by themselves."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.settings_checks import Problem, SettingsInvalid, across, is_fernet_key, listed


def test_listed() -> None:
    assert listed(" a, b,,c ") == ("a", "b", "c")
    assert listed("") == ()
    assert listed(("a",)) == ("a",)


@given(st.binary(min_size=32, max_size=32))
def test_fernet_keys(raw: bytes) -> None:
    assert is_fernet_key(base64.urlsafe_b64encode(raw).decode())


@given(st.text(max_size=60))
def test_other_texts_are_judged_without_raising(text: str) -> None:
    assert is_fernet_key(text) in (True, False)


@pytest.mark.parametrize("text", ["", "x" * 44, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"])
def test_not_fernet_keys(text: str) -> None:
    assert not is_fernet_key(text)


def test_nothing_given_is_nothing_wrong_across() -> None:
    assert across({}) == []


def test_the_sentence_of_a_problem() -> None:
    assert str(Problem("PORT", "is missing", "8080")) == "PORT is missing. Example: PORT=8080"
    assert str(Problem("MONGO_URL", "is set: remove it")) == "MONGO_URL is set: remove it."


def test_the_error_lists_all() -> None:
    error = SettingsInvalid([Problem("A", "is missing"), Problem("B", "is missing")])
    assert error.code == "settings.invalid"
    assert str(error).splitlines()[1:] == ["  A is missing.", "  B is missing."]
    assert ".env.example" in error.advice
