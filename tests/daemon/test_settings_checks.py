"""The rules by themselves."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.settings_checks import across, allowance, is_fernet_key, issuer_keys, origins


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


@pytest.mark.parametrize(
    ("text", "means"), [("20/300", (20, 300)), ("1/1", (1, 1)), ("off", (0, 60)), ("OFF", (0, 60))]
)
def test_an_allowance_of_requests(text: str, means: tuple[int, int]) -> None:
    assert allowance(text) == means
    assert allowance(means) == means


@pytest.mark.parametrize(
    "text",
    ["", "20", "20/", "/60", "0/60", "20/0", "-1/60", "1.5/60", "x/y", "²/60", "9999999/60", "1/99999"],
)
def test_what_is_no_allowance(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        allowance(text)


def test_issuer_keys_are_judged_and_never_shown() -> None:
    secret = "0123456789abcdef0123456789abcdef"
    rows = issuer_keys(f"a HS256 secret:{secret}, https://b.example RS256 https://b.example/jwks.json")
    assert rows == (f"a HS256 secret:{secret}", "https://b.example RS256 https://b.example/jwks.json")
    assert issuer_keys(rows) == rows
    with pytest.raises(ValueError, match="row 2") as caught:
        issuer_keys(f"a HS256 secret:{secret}, b HS512 secret:{secret}")
    assert secret not in str(caught.value)


def test_origins_of_other_sites() -> None:
    assert origins("https://watch.example.org, http://127.0.0.1:3000") == (
        "https://watch.example.org",
        "http://127.0.0.1:3000",
    )
    assert origins("*") == ("*",)


@pytest.mark.parametrize(
    "text",
    ["watch.example.org", "https://watch.example.org/", "https://a.example/x", "https://", "ws://a.example"],
)
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match="must be origins"):
        origins(text)
