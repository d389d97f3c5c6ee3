"""`/api/vip`: who is VIP, and what a streamer or a moderator does about it."""

from __future__ import annotations

from typing import Any, Protocol

from aiohttp import web

from handlers.vip.operations import Operation
from handlers.vip.vip_desk import Asker, Wish
from handlers.vip.vip_list import VipQuery
from web.api.operations import PENDING, accepted, asker_of, raise_if_refused
from web.keys import CHANNEL
from web.models.base import body_of, query_of, told
from web.models.vips import (
    ExtensionWanted,
    ProtectionWanted,
    RevocationWanted,
    Vip,
    VipDone,
    VipPage,
    VipsAsked,
    VipWanted,
)


class Lists(Protocol):
    """`handlers.vip.vip_list.VipList`."""

    async def page(self, channel_id: str, query: VipQuery) -> dict[str, Any]: ...

    async def of(self, channel_id: str, viewer_id: str) -> dict[str, Any] | None: ...


class Desk(Protocol):
    """`handlers.vip.vip_desk.VipDesk`."""

    async def ask(self, asker: Asker, wish: Wish) -> Operation: ...


class VipsApi:
    def __init__(self, *, lists: Lists, desk: Desk) -> None:
        self._lists, self._desk = lists, desk

    async def page(self, request: web.Request) -> web.Response:
        """GET `/api/vip`."""
        asked = query_of(request, VipsAsked)
        page = await self._lists.page(request[CHANNEL], VipQuery(**asked.model_dump()))
        return told(VipPage.model_validate(page))

    async def grant(self, request: web.Request) -> web.Response:
        """POST `/api/vip`."""
        asked = body_of(request, VipWanted)
        return await self._done(request, "vip.grant", asked.viewer, _rest(asked), status=201)

    async def revoke(self, request: web.Request) -> web.Response:
        """DELETE `/api/vip`."""
        asked = query_of(request, RevocationWanted)
        return await self._done(request, "vip.revoke", asked.viewer, _rest(asked))

    async def extend(self, request: web.Request) -> web.Response:
        """POST `/api/vip/extend`."""
        asked = body_of(request, ExtensionWanted)
        return await self._done(request, "vip.extend", asked.viewer, _rest(asked))

    async def protect(self, request: web.Request) -> web.Response:
        """POST `/api/vip/protect`."""
        asked = body_of(request, ProtectionWanted)
        return await self._done(request, "vip.protect", asked.viewer, _rest(asked))

    async def _done(
        self, request: web.Request, kind: str, written: str, fields: dict[str, Any], status: int = 200
    ) -> web.Response:
        asker = asker_of(request)
        operation = await self._desk.ask(asker, Wish(kind, written, fields))
        raise_if_refused(operation)
        vip = None
        if operation.state != PENDING and operation.viewer_id:
            vip = await self._lists.of(asker.channel_id, operation.viewer_id)
        made = VipDone(
            result=operation.result,
            vip=None if vip is None else Vip.model_validate(vip),
            operation=operation.id,
        )
        return told(made, status=202 if operation.state == PENDING else status, headers=accepted(operation))


def _rest(asked: VipWanted | RevocationWanted | ExtensionWanted | ProtectionWanted) -> dict[str, Any]:
    return asked.model_dump(exclude={"viewer"})
