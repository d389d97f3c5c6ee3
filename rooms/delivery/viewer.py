"""One socket in one room, as the room writes to it.

A frame goes to the line at once if the line is free. If not it waits here and not in the transport: what is newest of a
state takes the place of what was, what may be lost is lost, and what is too much or too old ends the connection, whose
client comes back and resumes. Nobody is ever awaited.
"""

from __future__ import annotations

from collections.abc import Callable

from rooms.delivery.budget import Budget
from rooms.delivery.line import Line
from rooms.delivery.messages import bye
from rooms.delivery.outbox import Kind, Outbox
from rooms.people import Member, Role

MOST_BYTES = 256 * 1024
"""What may wait for one viewer."""

ONE_WRITE = 64 * 1024
"""What is handed to a line at once, when much waits: as much as its kernel buffer holds."""

OLDEST_SECONDS = 5.0
SLOW = 4008
SLOW_RETRY_MS = 1000

_TICK = 0.02
_SHARE = 0.1
_RAREST = 0.25


class Viewer:
    """`role` is the one in the room as it stands now, kept up to date by the hub. `sync(why)` makes the payload of this
    viewer's `party:sync`, as a frame; None: such a viewer is asked to come back instead."""

    __slots__ = (
        "_budget", "_handed", "_look_at", "_outbox", "_stuck_at",
        "bucket", "is_closed", "line", "member", "role", "sync",
    )  # fmt: skip

    def __init__(
        self,
        line: Line,
        *,
        member: Member,
        budget: Budget,
        role: Role = Role.NOBODY,
        sync: Callable[[str], bytes] | None = None,
    ) -> None:
        self.line, self.member, self.role, self.sync = line, member, role, sync
        self.is_closed = False
        self.bucket = 0  # of the pings; of the hub
        self._budget = budget
        self._outbox: Outbox | None = None
        self._handed = 0  # bytes of ours that the line had not taken when it was last looked at
        self._stuck_at = 0.0
        self._look_at = 0.0

    @property
    def member_id(self) -> str:
        return self.member.id

    @property
    def is_host(self) -> bool:
        """Whether this is the host of the room."""
        return self.role is Role.HOST

    @property
    def waiting_bytes(self) -> int:
        """What this viewer keeps waiting, here and in the transport."""
        return (0 if self._outbox is None else self._outbox.size) + self.line.unsent

    @property
    def is_waiting(self) -> bool:
        """Whether something waits here, and has to be pumped."""
        return self._outbox is not None

    def send(self, frame: bytes, kind: Kind = Kind.KEEP, key: str = "") -> None:
        """Write a frame (or several, joined), now or when the line is free. After the end: nothing."""
        if self.is_closed:
            return
        if self._outbox is None and not self.line.unsent:
            self.line.write(frame)
        elif kind is not Kind.DROP:
            self._wait(frame, kind, key)

    def _wait(self, frame: bytes, kind: Kind, key: str) -> None:
        budget = self._budget
        now = budget.now()
        if self._outbox is None:
            self._outbox = Outbox()
            self._stuck_at, self._look_at = now, now
        outbox = self._outbox
        grows = outbox.grows_by(frame, kind, key)
        if outbox.size + grows + min(self.line.unsent, ONE_WRITE) > MOST_BYTES:
            self.give_up()
            return
        outbox.add(frame, kind, key, now=now)
        budget.take(self, grows)

    def pump(self, now: float) -> None:
        """Look whether the line is free again, and write what waits, up to 64 KiB. Who has waited for long is looked at
        less often; whose oldest frame waits for more than 5 s is too slow."""
        outbox = self._outbox
        if outbox is None or now < self._look_at:
            return
        if self.line.unsent:
            if len(outbox) and now - outbox.oldest() > OLDEST_SECONDS:
                self.give_up()
                return
            self._look_at = now + min(max(_TICK, _SHARE * (now - self._stuck_at)), _RAREST)
            return
        self._stuck_at = self._look_at = now
        self._budget.give(self._handed)
        self._handed = 0
        if not len(outbox):
            self._outbox = None
            self._budget.done(self)
            return
        before = outbox.size
        frames = outbox.take(ONE_WRITE)
        self._handed = before - outbox.size
        self.line.write(frames)

    def give_up(self) -> None:
        """Too slow: 4008, come back and resume."""
        if not self.is_closed:
            self._budget.gone_slow()
            self.close(SLOW, "slow", SLOW_RETRY_MS)

    def close(self, code: int, reason: str, retry_ms: int = 0) -> None:
        """Say `party:bye` and close. What waited is let go: the client resumes, or has nothing more to hear."""
        if self.is_closed:
            return
        self.detach()
        self.line.write(bye(code, reason, retry_ms))
        self.line.close(code, reason)

    def detach(self) -> None:
        """No part of the room any more; the socket may stay. What waited is let go."""
        self.is_closed = True
        if self._outbox is not None:
            self._budget.give(self._outbox.size + self._handed)
            self._outbox = None
            self._handed = 0
            self._budget.done(self)
