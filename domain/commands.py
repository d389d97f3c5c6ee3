"""What viewers may ask in chat: `!vip` and `!leave`, also in the channel's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.channel import Viewer
from domain.events import identifier, text
from domain.locales import LOCALES, USUAL
from domain.words import plain

SIGN = "!"


class Command(StrEnum):
    VIP = "vip"  # how long am I VIP
    LEAVE = "leave"  # take me off the waiting list


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """`channel.chat.message`, as far as it concerns us. `is_vip`: the chatter wears the badge."""

    channel_id: str
    viewer: Viewer
    text: str
    is_vip: bool


def chat_message(event: Mapping[str, Any]) -> ChatMessage:
    """Read a message; raises `Malformed`."""
    message, badges = event.get("message"), event.get("badges")
    said = text(message if isinstance(message, dict) else {}, "text", most=2000, empty=True)
    worn = (
        [badge.get("set_id") for badge in badges if isinstance(badge, dict)]
        if isinstance(badges, list)
        else []
    )
    return ChatMessage(
        channel_id=identifier(event, "broadcaster_user_id"),
        viewer=Viewer(
            identifier(event, "chatter_user_id"),
            text(event, "chatter_user_login", most=100, empty=True),
            text(event, "chatter_user_name", most=200, empty=True),
        ),
        text=said,
        is_vip="vip" in worn,
    )


def words_of(language: str) -> dict[str, Command]:
    """The commands of a language, and the English ones, without their sign."""
    tables = [LOCALES[code].commands for code in (USUAL, language) if code in LOCALES]
    return {word: Command(name) for table in tables for name, words in table.items() for word in words}


ALL_WORDS = frozenset(word for code in LOCALES for word in words_of(code))


def may_be_ours(said: str) -> bool:
    """Whether a message begins with a command of any language."""
    return _first(said) in ALL_WORDS


def command_in(message: ChatMessage, language: str) -> Command | None:
    """What is asked, if it is asked for the one who asks: a name behind it is his own or nobody's business here."""
    command = words_of(language).get(_first(message.text))
    if command is None:
        return None
    # Some chat programs put a sign that is not seen behind a line that is said twice; `plain` drops it.
    _, _, rest = plain(message.text).partition(" ")
    about = rest.strip().lower()
    return command if about in {"", message.viewer.login.lower(), message.viewer.name.lower()} else None


def _first(said: str) -> str:
    """The first word of a command, lower case, without its sign; "" for what is none."""
    if not said.startswith(SIGN):
        return ""
    return plain(said[:40]).partition(" ")[0].removeprefix(SIGN).lower()
