"""What `cuelight channels list` shows, and how a look at everything of a channel is ordered."""

from __future__ import annotations

import secrets
from typing import Any

from domain.errors import NotFound
from domain.inbox import RowState
from domain.ports import Clock
from handlers.accounts.permissions import PermissionDesk
from handlers.intake import Intake
from handlers.vip.channels import Enrolment
from handlers.vip.reconcile import reconciliation_of
from storage.channels import Channels
from storage.inbox import Inbox
from storage.sessions import Sessions
from storage.slots import SlotsOf
from storage.viewers import Viewers

WAIT_SECONDS = 20.0
LOOK_SECONDS = 0.1


class ChannelOverview:
    """Every channel on one page."""

    def __init__(
        self,
        *,
        enrolment: Enrolment,
        channels: Channels,
        sessions: Sessions,
        viewers: Viewers,
        slots: SlotsOf,
        inbox: Inbox,
        permissions: PermissionDesk,
        intake: Intake,
        clock: Clock,
    ) -> None:
        self._enrolment, self._channels, self._sessions = enrolment, channels, sessions
        self._viewers, self._slots, self._inbox = viewers, slots, inbox
        self._permissions, self._intake, self._clock = permissions, intake, clock

    async def list(self) -> dict[str, Any]:
        """`state`: live, paused, or how the connection is. `vips`: made by us; `by_hand`: the others. `login`: good, or
        what is wrong with it."""
        return {"channels": [await self._row(channel) for channel in await self._enrolment.listed()]}

    async def _row(self, channel: dict[str, Any]) -> dict[str, Any]:
        channel_id = channel["id"]
        slots = await self._slots.get(channel_id)
        counts = await self._inbox.counts(channel_id)
        granted = await self._permissions.of(channel_id)
        connection = channel.get("connection") or {}
        return {
            **channel,
            "state": "paused" if channel.get("paused") else connection.get("state", ""),
            "vips": len(await self._sessions.active(channel_id)),
            "by_hand": len(await self._viewers.by_hand(channel_id)),
            "waiting": len(slots.waiting),
            "backlog": counts.get("open", 0),
            "login_state": "good" if granted.good else "needed",
            "login_detail": granted.detail,
        }

    async def reconcile(self, channel_id: str) -> dict[str, Any]:
        """Have everything that Twitch knows of a channel looked at, and wait for that some seconds. `row` is its id in
        the inbox; `state` and `result` are those of the row by then. Raises `NotFound`."""
        if await self._channels.get(channel_id) is None:
            raise NotFound(
                f"There is no channel {channel_id}.", advice="`cuelight channels list` shows which there are."
            )
        delivery = reconciliation_of(channel_id, run=f"order.{secrets.token_hex(8)}")
        await self._intake.accept(delivery)
        deadline = self._clock.monotonic() + WAIT_SECONDS
        while True:
            row = await self._inbox.get(delivery.row_id)
            if row.state is not RowState.OPEN or self._clock.monotonic() > deadline:
                return {"id": channel_id, "row": row.id, "state": row.state.value, "result": row.result}
            await self._clock.sleep(LOOK_SECONDS)
