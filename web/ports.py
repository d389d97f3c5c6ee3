"""What the web layer needs of the rest of the program. `daemon/wiring.py` hands in what fulfils it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Literal, Protocol, TypedDict

from domain.events import Arrival
from handlers.accounts.sessions import SignedIn
from storage.audit import AuditFilter

Taken = Literal["new", "duplicate", "conflict", "ignored"]


class EventSubSink(Protocol):
    """Where authentic EventSub messages go, whatever brought them."""

    async def notification(self, came: Arrival) -> Taken:
        """Keep one notification durably, once by its id. When it returns, the message may be acknowledged.

        `conflict`: the id is known with another body (the first stays in force, the second is kept beside it).
        Raises `Unavailable` when nothing was kept.
        """
        ...

    async def revocation(self, *, message_id: str, subscription: dict[str, Any], transport: str) -> None:
        """Twitch ended a subscription; `subscription["status"]` says why. May come more than once."""
        ...


class Channel(TypedDict):
    id: str
    login: str
    name: str


class Channels(Protocol):
    async def channels(self, ids: Iterable[str] | None = None) -> list[Channel]:
        """The channels with these ids, as far as they exist, the oldest first; `None`: all that this daemon serves."""
        ...

    async def channel(self, channel_id: str) -> Channel | None:
        """One of them."""
        ...


class Snapshots(Protocol):
    async def snapshot(self, channel_id: str) -> dict[str, Any]:
        """Everything that a channel's page shows. Holds every topic entry that was appended before the call."""
        ...


class Cron(Protocol):
    async def remove_expired(self) -> dict[str, Any]:
        """Queue the removal of every VIP whose time is over; returns counts. Calling it twice does no harm."""
        ...


class AuditReader(Protocol):
    async def audit(
        self, *, channel_id: str, only: AuditFilter, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Audit records, newest first, and the cursor of the next page. A malformed cursor raises `Rejected`."""
        ...

    async def viewer_id(self, channel_id: str, written: str) -> str:
        """The id of a viewer who is named by it or by his login; something that no viewer has for an unknown one."""
        ...

    def export(self, *, kind: str, channel_id: str, only: AuditFilter) -> AsyncIterator[bytes]:
        """The records as a file, `csv` or `json`, in pieces."""
        ...


class StorageProbe(Protocol):
    async def probe(self) -> None:
        """Write one small document durably, or raise `Unavailable`."""
        ...


class Backlog(Protocol):
    async def oldest_open(self) -> int | None:
        """When (UTC ms) the oldest event came that we could have handled and have not; `None` when nothing waits."""
        ...


class LoginBook(Protocol):
    """The sessions of browsers (`handlers/accounts/sessions.py`)."""

    async def open(
        self, *, subject: str, login: str, name: str, agent: str, replaces: str
    ) -> tuple[str, SignedIn]:
        """Begin a session: its key, for the browser alone, and the session. The one under the key `replaces` ends."""
        ...

    async def read(self, key: str) -> SignedIn | None:
        """The session that a key opens, while it is in force."""
        ...

    async def lasts(self, login_id: str, channel_id: str) -> bool:
        """Whether a session is in force and may see a channel ("": none is asked about)."""
        ...

    async def end(self, login_id: str, subject: str) -> None: ...

    async def end_all(self, subject: str) -> int:
        """End every session of somebody; returns how many there were."""
        ...

    def watch(self, watcher: Callable[[str], None]) -> None:
        """Be told whose sessions ended or changed ("": anybody's). Must not wait."""
        ...


class Newcomers(Protocol):
    async def nobody_yet(self) -> bool:
        """Whether nobody has signed in here so far: who does becomes the host."""
        ...


class LoopProbe(Protocol):
    def lag_seconds(self) -> float:
        """How late the event loop was when it was last measured, in seconds."""
        ...


class Check(Protocol):
    """One line of `/readyz` and `/api/health`. Only a failing `critical` check makes the daemon not ready."""

    @property
    def name(self) -> str: ...

    @property
    def critical(self) -> bool: ...

    async def check(self) -> str:
        """A few words when all is well; raises a `CuelightError` when not."""
        ...


class Exposition(Protocol):
    def render(self) -> tuple[bytes, str]:
        """The metrics as Prometheus text, and the content type."""
        ...


FetchKeys = Callable[[], Awaitable[dict[str, Any]]]
"""Fetches a JSON Web Key Set (`{"keys": [...]}`); raises `Unavailable` when it cannot."""
