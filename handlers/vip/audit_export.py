"""The audit trail as a file: CSV for spreadsheets, JSON for programs.

It is made piece by piece, so that a trail of any length costs the memory of a few hundred records.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from domain.audit import AuditRecord
from domain.events import format_time
from handlers.vip.live_bodies import activity_body
from storage.audit import AuditFilter, AuditTrail

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""In front of the CSV: without it, Excel takes UTF-8 for the local code page."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}",
            "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip

_COLUMNS: Mapping[str, Callable[[AuditRecord], Any]] = {
    "at": lambda record: format_time(record.at),
    "action": lambda record: record.action.value,
    "cause": lambda record: record.cause,
    "reason": lambda record: record.reason,
    "actor_kind": lambda record: record.actor.kind,
    "actor_id": lambda record: record.actor.id,
    "actor_name": lambda record: record.actor.name,
    "viewer_id": lambda record: record.viewer.id,
    "viewer_login": lambda record: record.viewer.login,
    "viewer_name": lambda record: record.viewer.name,
    "reward_title": lambda record: record.detail.get("reward_title", ""),
    "reward_cost": lambda record: record.detail.get("reward_cost", ""),
    "seconds": lambda record: record.detail.get("seconds", ""),
    "expires_at": lambda record: _time(record.detail.get("expires_at")),
    "detail": lambda record: json.dumps(record.detail, ensure_ascii=False, sort_keys=True),
    "id": lambda record: record.id,
}


class AuditExport:
    """Reads the trail newest first."""

    def __init__(self, *, audit: AuditTrail) -> None:
        self._audit = audit

    def pieces(self, kind: str, channel_id: str, only: AuditFilter) -> AsyncIterator[bytes]:
        """The file, `csv` or `json`, in pieces of some hundred records. Raises what the store raises."""
        return self._csv(channel_id, only) if kind == "csv" else self._json(channel_id, only)

    async def _csv(self, channel_id: str, only: AuditFilter) -> AsyncIterator[bytes]:
        head = BOM + _lines([list(_COLUMNS)])
        async for records in self._audit.batches(channel_id, only):
            rows = [[_cell(read(record)) for read in _COLUMNS.values()] for record in records]
            yield (head + _lines(rows)).encode("utf-8", "replace")
            head = ""

    async def _json(self, channel_id: str, only: AuditFilter) -> AsyncIterator[bytes]:
        before = "["
        async for records in self._audit.batches(channel_id, only):
            piece = []
            for record in records:
                piece.append(f"{before}\n{json.dumps(activity_body(record), ensure_ascii=False)}")
                before = ","
            yield "".join(piece).encode("utf-8", "replace")
        yield b"[]\n" if before == "[" else b"\n]\n"


def _lines(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front. Viewers choose their names."""
    if isinstance(value, int | float):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _time(value: Any) -> str:
    return format_time(value) if isinstance(value, int) else ""
