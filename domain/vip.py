"""A VIP session: one viewer's time as VIP in one channel, from the grant to the end.

The lifecycle is the table below; everything that changes a session goes through it. A session that is `ended` never
changes again: whoever comes back gets a new one. At most one session of a viewer and channel is not ended
(`slot` is a unique key in storage).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from domain.channel import Viewer
from domain.errors import Broken
from domain.inbox import Fenced


class VipStatus(StrEnum):
    ACTIVE = "active"
    ENDED = "ended"


class VipEvent(StrEnum):
    EXTEND = "extend"
    SHORTEN = "shorten"
    END = "end"


MOST_GRANTS = 500
"""So many causes of its time does a session remember, each by itself."""

EARLIER = "earlier"
"""The cause that stands for all before these."""

LIFECYCLE: dict[tuple[VipStatus, VipEvent], VipStatus] = {
    (VipStatus.ACTIVE, VipEvent.EXTEND): VipStatus.ACTIVE,
    (VipStatus.ACTIVE, VipEvent.SHORTEN): VipStatus.ACTIVE,
    (VipStatus.ACTIVE, VipEvent.END): VipStatus.ENDED,
}
"""Every legal move. A pair that is not listed raises `Broken`."""


class Method(StrEnum):
    """How a session came to be (the source document's "method")."""

    REDEMPTION = "redemption"
    DASHBOARD = "dashboard"  # or the API
    SUBSCRIPTION = "subscription"
    BITS = "bits"
    POWER_UP = "power_up"
    ADOPTED = "adopted"  # a VIP made by hand that was given an end
    KEPT = "kept"  # time from before the viewer was moderator


class Ended(StrEnum):
    """Why a session ended."""

    EXPIRED = "expired"
    REMOVED_BY_HAND = "removed_by_hand"
    REDEMPTION_CANCELLED = "redemption_cancelled"
    BECAME_MODERATOR = "became_moderator"
    REVOKED = "revoked"  # from the dashboard or by the API
    STREAM_OVER = "stream_over"
    MADE_ROOM = "made_room"  # the oldest goes when all slots are taken
    PROTECTED = "protected"  # the streamer keeps this VIP for good; the badge stays
    BANNED = "banned"
    DISCONNECTED = "disconnected"  # the channel left us and wanted our VIPs removed


@dataclass(frozen=True, slots=True)
class Grant:
    """Time that was added: by which cause (a redemption id), how many milliseconds, when, and whether it is time until
    the end of the stream (then `added_ms` is the longest that it may be)."""

    cause: str
    added_ms: int
    at: int
    until_stream_end: bool = False


@dataclass(frozen=True, slots=True)
class VipSession:
    """Times in UTC ms. `granted_by` is the viewer who redeemed or the person who pressed the button. `fence` is the
    highest fence of the viewer's lane that wrote the session. `until_stream_end`: it lasts as long as the stream, and
    then as long as the time by the clock that was added besides (`after_stream_ms`, which stands still until then); at
    `expires_at` it ends at the latest, also if nobody ever hears of the end of a stream. `left_at`: since when it is
    over and nevertheless left, because the channel has chosen that nothing is removed by itself; 0 otherwise."""

    id: str
    channel_id: str
    viewer_id: str
    viewer_login: str
    viewer_name: str
    status: VipStatus
    method: Method
    granted_by: str
    granted_at: int
    expires_at: int
    grants: tuple[Grant, ...]
    reward_id: str = ""
    reward_title: str = ""
    ended_at: int | None = None
    ended_because: str = ""
    until_stream_end: bool = False
    after_stream_ms: int = 0
    reminded_for: int = 0  # the `expires_at` for which "ends soon" was said
    left_at: int = 0
    fence: int = 0
    v: int = 1

    @property
    def slot(self) -> str:
        """Unique among sessions that are not ended; an ended one keeps a slot of its own."""
        key = f"{self.channel_id}:{self.viewer_id}"
        return key if self.status is not VipStatus.ENDED else f"{key}:{self.id}"

    def has(self, cause: str) -> bool:
        """Whether this cause has added time already: what makes an extension idempotent."""
        return any(grant.cause == cause for grant in self.grants)

    def left_ms(self, now: int) -> int:
        """Milliseconds of VIP that are left, at the most; never negative."""
        return max(0, self.expires_at - now)

    def is_over(self, now: int) -> bool:
        """Whether all its time is up, though nobody has ended it."""
        return bool(self.left_at) or self.expires_at <= now

    @property
    def stream_since(self) -> int:
        """When "until the stream ends" was promised, UTC ms: only a stream that ends later keeps it."""
        promised = (grant.at for grant in self.grants if grant.until_stream_end)
        return min(promised, default=self.granted_at)


def opened(
    *,
    id: str,
    channel_id: str,
    viewer: Viewer,
    cause: str,
    added_ms: int,
    now: int,
    method: Method,
    granted_by: str,
    reward_id: str = "",
    reward_title: str = "",
    until_stream_end: bool = False,
    after_stream_ms: int = 0,
) -> VipSession:
    """A new session that ends `added_ms` after `now`, or with the stream if that is earlier and so wished;
    `after_stream_ms` of it are by the clock then, and begin to run when the stream is over."""
    return VipSession(
        id=id,
        channel_id=channel_id,
        viewer_id=viewer.id,
        viewer_login=viewer.login,
        viewer_name=viewer.name,
        status=VipStatus.ACTIVE,
        method=method,
        granted_by=granted_by,
        granted_at=now,
        expires_at=now + added_ms,
        grants=(Grant(cause, added_ms, now, until_stream_end),),
        reward_id=reward_id,
        reward_title=reward_title,
        until_stream_end=until_stream_end,
        after_stream_ms=after_stream_ms if until_stream_end else 0,
    )


def fenced(session: VipSession, fence: int) -> VipSession:
    """The session for a holder of its lane to change. Raises `Fenced` if a later holder has changed it."""
    if session.fence > fence:
        raise Fenced(f"Session {session.id} was taken over by a later lease.")
    return replace(session, fence=fence)


def extended(
    session: VipSession,
    *,
    cause: str,
    added_ms: int,
    now: int,
    until_stream_end: bool = False,
    after_stream_ms: int = 0,
) -> VipSession:
    """Add time to what is left; the same cause adds once. A session past its end counts from now.

    The stream and the clock are kept side by side, whichever was paid for first: what is by the clock stands still
    while the stream lasts, and runs afterwards. So neither is lost, and neither becomes the other: the longest that a
    stream may last is no amount that anybody has paid for. `after_stream_ms`: see `opened`."""
    if session.has(cause):
        return session
    begins, lasts, after = max(session.expires_at, now), session.until_stream_end, session.after_stream_ms
    grants = session.grants
    if session.is_over(now):
        grants, lasts, after = _past(grants), False, 0
    if until_stream_end:
        after = (after if lasts else begins - now) + after_stream_ms
    elif lasts:
        after += added_ms
    return replace(
        session,
        status=_move(session, VipEvent.EXTEND),
        expires_at=begins + added_ms,
        grants=_bounded((*grants, Grant(cause, added_ms, now, until_stream_end))),
        until_stream_end=lasts or until_stream_end,
        after_stream_ms=after,
        left_at=0,
    )


def stream_over(session: VipSession, *, over_at: int) -> VipSession:
    """The stream is over since then (UTC ms): what is by the clock begins to run. Nothing that was added later than
    that begins before it was added. Who has nothing by the clock is past his end."""
    if not session.until_stream_end:
        return session
    begins = max(over_at, *(grant.at for grant in session.grants), session.granted_at)
    ends = min(session.expires_at, begins + session.after_stream_ms)
    return replace(
        session,
        expires_at=ends,
        grants=_past(session.grants, unused_ms=session.expires_at - ends),
        until_stream_end=False,
        after_stream_ms=0,
    )


def shortened(session: VipSession, *, cause: str) -> VipSession:
    """Take back the time that this cause added; unknown causes change nothing."""
    gone = [grant for grant in session.grants if grant.cause == cause]
    taken = sum(grant.added_ms for grant in gone)
    if not taken:
        return session
    grants = tuple(grant for grant in session.grants if grant.cause != cause)
    lasts = session.until_stream_end and any(grant.until_stream_end for grant in grants)
    by_the_clock = sum(grant.added_ms for grant in gone if not grant.until_stream_end)
    return replace(
        session,
        status=_move(session, VipEvent.SHORTEN),
        expires_at=session.expires_at - taken,
        grants=grants,
        until_stream_end=lasts,
        after_stream_ms=max(0, session.after_stream_ms - by_the_clock) if lasts else 0,
    )


def left(session: VipSession, *, now: int) -> VipSession:
    """The session is over, and is left as it is until somebody ends or extends it."""
    if session.left_at:
        return session
    return replace(session, left_at=now, expires_at=min(session.expires_at, now))


def renamed(session: VipSession, viewer: Viewer) -> VipSession:
    """The session under the name that its viewer has now; a name that is not told changes nothing."""
    return replace(
        session,
        viewer_login=viewer.login or session.viewer_login,
        viewer_name=viewer.name or session.viewer_name,
    )


def reminded(session: VipSession, *, of: int) -> VipSession:
    """The viewer was told that this end (UTC ms) is near. Another end is another reminder."""
    return replace(session, reminded_for=of) if session.expires_at == of else session


def ended(session: VipSession, *, because: Ended, now: int) -> VipSession:
    """The end, with its reason. Ending an ended session raises `Broken`."""
    return replace(session, status=_move(session, VipEvent.END), ended_at=now, ended_because=because.value)


def _bounded(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    """Of who extends by every cheer for years, what lies far back is one sum: its causes come no second time."""
    excess = len(grants) - MOST_GRANTS
    if excess <= 0:
        return grants
    old, rest = grants[: excess + 1], grants[excess + 1 :]
    added_ms, stream = sum(grant.added_ms for grant in old), any(grant.until_stream_end for grant in old)
    return (Grant(EARLIER, added_ms, old[0].at, stream), *rest)


def _past(grants: tuple[Grant, ...], *, unused_ms: int = 0) -> tuple[Grant, ...]:
    """The grants once their stream is over: of what it may have lasted, so much was not used."""
    after = []
    for grant in reversed(grants):
        unused = min(unused_ms, grant.added_ms) if grant.until_stream_end else 0
        unused_ms -= unused
        after.append(replace(grant, added_ms=grant.added_ms - unused, until_stream_end=False))
    return tuple(reversed(after))


def _move(session: VipSession, event: VipEvent) -> VipStatus:
    try:
        return LIFECYCLE[session.status, event]
    except KeyError:
        raise Broken(
            f"A VIP session that is {session.status} cannot {event}.", code="vip.lifecycle"
        ) from None
