"""The slots of a channel: how many VIPs of ours there may be, who holds one, who waits for one. One document per
channel, changed under its revision, so that two processes can never give the same slot away.

Every function returns the slots as they are afterwards, the same where nothing changes; repeating one changes nothing
more. `settled` belongs at the end of each change: it lets the next ones in.

Twitch does not tell how many slots it has left, only (by a 409) that there is none. That is remembered until a VIP
goes, and for some minutes at most. While a waiting list is worked off, one at a time is let in and its answer awaited:
so nobody asks in vain out of turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

TWITCH_FULL_MS = 5 * 60_000
"""How long a 409 of Twitch is believed: the streamer may have got more slots, or removed a VIP without a notice."""

IN_FLIGHT_MS = 30_000
"""How long the waiting list stands still for one who was let in and is not VIP yet."""

MOST_WAITING = 500
"""Entries of a waiting list; who comes then is refunded."""


class WhenFull(StrEnum):
    """What becomes of a redemption when no slot is free."""

    REFUND = "refund"
    OLDEST_OUT = "oldest_out"  # the VIP of ours that was granted first makes room
    WAIT = "wait"  # first redeemed, first served; until `longest_wait_ms`, leaving, or the end of the stream


@dataclass(frozen=True, slots=True)
class Limits:
    """`cap`: at most so many VIPs of ours at the same time, 0 for as many as Twitch lets us have."""

    cap: int = 0
    when_full: WhenFull = WhenFull.REFUND
    longest_wait_ms: int = 6 * 3_600_000


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Hold:
    """A slot that is taken: for a session, or for one that is about to begin (`session_id` is the id that it will
    have: that of its redemption). `admitted_at`: since when the viewer has been let in from the waiting list and is
    not VIP yet (0: he is, or never waited); `admission` numbers that. `waited_since` and `sent_off` are those of his
    `Wait`, should he have to go back."""

    viewer_id: str
    session_id: str
    since: int
    admitted_at: int = 0
    admission: int = 0
    waited_since: int = 0
    sent_off: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """A redemption on the waiting list. `since`: when it got there first; `stay`: which stay this is (0: the first,
    later ones by the number of the admission that came to nothing); `sent_off`: how many VIPs had to go for it."""

    redemption_id: str
    viewer_id: str
    viewer_login: str
    viewer_name: str
    reward_id: str
    reward_title: str
    redeemed_at: int
    since: int
    stay: int = 0
    sent_off: int = 0

    @property
    def turn(self) -> tuple[int, str]:
        """The order of the list: who redeemed first is served first."""
        return (self.redeemed_at, self.redemption_id)


@dataclass(frozen=True, slots=True)
class Leaving:
    """A VIP session of ours that has to go for a redemption. `begun`: there is no way back. `number`: that of the
    choice, by which a redemption may come to the same session again after it was spared."""

    session_id: str
    redemption_id: str
    begun: bool = False
    number: int = 0


@dataclass(frozen=True, slots=True)
class Slots:
    """`id` is the channel's. `full_since`: when Twitch last said that it has no slot (0: has one, as far as we know).
    `told_full` is what `changes`, the number of changes between full and not, was last raised for. `admissions`: how
    often somebody was let in from the waiting list."""

    id: str
    held: tuple[Hold, ...] = ()
    waiting: tuple[Wait, ...] = ()
    leaving: tuple[Leaving, ...] = ()
    full_since: int = 0
    told_full: bool = False
    changes: int = 0
    admissions: int = 0
    rev: int = 0
    v: int = 1

    def hold_of(self, viewer_id: str) -> Hold | None:
        return next((hold for hold in self.held if hold.viewer_id == viewer_id), None)

    def wait_of(self, redemption_id: str) -> Wait | None:
        return next((wait for wait in self.waiting if wait.redemption_id == redemption_id), None)

    def position(self, redemption_id: str) -> int:
        """The place on the waiting list, from 1; 0 for who is not on it."""
        places = (place for place, wait in enumerate(self.waiting, 1) if wait.redemption_id == redemption_id)
        return next(places, 0)

    @property
    def restless(self) -> bool:
        """Whether time alone may change something: somebody has to look at these slots now and then."""
        in_flight = any(hold.admitted_at for hold in self.held)
        return bool(self.waiting or self.leaving or self.full_since or in_flight)


def twitch_is_full(slots: Slots, now: int) -> bool:
    """Whether Twitch said so lately enough. What it said far in the future was before the clock was set back."""
    return bool(slots.full_since) and abs(now - slots.full_since) < TWITCH_FULL_MS


def cap_is_reached(slots: Slots, limits: Limits) -> bool:
    """Whether the streamer wants no more."""
    return limits.cap > 0 and len(slots.held) >= limits.cap


def is_full(slots: Slots, limits: Limits, now: int) -> bool:
    """Whether there is no slot for one more."""
    return cap_is_reached(slots, limits) or twitch_is_full(slots, now)


def reserve(
    slots: Slots, *, viewer_id: str, session_id: str, limits: Limits, now: int, asks: bool = False
) -> Slots:
    """Take a slot for a session that is about to begin, if there is one and nobody has waited for it. A viewer has one
    slot at most: one that he holds already serves this session. `hold_of` tells whether it worked. `asks`: whatever
    Twitch said last, it will be asked again."""
    hold = slots.hold_of(viewer_id)
    if hold is not None:
        return (
            slots
            if hold.session_id == session_id
            else _with_hold(slots, replace(hold, session_id=session_id))
        )
    full = cap_is_reached(slots, limits) if asks else is_full(slots, limits, now)
    if slots.waiting or full:
        return slots
    return replace(slots, held=(*slots.held, Hold(viewer_id, session_id, now)))


def taken(slots: Slots, *, viewer_id: str, session_id: str, now: int) -> Slots:
    """A session has begun, so its slot is held, whatever the cap says. Who waits for himself besides waits no more:
    his redemptions extend it."""
    hold = slots.hold_of(viewer_id)
    since = now if hold is None else hold.since
    before = slots
    slots = _without_waits(slots, lambda wait: wait.viewer_id == viewer_id)
    number = slots.admissions + (slots is not before)
    slots = replace(slots, admissions=number)
    if hold is not None and hold.session_id == session_id and not hold.admitted_at and slots == before:
        return before
    return _with_hold(slots, Hold(viewer_id, session_id, since, admission=number))


def release(slots: Slots, *, viewer_id: str, session_id: str) -> Slots:
    """A session is over, or will not begin: its slot is free, and Twitch has one too, as far as we know. The slot of
    another session of the same viewer is left alone."""
    leaving = tuple(each for each in slots.leaving if each.session_id != session_id)
    hold = slots.hold_of(viewer_id)
    if hold is None or hold.session_id != session_id:
        return replace(slots, leaving=leaving)
    held = tuple(each for each in slots.held if each is not hold)
    return replace(slots, held=held, leaving=leaving, full_since=0)


def refused(slots: Slots, *, viewer_id: str, session_id: str, now: int) -> Slots:
    """Twitch had no slot for this session: it holds none, and there is none for anybody."""
    return replace(release(slots, viewer_id=viewer_id, session_id=session_id), full_since=now)


def freed(slots: Slots) -> Slots:
    """A VIP that is not ours is gone, or another was made, or somebody looks afresh: Twitch may have a slot."""
    return replace(slots, full_since=0)


def join(slots: Slots, wait: Wait) -> Slots:
    """Put a redemption on the waiting list, at its place. Who is on it stays where he is; who holds a slot, and who
    comes when the list is too long, is not put on it."""
    if slots.wait_of(wait.redemption_id) is not None or slots.hold_of(wait.viewer_id) is not None:
        return slots
    if len(slots.waiting) >= MOST_WAITING:
        return slots
    return replace(slots, waiting=tuple(sorted((*slots.waiting, wait), key=lambda each: each.turn)))


def leave(slots: Slots, redemption_id: str) -> Slots:
    """Take a redemption off the waiting list."""
    return _without_waits(slots, lambda wait: wait.redemption_id == redemption_id)


def make_room(slots: Slots, redemption_id: str, oldest_first: Sequence[str]) -> Slots:
    """Choose the session that has to go for a waiting redemption: the oldest that does not go already. `leaving_for`
    tells which; once for each redemption."""
    wait = slots.wait_of(redemption_id)
    if wait is None or leaving_for(slots, redemption_id) is not None:
        return slots
    go_already = {each.session_id for each in slots.leaving}
    chosen = next((session_id for session_id in oldest_first if session_id not in go_already), None)
    if chosen is None:
        return slots
    waiting = tuple(
        replace(each, sent_off=each.sent_off + 1) if each is wait else each for each in slots.waiting
    )
    leaving = Leaving(chosen, redemption_id, number=wait.sent_off + 1)
    return replace(slots, waiting=waiting, leaving=(*slots.leaving, leaving))


def leaving_for(slots: Slots, redemption_id: str) -> Leaving | None:
    return next((each for each in slots.leaving if each.redemption_id == redemption_id), None)


def uncovered(slots: Slots) -> tuple[Wait, ...]:
    """Those for whom nobody goes: the last ones of the list."""
    return slots.waiting[len(slots.leaving) :]


def cover(slots: Slots, limits: Limits, now: int, oldest_first: Sequence[str]) -> Slots:
    """Choose sessions that go for all who wait, while there is no slot and as many as may go."""
    for wait in slots.waiting:
        if not uncovered(slots) or not is_full(slots, limits, now):
            break
        slots = make_room(slots, wait.redemption_id, oldest_first)
    return slots


def begin_leaving(slots: Slots, session_id: str) -> Slots:
    """The session is about to end: from now on nobody is spared in its place."""
    leaving = tuple(
        replace(each, begun=True) if each.session_id == session_id else each for each in slots.leaving
    )
    return replace(slots, leaving=leaving)


def stays(slots: Slots, session_id: str) -> Slots:
    """The session need not, or must not, go."""
    return replace(slots, leaving=tuple(each for each in slots.leaving if each.session_id != session_id))


def settled(slots: Slots, limits: Limits, now: int, *, lets_in: bool = True) -> Slots:
    """Let in who is next (unless `lets_in` is false), spare who need not go any more, and notice whether the channel
    became full or is not."""
    while lets_in and slots.waiting and not is_full(slots, limits, now) and not _awaits_answer(slots, now):
        slots = _admitted(slots, now)
    slots = _spared(slots)
    full = is_full(slots, limits, now)
    full_since = slots.full_since if twitch_is_full(slots, now) else 0
    changes = slots.changes + (full is not slots.told_full)
    return replace(slots, told_full=full, full_since=full_since, changes=changes)


def admitted(before: Slots, after: Slots) -> tuple[Wait, ...]:
    """Who waited before, does so no more, and holds a slot now: each may go on."""
    still = {wait.redemption_id for wait in after.waiting}
    return tuple(
        wait
        for wait in before.waiting
        if wait.redemption_id not in still and after.hold_of(wait.viewer_id) is not None
    )


def _admitted(slots: Slots, now: int) -> Slots:
    """The head of the waiting list takes a slot. What else he has waiting goes on with it, and extends his time."""
    head = slots.waiting[0]
    number = slots.admissions + 1
    hold = Hold(head.viewer_id, head.redemption_id, now, now, number, head.since, head.sent_off)
    slots = _without_waits(slots, lambda wait: wait.viewer_id == head.viewer_id)
    return replace(slots, held=(*slots.held, hold), admissions=number)


def _awaits_answer(slots: Slots, now: int) -> bool:
    return any(hold.admitted_at and abs(now - hold.admitted_at) < IN_FLIGHT_MS for hold in slots.held)


def _spared(slots: Slots) -> Slots:
    """No more have to go than there are who wait; who was chosen last is spared first."""
    leaving = list(slots.leaving)
    for each in reversed(slots.leaving):
        if len(leaving) <= len(slots.waiting):
            break
        if not each.begun:
            leaving.remove(each)
    return slots if len(leaving) == len(slots.leaving) else replace(slots, leaving=tuple(leaving))


def _with_hold(slots: Slots, hold: Hold) -> Slots:
    others = tuple(each for each in slots.held if each.viewer_id != hold.viewer_id)
    return replace(slots, held=(*others, hold))


def _without_waits(slots: Slots, goes: Callable[[Wait], bool]) -> Slots:
    waiting = tuple(wait for wait in slots.waiting if not goes(wait))
    return slots if len(waiting) == len(slots.waiting) else replace(slots, waiting=waiting)
