"""What viewers may ask."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commands import Command, chat_message, command_in, may_be_ours
from domain.events import Malformed


def event(said: str, **changes: Any) -> dict[str, Any]:
    return {
        "broadcaster_user_id": "1",
        "chatter_user_id": "7",
        "chatter_user_login": "ann",
        "chatter_user_name": "Ann",
        "message": {"text": said},
        "badges": [{"set_id": "subscriber", "id": "1", "info": ""}],
    } | changes


@pytest.mark.parametrize(
    ("said", "language", "command"),
    [
        ("!vip", "en", Command.VIP),
        ("!VIP  ", "en", Command.VIP),
        ("!vip \U000e0000", "en", Command.VIP),
        ("!vip ann", "en", Command.VIP),
        ("!vip @Ann", "en", Command.VIP),
        ("!vip bob", "en", None),
        ("!leave", "de", Command.LEAVE),
        ("!raus", "de", Command.LEAVE),
        ("!raus", "en", None),
        ("!salir", "es", Command.LEAVE),
        ("!vips", "en", None),
        ("! vip", "en", None),
        ("vip", "en", None),
        (" !vip", "en", None),
        ("!", "en", None),
    ],
)
def test_what_is_asked(said: str, language: str, command: Command | None) -> None:
    assert command_in(chat_message(event(said)), language) is command


def test_who_wears_the_badge_is_vip() -> None:
    assert not chat_message(event("!vip")).is_vip
    assert chat_message(event("!vip", badges=[{"set_id": "vip"}])).is_vip
    assert not chat_message(event("!vip", badges="vip")).is_vip


@pytest.mark.parametrize("broken", [{"message": None}, {"message": {"text": 1}}, {"chatter_user_id": "a b"}])
def test_what_is_no_message_is_told(broken: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        chat_message(event("!vip") | broken)


@given(st.text(max_size=60))
def test_whatever_is_said_is_read(said: str) -> None:
    for language in ("en", "de", "xx"):
        if command_in(chat_message(event(said)), language) is not None:
            assert may_be_ours(said)
