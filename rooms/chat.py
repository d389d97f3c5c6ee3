"""The chat of a room: what may be said, how often, and what stays of it.

Messages are entries of the room's log that no guard protects: a thousand of them never make a host's command lose.
Therefore each is judged once more at its place in the log (`apply.py`): what a muted or removed member sent is void on
every replica.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from domain.errors import Rejected
from rooms.people import Role, clean_text
from rooms.settings import Settings

LONGEST_MESSAGE = 500
LONGEST_BYTES = 2000
HISTORY = 100
MOST_REPORTS = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One message. `id` is `epoch-seq` of its entry; `sender` and `name` as they were then; `at` in room time (µs). A
    deleted one keeps its place without its text. `reports`: how many members reported it."""

    id: str
    sender: str
    name: str
    text: str
    at: int
    is_deleted: bool = False
    reports: int = 0


def clean_message(text: object) -> str:
    """A message as it is sent on. Raises `Rejected`: `party.bad_field` (no text, nothing in it),
    `party.message_too_long` (over 500 characters or 2000 bytes)."""
    if not isinstance(text, str):
        raise Rejected("A message has to be text.", code="party.bad_field", advice="Send message as text.")
    if len(text) > LONGEST_MESSAGE or len(text.encode("utf-8", "ignore")) > LONGEST_BYTES:
        raise Rejected(
            f"A message has at most {LONGEST_MESSAGE} characters.",
            code="party.message_too_long",
            advice="Send it in parts.",
        )
    cleaned = clean_text(text).strip()
    if not cleaned:
        raise Rejected("The message is empty.", code="party.bad_field", advice="Write something.")
    return cleaned


def refuse_words(text: str, settings: Settings) -> None:
    """Raises `Rejected` (`party.message_refused`) for a message with a word that this room does not want. Whole words,
    whatever their case: a filter of parts would refuse harmless ones."""
    said = {word.strip(".,;:!?\"'()*_-") for word in text.casefold().split()}
    if said & set(settings.words) or any(" " in word and word in text.casefold() for word in settings.words):
        raise Rejected(
            "This room does not want that word.",
            code="party.message_refused",
            advice="Say it in another way.",
        )


def wait_seconds(spoke: Mapping[str, int], sender: str, role: Role, settings: Settings, now: int) -> float:
    """How long a member has to wait before the next message, by the room's slow mode; hosts and co-hosts never."""
    last = spoke.get(sender)
    if last is None or role >= Role.COHOST:
        return 0.0
    return max(0.0, settings.slow_seconds - (now - last) / 1e6)


def may_delete(line: Line, sender: str, role: Role) -> bool:
    """One's own messages, or anybody's from co-host on."""
    return line.sender == sender or role >= Role.COHOST


def with_line(chat: tuple[Line, ...], line: Line) -> tuple[Line, ...]:
    """The history with one message more; the oldest goes."""
    return (*chat, line)[-HISTORY:]


def without_line(chat: tuple[Line, ...], line_id: str) -> tuple[Line, ...]:
    """The history with a message taken back."""
    return tuple(replace(one, text="", is_deleted=True) if one.id == line_id else one for one in chat)


def without_member(chat: tuple[Line, ...], sender: str) -> tuple[Line, ...]:
    """The history with all that somebody said taken back (he was banned)."""
    return tuple(replace(one, text="", is_deleted=True) if one.sender == sender else one for one in chat)
