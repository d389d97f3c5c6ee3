"""No secret survives: under telling names, in texts, at any depth."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.redaction import DEEPEST, HIDDEN, LONGEST, is_secret_name, redact, redact_text


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "access_token",
        "refreshToken",
        "TWITCH_CLIENT_SECRET",
        "Authorization",
        "Set-Cookie",
        "password",
        "api_key",
        "X-Api-Key",
        "encryption_keys",
        "session_id",
        "sessionId",
        "client-secret",
        "device_code",
        "jwt",
        "Twitch-Eventsub-Message-Signature",
    ],
)
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "error_code",
        "keyboard",
        "client_id",
        "token_type",
        "shipping",
        "key",
        "status_code",
        "topic",
        "monkey",
    ],
)
def test_harmless_names(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "authorization: OAuth {}",
        "PASS oauth:{}",
        "https://id.twitch.tv/oauth2/token?client_id=abc&client_secret={}&grant_type=x",
        "https://example.org/callback?code={}&scope=x",
        '{{"access_token":"{}","expires_in":3}}',
        "{{'refresh_token': '{}'}}",
        "mongodb://user:{}@db.example.org/x",
        "redis://:{}@cache/0",
        "password={}",
        "sha256={}",
    ],
)
def test_texts_that_carry_a_credential(text: str) -> None:
    secret = "0123456789abcdef0123456789abcd"
    told = redact_text(text.format(secret))
    assert secret not in told
    assert HIDDEN in told


def test_jwt_is_hidden_wherever_it_stands() -> None:
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk"
    assert jwt not in redact_text(f"got {jwt} from the caller")


@pytest.mark.parametrize(
    "text",
    [
        "status code 404: not found",
        "the state is connected",
        "code=storage.full",
        "https://api.twitch.tv/helix/channels/vips?broadcaster_id=1&user_id=2",
        "basic things",
    ],
)
def test_harmless_texts_stay(text: str) -> None:
    assert redact_text(text) == text


def test_long_texts_are_cut() -> None:
    told = redact_text("x" * (LONGEST + 1000))
    assert len(told) < LONGEST + 100
    assert "1000 characters more" in told


def test_nested_shapes_keep_their_shape() -> None:
    told = redact(
        {"a": [{"token": "abc"}, ("x", 1, None, True)], "token_set": False, "b": b"Bearer abcdefghijkl"}
    )
    assert told == {
        "a": [{"token": HIDDEN}, ["x", 1, None, True]],
        "token_set": False,
        "b": f"Bearer {HIDDEN}",
    }


def test_what_refers_to_itself_ends() -> None:
    loop: dict[str, object] = {}
    loop["again"] = loop
    assert "…" in json.dumps(redact(loop), ensure_ascii=False)
    assert json.dumps(redact(loop)).count("again") == DEEPEST


def test_foreign_objects_become_text() -> None:
    class Odd:
        def __str__(self) -> str:
            return "Bearer abcdefghijklm"

    assert redact(Odd()) == f"Bearer {HIDDEN}"


_SHAPES = st.recursive(
    st.text() | st.integers() | st.none() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_SHAPES)
def test_anything_can_be_redacted_and_dumped(value: object) -> None:
    json.dumps(redact(value))


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789", min_size=12, max_size=40), _SHAPES)
def test_a_secret_under_a_secret_name_never_shows(secret: str, other: object) -> None:
    told = json.dumps(redact({"other": {"deep": [{"access_token": secret + "!"}]}, "x": "plain"}))
    assert secret + "!" not in told
