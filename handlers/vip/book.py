"""Writes down what a person changed of a channel: the audit trail, the line on the page, and which parts of the
settings an open page should fetch again. For changes that are made at once; those of VIPs go through lanes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from domain.audit import Action, Actor, AuditRecord
from domain.ports import Clock
from handlers.vip.live import Live
from storage.audit import AuditTrail


class Book:
    def __init__(self, *, audit: AuditTrail, live: Live, clock: Clock) -> None:
        self._audit, self._live, self._clock = audit, live, clock

    async def write(
        self,
        channel_id: str,
        action: Action,
        actor: Actor,
        *,
        parts: Sequence[str],
        detail: Mapping[str, Any],
        id: str = "",
    ) -> bool:
        """Write a record and show it. `parts`: of the settings (docs/live.md). With an `id` (of the row that did it)
        repeating it doubles nothing. Returns whether the record is new."""
        record = AuditRecord(
            id=id or f"{action.value}:{secrets.token_hex(8)}",
            channel_id=channel_id,
            at=self._clock.now(),
            action=action,
            actor=actor,
            cause="api" if actor.kind == "api" else "dashboard",
            detail=dict(detail),
        )
        new = await self._audit.add(record)
        await self._live.show_activity(record)
        await self._live.show_settings(channel_id, parts=parts, by=actor, key=record.id)
        return new
