"""`/api/viewers/{id}/export` and `/api/viewers/{id}/erase`: a viewer's data, for the streamer who is asked for it."""

from __future__ import annotations

from aiohttp import web

from domain.errors import Conflict
from domain.ports import Clock
from handlers.erasure_rows import VIEWER, privacy_lane
from handlers.exporting import Exporter, Manifest
from handlers.vip.live_bodies import actor_body
from handlers.vip.operations import Operations, Request
from web.api.operations import PENDING, accepted, asker_of, operation_told, raise_if_refused
from web.download import Downloads
from web.keys import CHANNEL
from web.models.base import path_of, told
from web.models.privacy import PersonPath

MOST_EXPORTS = 2
"""At the same time in this process: each reads all rows of a channel."""


class PrivacyApi:
    def __init__(self, *, operations: Operations, exporter: Exporter, clock: Clock) -> None:
        self._operations, self._exporter, self._clock = operations, exporter, clock
        self._downloads = Downloads(most=MOST_EXPORTS, busy="privacy.busy")

    async def export(self, request: web.Request) -> web.StreamResponse:
        """GET `/api/viewers/{id}/export`. See `Downloads.send` for what goes wrong."""
        channel_id, viewer_id = request[CHANNEL], _viewer(request)
        pieces = self._exporter.viewer(viewer_id, channel_id, Manifest())
        name = f"cuelight-viewer-{viewer_id}-{self._clock.now()}.jsonl"
        return await self._downloads.send(request, pieces, name=name, content_type="application/x-ndjson")

    async def erase(self, request: web.Request) -> web.Response:
        """POST `/api/viewers/{id}/erase`."""
        channel_id, viewer_id, asker = request[CHANNEL], _viewer(request), asker_of(request)
        # Whom it was about is in the id alone, which tells nothing: it outlives the erasure.
        endpoint = f"POST /api/viewers/{viewer_id}/erase"
        operation = await self._operations.carry_out(
            Request(channel_id, asker.user_id, endpoint, asker.key, {}),
            kind=VIEWER,
            lane=privacy_lane(channel_id),
            body={"viewer_id": viewer_id, "actor": actor_body(asker.actor)},
        )
        raise_if_refused(operation)
        status = 202 if operation.state == PENDING else 200
        return told(operation_told(operation), status=status, headers=accepted(operation))


def _viewer(request: web.Request) -> str:
    """The viewer that is meant. Raises `Rejected`, and `Conflict` (`privacy.streamer`) for the streamer himself."""
    viewer_id = path_of(request, PersonPath).id
    if viewer_id == request[CHANNEL]:
        raise Conflict(
            "That is the streamer of this channel.",
            code="privacy.streamer",
            advice="Disconnect the channel and let its data be erased.",
        )
    return viewer_id
