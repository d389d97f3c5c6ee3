"""What a channel knows of a viewer beyond an open session: lists, when he was VIP last, time that is kept for him."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Listed(StrEnum):
    NONE = ""
    ALLOW = "allow"  # may become VIP whatever the rules say, and where only these may
    BLOCK = "block"  # may not
    PROTECTED = "protected"  # his VIP badge is never touched by us


@dataclass(frozen=True, slots=True)
class Kept:
    """VIP time of a viewer who was made moderator: given back when he is no moderator any more. `until_stream_end` and
    `after_stream_ms` are those of his session: should the stream be over by then, so much of `ms` is left."""

    ms: int
    at: int
    reward_id: str = ""
    reward_title: str = ""
    until_stream_end: bool = False
    after_stream_ms: int = 0

    @property
    def by_the_clock_ms(self) -> int:
        """What no end of a stream takes away."""
        return self.after_stream_ms if self.until_stream_end else self.ms


def kept_besides(kept: Kept, before: Kept | None) -> Kept:
    """Both, if something was kept before and not given back yet."""
    if before is None:
        return kept
    lasts = kept.until_stream_end or before.until_stream_end
    by_the_clock = kept.by_the_clock_ms + before.by_the_clock_ms
    return replace(
        kept,
        ms=kept.ms + before.ms,
        until_stream_end=lasts,
        after_stream_ms=by_the_clock if lasts else 0,
    )


@dataclass(frozen=True, slots=True)
class ViewerRecord:
    """One viewer in one channel; `id` is `<channel>:<viewer>`. Times in UTC ms. `by_hand_since`: since when he has a
    VIP badge that is not of our making (0: he has none), as far as we know. `kept_from`: the session whose time was
    kept last; that of a session is kept once, also when it has been given back since."""

    id: str
    channel_id: str
    viewer_id: str
    login: str = ""
    name: str = ""
    listed: Listed = Listed.NONE
    last_vip_ended_at: int = 0
    by_hand_since: int = 0
    kept: Kept | None = None
    kept_from: str = ""
    seen_at: int = 0
    v: int = 1


def record_id(channel_id: str, viewer_id: str) -> str:
    return f"{channel_id}:{viewer_id}"
