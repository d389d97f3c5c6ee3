"""What is played next: items in order, votes, and the vote to skip. Adding and voting commute, so they need no guard;
an order that two people change at once is decided by the log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from domain.errors import Rejected
from rooms.people import clean_text
from rooms.playback import LONGEST_SECONDS

MOST_ITEMS = 500
LONGEST_URL = 2000
LONGEST_TITLE = 120
SKIP_SHARE = 0.5
"""So many of those present have to want the next one (the usual half of OpenTogetherTube and CyTube)."""

KINDS = ("file", "video", "hls", "youtube")


@dataclass(frozen=True, slots=True)
class Item:
    """Something to play. `kind`: how a client plays it; `file` is one that each viewer has at home, found by `url` as
    its name. `by`: the member who added it, or "" with `by_name`: somebody who is not in the room (a redemption),
    whose subject is told to nobody. `votes`: the members who want it sooner."""

    id: str
    kind: str
    url: str
    title: str = ""
    duration: float | None = None
    by: str = ""
    votes: frozenset[str] = frozenset()
    by_name: str = ""
    by_subject: str = ""


def read_item(data: object, *, id: str, by: str) -> Item:
    """An item from the wire. Raises `Rejected` (`party.bad_field`): kind, address or duration out of bounds."""
    if not isinstance(data, dict):
        raise _refuse("item", "an object with kind and url")
    kind, url, title, duration = (data.get(name) for name in ("kind", "url", "title", "duration"))
    kind = "video" if kind is None else kind
    if not isinstance(kind, str) or kind not in KINDS:
        raise _refuse("kind", " or ".join(KINDS))
    if not isinstance(url, str) or not 0 < len(url) <= LONGEST_URL or url != clean_text(url):
        raise _refuse("url", f"an address of at most {LONGEST_URL} characters")
    if kind in ("video", "hls") and not _is_web(url):
        raise _refuse("url", "an http or https address")
    if title is not None and not isinstance(title, str):
        raise _refuse("title", "text")
    if duration is not None and not _is_duration(duration):
        raise _refuse("duration", "seconds, more than 0")
    return Item(
        id=id,
        kind=kind,
        url=url,
        title=" ".join(clean_text(title or "").split())[:LONGEST_TITLE],
        duration=None if duration is None else float(duration),
        by=by,
    )


def _refuse(name: str, wanted: str) -> Rejected:
    return Rejected(f"{name} has to be {wanted}.", code="party.bad_field", advice=f"Send {name} as {wanted}.")


def _is_web(url: str) -> bool:
    if url.startswith("/") and not url.startswith("//"):
        return True  # our own test clip
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= LONGEST_SECONDS


def added(queue: tuple[Item, ...], item: Item) -> tuple[Item, ...]:
    """The queue with an item at its end. Raises `Rejected` (`party.queue_full`)."""
    if len(queue) >= MOST_ITEMS:
        raise Rejected(
            f"The queue holds {MOST_ITEMS} items.", code="party.queue_full", advice="Remove some of them."
        )
    return queue if any(one.id == item.id for one in queue) else (*queue, item)


def removed(queue: tuple[Item, ...], item_id: str) -> tuple[Item, ...]:
    """The queue without an item."""
    return tuple(one for one in queue if one.id != item_id)


def moved(queue: tuple[Item, ...], item_id: str, place: int) -> tuple[Item, ...]:
    """The queue with an item at another place (0 is next)."""
    rest = list(removed(queue, item_id))
    rest[place:place] = [one for one in queue if one.id == item_id]
    return tuple(rest)


def voted(queue: tuple[Item, ...], item_id: str, member: str, *, wants: bool) -> tuple[Item, ...]:
    """The queue after a vote. More votes come first; equals keep their order."""
    found = tuple(
        replace(one, votes=one.votes | {member} if wants else one.votes - {member})
        if one.id == item_id
        else one
        for one in queue
    )
    return tuple(sorted(found, key=lambda one: -len(one.votes)))


def skips_needed(present: int) -> int:
    """How many votes skip what is playing, of so many present."""
    return max(1, -(-present * int(SKIP_SHARE * 100) // 100))
