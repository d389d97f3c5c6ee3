"""What every topic log promises. One suite (`tests/gateways/topics/test_topics_contract.py`) holds all to it.

A **topic** is an ordered, bounded log. Each entry has a sequence number `seq` (1, 2, 3 … without holes) within an
**epoch**, a short string that changes whenever the log has lost what it held. `(epoch, seq)` is the cursor of a
follower: it either gets every entry after its cursor, once and in order, or is told that its position is lost and
begins again from a snapshot. Never a silent gap.

Only entries marked `state` count towards `rev`, the number that guards decisions: two processes that decided on the
same `rev` cannot both append. Other entries (chat, notices) move `seq` alone.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from domain.errors import Conflict, Rejected


@dataclass(frozen=True, slots=True, order=False)
class Position:
    """A place in a topic: after entry `seq` of `epoch`. `seq` 0 is the beginning. Text form: `epoch-seq`."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `epoch-seq`; raises `Rejected` for anything else (bad characters, no number, too long)."""
        epoch, dash, digits = text.rpartition("-")
        if not dash or len(text) > 64 or not epoch.isalnum() or not epoch.isascii():
            raise Rejected("That is not a position.", code="topic.position", advice="Begin without one.")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
            raise Rejected("That is not a position.", code="topic.position", advice="Begin without one.")
        return cls(epoch, int(digits))


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What a writer hands in. `body` is a JSON object; `version` tells readers how to read it."""

    kind: str
    body: dict[str, Any] = field(default_factory=dict)
    state: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """What a reader gets: the writer's entry with its place and the time of its append (UTC ms)."""

    position: Position
    at: int
    kind: str
    body: dict[str, Any]
    state: bool
    version: int


@dataclass(frozen=True, slots=True)
class Head:
    """The newest position of a topic and its `rev` (how many state entries the epoch has seen)."""

    position: Position
    rev: int


class GuardFailed(Conflict):
    """Somebody else appended a state entry first: catch up, then decide again."""

    code = "topic.guard"


class PositionLost(Rejected):
    """The entries after this position are gone (other epoch, trimmed, or ahead of the log): begin from a snapshot."""

    code = "topic.position_lost"


class Follower(Protocol):
    """One reader's view of a topic. Not shared between tasks."""

    @property
    def position(self) -> Position:
        """After the last entry that was handed out."""
        ...

    async def next(self, *, timeout_seconds: float | None = None) -> list[Entry]:
        """The entries after `position`, at least one; waits for them. An empty list means that the time ran out.
        Raises `PositionLost` when the reader fell behind the bounded log or the epoch changed."""
        ...


class Topics(Protocol):
    """All topics of one fleet (or of one process)."""

    async def append(
        self, topic: str, entry: NewEntry, *, guard: int | None = None, key: str | None = None
    ) -> Position:
        """Add an entry and wake the followers.

        `guard`: append only while the topic's `rev` is this number, else `GuardFailed`. `key`: an entry with this
        key that is still remembered makes the call a no-op that returns the first one's position (the key wins over
        the guard). A body over the size bound raises `Rejected`.
        """
        ...

    async def read(self, topic: str, after: Position, *, limit: int = 500) -> list[Entry]:
        """The entries after a position, oldest first, perhaps none. Raises `PositionLost`."""
        ...

    async def head(self, topic: str) -> Head:
        """The newest position; a topic without entries has `seq` 0 and `rev` 0."""
        ...

    def follow(self, topic: str, after: Position | None = None) -> AbstractAsyncContextManager[Follower]:
        """Follow from a position (`None`: from now on). Entering raises `PositionLost` for a position that is gone.
        A follower that is entered misses nothing that is appended afterwards."""
        ...

    async def reseed(self, topic: str, snapshot: dict[str, Any], old_epoch: str) -> Position:
        """Begin a new epoch whose base is `snapshot`, if the epoch is still `old_epoch`; else return the present head.
        Followers of the old epoch get `PositionLost`."""
        ...

    async def snapshot(self, topic: str) -> tuple[Position, dict[str, Any]] | None:
        """The snapshot that the present epoch began from and the position it stands for, if there is one."""
        ...

    async def close(self) -> None:
        """Wake every follower with `Unavailable` and end."""
        ...
