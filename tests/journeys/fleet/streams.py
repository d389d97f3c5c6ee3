"""What a dashboard sees: server-sent events, what the page makes of them, and the oracle of the stream.

The promise (`docs/live.md`): every entry after the cursor, once and in order, or a `reset` with the whole picture.
Never a silent gap. Pure; `watching.py` reads the sockets.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """One event of a stream; `retry` alone has no name."""

    id: str = ""
    name: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    retry_ms: int | None = None


class Parser:
    """From bytes to events, wherever the reads divide them (HTML standard, "Parsing an event stream")."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that are complete with this chunk."""
        *blocks, self._rest = (self._rest + chunk).split(b"\n\n")
        for block in blocks:
            fields: dict[str, str] = {}
            for line in block.decode().split("\n"):
                name, _, value = line.partition(": ")
                if name:
                    fields[name] = value
            if set(fields) & {"event", "retry"}:
                yield Event(
                    id=fields.get("id", ""),
                    name=fields.get("event", ""),
                    data=json.loads(fields.get("data", "{}")),
                    retry_ms=int(fields["retry"]) if "retry" in fields else None,
                )

    @property
    def torn(self) -> bool:
        """Whether half an event was the last that came."""
        return bool(self._rest)


class Page:
    """One page over all its connections: what it shows, where it is, and every breach of the promise."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.position = ""
        self.faults: list[str] = []
        self.resets = 0
        self.entries = 0
        self.connections = 0
        self.vips: dict[str, dict[str, Any]] = {}
        self.activity: set[str] = set()
        self.retries_ms: list[int] = []
        self._fresh = True

    def connected(self) -> None:
        """A new connection, from `position` on."""
        self.connections += 1

    def take(self, event: Event) -> None:
        """The next event of the connection."""
        if event.retry_ms is not None:
            self.retries_ms.append(event.retry_ms)
        if event.name == "reset":
            self._reset(event)
        elif event.name in ("vip", "activity", "channel"):
            self._entry(event)
        elif event.name:
            self.faults.append(f"an event that nobody knows: {event.name}")

    def _reset(self, event: Event) -> None:
        epoch, seq = _position(event.id)
        before_epoch, before_seq = _position(self.position) if self.position else ("", 0)
        if epoch == before_epoch and seq < before_seq:
            self.faults.append(f"a reset went back from {self.position} to {event.id}")
        self.resets += 1
        self.position = event.id
        self.vips = {vip["id"]: vip for vip in event.data["vips"]}
        self.activity |= {line["id"] for line in event.data["activity"]}

    def _entry(self, event: Event) -> None:
        self.entries += 1
        if not self.position:
            self.faults.append(f"{event.id} came before any picture")
        else:
            before, now = _position(self.position), _position(event.id)
            if now[0] != before[0]:
                self.faults.append(f"a new epoch without a reset: {event.id} after {self.position}")
            elif now[1] != before[1] + 1:
                kind = "a gap" if now[1] > before[1] else "again or out of order"
                self.faults.append(f"{kind}: {event.id} after {self.position}")
        self.position = event.id
        if event.name == "vip":
            self.vips[event.data["id"]] = event.data
        elif event.name == "activity":
            self.activity.add(event.data["id"])


def differences(page: Page, fresh: Page) -> list[str]:
    """Where what a page shows differs from what a page shows that was opened just now."""
    wrong = []
    for key, vip in fresh.vips.items():
        shown = page.vips.get(key)
        for name in ("status", "expires_at", "ended_because"):
            if shown is None or shown[name] != vip[name]:
                wrong.append(
                    f"{page.name}: session {key} has {name} {shown and shown[name]}, not {vip[name]}"
                )
                break
    active = {key for key, vip in page.vips.items() if vip["status"] == "active"}
    wrong += [f"{page.name}: session {key} is shown and is over" for key in active - set(fresh.vips)]
    return wrong


def _position(text: str) -> tuple[str, int]:
    epoch, _, seq = text.rpartition("-")
    return epoch, int(seq)
