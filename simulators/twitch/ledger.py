"""The append-only book of everything that happened. The oracle reads nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from simulators.twitch.moment import now_ms


@dataclass(frozen=True)
class Entry:
    """One fact. `by` is app, streamer, moderator, self (the viewer) or twitch; `at` in UTC milliseconds.

    Kinds: redeemed, fulfilled, refunded, vip_added, vip_removed, moderator_added, moderator_removed,
    blocked, unblocked, timed_out, contributed (paid otherwise than with points), arranged (VIP time that the streamer
    ordered from the application itself), stream_online, stream_offline, renamed, chat, rejected, access_lost,
    access_restored, account_deleted, reward_created, reward_updated, reward_deleted, event_dropped.
    """

    seq: int
    at: int
    kind: str
    channel_id: str = ""
    user_id: str = ""
    redemption_id: str = ""
    reward_id: str = ""
    by: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Ledger:
    """Entries in the order in which they happened; `seq` counts from 1."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def write(
        self,
        kind: str,
        *,
        channel_id: str = "",
        user_id: str = "",
        redemption_id: str = "",
        reward_id: str = "",
        by: str = "",
        **detail: Any,
    ) -> Entry:
        entry = Entry(
            seq=len(self._entries) + 1,
            at=now_ms(),
            kind=kind,
            channel_id=channel_id,
            user_id=user_id,
            redemption_id=redemption_id,
            reward_id=reward_id,
            by=by,
            detail=detail,
        )
        self._entries.append(entry)
        return entry

    def after(self, seq: int) -> list[Entry]:
        """The entries younger than `seq`."""
        return self._entries[seq:]

    def of(self, kind: str, **equals: str) -> list[Entry]:
        """The entries of a kind whose named fields have the given values."""
        return [
            entry
            for entry in self._entries
            if entry.kind == kind and all(getattr(entry, name) == value for name, value in equals.items())
        ]
