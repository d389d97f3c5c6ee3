"""The list of VIPs: ours and those made by hand, filtered, sorted, page by page.

Active ones are few (Twitch gives a channel some hundred slots at most), so they are read whole and sorted here; ended
ones are read from the store in pages. In a list of all, the active ones come first.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from domain.errors import Rejected
from domain.ports import Clock
from handlers.vip.live import Live
from handlers.vip.live_bodies import BY_HAND, vip_body
from storage.sessions import Sessions

Body = dict[str, Any]
Key = tuple[Any, ...]
_NEVER = 1 << 62  # later than any end

_KEYS: Mapping[str, Callable[[Body], Key]] = {
    "ends": lambda vip: (_NEVER if vip["expires_at"] is None else vip["expires_at"], vip["id"]),
    "granted": lambda vip: (-vip["granted_at"], vip["id"]),
    "name": lambda vip: (vip["viewer_login"], vip["id"]),
}


@dataclass(frozen=True, slots=True)
class VipQuery:
    """`search`: how the login or the name begins. `sort`: `ends` has who ends next (or ended last) in front, `granted`
    the latest, `name` goes by login."""

    state: Literal["active", "ended", "all"] = "active"
    by: Literal["ours", "hand", "all"] = "all"
    search: str = ""
    sort: Literal["ends", "granted", "name"] = "ends"
    limit: int = 50
    cursor: str = ""


class VipList:
    """Reads; see the module."""

    def __init__(self, *, sessions: Sessions, live: Live, clock: Clock) -> None:
        self._sessions, self._live, self._clock = sessions, live, clock

    async def page(self, channel_id: str, query: VipQuery) -> dict[str, Any]:
        """`{"entries", "cursor", "total_active", "now"}`. Raises `Rejected` for a cursor that is not of this list."""
        phase, position = _read_cursor(query)
        active = await self._active(channel_id)
        entries: list[Body] = []
        following: str | None = None
        if phase == "active":
            key = _KEYS[query.sort]
            chosen = sorted((vip for vip in active if _fits(vip, query)), key=key)
            left = [vip for vip in chosen if position is None or key(vip) > tuple(position)]
            entries = left[: query.limit]
            if len(left) > query.limit:
                following = _cursor(query, "active", list(key(entries[-1])))
            elif query.state == "all" and query.by != "hand":
                phase, position = "ended", None
        if phase == "ended" and query.by != "hand":  # what was made by hand is not kept when it is gone
            room = query.limit - len(entries)
            if not room:
                following = _cursor(query, "ended", None)
            else:
                ended, cursor = await self._sessions.ended_page(
                    channel_id, by=query.sort, search=query.search, limit=room, after=position
                )
                entries += [vip_body(session) for session in ended]
                following = None if cursor is None else _cursor(query, "ended", cursor)
        now = self._clock.now()
        return {
            "entries": [with_time_left(vip, now=now) for vip in entries],
            "cursor": following,
            "total_active": len(active),
            "now": now,
        }

    async def of(self, channel_id: str, viewer_id: str) -> Body | None:
        """The VIP that a viewer has now."""
        vip = next((vip for vip in await self._active(channel_id) if vip["viewer_id"] == viewer_id), None)
        return None if vip is None else with_time_left(vip, now=self._clock.now())

    async def _active(self, channel_id: str) -> list[Body]:
        sessions = await self._sessions.active(channel_id)
        ours = {session.viewer_id for session in sessions}
        return [*[vip_body(session) for session in sessions], *await self._live.by_hand(channel_id, ours)]


def with_time_left(vip: Body, *, now: int) -> Body:
    """A VIP with `left_seconds`: null for one without an end."""
    expires_at = vip["expires_at"] if vip["status"] == "active" else now
    return {**vip, "left_seconds": None if expires_at is None else max(0, -(-(expires_at - now) // 1000))}


def _fits(vip: Body, query: VipQuery) -> bool:
    by_hand = vip["method"] == BY_HAND
    if query.by != "all" and by_hand != (query.by == "hand"):
        return False
    start = query.search.casefold()
    login, name = str(vip["viewer_login"]), str(vip["viewer_name"])
    return login.startswith(start) or name.casefold().startswith(start)


def _cursor(query: VipQuery, phase: str, position: Any) -> str:
    text = json.dumps([query.state, query.by, query.search, query.sort, phase, position])
    return base64.urlsafe_b64encode(text.encode()).decode("ascii")


def _read_cursor(query: VipQuery) -> tuple[str, Any]:
    """Where to go on. Raises `Rejected`."""
    if not query.cursor:
        return ("ended" if query.state == "ended" else "active"), None
    try:
        *asked, phase, position = json.loads(base64.b64decode(query.cursor, altchars=b"-_", validate=True))
        right = asked == [query.state, query.by, query.search, query.sort]
        if not right or not (_is_key(position, query) if phase == "active" else _is_cursor(phase, position)):
            raise ValueError(phase)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise Rejected(
            "This cursor does not belong to this list.",
            code="storage.cursor",
            advice="Start again from the first page.",
        ) from None
    return phase, position


def _is_key(position: Any, query: VipQuery) -> bool:
    first = str if query.sort == "name" else int
    return (
        isinstance(position, list)
        and len(position) == 2
        and isinstance(position[0], first)
        and isinstance(position[1], str)
    )


def _is_cursor(phase: Any, position: Any) -> bool:
    return phase == "ended" and (position is None or isinstance(position, str))
