"""From what people write (a login or an id) to the viewer on Twitch."""

from __future__ import annotations

import re

from domain.channel import Viewer
from domain.errors import NotFound, Rejected
from gateways.twitch.contracts import Helix

LONGEST = 64
_ID = re.compile(r"[0-9]{1,20}")
_LOGIN = re.compile(r"[a-z0-9_]{1,25}")


class Who:
    """Asks Twitch."""

    def __init__(self, *, helix: Helix) -> None:
        self._helix = helix

    async def find(self, channel_id: str, written: str) -> Viewer:
        """The viewer with this id, else with this login (`@` and capitals do not matter; a login may consist of digits
        as well). Raises `NotFound` (`vip.no_viewer`), `Rejected` for what can be neither, and what Helix raises."""
        name = written.strip().removeprefix("@").lower()
        if not _LOGIN.fullmatch(name):
            raise Rejected(
                "That can be no login on Twitch.",
                code="vip.viewer",
                advice="A login has letters, digits and underscores; or give the viewer's id.",
            )
        if _ID.fullmatch(name):
            found = await self._helix.users(channel_id, ids=[name])
            if found:
                return Viewer(found[0].id, found[0].login, found[0].name)
        found = await self._helix.users(channel_id, logins=[name])
        if not found:
            raise NotFound(
                f"Nobody on Twitch is called {name}.",
                code="vip.no_viewer",
                advice="Check the spelling; who was banned or has left is not shown by Twitch.",
            )
        return Viewer(found[0].id, found[0].login, found[0].name)
