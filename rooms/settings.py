"""What the host can set about a room: each setting is a row of `FIELDS`: its wire name, its field, its bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from domain.errors import Rejected
from rooms.people import Role, clean_text


class Waiting(StrEnum):
    """Whom the film waits for when it has to load."""

    AUTO = "auto"  # for a quorum, and for nobody above 50 members
    ALL = "all"
    QUORUM = "quorum"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Settings:
    """`control`: the least role that plays, pauses and seeks; `queueing`: that adds to the queue. `slow_seconds`
    between two chat messages of a member. `quorum`: this share of the players has to be ready. `grace_seconds`: how
    long a host may be away; `hosting`: the least role that becomes host by itself then. `words` are not said in this
    chat. `password` is a hash, never what was typed."""

    title: str = ""
    is_public: bool = False
    vip_only: bool = False
    control: Role = Role.HOST
    queueing: Role = Role.MEMBER
    guests_chat: bool = True
    slow_seconds: int = 0
    words: tuple[str, ...] = ()
    waiting: Waiting = Waiting.AUTO
    quorum: float = 0.8
    grace_seconds: int = 20
    host_returns: bool = False
    hosting: Role = Role.GUEST
    plays_next: bool = True
    most_members: int = 12_000
    password: str = ""


def _refuse(name: str, wanted: str) -> Rejected:
    return Rejected(f"{name} has to be {wanted}.", code="party.bad_field", advice=f"Send {name} as {wanted}.")


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refuse(name, "true or false")
    return value


def _number(low: int, high: int) -> Callable[[str, object], int]:
    def read(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _refuse(name, f"a whole number from {low} to {high}")
        return value

    return read


def _share(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.5 <= value <= 1:
        raise _refuse(name, "a number from 0.5 to 1")
    return float(value)


def _text(longest: int) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        if not isinstance(value, str) or len(value) > longest:
            raise _refuse(name, f"text of at most {longest} characters")
        return " ".join(clean_text(value).split())

    return read


def _role(*allowed: Role) -> Callable[[str, object], Role]:
    names = {role.name.lower(): role for role in allowed}

    def read(name: str, value: object) -> Role:
        if not isinstance(value, str) or value not in names:
            raise _refuse(name, " or ".join(names))
        return names[value]

    return read


def _waiting(name: str, value: object) -> Waiting:
    if not isinstance(value, str) or value not in set(Waiting):
        raise _refuse(name, " or ".join(Waiting))
    return Waiting(value)


def _words(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > 100:
        raise _refuse(name, "a list of at most 100 words")
    read = _text(40)
    return tuple(sorted({word.casefold() for word in (read(name, one) for one in value) if word}))


def _hash(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise _refuse(name, "a hash")
    return value


FIELDS: Mapping[str, tuple[str, Callable[[str, object], Any]]] = {
    "title": ("title", _text(80)),
    "isPublic": ("is_public", _flag),
    "vipOnly": ("vip_only", _flag),
    "control": ("control", _role(Role.MEMBER, Role.COHOST, Role.HOST)),
    "queueing": ("queueing", _role(Role.GUEST, Role.MEMBER, Role.COHOST, Role.HOST)),
    "guestsChat": ("guests_chat", _flag),
    "slowSeconds": ("slow_seconds", _number(0, 600)),
    "words": ("words", _words),
    "waiting": ("waiting", _waiting),
    "quorum": ("quorum", _share),
    "graceSeconds": ("grace_seconds", _number(5, 120)),
    "hostReturns": ("host_returns", _flag),
    "hosting": ("hosting", _role(Role.GUEST, Role.MEMBER, Role.COHOST)),
    "playsNext": ("plays_next", _flag),
    "mostMembers": ("most_members", _number(2, 12_000)),
    "passwordHash": ("password", _hash),
}
"""Wire name → field and reader. `passwordHash` is written by the server alone: `party:settings` takes `password`."""


def changed(settings: Settings, wanted: Mapping[str, Any]) -> Settings:
    """The settings with some of them as wanted (wire names). Raises `Rejected` (`party.bad_field`): unknown, or out of
    bounds."""
    found = {}
    for name, value in wanted.items():
        if name not in FIELDS:
            raise Rejected(
                f"There is no setting {name[:40]!r}.",
                code="party.bad_field",
                advice="The settings are " + ", ".join(sorted(FIELDS.keys() - {"passwordHash"})) + ".",
            )
        field, read = FIELDS[name]
        found[field] = read(name, value)
    return replace(settings, **found)


def to_wire(settings: Settings) -> dict[str, Any]:
    """Every setting by its wire name, as `changed` takes it."""
    held = asdict(settings)
    found: dict[str, Any] = {}
    for name, (field, _) in FIELDS.items():
        value = held[field]
        found[name] = value.name.lower() if isinstance(value, Role) else value
    return found | {"words": list(settings.words), "waiting": str(settings.waiting)}


def shown(settings: Settings) -> dict[str, Any]:
    """The settings as viewers see them: that there is a password, not its hash; words are for those who set them."""
    found = to_wire(settings)
    del found["words"]
    return found | {"hasPassword": bool(found.pop("passwordHash"))}
