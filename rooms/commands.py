"""What a viewer may ask for: per command its fields, each with a reader that lets only sound values through.

A command is its type and its fields after reading (`read`). Unknown fields are ignored, so that a client of tomorrow
can talk to a server of today; unknown types are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import Rejected
from rooms.chat import clean_message
from rooms.people import Role
from rooms.playback import HIGHEST_RATE, LONGEST_SECONDS, LOWEST_RATE
from rooms.queue import MOST_ITEMS

LONGEST_ID = 64
LONGEST_MUTE_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Command:
    """`type` is the wire's; `data` has exactly the fields of its row in `FIELDS`, None for those that were left out.
    `id` is the sender's own name for it: the same id twice is one effect."""

    type: str
    data: Mapping[str, Any]
    id: str


Reader = Callable[[str, object], Any]


def _refuse(name: str, wanted: str) -> Rejected:
    return Rejected(f"{name} has to be {wanted}.", code="party.bad_field", advice=f"Send {name} as {wanted}.")


def number(low: float, high: float) -> Reader:
    """A number within bounds, which NaN never is. Compared before it is made a float: JSON has whole numbers that are
    too long for one."""

    def read(name: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _refuse(name, "a number")
        if not low <= value <= high:
            raise _refuse(name, f"a number from {low:g} to {high:g}")
        return float(value)

    return read


def whole(low: int, high: int) -> Reader:
    """A whole number within bounds."""

    def read(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _refuse(name, f"a whole number from {low} to {high}")
        return value

    return read


def word(name: str, value: object) -> str:
    """An id: 1 to 64 visible ASCII characters."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID or not value.isascii():
        raise _refuse(name, f"an id of at most {LONGEST_ID} characters")
    if not value.isprintable() or " " in value:
        raise _refuse(name, "an id without spaces")
    return value


def yes(name: str, value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise _refuse(name, "true or false")
    return value


def mapping(name: str, value: object) -> Mapping[str, Any]:
    """An object; what it holds is read by who uses it."""
    if not isinstance(value, dict):
        raise _refuse(name, "an object")
    return value


def role(name: str, value: object) -> Role:
    """A role that can be given."""
    names = {"guest": Role.GUEST, "member": Role.MEMBER, "cohost": Role.COHOST}
    if not isinstance(value, str) or value not in names:
        raise _refuse(name, " or ".join(names))
    return names[value]


def message(name: str, value: object) -> str:
    """See `chat.clean_message`."""
    return clean_message(value)


position = number(0.0, LONGEST_SECONDS)
rate = number(LOWEST_RATE, HIGHEST_RATE)
revision = whole(0, 2**53)
seconds = whole(0, LONGEST_MUTE_SECONDS)


@dataclass(frozen=True, slots=True)
class May:
    """A field that may be left out."""

    read: Reader


FIELDS: Mapping[str, Mapping[str, Reader | May]] = {
    "party:play": {"currentTime": May(position), "expectedRev": May(revision)},
    "party:pause": {"currentTime": May(position), "expectedRev": May(revision)},
    "party:seek": {"currentTime": position, "expectedRev": May(revision)},
    "party:rate": {"rate": rate, "expectedRev": May(revision)},
    "party:media": {"item": mapping, "expectedRev": May(revision)},
    "party:queue:add": {"item": mapping},
    "party:queue:vote": {"itemId": word, "wants": May(yes)},
    "party:queue:skip": {"wants": May(yes)},
    "party:queue:move": {"itemId": word, "place": whole(0, MOST_ITEMS)},
    "party:queue:remove": {"itemId": word},
    "party:queue:next": {"expectedRev": May(revision)},
    "party:chat": {"message": message},
    "party:chat:delete": {"chatId": word},
    "party:chat:report": {"chatId": word},
    "party:mute": {"memberId": word, "seconds": May(seconds)},
    "party:unmute": {"memberId": word},
    "party:kick": {"memberId": word},
    "party:ban": {"memberId": word, "seconds": May(seconds)},
    "party:unban": {"subject": word},
    "party:role": {"memberId": word, "role": role},
    "party:host": {"memberId": word},
    "party:host:take": {},
    "party:settings": {"settings": mapping},
    "party:close": {},
    "party:ready": {"rev": May(revision)},
    "party:buffering": {"rev": May(revision)},
}


def read(type: str, data: object, *, id: str) -> Command:
    """A command from the wire. Raises `Rejected`: `party.bad_type`, `party.bad_field`."""
    fields = FIELDS.get(type)
    if fields is None:
        raise Rejected(
            f"There is no command {type[:40]!r}.", code="party.bad_type", advice="See docs/protocol.md."
        )
    given = {} if data is None else mapping("data", data)
    found: dict[str, Any] = {}
    for name, reader in fields.items():
        value = given.get(name)
        if value is None and isinstance(reader, May):
            found[name] = None
        else:
            found[name] = (reader.read if isinstance(reader, May) else reader)(name, value)
    return Command(type, found, id)
