"""What is done in a room for somebody who need not be in it: a redemption at Twitch opens the channel's room, or adds
to its queue. The entries are the room's own (no member says them), so `apply.py` asks here whether they still hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from gateways.topics.contracts import NewEntry
from rooms.entries import Draft, entry, item_body
from rooms.queue import MOST_ITEMS, Item
from rooms.settings import Settings, to_wire
from rooms.state import Room

_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_YOUTUBE = frozenset(
    {"youtube.com", "m.youtube.com", "music.youtube.com", "youtube-nocookie.com", "youtu.be"}
)
_CLOSING = ".,;:!?)]}>\"'»”"
"""What ends a sentence around an address, and no address."""


def refusal(room: Room, subject: str, *, is_vip: bool, now: int) -> str:
    """Why nothing can be added for somebody: closed, full, banned, muted, vip_only; "" if it can. `now` in µs of room
    time."""
    if not room.opened_at or room.closed_at:
        return "closed"
    if room.is_banned(subject, now):
        return "banned"
    if room.is_muted(subject, now):
        return "muted"
    if room.settings.vip_only and not is_vip:
        return "vip_only"
    return "full" if len(room.queue) >= MOST_ITEMS else ""


def opened(settings: Settings, *, owner: str, now: int, key: str) -> Draft:
    """Open a room in which nobody is yet. `owner`: the subject whose room it is. It has no host before somebody comes
    whose role suffices (`Settings.hosting`)."""
    return Draft(_said("room.opened", {"settings": to_wire(settings)}, who=owner, now=now), key)


def settled(settings: Mapping[str, Any], *, now: int, key: str) -> Draft:
    """Change settings (wire names)."""
    return Draft(_said("room.set", {"settings": dict(settings)}, now=now), key)


def added(item: Item, *, subject: str, is_vip: bool, now: int, key: str) -> Draft:
    """Add to the queue for somebody."""
    return Draft(_said("queue.added", {"item": item_body(item), "vip": is_vip}, who=subject, now=now), key)


def taken_back(item_id: str, *, now: int, key: str) -> Draft:
    """Take off the queue what was added."""
    return Draft(_said("queue.removed", {"item": item_id}, now=now), key)


def closed(*, now: int, key: str) -> Draft:
    """Close the room."""
    return Draft(_said("room.closed", {}, now=now), key)


def _said(kind: str, body: Mapping[str, Any], *, now: int, who: str = "") -> NewEntry:
    return entry(kind, {**body, "who": who}, by=None, now=now)


def wanted(text: str) -> dict[str, Any] | None:
    """The first http(s) address in what a viewer wrote, as an item of the wire (`queue.read_item`): a video, HLS or
    YouTube. None: there is no address."""
    found = _ADDRESS.search(text)
    if found is None:
        return None
    address = found[0].rstrip(_CLOSING)
    try:
        parts = urlsplit(address)
        kind = _kind(parts)
    except ValueError:
        return None
    return {"kind": kind, "url": address} if parts.hostname else None


def _kind(parts: SplitResult) -> str:
    host = (parts.hostname or "").removeprefix("www.")
    if host in _YOUTUBE:
        return "youtube"
    return "hls" if parts.path.lower().endswith(".m3u8") else "video"
