"""`/api/viewers`: the allow, block and protected lists, and who somebody is."""

from __future__ import annotations

from aiohttp import web

from domain.viewer import ViewerRecord
from handlers.vip.lists import Lists
from web.api.operations import PENDING, accepted, asker_of, raise_if_refused
from web.keys import CHANNEL
from web.models.base import body_of, query_of, told
from web.models.viewers import (
    FindAsked,
    FoundViewer,
    ListAsked,
    ListedViewer,
    ListPage,
    ListPending,
    ListWanted,
)


class ViewersApi:
    def __init__(self, *, lists: Lists) -> None:
        self._lists = lists

    async def page(self, request: web.Request) -> web.Response:
        """GET `/api/viewers`."""
        asked = query_of(request, ListAsked)
        records, cursor = await self._lists.page(
            request[CHANNEL],
            listed=asked.listed,
            search=asked.search,
            limit=asked.limit,
            cursor=asked.cursor or None,
        )
        return told(ListPage(entries=[_listed(record) for record in records], cursor=cursor))

    async def put(self, request: web.Request) -> web.Response:
        """PUT `/api/viewers`."""
        asked = body_of(request, ListWanted)
        operation, record = await self._lists.put(asker_of(request), asked.viewer, asked.listed)
        raise_if_refused(operation)
        if operation.state == PENDING or record is None:
            pending = ListPending(result=operation.result, operation=operation.id)
            return told(pending, status=202, headers=accepted(operation))
        return told(_listed(record))

    async def find(self, request: web.Request) -> web.Response:
        """GET `/api/viewers/find`."""
        viewer = await self._lists.find(request[CHANNEL], query_of(request, FindAsked).login)
        return told(FoundViewer(id=viewer.id, login=viewer.login, name=viewer.name))


def _listed(record: ViewerRecord) -> ListedViewer:
    return ListedViewer(
        id=record.viewer_id,
        login=record.login,
        name=record.name,
        listed=record.listed.value,
        seen_at=record.seen_at,
    )
