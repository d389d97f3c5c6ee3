"""The allow, block and protected lists of a channel. A viewer is put on one by a row in his lane, like everything that
may change his VIP."""

from __future__ import annotations

from domain.channel import Viewer
from domain.viewer import Listed, ViewerRecord
from handlers.vip.operations import Operation
from handlers.vip.vip_desk import Asker, VipDesk, Wish
from handlers.vip.who import Who
from storage.viewers import Viewers

KIND = "viewer.list"


class Lists:
    def __init__(self, *, viewers: Viewers, desk: VipDesk, who: Who) -> None:
        self._viewers, self._desk, self._who = viewers, desk, who

    async def page(
        self, channel_id: str, *, listed: str | None, search: str, limit: int, cursor: str | None
    ) -> tuple[list[ViewerRecord], str | None]:
        """A page of a list (`None`: of all three), by login, and the cursor of the next. Raises `Rejected` for a bad
        cursor."""
        which = None if listed is None else Listed(listed)
        return await self._viewers.listed(channel_id, which, search, limit, cursor)

    async def put(self, asker: Asker, written: str, listed: str) -> tuple[Operation, ViewerRecord | None]:
        """Put a viewer (a login or an id) on a list, or on none. What came of it by now, and the viewer's record if it
        is done. Raises `NotFound` (`vip.no_viewer`) and what Helix and the store raise."""
        operation = await self._desk.ask(asker, Wish(KIND, written, {"listed": listed}))
        if operation.state != "done" or operation.refused or not operation.viewer_id:
            return operation, None
        return operation, await self._viewers.get(asker.channel_id, operation.viewer_id)

    async def find(self, channel_id: str, written: str) -> Viewer:
        """Who has this login or id on Twitch. Raises `NotFound`, `Rejected`, and what Helix raises."""
        return await self._who.find(channel_id, written)
