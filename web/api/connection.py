"""`/api/connection`: how a channel is connected to Twitch, and what can be done about it."""

from __future__ import annotations

from typing import Any, Protocol

from aiohttp import web

from handlers.vip.operations import Operation
from handlers.vip.vip_desk import Asker
from web.api.operations import PENDING, accepted, asker_of, raise_if_refused
from web.keys import CHANNEL
from web.models.base import told
from web.models.connection import ConnectionTold, Reconciled, Restarting


class Shown(Protocol):
    """`handlers.vip.connection.ConnectionView`."""

    async def show(self, channel_id: str) -> dict[str, Any]: ...


class Restart(Protocol):
    """`handlers.vip.channels.Enrolment`."""

    async def restart(self, channel_id: str) -> None: ...


class Desk(Protocol):
    """`handlers.vip.vip_desk.VipDesk`."""

    async def reconcile(self, asker: Asker) -> Operation: ...


class ConnectionApi:
    def __init__(self, *, shown: Shown, restart: Restart, desk: Desk) -> None:
        self._shown, self._restart, self._desk = shown, restart, desk

    async def show(self, request: web.Request) -> web.Response:
        """GET `/api/connection`."""
        return told(ConnectionTold.model_validate(await self._shown.show(request[CHANNEL])))

    async def restart(self, request: web.Request) -> web.Response:
        """POST `/api/connection/restart`."""
        await self._restart.restart(request[CHANNEL])
        return told(Restarting(), status=202)

    async def reconcile(self, request: web.Request) -> web.Response:
        """POST `/api/connection/reconcile`."""
        operation = await self._desk.reconcile(asker_of(request))
        raise_if_refused(operation)
        pending = operation.state == PENDING
        made = Reconciled(result=operation.result, operation=operation.id)
        return told(made, status=202 if pending else 200, headers=accepted(operation))
