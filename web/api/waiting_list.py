"""`/api/waiting-list`: who waits for a slot."""

from __future__ import annotations

from typing import Any, Protocol

from aiohttp import web

from domain.errors import NotFound
from handlers.vip.operations import Operation
from handlers.vip.vip_desk import Asker
from web.api.operations import PENDING, accepted, asker_of, raise_if_refused
from web.keys import CHANNEL
from web.models.base import path_of, told
from web.models.vips import LetGo, RedemptionId, WaitingList


class Shown(Protocol):
    """`handlers.vip.live.Live`."""

    async def waiting(self, channel_id: str) -> dict[str, Any] | None: ...


class Desk(Protocol):
    """`handlers.vip.vip_desk.VipDesk`."""

    async def let_go(self, asker: Asker, redemption_id: str) -> Operation: ...


class WaitingListApi:
    def __init__(self, *, shown: Shown, desk: Desk) -> None:
        self._shown, self._desk = shown, desk

    async def show(self, request: web.Request) -> web.Response:
        """GET `/api/waiting-list`."""
        found = await self._shown.waiting(request[CHANNEL])
        if found is None:
            raise NotFound("There is no such channel.", code="web.no_channel")
        return told(WaitingList.model_validate(found))

    async def let_go(self, request: web.Request) -> web.Response:
        """DELETE `/api/waiting-list/{redemption_id}`."""
        asked = path_of(request, RedemptionId)
        operation = await self._desk.let_go(asker_of(request), asked.redemption_id)
        raise_if_refused(operation)
        pending = operation.state == PENDING
        made = LetGo(result=operation.result, operation=operation.id)
        return told(made, status=202 if pending else 200, headers=accepted(operation))
