"""Ids of rooms and members. A room's id can be read out and cannot be guessed; a member's cannot be guessed."""

from __future__ import annotations

import re
import secrets

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look like others."""

ROOM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,63}")


def _words(text: str) -> list[str]:
    return text.split()


_FIRST = _words(
    "amber azure brave bright calm cedar clear coral cosy crisp dawn eager early easy fair fern fleet gentle "
    "glad gold grand green happy hazel ivory jade jolly keen kind lemon light lilac lively lucky lunar maple "
    "merry mild mint misty noble north olive opal pearl plum proud quick quiet ready rosy ruby rural sage "
    "silver smooth snowy solar sunny swift tidy violet warm wild"
)
_SECOND = _words(
    "badger bear beaver bee bison crane crow deer dove duck eagle elk falcon ferret finch fox frog gecko goat "
    "goose hare hawk heron horse ibis jay kite koala lark lemur lion lizard llama lynx magpie marten mole "
    "moose moth newt orca otter owl panda parrot pony puffin quail rabbit raven robin salmon seal sheep snail "
    "sparrow stork swan tapir tiger toad trout turtle wren"
)


def room_id() -> str:
    """Like `mint-owl-7kq4xz`: 2^41 of them."""
    return f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}-{_random(6)}"


def member_id() -> str:
    """Like `m7kq4xzt9w3hd5ns2`: 2^79 of them."""
    return "m" + _random(16)


def _random(letters: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(letters))
