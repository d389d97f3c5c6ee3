"""What a room does by itself: end a wait, stop for a player who has to load, name another host, play the next item.

Every process that serves the room asks after each entry and when `wakes_at` comes, and several may answer at once: each
draft has a key and a guard, so the log takes it once. The key is of one decision, not of what it is about: one that
came to nothing (the next host was sent out a moment before) must not stand in the way of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rooms import barrier, election, queue
from rooms.entries import Draft
from rooms.film import go_on, load, wait_for_players
from rooms.moment import Moment
from rooms.people import MOST_SHOWN
from rooms.step import name_host


def due(moment: Moment) -> Sequence[Draft]:
    """The entry that is due now, at most one: after it the room is another one, and asks again."""
    room = moment.room
    if not room.opened_at or room.closed_at:
        return ()
    for draft in _candidates(moment):
        return (draft,)
    return ()


def _candidates(moment: Moment) -> Iterator[Draft]:
    room, roster, now = moment.room, moment.roster, moment.now
    host = _host(moment)
    if host is not None:
        member, why = host
        yield Draft(name_host(moment, None, member, why=why), f"host:{room.epoch}:{room.rev}")
    if room.barrier is not None:
        why = _over(moment)
        if why:
            yield Draft(go_on(moment, why), f"barrier:{room.epoch}:{room.rev}")
        return
    if _is_next(moment):
        yield Draft(load(moment, None, room.queue[0]), f"next:{room.epoch}:{room.rev}")
    settled = room.vector.playing and now >= room.vector.ts + barrier.SETTLE_US
    if (
        settled
        and barrier.waits(room.settings, len(roster))
        and barrier.missing(room, roster)
        and not barrier.suffices(room, roster)
        and not _is_over(moment)
    ):
        yield Draft(wait_for_players(moment), f"wait:{room.epoch}:{room.rev}")


def _host(moment: Moment) -> tuple[str, str] | None:
    """The next host and the reason, if there has to be one now."""
    room, roster, now = moment.room, moment.roster, moment.now
    back = election.returning(room, roster, now)
    if back:
        return back, "returned"
    at = election.vacant_at(room, roster)
    if at is None or now < at:
        return None
    member = election.successor(room, roster)
    if member:
        return member, "grace"
    return ("", "empty") if room.host and not len(roster) else None


def _over(moment: Moment) -> str:
    room, roster = moment.room, moment.roster
    assert room.barrier is not None
    if moment.now >= room.barrier.until:
        return "deadline"
    if not barrier.waits(room.settings, len(roster)):
        return "crowd" if len(roster) > MOST_SHOWN else "settings"
    return "ready" if barrier.suffices(room, roster) else ""


def _is_over(moment: Moment) -> bool:
    ends = moment.room.vector.ends_at()
    return ends is not None and moment.now >= ends


def _is_next(moment: Moment) -> bool:
    room = moment.room
    if not room.queue:
        return False
    if len(room.skips) >= queue.skips_needed(len(moment.roster.here)):
        return True
    return room.settings.plays_next and _is_over(moment)


def wakes_at(moment: Moment) -> int | None:
    """When to ask again if nothing happens until then (µs of room time); None for never."""
    room = moment.room
    if not room.opened_at or room.closed_at:
        return None
    times = [election.vacant_at(room, moment.roster)]
    if room.barrier is not None:
        times.append(room.barrier.until)
    else:
        if room.queue and room.settings.plays_next:
            times.append(room.vector.ends_at())
        if room.vector.playing and barrier.missing(room, moment.roster):
            times.append(room.vector.ts + barrier.SETTLE_US)
    ahead = [time for time in times if time is not None and time > moment.now]
    return min(ahead, default=None)
