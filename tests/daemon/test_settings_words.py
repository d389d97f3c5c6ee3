"""The words of the rules."""

from __future__ import annotations

from daemon.settings_words import Problem, SettingsInvalid, listed


def test_listed() -> None:
    assert listed(" a, b,,c ") == ("a", "b", "c")
    assert listed("") == ()
    assert listed(("a",)) == ("a",)


def test_the_sentence_of_a_problem() -> None:
    assert str(Problem("PORT", "is missing", "8080")) == "PORT is missing. Example: PORT=8080"
    assert str(Problem("MONGO_URL", "is set: remove it")) == "MONGO_URL is set: remove it."


def test_the_error_lists_all() -> None:
    error = SettingsInvalid([Problem("A", "is missing"), Problem("B", "is missing")])
    assert error.code == "settings.invalid"
    assert str(error).splitlines()[1:] == ["  A is missing.", "  B is missing."]
    assert ".env.example" in error.advice
