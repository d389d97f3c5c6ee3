from domain.errors import Broken, CuelightError, Rejected, Unavailable


def test_an_error_carries_code_sentence_and_advice() -> None:
    error = Rejected("No.", code="a.b", advice="Do that.")
    assert (str(error), error.code, error.advice) == ("No.", "a.b", "Do that.")


def test_the_families_have_codes_of_their_own() -> None:
    codes = {family("x").code for family in (CuelightError, Rejected, Unavailable, Broken)}
    assert len(codes) == 4


def test_a_wait_is_never_negative() -> None:
    assert Unavailable("later", retry_after_seconds=-3).retry_after_seconds == 0
